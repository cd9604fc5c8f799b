//! Threads of ours: named, and deaf to signals, which belong to the host program.

use std::future::Future;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use tokio::runtime::{Builder, Handle, Runtime};

/// Blocks every signal in the calling thread but those the thread itself causes by a fault.
fn block_signals() {
    let mut signals = SigSet::all();
    for fault in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGABRT] {
        signals.remove(fault);
    }
    // Only an invalid `how` can fail, and that is fixed here.
    let _ = signals.thread_block();
}

/// Starts a named thread. `stack` of 0 takes the platform's default size.
pub fn spawn<F: FnOnce() + Send + 'static>(
    name: String,
    stack: usize,
    run: F,
) -> io::Result<thread::JoinHandle<()>> {
    let mut builder = thread::Builder::new().name(name);
    if stack > 0 {
        builder = builder.stack_size(stack);
    }
    builder.spawn(|| {
        block_signals();
        run();
    })
}

/// The threads that do network I/O for one consumer: `rmq-io-1`, `rmq-io-2`, …
pub struct IoThreads(Runtime);

impl IoThreads {
    /// Starts `count` of them.
    pub fn start(count: usize) -> io::Result<IoThreads> {
        let next = std::sync::atomic::AtomicUsize::new(1);
        Builder::new_multi_thread()
            .worker_threads(count.max(1))
            .max_blocking_threads(4) // name resolution blocks, and files
            .thread_name_fn(move || {
                format!("rmq-io-{}", next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
            })
            .on_thread_start(block_signals)
            .enable_io()
            .enable_time()
            .build()
            .map(IoThreads)
    }

    /// Where [`super::Tasks`] spawns.
    pub fn handle(&self) -> &Handle {
        self.0.handle()
    }

    /// Runs a future on them for a caller that waits on a thread of its own.
    pub fn run<T, F>(&self, future: F) -> Promise<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (promise, work) = promise(future);
        self.0.spawn(work);
        promise
    }

    /// Ends and joins them. Must be called from a thread that is not one of them; `bound` is for a name
    /// resolution that hangs in the system's resolver, everything else ends at once.
    pub fn stop(self, bound: Duration) {
        self.0.shutdown_timeout(bound);
    }

    /// Ends them without waiting, for a consumer that is dropped without a shutdown.
    pub fn abandon(self) {
        self.0.shutdown_background();
    }
}

/// A future's outcome for a thread that waits, and what has to run for it.
pub fn promise<T, F>(future: F) -> (Promise<T>, impl Future<Output = ()> + Send + 'static)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let promise = Promise(Arc::default());
    let outcome = Arc::clone(&promise.0);
    let work = async move {
        let value = future.await;
        *outcome.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        outcome.1.notify_all();
    };
    (promise, work)
}

/// The outcome of a future that runs on I/O threads. Made of a condition variable and not of a channel,
/// because a channel's wait leaves std's thread handle behind in the host's thread.
pub struct Promise<T>(Arc<(Mutex<Option<T>>, Condvar)>);

impl<T> Promise<T> {
    /// Waits for the outcome and takes it; `None` when it did not come in time, or was taken before.
    pub fn wait(&self, within: Duration) -> Option<T> {
        let (outcome, told) = &*self.0;
        let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = told.wait_timeout_while(outcome, within, |outcome| outcome.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}
