//! The second front: whoever polls takes messages, keeps them and settles them.

use std::ops::Range;
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::batch::{Abandoned, Batch, PulledBatch};
use super::open::{Decided, Open, Verdict};
use super::workers::{Shared, Workers};
use crate::consumer::wakeup::Source;

/// Why a poll has nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoBatch {
    /// Nothing came in time.
    Timeout,
    /// Nothing may be handed out before something is settled.
    Full,
    /// A wake-up ended it.
    Woken,
    /// The consumer stops.
    Closed,
}

/// Does not keep them alive.
#[derive(Clone)]
pub(crate) struct WeakWorkers(Weak<Shared>);

impl WeakWorkers {
    /// Them, as long as there are any.
    pub(crate) fn upgrade(&self) -> Option<Workers> {
        self.0.upgrade().map(Workers)
    }
}

impl Workers {
    /// For those who must not keep them alive.
    pub(crate) fn downgrade(&self) -> WeakWorkers {
        WeakWorkers(Arc::downgrade(&self.0))
    }

    /// Waits for messages and takes up to `most` of one queue.
    pub(crate) fn poll(
        &self,
        most: usize,
        within: Option<Duration>,
        abandoned: Abandoned,
    ) -> Result<Batch, NoBatch> {
        let deadline = within.and_then(|within| Instant::now().checked_add(within));
        let mut state = self.0.state();
        'look: loop {
            if state.polls_refused || state.closing {
                self.0.status.wakeup().remind();
                return Err(NoBatch::Closed);
            }
            if state.wakeups > 0 {
                state.wakeups -= 1;
                let more = self.0.waiting(&state) > 0;
                drop(state);
                // The call that ended this one may have been meant for them.
                if more {
                    self.0.polled.notify_one();
                }
                return Err(NoBatch::Woken);
            }
            let room = self.0.unsettled.room();
            while room > 0
                && let Some(share) = state.ready.front()
            {
                let Some(range) = share.claim(most.min(room)) else { continue };
                state.pace.refund(&share, &range);
                if !share.batch.queue.may_begin(share.batch.id) {
                    drop(state);
                    self.0.settler.unwanted(&share.batch, range.start);
                    // Others may have taken what there was of room meanwhile.
                    state = self.0.state();
                    continue 'look;
                }
                let open = self.open(&share.batch, range);
                let more = self.0.waiting(&state) > 0;
                drop(state);
                if more {
                    self.0.polled.notify_one();
                }
                return Ok(Batch::kept(open, abandoned));
            }
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.0.polled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    let ring = self.0.status.wakeup().lower(Source::Messages);
                    drop(state);
                    ring.ring();
                    return Err(if room == 0 { NoBatch::Full } else { NoBatch::Timeout });
                }
                Some(left) => {
                    let waited = self.0.polled.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Ends one poll: one that waits, else the next.
    pub(crate) fn wake_up(&self) {
        let mut state = self.0.state();
        state.wakeups = state.wakeups.saturating_add(1);
        let ring = self.0.status.wakeup().raise(Source::Messages);
        drop(state);
        self.0.polled.notify_one();
        ring.ring();
    }

    /// Lets everybody know who polls that nothing more comes.
    pub(crate) fn refuse_polls(&self) {
        let ring = {
            self.0.state().polls_refused = true;
            self.0.status.wakeup().close()
        };
        self.0.polled.notify_all();
        ring.ring();
    }

    /// Opens a batch that somebody keeps.
    pub(super) fn open(&self, pulled: &Arc<PulledBatch>, range: Range<usize>) -> Arc<Open> {
        self.0.unsettled.open(Arc::clone(pulled), range, pulled.queue.enter())
    }

    /// Opens a batch that a callback keeps. One that was taken from its callback meanwhile is settled by that.
    pub(super) fn keep(&self, pulled: &Arc<PulledBatch>, range: Range<usize>) -> Arc<Open> {
        // Whoever takes it looks, under the lock of the slot, for what is open: so it is opened first.
        let open = self.open(pulled, range.clone());
        let slots = self.0.state().slots.clone();
        let lent =
            |(batch, of, _): (Arc<PulledBatch>, Range<usize>, _)| Arc::ptr_eq(&batch, pulled) && of == range;
        if !pulled.direct && !slots.iter().any(|slot| slot.running().is_some_and(lent)) {
            let decided = open.settle(0..range.len(), Verdict::Again(0));
            if self.0.unsettled.settled(decided.count()) {
                self.0.nudge();
            }
        }
        open
    }

    /// Settles messages of a kept batch, by their indexes in it; those that were settled before stay as they are.
    /// Answers how many it were.
    pub(crate) fn settle(&self, open: &Arc<Open>, range: Range<usize>, verdict: Verdict) -> usize {
        let decided = open.settle(range, verdict);
        let count = decided.count();
        self.carry_out(open, decided, verdict);
        count
    }

    /// Settles all that is left of a kept batch; answers what that was, as indexes of the pulled batch.
    pub(crate) fn take_back(&self, open: &Arc<Open>, verdict: Verdict) -> Vec<Range<usize>> {
        let decided = open.settle(0..open.range.len(), verdict);
        let ranges = decided.ranges.clone();
        self.carry_out(open, decided, verdict);
        ranges
    }

    fn carry_out(&self, open: &Arc<Open>, decided: Decided, verdict: Verdict) {
        let count = decided.count();
        if count == 0 {
            return;
        }
        let made_room = self.0.unsettled.settled(count);
        self.0.settler.decided(open, decided, verdict);
        if made_room {
            self.0.nudge();
        }
    }

    /// Nobody has a handle of a kept batch any more.
    pub(super) fn forget(&self, open: &Open) {
        self.0.unsettled.forget(open);
    }

    /// How many messages are polled or deferred and not settled.
    pub(crate) fn unsettled(&self) -> usize {
        self.0.unsettled.messages()
    }

    /// Kept batches past `timeout`, and those that have just passed `slow`.
    pub(crate) fn overdue_open(&self, timeout: Duration, slow: Duration) -> (Vec<Arc<Open>>, Vec<Arc<Open>>) {
        self.0.unsettled.overdue(timeout, slow)
    }
}
