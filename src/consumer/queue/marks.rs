//! What is noted of an owned queue for those who look from outside: when it was pulled from and consumed, its
//! counters, and those of its topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::consumer::statistics::TopicCounters;

/// See the module's doc. All times are in milliseconds since 1970, and the first ones that of the taking, as
/// in Java.
pub(crate) struct Marks {
    taken: i64,
    begun: AtomicBool,
    pulled: AtomicI64,
    consumed: AtomicI64,
    counters: Arc<TopicCounters>,
    counts: QueueCounters,
}

/// Counters of one queue since it was taken. Batches are counted, not messages one by one.
#[derive(Default)]
struct QueueCounters {
    pulls: AtomicU64,
    pulled: AtomicU64,
    filtered: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    returned: AtomicU64,
}

/// What was counted of a queue since it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Pulls that went out.
    pub(crate) pulls: u64,
    /// Messages pulled, before the filter.
    pub(crate) pulled: u64,
    /// Those that the filter dropped.
    pub(crate) filtered: u64,
    /// Messages that a callback or the program wants again.
    pub(crate) failed: u64,
    /// Those that were brought back to a broker, or that come again here.
    pub(crate) retried: u64,
    /// Those among the complete ones that were given back or up, and not consumed.
    pub(crate) returned: u64,
}

impl Marks {
    /// The queue is taken now.
    pub(crate) fn new(counters: Arc<TopicCounters>) -> Marks {
        let taken = now_ms();
        Marks {
            taken,
            begun: AtomicBool::new(false),
            pulled: AtomicI64::new(taken),
            consumed: AtomicI64::new(taken),
            counters,
            counts: QueueCounters::default(),
        }
    }

    /// Where to begin is found out.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// True once its offsets mean something.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// A pull goes out.
    pub(crate) fn pulled(&self) {
        add(&self.counts.pulls, 1);
        self.pulled.store(now_ms(), Ordering::Relaxed);
    }

    /// A pull brought messages, of which the filter dropped some.
    pub(crate) fn brought(&self, messages: usize, filtered: usize, took: Duration) {
        add(&self.counts.pulled, messages);
        add(&self.counts.filtered, filtered);
        self.counters.pulled(messages - filtered, took);
    }

    /// A callback or the program wants messages again.
    pub(crate) fn failed(&self, messages: usize) {
        add(&self.counts.failed, messages);
        self.counters.failed(messages);
    }

    /// Failed messages come again: from a broker that took them back, or here.
    pub(crate) fn retried(&self, messages: usize) {
        add(&self.counts.retried, messages);
    }

    /// Messages that are or will be complete were given back or up, and not consumed.
    pub(crate) fn returned(&self, messages: usize) {
        add(&self.counts.returned, messages);
        self.counters.returned(messages);
    }

    /// What was counted since the queue was taken.
    pub(crate) fn counts(&self) -> Counts {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            pulls: value(&self.counts.pulls),
            pulled: value(&self.counts.pulled),
            filtered: value(&self.counts.filtered),
            failed: value(&self.counts.failed),
            retried: value(&self.counts.retried),
            returned: value(&self.counts.returned),
        }
    }

    /// A callback was done with messages. Called for the first one after each commit only, since a look at the
    /// clock for each message would be felt.
    pub(crate) fn consumed(&self) {
        self.consumed.store(now_ms(), Ordering::Relaxed);
    }

    /// When the queue was taken.
    pub(crate) fn taken_at(&self) -> i64 {
        self.taken
    }

    /// When it was last pulled from.
    pub(crate) fn pulled_at(&self) -> i64 {
        self.pulled.load(Ordering::Relaxed)
    }

    /// When a callback was last done with messages, by at most one commit interval too early.
    pub(crate) fn consumed_at(&self) -> i64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// The counters of its topic.
    pub(crate) fn counters(&self) -> &TopicCounters {
        &self.counters
    }
}

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
