//! A bound on what is held at once, shared by queues: of one topic, or of the whole consumer.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::process_queue::Freed;
use crate::config::Limit;

/// See the module's doc. Taking never fails: who sees no room waits before it pulls.
pub(crate) struct Budget {
    limit: Limit,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    freed: Notify,
}

impl Budget {
    /// A budget of which nothing is taken.
    pub(crate) fn new(limit: Limit) -> Budget {
        Budget { limit, messages: AtomicUsize::new(0), bytes: AtomicUsize::new(0), freed: Notify::new() }
    }

    /// True while more may be pulled.
    pub(crate) fn has_room(&self) -> bool {
        self.messages.load(Ordering::Relaxed) < self.limit.messages
            && self.bytes.load(Ordering::Relaxed) < self.limit.bytes
    }

    /// Counts what was pulled.
    pub(crate) fn take(&self, held: Freed) {
        self.messages.fetch_add(held.messages, Ordering::Relaxed);
        self.bytes.fetch_add(held.bytes, Ordering::Relaxed);
    }

    /// Counts what is complete, and tells who waits when that makes room.
    pub(crate) fn release(&self, freed: Freed) {
        let messages = self.messages.fetch_sub(freed.messages, Ordering::AcqRel);
        let bytes = self.bytes.fetch_sub(freed.bytes, Ordering::AcqRel);
        if messages >= self.limit.messages || bytes >= self.limit.bytes {
            self.freed.notify_waiters();
        }
    }

    /// Ends when room may have come up after this call.
    pub(crate) fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(messages: usize, bytes: usize) -> Freed {
        Freed { messages, bytes }
    }

    #[tokio::test]
    async fn room_comes_back_when_enough_is_released() {
        let budget = Budget::new(Limit { messages: 10, bytes: 100 });
        budget.take(of(10, 50));
        assert!(!budget.has_room());
        let freed = budget.freed();
        budget.release(of(1, 5));
        freed.await;
        assert!(budget.has_room());
        budget.take(of(1, 200));
        assert!(!budget.has_room(), "bytes bound too");
    }
}
