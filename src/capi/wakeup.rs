//! For event loops: a descriptor, or a callback, that tells when there may be something to poll.

use std::ffi::c_void;
use std::os::fd::IntoRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::callback::rmq_free_cb;
use super::consumer::{Inner, rmq_consumer};
use super::error::{RMQ_OK, rmq_code};
use super::guard;
use super::quick::Inside;
use super::userdata::{self, Userdata};
use crate::consumer::{Consumer, WakeupHandler};
use crate::error::Result;

/// Gives a descriptor that is readable while there may be something to poll. See "Poll and event loops" above.
///
/// @param consumer  must not be NULL
/// @returns a descriptor, 0 or more, the same one on every call; a negative code on failure: RMQ_E_INVALID_ARG;
///          RMQ_E_IO if the system has none left; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @par Ownership      the consumer's: never close it. It ends with rmq_consumer_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_wakeup_fd(consumer: *mut rmq_consumer) -> i32 {
    // SAFETY: NULL or a live consumer, as the documentation asks.
    unsafe { descriptor("rmq_consumer_wakeup_fd", consumer, Consumer::wakeup_fd) }
}

/// Gives a duplicate of rmq_consumer_wakeup_fd, for an event loop that closes what it is given. Duplicates share what
/// they say, so only one of them may be waited for.
///
/// @param consumer  must not be NULL
/// @returns a descriptor, 0 or more, a new one on every call; a negative code on failure, as of rmq_consumer_wakeup_fd
/// @par Thread-safety  any thread, may be called from a message callback
/// @par Ownership      the caller's, who closes it; it may outlive the consumer, and is then readable for good
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_wakeup_fd_dup(consumer: *mut rmq_consumer) -> i32 {
    // SAFETY: NULL or a live consumer, as the documentation asks.
    unsafe {
        descriptor("rmq_consumer_wakeup_fd_dup", consumer, |engine| Ok(engine.wakeup_fd_dup()?.into_raw_fd()))
    }
}

/// Runs a function that answers a descriptor or a code.
///
/// # Safety
/// `consumer` is NULL or came from `rmq_consumer_new` and is not destroyed.
unsafe fn descriptor(
    function: &'static str,
    consumer: *mut rmq_consumer,
    get: impl FnOnce(&Consumer) -> Result<i32>,
) -> i32 {
    let mut fd = RMQ_OK;
    let code: rmq_code = guard::code(function, || {
        // SAFETY: as this function's own.
        fd = unsafe { guard::on_consumer(consumer, |inner| get(inner.engine())) }?;
        Ok(())
    });
    if code == RMQ_OK { fd } else { code }
}

/// Tells that there may be something to poll: messages, events, or the end. Called when the first of them comes, and
/// not again until a poll found nothing. It holds up the library's I/O, so it shall only pass the news on: write to a
/// pipe, call uv_async_send, set an event. It calls no function of this library. No exception may leave it.
pub type rmq_wakeup_cb = Option<unsafe extern "C-unwind" fn(userdata: *mut c_void)>;

/// Sets the function that is called when there may be something to poll, before the start; it cannot be changed after.
/// It is called on any thread of the library, and on those that poll, call rmq_consumer_wakeup or stop the consumer;
/// not any more after rmq_consumer_shutdown answered RMQ_OK, which waits for a call that is running.
///
/// @param consumer       must not be NULL
/// @param callback       see rmq_wakeup_cb; NULL takes the present one away
/// @param userdata       passed back to the callback; may be NULL
/// @param free_userdata  frees userdata; may be NULL
/// @returns RMQ_OK; RMQ_E_STATE after the start; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC. On failure userdata
///          stays the caller's
/// @par Thread-safety  any thread
/// @par Ownership      userdata is taken over; that of the callback before is freed before this returns
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_set_wakeup_callback(
    consumer: *mut rmq_consumer,
    callback: rmq_wakeup_cb,
    userdata: *mut c_void,
    free_userdata: rmq_free_cb,
) -> rmq_code {
    guard::code("rmq_consumer_set_wakeup_callback", || {
        let handler =
            callback.map(|function| -> Arc<dyn WakeupHandler> { Arc::new(Callback { function, userdata }) });
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            userdata::install(
                consumer,
                Inner::wakeup_userdata,
                Userdata::new(userdata, free_userdata),
                |engine| engine.set_wakeup_handler(handler),
            )
        }
    })
}

/// The engine's view of the callback. It borrows the userdata, which the consumer's handle owns.
struct Callback {
    function: unsafe extern "C-unwind" fn(*mut c_void),
    userdata: *mut c_void,
}

// SAFETY: the pointer is only passed back to the host, who was told that the callback runs on library threads; it
// outlives the last call, since a consumer ends only after its shutdown.
unsafe impl Send for Callback {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for Callback {}

impl WakeupHandler for Callback {
    fn wake(&self) {
        let _inside = Inside::enter();
        // SAFETY: the function is the host's. It is declared "C-unwind": a C++ exception that leaves it meets
        // `catch_unwind` and ends the process with a message.
        let call = || unsafe { (self.function)(self.userdata) };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            guard::swallow(payload);
        }
    }
}
