//! The end of a consumer.

use std::time::Duration;

use super::consumer::{Inner, millis, rmq_consumer, wait};
use super::error::rmq_code;
use super::{fork, guard, handle, quick};
use crate::consumer::State;
use crate::error::{Error, ErrorKind, Result};

/// Begins to stop a consumer and returns at once: polls end with RMQ_E_CLOSED, and soon no message callback begins any
/// more. What is held may still be settled. The rest, up to the last commit, goes on by itself;
/// rmq_consumer_wait_stopped or rmq_consumer_shutdown waits for it, and one of them, or rmq_consumer_destroy, must be
/// called. A consumer that was not started is stopped by this.
///
/// @param consumer  must not be NULL
/// @returns RMQ_OK, also when it is stopped or stopping already; RMQ_E_STATE while rmq_consumer_start runs;
///          RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback; not from a signal handler
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_request_stop(consumer: *mut rmq_consumer) -> rmq_code {
    guard::code("rmq_consumer_request_stop", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe { guard::on_consumer(consumer, |inner| inner.engine().request_stop()) }
    })
}

/// Waits until somebody asks for a stop, by rmq_consumer_request_stop or rmq_consumer_shutdown, then until the consumer
/// is stopped as by rmq_consumer_shutdown. A main thread may spend its time in it.
///
/// @param consumer    must not be NULL
/// @param timeout_ms  how long to wait; -1 waits without a bound
/// @returns RMQ_OK once it is stopped; RMQ_E_TIMEOUT if nobody asked, or callbacks are still running or messages are
///          not settled; RMQ_E_STATE if it was not started and nobody asked for a stop, if its start failed, or if it
///          is fatal; RMQ_E_IN_CALLBACK; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread but those of callbacks of this consumer
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_wait_stopped(consumer: *mut rmq_consumer, timeout_ms: i32) -> rmq_code {
    guard::code("rmq_consumer_wait_stopped", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                refuse_callback(inner, "rmq_consumer_wait_stopped")?;
                inner.engine().wait_stopped(wait(timeout_ms)?)
            })
        }
    })
}

/// Stops consuming: ends all polls, waits for running callbacks and for batches that are kept or polled, commits what
/// was finished, tells the brokers. After RMQ_OK no message callback runs and none will; the log callback may until the
/// destroy. The consumer cannot be started again.
///
/// @param consumer    must not be NULL
/// @param timeout_ms  how long it may take; -1 is the property "shutdown.timeout.ms"
/// @returns RMQ_OK, also when it is stopped already; RMQ_E_TIMEOUT if callbacks are still running or messages are not
///          settled, after which it may be called again; RMQ_E_IN_CALLBACK; RMQ_E_INVALID_ARG; RMQ_E_FORKED;
///          RMQ_E_PANIC
/// @par Thread-safety  any thread but those of callbacks of this consumer
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_shutdown(consumer: *mut rmq_consumer, timeout_ms: i32) -> rmq_code {
    guard::code("rmq_consumer_shutdown", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                shutdown(inner, "rmq_consumer_shutdown", millis(timeout_ms)?)
            })
        }
    })
}

/// Ends a consumer: shuts it down, within the property "shutdown.timeout.ms", frees the userdata of its callbacks and
/// the handle. On failure nothing is freed and the handle stays usable. All this holds in RMQ_STATE_FATAL too.
///
/// @param consumer  a consumer of the caller's, or NULL, which does nothing
/// @returns RMQ_OK, and then the handle is gone; RMQ_E_TIMEOUT if callbacks are still running or messages are not
///          settled; RMQ_E_IN_CALLBACK; RMQ_E_PANIC. In a process forked from the one that made it: RMQ_OK, and nothing
///          is freed
/// @par Thread-safety  any thread but those of callbacks of this consumer, when no other thread begins a call on it
///                     any more; calls that are running end well
/// @par Ownership      ends with RMQ_OK
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_destroy(consumer: *mut rmq_consumer) -> rmq_code {
    guard::code("rmq_consumer_destroy", || {
        if consumer.is_null() {
            return Ok(());
        }
        // SAFETY: not NULL, hence a live consumer, as the documentation asks.
        let inner = unsafe { handle::borrow(consumer, "consumer") }?.share();
        if fork::check(inner.process(), "consumer").is_err() {
            // Its threads are the parent's: waiting for them, or dropping what they hold, would hang. It is leaked.
            return Ok(());
        }
        let stopped = shutdown(&inner, "rmq_consumer_destroy", None);
        // A shutdown that failed to reach a broker has stopped the consumer all the same.
        if stopped.is_err() && inner.engine().state() != State::Stopped {
            return stopped;
        }
        inner.free_userdata();
        // SAFETY: it came from rmq_consumer_new as a box, and the caller ends its use here.
        drop(unsafe { Box::from_raw(consumer) });
        Ok(())
    })
}

/// Shuts down; a callback of this consumer, and any log callback, would wait for itself.
fn shutdown(inner: &Inner, function: &str, timeout: Option<Duration>) -> Result<()> {
    refuse_callback(inner, function)?;
    inner.engine().shutdown(timeout)
}

fn refuse_callback(inner: &Inner, function: &str) -> Result<()> {
    quick::refuse_inside(function)?;
    match inner.engine().is_callback_thread() {
        true => {
            let text =
                format!("{function}: not from a callback of the same consumer; do it on another thread");
            Err(Error::new(ErrorKind::InCallback, text))
        }
        false => Ok(()),
    }
}
