//! What an orderly queue has beside the others: whose turn it is, and its lock at the broker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::consumer::dispatch::{Lane, PulledBatch};

/// After so long without a renewal another member may have an orderly queue soon: as in Java. A broker lets a lock
/// go after 60 s.
pub(crate) const LOCK_LIFE: Duration = Duration::from_secs(30);

/// What an orderly queue has beside the others.
pub(crate) struct Order {
    /// Whose turn it is.
    lane: Mutex<Lane<PulledBatch>>,
    /// How long it rests after a failure: `suspend.queue.ms`.
    pub(crate) rest: Duration,
    /// False in broadcasting, where nobody else has messages of the queue.
    needs_lock: bool,
    /// When the lock was asked for that the broker granted last; `None` while it may have been forgotten there.
    locked: watch::Sender<Option<Instant>>,
}

impl Order {
    /// Nothing is out, and nothing is locked.
    pub(crate) fn new(rest: Duration, needs_lock: bool) -> Order {
        Order { lane: Mutex::default(), rest, needs_lock, locked: watch::Sender::new(None) }
    }

    /// The broker granted the lock to a question that was asked then.
    pub(crate) fn lock_granted(&self, asked: Instant) {
        self.locked.send_replace(Some(asked));
    }

    /// The broker may have forgotten the lock: nothing is handed out before it is granted again.
    pub(crate) fn doubt_lock(&self) {
        self.locked.send_replace(None);
    }

    /// Waits for [`Order::doubt_lock`].
    pub(crate) async fn lock_doubted(&self) {
        // The sender is this very queue's, so the wait cannot fail.
        let _ = self.locked.subscribe().wait_for(Option::is_none).await;
    }

    /// True while nobody else can have the lock. It also ends when this process stood still for too long.
    pub(crate) fn is_locked(&self) -> bool {
        !self.needs_lock || is_fresh(&self.locked.borrow())
    }

    /// Waits for [`Order::is_locked`].
    pub(crate) async fn lock_renewed(&self) {
        // As above.
        let _ = self.locked.subscribe().wait_for(is_fresh).await;
    }

    /// Whose turn it is. Whoever holds this may take the lock of the workers too, not the other way round.
    pub(crate) fn lane(&self) -> MutexGuard<'_, Lane<PulledBatch>> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(asked: &Option<Instant>) -> bool {
    asked.is_some_and(|asked| asked.elapsed() < LOCK_LIFE)
}
