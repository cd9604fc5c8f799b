//! Threads that call the user outside of ordinary consumption, one for each call and gone after it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::direct::{Called, Failure};
use crate::consumer::callback_thread::CallbackThread;
use crate::consumer::dispatch::{Batch, Context, MessageHandler, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::threads;

/// All of them have this name.
const THREAD: &str = "rmq-work-direct";

/// How many may run at once.
const MOST: usize = 4;

/// See the module's doc.
pub(crate) struct DirectCalls(Arc<Shared>);

struct Shared {
    /// `None` for a consumer that polls.
    handler: Option<Arc<dyn MessageHandler>>,
    /// The stack of a callback thread.
    stack: usize,
    mark: CallbackThread,
    state: Mutex<State>,
    /// Told when a call ends.
    ended: Notify,
}

#[derive(Default)]
struct State {
    closing: bool,
    next: u64,
    /// What runs, by a number of its own.
    running: Vec<(u64, String, Instant)>,
    handles: Vec<JoinHandle<()>>,
}

impl DirectCalls {
    /// No thread yet.
    pub(crate) fn new(
        handler: Option<Arc<dyn MessageHandler>>,
        stack: usize,
        mark: CallbackThread,
    ) -> DirectCalls {
        DirectCalls(Arc::new(Shared { handler, stack, mark, state: Mutex::default(), ended: Notify::new() }))
    }

    /// Calls the user for each batch until one is not done, and then `then` with how the last call ended and
    /// how long all took; with `None` when the consumer began to stop before the first. `what` is for people.
    pub(super) fn start(
        &self,
        what: String,
        batches: Vec<Batch>,
        then: impl FnOnce(Option<(Called, Duration)>) + Send + 'static,
    ) -> Result<()> {
        let shared = Arc::clone(&self.0);
        let Some(handler) = self.0.handler.clone() else {
            return Err(Error::new(ErrorKind::State, "the consumer polls: there is no message callback"));
        };
        let mut state = self.0.state();
        if state.closing || state.running.len() >= MOST {
            let why = if state.closing { "the consumer stops" } else { "too many direct calls run already" };
            return Err(Error::new(ErrorKind::State, why));
        }
        let id = state.next;
        let run = move || {
            let done = Done { shared: &shared, id };
            shared.mark.enter();
            // The lock is free again before the call.
            let closing = shared.state().closing;
            let called = (!closing).then(|| call_all(&*handler, &batches));
            drop(batches);
            then(called);
            drop(done);
        };
        let handle = threads::spawn(THREAD.to_owned(), self.0.stack, run)
            .map_err(|e| Error::new(ErrorKind::Thread, format!("cannot start {THREAD}: {e}")))?;
        state.next += 1;
        state.running.push((id, what, Instant::now()));
        state.handles.retain(|handle| !handle.is_finished());
        state.handles.push(handle);
        Ok(())
    }

    /// What runs now, and for how long.
    pub(crate) fn running(&self) -> Vec<(String, String, Duration)> {
        let state = self.0.state();
        let each = state.running.iter();
        each.map(|(_, what, since)| (THREAD.to_owned(), what.clone(), since.elapsed())).collect()
    }

    /// From now on no call begins.
    pub(crate) fn close(&self) {
        self.0.state().closing = true;
    }

    /// Waits until no call runs, after [`DirectCalls::close`].
    pub(crate) async fn ended(&self) {
        loop {
            let told = self.0.ended.notified();
            if self.0.state().running.is_empty() {
                return;
            }
            told.await;
        }
    }

    /// Waits for the end of all threads, after [`DirectCalls::close`].
    pub(crate) fn join(&self) {
        let handles = std::mem::take(&mut self.0.state().handles);
        for handle in handles {
            // A panic of the callback was caught around it.
            let _ = handle.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn call_all(handler: &dyn MessageHandler, batches: &[Batch]) -> (Called, Duration) {
    let begun = Instant::now();
    let mut called = Called { outcome: Ok(Outcome::Success), auto_commit: None };
    for batch in batches {
        called = call(handler, batch);
        if called.outcome != Ok(Outcome::Success) {
            break;
        }
    }
    (called, begun.elapsed())
}

/// A batch of which only a part is done is not done; one that is deferred has to be kept by somebody.
fn call(handler: &dyn MessageHandler, batch: &Batch) -> Called {
    let mut context = Context::default();
    let outcome = match catch_unwind(AssertUnwindSafe(|| handler.consume(batch, &mut context))) {
        Ok(Outcome::Success) if context.ack_index.is_some_and(|last| last + 1 < batch.len()) => {
            Ok(Outcome::Later)
        }
        Ok(Outcome::Deferred) if batch.open().is_none() => {
            Err(Failure::NoOutcome("the callback returned DEFERRED without retaining the batch".to_owned()))
        }
        Ok(outcome) => Ok(outcome),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no text");
            let text = format!("the callback panicked: {text}");
            // Dropping a payload may panic again.
            std::mem::forget(payload);
            Err(Failure::Panic(text))
        }
    };
    Called { outcome, auto_commit: context.auto_commit }
}

/// The call is over, however it ended.
struct Done<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.shared.state().running.retain(|(id, _, _)| *id != self.id);
        self.shared.ended.notify_waiters();
    }
}
