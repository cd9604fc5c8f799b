//! Every task of a consumer: named, tracked, told to stop by one token.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::threads::{Promise, promise};

/// Called with the name of a task that panicked.
pub type OnPanic = Arc<dyn Fn(&str) + Send + Sync>;

/// Spawns tasks by name and waits for their end. Clones share everything.
#[derive(Clone)]
pub struct Tasks {
    handle: Handle,
    tracker: TaskTracker,
    stop: CancellationToken,
    names: Arc<Mutex<Names>>,
    on_panic: OnPanic,
}

#[derive(Default)]
struct Names {
    next: u64,
    running: BTreeMap<u64, String>,
}

impl Tasks {
    /// Tasks that run on `handle`.
    pub fn new(handle: Handle, on_panic: OnPanic) -> Tasks {
        Tasks {
            handle,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            names: Arc::default(),
            on_panic,
        }
    }

    /// Starts a task. Allowed from any thread.
    pub fn spawn<F>(&self, name: impl Into<String>, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = Running::enter(self, name.into());
        // Boxed, so that the compiler makes the machinery of a task once, not for each future: a tenth of the library.
        let future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(future);
        self.tracker.spawn_on(
            async move {
                let _running = running;
                future.await;
            },
            &self.handle,
        );
    }

    /// Runs a future for a caller that waits on a thread of its own; the outcome is `None` when the tasks were told
    /// to end first.
    pub fn ask<T, F>(&self, name: impl Into<String>, future: F) -> Promise<Option<T>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let stop = self.stop.clone();
        let (promise, work) = promise(async move { stop.run_until_cancelled(future).await });
        self.spawn(name, work);
        promise
    }

    /// The token that every loop looks at first.
    pub fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// Tells all tasks to end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until all tasks have ended; nothing may be spawned after.
    pub async fn join(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// The names of the tasks that still run.
    pub fn running(&self) -> Vec<String> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.running.values().cloned().collect()
    }
}

/// Removes the task's name however it ends, and tells of a panic.
struct Running {
    names: Arc<Mutex<Names>>,
    id: u64,
    on_panic: OnPanic,
}

impl Running {
    fn enter(tasks: &Tasks, name: String) -> Running {
        let mut names = tasks.names.lock().unwrap_or_else(PoisonError::into_inner);
        let id = names.next;
        names.next += 1;
        names.running.insert(id, name);
        Running { names: Arc::clone(&tasks.names), id, on_panic: Arc::clone(&tasks.on_panic) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let name = self.names.lock().unwrap_or_else(PoisonError::into_inner).running.remove(&self.id);
        if std::thread::panicking() {
            (self.on_panic)(name.as_deref().unwrap_or("a task"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_named_while_it_runs_and_ends_on_stop() {
        let tasks = Tasks::new(Handle::current(), Arc::new(|_| {}));
        let stopped = tasks.stopped().clone();
        tasks.spawn("pull T/0", async move { stopped.cancelled().await });
        assert_eq!(tasks.running(), ["pull T/0"]);
        tasks.stop();
        tasks.join().await;
        assert!(tasks.running().is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_told_by_name() {
        let told = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&told);
        let on_panic: OnPanic = Arc::new(move |name| sink.lock().unwrap().push_str(name));
        let tasks = Tasks::new(Handle::current(), on_panic);
        tasks.spawn("broken", async { panic!("on purpose") });
        tasks.join().await;
        assert_eq!(*told.lock().unwrap(), "broken");
    }
}
