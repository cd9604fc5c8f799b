//! What a message callback may say besides its answer.

use std::ffi::c_char;
use std::ptr;

use super::batch::{rmq_batch, rmq_batch_broker, rmq_batch_queue_id, rmq_batch_topic};
use super::error::rmq_code;
use super::poll::rest;
use super::{guard, handle};
use crate::consumer::{Batch, Context};
use crate::error::{Error, ErrorKind};

/// Lent to a message callback until it returns; for its thread only.
pub struct rmq_context {
    settings: Context,
    batch: *const Batch,
}

impl rmq_context {
    pub(super) fn lend(context: &Context, batch: &Batch) -> rmq_context {
        rmq_context { settings: context.clone(), batch: ptr::from_ref(batch) }
    }

    /// Hands back what the callback said.
    pub(super) fn settle(self, context: &mut Context) {
        *context = self.settings;
    }
}

/// Sets when the messages are delivered again if the callback answers RMQ_RECONSUME_LATER.
///
/// @param context  must not be NULL
/// @param level    1 to 18 are the broker's delay levels (1s 5s 10s 30s 1m … 2h unless configured otherwise), and a
///                 greater one counts as its last; 0 lets the broker decide, which is the default; -1 sends them to the
///                 dead letters at once
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or level is below -1
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_context_set_delay_level(context: *mut rmq_context, level: i32) -> rmq_code {
    guard::code("rmq_context_set_delay_level", || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks.
        let context = unsafe { handle::borrow_mut(context, "context") }?;
        if level < -1 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("level is {level}: allowed is -1 and more"),
            ));
        }
        context.settings.delay_level = level;
        Ok(())
    })
}

/// Says that only the messages up to an index were consumed; those behind it are delivered again. It counts when the
/// callback answers RMQ_CONSUME_SUCCESS.
///
/// @param context  must not be NULL
/// @param index    of the last message that was consumed; to say that none was, answer RMQ_RECONSUME_LATER
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or the batch has no message with this index
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_context_set_ack_index(context: *mut rmq_context, index: usize) -> rmq_code {
    guard::code("rmq_context_set_ack_index", || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks; the batch is lent as long.
        let (context, batch) = unsafe {
            let context = handle::borrow_mut(context, "context")?;
            let batch = handle::borrow(context.batch, "batch")?;
            (context, batch)
        };
        if index >= batch.len() {
            let text = format!("index is {index}: the batch has {} messages", batch.len());
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        context.settings.ack_index = Some(index);
        Ok(())
    })
}

/// Sets how long an orderly queue rests before messages of this call come again.
///
/// @param context  must not be NULL
/// @param millis   10 to 30000, or -1 for the property "suspend.queue.ms", which is the default
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or millis out of range
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_context_set_suspend_ms(context: *mut rmq_context, millis: i32) -> rmq_code {
    guard::code("rmq_context_set_suspend_ms", || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks.
        let context = unsafe { handle::borrow_mut(context, "context") }?;
        context.settings.suspend = rest(millis)?;
        Ok(())
    })
}

/// Sets for this call of an orderly callback whether RMQ_CONSUME_SUCCESS is committed by itself.
///
/// @param context      must not be NULL
/// @param auto_commit  1 or 0; the default is the property "orderly.auto.commit"
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or auto_commit neither 0 nor 1
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_context_set_auto_commit(
    context: *mut rmq_context,
    auto_commit: i32,
) -> rmq_code {
    guard::code("rmq_context_set_auto_commit", || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks.
        let context = unsafe { handle::borrow_mut(context, "context") }?;
        if auto_commit != 0 && auto_commit != 1 {
            let text = format!("auto_commit is {auto_commit}: allowed is 0 or 1");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        context.settings.auto_commit = Some(auto_commit == 1);
        Ok(())
    })
}

/// Gives the queue the batch was pulled from, as rmq_batch_queue_id.
///
/// @param context  borrowed; NULL answers -1
/// @returns the number of the queue at its broker
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_context_queue_id(context: *const rmq_context) -> i32 {
    // SAFETY: NULL or lent to the running callback, as the documentation asks.
    guard::value("rmq_context_queue_id", -1, || unsafe { Ok(rmq_batch_queue_id(batch(context)?)) })
}

/// Gives the topic of the queue the batch was pulled from, as rmq_batch_topic.
///
/// @param context  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a text that lives until the callback returns
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_context_topic(context: *const rmq_context, len: *mut usize) -> *const c_char {
    guard::value("rmq_context_topic", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            handle::store(len, 0);
            Ok(rmq_batch_topic(batch(context)?, len))
        }
    })
}

/// Gives the broker the batch was pulled from, as rmq_batch_broker.
///
/// @param context  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a text that lives until the callback returns
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_context_broker(context: *const rmq_context, len: *mut usize) -> *const c_char {
    guard::value("rmq_context_broker", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            handle::store(len, 0);
            Ok(rmq_batch_broker(batch(context)?, len))
        }
    })
}

/// # Safety
/// `context` is NULL or lent to the running callback.
unsafe fn batch(context: *const rmq_context) -> crate::error::Result<*const rmq_batch> {
    // SAFETY: as this function's own.
    Ok(unsafe { handle::borrow(context, "context") }?.batch.cast())
}
