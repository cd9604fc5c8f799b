//! The message callback: from the engine's handler to C, and whose the userdata is.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use super::batch::rmq_batch;
use super::consumer::{Inner, rmq_consumer};
use super::context::rmq_context;
use super::error::{RMQ_E_PANIC, rmq_code};
use super::guard;
use super::userdata::{self, Userdata};
use crate::consumer::{Batch, Context, MessageHandler, Outcome};

/// What a message callback answers: the messages were consumed.
pub const RMQ_CONSUME_SUCCESS: i32 = 1;
/// What a message callback answers: deliver the messages again later.
pub const RMQ_RECONSUME_LATER: i32 = 2;
/// What an orderly message callback answers: deliver the messages again in their place, after the queue has rested.
pub const RMQ_CONSUME_SUSPEND: i32 = 3;
/// What an orderly message callback without auto-commit answers: consumed, with everything since the last commit.
pub const RMQ_CONSUME_COMMIT: i32 = 4;
/// What an orderly message callback without auto-commit answers: deliver everything again since the last commit.
pub const RMQ_CONSUME_ROLLBACK: i32 = 5;
/// What a message callback answers that has kept the batch with rmq_batch_retain: it is settled later.
pub const RMQ_CONSUME_DEFERRED: i32 = 6;

/// Consumes the messages of a batch; see "Callbacks" above. The answer is one of RMQ_CONSUME_* or RMQ_RECONSUME_LATER;
/// every other one, and one that the "consume.mode" does not have, means RMQ_RECONSUME_LATER and is reported. In
/// orderly consumption RMQ_RECONSUME_LATER means RMQ_CONSUME_SUSPEND.
pub type rmq_message_cb = Option<
    unsafe extern "C-unwind" fn(
        consumer: *mut rmq_consumer,
        batch: *const rmq_batch,
        context: *mut rmq_context,
        userdata: *mut c_void,
    ) -> i32,
>;

/// Frees the userdata of a callback. Called once, after the last call of that callback, on the thread that replaces the
/// callback or destroys the handle. No exception may leave it.
pub type rmq_free_cb = Option<unsafe extern "C-unwind" fn(userdata: *mut c_void)>;

type MessageFunction =
    unsafe extern "C-unwind" fn(*mut rmq_consumer, *const rmq_batch, *mut rmq_context, *mut c_void) -> i32;

/// Sets the function that gets the messages, before the start; it cannot be changed after. Without one they wait for
/// rmq_consumer_poll.
///
/// @param consumer       must not be NULL
/// @param callback       see rmq_message_cb; NULL takes the present one away
/// @param userdata       passed back to the callback; may be NULL
/// @param free_userdata  frees userdata; may be NULL
/// @returns RMQ_OK; RMQ_E_STATE after the start; RMQ_E_INVALID_ARG; RMQ_E_FORKED. On failure userdata stays the
///          caller's
/// @par Thread-safety  any thread
/// @par Ownership      userdata is taken over; that of the callback before is freed before this returns
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_set_message_callback(
    consumer: *mut rmq_consumer,
    callback: rmq_message_cb,
    userdata: *mut c_void,
    free_userdata: rmq_free_cb,
) -> rmq_code {
    guard::code("rmq_consumer_set_message_callback", || {
        let handler = callback.map(|function| -> Arc<dyn MessageHandler> {
            Arc::new(Callback { function, consumer, userdata })
        });
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            userdata::install(
                consumer,
                Inner::callback_userdata,
                Userdata::new(userdata, free_userdata),
                |engine| engine.set_handler(handler),
            )
        }
    })
}

/// The engine's view of the callback. It borrows the userdata, which the consumer's handle owns: engine threads may end
/// this at any time without running a finalizer.
struct Callback {
    function: MessageFunction,
    consumer: *mut rmq_consumer,
    userdata: *mut c_void,
}

// SAFETY: the pointers are only passed back to the host, who was told that callbacks run on library threads, several at
// once; both outlive the last call, since a consumer ends only after its shutdown.
unsafe impl Send for Callback {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for Callback {}

impl MessageHandler for Callback {
    fn consume(&self, batch: &Batch, context: &mut Context) -> Outcome {
        let mut lent = rmq_context::lend(context, batch);
        // SAFETY: the function is the host's, its arguments live until it returns. It is declared "C-unwind": a C++
        // exception that leaves it meets `catch_unwind` and ends the process with a message, instead of passing through
        // frames that do not expect it.
        let call = || unsafe {
            (self.function)(self.consumer, ptr::from_ref(batch).cast(), &raw mut lent, self.userdata)
        };
        let answer = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
            guard::swallow(payload);
            RMQ_E_PANIC
        });
        lent.settle(context);
        match answer {
            RMQ_CONSUME_SUCCESS => Outcome::Success,
            RMQ_RECONSUME_LATER => Outcome::Later,
            RMQ_CONSUME_SUSPEND => Outcome::Suspend,
            RMQ_CONSUME_COMMIT => Outcome::Commit,
            RMQ_CONSUME_ROLLBACK => Outcome::Rollback,
            RMQ_CONSUME_DEFERRED => Outcome::Deferred,
            other => Outcome::Unknown(other),
        }
    }
}
