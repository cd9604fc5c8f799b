//! What is noted of an owned queue for those who look from outside: when it was pulled from and consumed, and
//! its topic's counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::consumer::statistics::TopicCounters;

/// See the module's doc. All times are in milliseconds since 1970, and the first ones that of the taking, as
/// in Java.
pub(crate) struct Marks {
    taken: i64,
    begun: AtomicBool,
    pulled: AtomicI64,
    consumed: AtomicI64,
    counters: Arc<TopicCounters>,
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
        self.pulled.store(now_ms(), Ordering::Relaxed);
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

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
