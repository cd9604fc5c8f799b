//! The second front: messages are polled, kept, and settled when the host is done with them.

use std::ptr;

use super::batch::{borrow, rmq_batch};
use super::consumer::{rmq_consumer, wait};
use super::error::rmq_code;
use super::fork::{self, Process};
use super::{guard, handle, quick};
use crate::consumer::Batch;
use crate::error::{Error, ErrorKind, Result};

/// Takes messages of one queue, for a consumer that was started without a message callback. Messages are kept until
/// they are settled with rmq_batch_ack and its siblings; each can be settled once, in any order, on any thread. What is
/// not settled after "consume.timeout.ms" is delivered again. The messages were pulled together, so there are never
/// more than "pull.batch.size".
///
/// @param consumer    must not be NULL
/// @param max         how many messages at most, from 1; fewer come if the queue has fewer at hand
/// @param timeout_ms  how long to wait for the first; 0 does not wait, -1 waits without a bound
/// @param batch       gets the batch; NULL is stored on failure; must not be NULL
/// @returns RMQ_OK; RMQ_E_TIMEOUT if nothing came, also when "unsettled.max" messages are not settled; RMQ_E_CLOSED
///          once the consumer is being shut down or is fatal; RMQ_E_WOKEN after rmq_consumer_wakeup; RMQ_E_STATE before
///          the start or if a message callback is set; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK from a log callback;
///          RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, several at once
/// @par Ownership      the batch is the caller's; end it with rmq_batch_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_poll(
    consumer: *mut rmq_consumer,
    max: usize,
    timeout_ms: i32,
    batch: *mut *mut rmq_batch,
) -> rmq_code {
    guard::code("rmq_consumer_poll", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            handle::store(batch, ptr::null_mut());
            guard::on_consumer(consumer, |inner| {
                quick::refuse_inside("rmq_consumer_poll")?;
                if batch.is_null() {
                    return Err(handle::null("batch"));
                }
                if max == 0 {
                    return Err(Error::new(ErrorKind::InvalidArgument, "max is 0: allowed is 1 and more"));
                }
                let polled = inner.engine().poll(max, wait(timeout_ms)?)?;
                handle::store(batch, give(polled));
                Ok(())
            })
        }
    })
}

/// Ends one rmq_consumer_poll with RMQ_E_WOKEN: one that waits, else the next to be called, even if messages wait;
/// those stay for the poll after it. Calls add up: n of them end n polls, so that each of n polling threads can be told
/// once.
///
/// @param consumer  must not be NULL
/// @returns RMQ_OK; RMQ_E_CLOSED once the consumer is stopped or fatal; RMQ_E_STATE before the start or if a message
///          callback is set; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, but not a signal handler; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_wakeup(consumer: *mut rmq_consumer) -> rmq_code {
    guard::code("rmq_consumer_wakeup", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe { guard::on_consumer(consumer, |inner| inner.engine().wake_up()) }
    })
}

/// Keeps a batch beyond the callback it is lent to. The callback then answers RMQ_CONSUME_DEFERRED, and the messages
/// are settled later with rmq_batch_ack and its siblings. If it answers something else, that settles what is not
/// settled yet.
///
/// @param batch  borrowed: lent to a callback, or the caller's own; NULL answers NULL
/// @returns a handle to the same messages; NULL on failure, with RMQ_E_INVALID_ARG, RMQ_E_CLOSED or RMQ_E_FORKED in
///          rmq_last_error_code
/// @par Thread-safety  any thread
/// @par Ownership      the caller's; end it with rmq_batch_destroy. The last handle that ends decides what becomes of
///                     messages that are not settled
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_retain(batch: *const rmq_batch) -> *mut rmq_batch {
    guard::value("rmq_batch_retain", ptr::null_mut(), || {
        // SAFETY: NULL, lent or the caller's, as the documentation asks.
        Ok(give(unsafe { owned(batch) }?.retain()?))
    })
}

/// Settles: every message that is not settled yet was consumed.
///
/// @param batch  the caller's; must not be NULL
/// @returns RMQ_OK; RMQ_E_STATE if all were settled before, or the batch is lent to a callback; RMQ_E_REVOKED if the
///          queue was taken away or moved meanwhile, so that the messages may be delivered again; RMQ_E_CLOSED if the
///          consumer is gone; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, several at once; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_ack(batch: *const rmq_batch) -> rmq_code {
    // SAFETY: NULL or a batch, as the documentation asks.
    guard::code("rmq_batch_ack", || unsafe { owned(batch) }?.ack())
}

/// Settles: every message up to an index that is not settled yet was consumed.
///
/// @param batch  the caller's; must not be NULL
/// @param index  of the last message that was consumed
/// @returns as rmq_batch_ack; RMQ_E_INVALID_ARG also if the batch has no message with this index
/// @par Thread-safety  any thread, several at once; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_ack_until(batch: *const rmq_batch, index: usize) -> rmq_code {
    // SAFETY: NULL or a batch, as the documentation asks.
    guard::code("rmq_batch_ack_until", || unsafe { owned(batch) }?.ack_until(index))
}

/// Settles: one message was consumed.
///
/// @param batch  the caller's; must not be NULL
/// @param index  of the message
/// @returns as rmq_batch_ack; RMQ_E_INVALID_ARG also if the batch has no message with this index
/// @par Thread-safety  any thread, several at once; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_ack_at(batch: *const rmq_batch, index: usize) -> rmq_code {
    // SAFETY: NULL or a batch, as the documentation asks.
    guard::code("rmq_batch_ack_at", || unsafe { owned(batch) }?.ack_at(index))
}

