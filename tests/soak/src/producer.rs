//! The Java client's messages, at a steady rate, until told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use rmq_testbed::Cluster;

use crate::TOPIC;

/// Sends in a thread of its own.
pub(crate) struct Producer<'s> {
    shared: Arc<Shared>,
    thread: ScopedJoinHandle<'s, Sent>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    stored: AtomicU64,
}

/// What became of the messages.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sent {
    /// The broker answered for them.
    pub(crate) stored: u64,
    /// It did not; some may be stored all the same.
    pub(crate) failed: u64,
}

impl<'s> Producer<'s> {
    pub(crate) fn start<'e>(scope: &'s Scope<'s, 'e>, cluster: &'e Cluster, rate: u32) -> Producer<'s> {
        let shared = Arc::<Shared>::default();
        let told = Arc::clone(&shared);
        let thread = scope.spawn(move || {
            let (mut sent, mut next) = (Sent::default(), 0);
            while !told.stopping.load(Ordering::Relaxed) {
                // A second's worth a time: sends to a broker that is down take long.
                // The client chooses the queue: it keeps its route while a new name server has none.
                let second =
                    cluster.send(TOPIC, rate).starting_at(next).rate(rate).option("queue", "any").run();
                next += rate;
                sent.stored += second.stored;
                sent.failed += second.failed;
                if second.stored == 0 {
                    // Who has no route fails at once, a thousand times a second.
                    std::thread::sleep(Duration::from_millis(500));
                }
                told.stored.store(sent.stored, Ordering::Relaxed);
            }
            sent
        });
        Producer { shared, thread }
    }

    /// Reads how many messages are stored, also when it has stopped.
    pub(crate) fn stored(&self) -> impl Fn() -> u64 + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.stored.load(Ordering::Relaxed)
    }

    /// Waits for the last answer.
    pub(crate) fn stop(self) -> Sent {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.thread.join().expect("the producer ends well")
    }
}
