//! The messages of one call of a message callback, or of one poll.

use std::ffi::c_char;
use std::ptr;

use super::message::{self, rmq_message};
use super::{guard, handle};
use crate::consumer::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Text;

/// Messages of one queue, in their order, at least one. Lent to a message callback until it returns; from
/// rmq_consumer_poll and rmq_batch_retain it is the caller's.
pub struct rmq_batch {
    /// The handle is the address of a `Batch`; C sees neither.
    _opaque: [u8; 0],
}

/// Counts the messages of a batch.
///
/// @param batch  borrowed; NULL answers 0
/// @returns at least 1
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_count(batch: *const rmq_batch) -> usize {
    // SAFETY: NULL or lent to the running callback, as the documentation asks.
    guard::value("rmq_batch_count", 0, || Ok(unsafe { borrow(batch) }?.len()))
}

/// Gives a message of a batch.
///
/// @param batch  borrowed; NULL answers NULL
/// @param index  from 0
/// @returns a message lent as long as the batch; NULL behind the last one
/// @par Thread-safety  any thread
/// @par Ownership      the batch's; rmq_message_retain makes a copy that may be kept
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_at(batch: *const rmq_batch, index: usize) -> *const rmq_message {
    guard::value("rmq_batch_at", ptr::null(), || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks.
        let batch = unsafe { borrow(batch) }?;
        let message = batch.message(index).ok_or_else(|| {
            let text = format!("index is {index}: the batch has {} messages", batch.len());
            Error::new(ErrorKind::InvalidArgument, text)
        })?;
        Ok(ptr::from_ref(message).cast())
    })
}

/// Gives the topic of the queue a batch was pulled from: for messages delivered again that is %RETRY% and the group,
/// while rmq_message_topic is the topic they were sent to.
///
/// @param batch  borrowed; NULL answers NULL
/// @param len    gets the bytes before the NUL; may be NULL
/// @returns a text that lives as long as the batch
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_topic(batch: *const rmq_batch, len: *mut usize) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_batch_topic", ptr::null(), || unsafe { of_first(batch, Text::StoredTopic, len) })
}

/// Gives the name of the broker a batch was pulled from.
///
/// @param batch  borrowed; NULL answers NULL
/// @param len    gets the bytes before the NUL; may be NULL
/// @returns a text that lives as long as the batch
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_broker(batch: *const rmq_batch, len: *mut usize) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_batch_broker", ptr::null(), || unsafe { of_first(batch, Text::BrokerName, len) })
}

/// Gives the queue a batch was pulled from.
///
/// @param batch  borrowed; NULL answers -1
/// @returns the number of the queue at its broker
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_queue_id(batch: *const rmq_batch) -> i32 {
    // SAFETY: NULL or lent to the running callback, as the documentation asks.
    guard::value("rmq_batch_queue_id", -1, || Ok(unsafe { borrow(batch) }?.queue_id()))
}

/// # Safety
/// `batch` is NULL or lent to a callback that outlives `'a`.
pub(super) unsafe fn borrow<'a>(batch: *const rmq_batch) -> Result<&'a Batch> {
    // SAFETY: as this function's own; a lent handle is the address of a `Batch`.
    unsafe { handle::borrow(batch.cast::<Batch>(), "batch") }
}

/// Queue and broker are the same for all messages of a batch, and a message has them with a NUL behind.
///
/// # Safety
/// As for [`borrow`]; `len` is NULL or may be written to.
unsafe fn of_first(batch: *const rmq_batch, which: Text, len: *mut usize) -> Result<*const c_char> {
    // SAFETY: as this function's own.
    unsafe {
        handle::store(len, 0);
        let first = borrow(batch)?.message(0);
        Ok(message::give(first.and_then(|message| message.c_text(which)), len))
    }
}
