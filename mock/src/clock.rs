//! What happens later: held pulls that run out, retries that fall due, delayed answers.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

thread_local! {
    /// Whether this is a clock's thread. Asking for the current thread instead leaves its handle behind in threads of the
    /// host, which leak checkers report.
    static IS_CLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Something to be done by the clock's thread.
pub(crate) type Task = Box<dyn FnOnce() + Send>;

/// A thread that does each task when it is due. Ends when dropped; what is not due then is never done.
pub(crate) struct Clock {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By time, then in the order they were added.
    tasks: BTreeMap<(Instant, u64), Task>,
    added: u64,
    ended: bool,
}

impl Clock {
    pub(crate) fn start() -> std::io::Result<Clock> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("mock-clock".to_owned()).spawn(move || {
            IS_CLOCK.set(true);
            own.run();
        })?;
        Ok(Clock { shared, thread: Some(thread) })
    }

    pub(crate) fn at(&self, due: Instant, task: Task) {
        let mut state = self.shared.state();
        state.added += 1;
        let key = (due, state.added);
        state.tasks.insert(key, task);
        self.shared.changed.notify_one();
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.changed.notify_one();
        // The last task may be the last to let go of the cluster.
        if let Some(thread) = self.thread.take().filter(|_| !IS_CLOCK.get()) {
            // A task's panic was already printed.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut state = self.state();
        while !state.ended {
            let now = Instant::now();
            let next = state.tasks.first_key_value().map(|((due, _), _)| *due);
            state = match next {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) if due > now => {
                    self.changed.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(_) => {
                    let task = state.tasks.pop_first();
                    drop(state);
                    if let Some((_, task)) = task {
                        task();
                    }
                    self.state()
                }
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