/// Settles: every message that is not settled yet shall be delivered again later. In orderly consumption it comes again
/// in its place once the whole batch is settled and the queue has rested for "suspend.queue.ms".
///
/// @param batch        the caller's; must not be NULL
/// @param delay_level  as in rmq_context_set_delay_level; in orderly consumption only -1, the dead letters, counts
/// @returns as rmq_batch_ack; RMQ_E_INVALID_ARG also if delay_level is below -1
/// @par Thread-safety  any thread, several at once; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_retry(batch: *const rmq_batch, delay_level: i32) -> rmq_code {
    // SAFETY: NULL or a batch, as the documentation asks.
    guard::code("rmq_batch_retry", || unsafe { owned(batch) }?.retry(delay_level))
}

/// Settles: one message shall be delivered again later.
///
/// @param batch        the caller's; must not be NULL
/// @param index        of the message
/// @param delay_level  as in rmq_batch_retry
/// @returns as rmq_batch_retry; RMQ_E_INVALID_ARG also if the batch has no message with this index
/// @par Thread-safety  any thread, several at once; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_retry_at(
    batch: *const rmq_batch,
    index: usize,
    delay_level: i32,
) -> rmq_code {
    // SAFETY: NULL or a batch, as the documentation asks.
    guard::code("rmq_batch_retry_at", || unsafe { owned(batch) }?.retry_at(index, delay_level))
}

/// Settles in orderly consumption: every message that is not settled yet comes again in its place, after the queue has
/// rested.
///
/// @param batch   the caller's; must not be NULL
/// @param millis  how long the queue rests: 10 to 30000, or -1 for the property "suspend.queue.ms"
/// @returns as rmq_batch_ack; RMQ_E_STATE also if "consume.mode" is not orderly; RMQ_E_INVALID_ARG also if millis is
///          out of range
/// @par Thread-safety  any thread, several at once; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_suspend(batch: *const rmq_batch, millis: i32) -> rmq_code {
    guard::code("rmq_batch_suspend", || {
        // SAFETY: NULL or a batch, as the documentation asks.
        let batch = unsafe { owned(batch) }?;
        batch.suspend(rest(millis)?)
    })
}

/// Counts the messages of a kept batch that are not settled yet.
///
/// @param batch  borrowed; NULL answers 0
/// @returns how many; 0 for a batch that is lent to a callback and was not retained
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_unsettled(batch: *const rmq_batch) -> usize {
    // SAFETY: NULL or a batch, as the documentation asks.
    guard::value("rmq_batch_unsettled", 0, || Ok(unsafe { owned(batch) }?.unsettled()))
}

/// Ends a batch from rmq_consumer_poll or rmq_batch_retain. When its last handle ends, messages that are not settled
/// are delivered again; with "poll.ack" on_destroy those of a polled batch count as consumed instead. A batch may
/// outlive its consumer. In a process forked from the one that got it nothing is freed or settled.
///
/// @param batch  the caller's, not one lent to a callback; NULL does nothing
/// @par Thread-safety  any thread; no other thread uses this handle any more
/// @par Ownership      ends here, with all texts and messages that were borrowed from it
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_destroy(batch: *mut rmq_batch) {
    guard::value("rmq_batch_destroy", (), || {
        if batch.is_null() {
            return Ok(());
        }
        // SAFETY: not NULL, hence a batch of the caller's, as the documentation asks.
        if unsafe { owned(batch) }.is_err() {
            // It is the parent's, who settles it: what it holds may be locked here for ever. It is leaked.
            return Ok(());
        }
        // SAFETY: it came from `give` as a box, and the caller ends its use here.
        drop(unsafe { Box::from_raw(batch.cast::<Given>()) });
        Ok(())
    });
}

/// How long an orderly queue rests; -1 leaves it to the configuration. The bounds are Java's.
pub(super) fn rest(millis: i32) -> Result<Option<std::time::Duration>> {
    match u64::try_from(millis) {
        Ok(millis @ 10..=30_000) => Ok(Some(std::time::Duration::from_millis(millis))),
        _ if millis == -1 => Ok(None),
        _ => {
            let text = format!("millis is {millis}: allowed is 10 to 30000, or -1");
            Err(Error::new(ErrorKind::InvalidArgument, text))
        }
    }
}

/// A batch of the caller's. Its handle is the address of the first field, so that it is read like one that is lent.
#[repr(C)]
struct Given {
    batch: Batch,
    process: Process,
}

fn give(batch: Batch) -> *mut rmq_batch {
    Box::into_raw(Box::new(Given { batch, process: Process::current() })).cast()
}

/// A batch that may be settled here, or one that is lent.
///
/// # Safety
/// `batch` is NULL, lent to a callback that outlives `'a`, or the caller's and not destroyed meanwhile.
unsafe fn owned<'a>(batch: *const rmq_batch) -> Result<&'a Batch> {
    // SAFETY: as this function's own.
    let lent = unsafe { borrow(batch) }?;
    if !lent.is_lent() {
        // SAFETY: what is not lent came from `give`.
        fork::check(unsafe { handle::borrow(batch.cast::<Given>(), "batch") }?.process, "consumer")?;
    }
    Ok(lent)
}
