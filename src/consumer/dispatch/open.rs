//! A batch that somebody keeps and settles message by message, in any order, on any thread.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Batch, Context, Outcome, PulledBatch};
use super::ranges::ranges;
use crate::consumer::queue::Running;

/// What shall become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was consumed.
    Done,
    /// Deliver it again: with which delay level of the broker; -1 are the dead letters.
    Again(i32),
    /// Deliver it again in its place, after the queue has rested; orderly consumption only.
    Rest(Duration),
}

/// See the module's doc.
pub(crate) struct Open {
    pub(crate) pulled: Arc<PulledBatch>,
    pub(crate) range: Range<usize>,
    /// Its number among those that are open.
    pub(super) id: u64,
    pub(crate) since: Instant,
    pub(super) told_slow: AtomicBool,
    settling: Mutex<Settling>,
}

struct Settling {
    /// One for each message of the range.
    verdicts: Box<[Option<Verdict>]>,
    left: usize,
    /// Keeps the queue from being handed over until the last message is settled.
    running: Option<Running>,
}

/// What a call of [`Open::settle`] decided.
pub(crate) struct Decided {
    /// Messages that were open until now, as indexes of the pulled batch.
    pub(crate) ranges: Vec<Range<usize>>,
    /// The last message of the batch is among them.
    pub(crate) last: bool,
    /// Set if there are any: to be dropped when everything is done for them, since another thread may settle the
    /// last message meanwhile, and the queue must not be handed over before.
    _running: Option<Running>,
}

impl Decided {
    /// How many messages.
    pub(crate) fn count(&self) -> usize {
        self.ranges.iter().map(Range::len).sum()
    }
}

/// What to do with answers. Anything that outlives the call enters the queue itself.
pub(crate) trait Settler: Send + Sync {
    /// A callback answered for a batch that nobody keeps.
    fn answered(&self, batch: &Batch, outcome: Outcome, context: &Context);

    /// Messages were claimed from `start` on and not handed out, since their queue was moved or paused, or
    /// its lock is in doubt.
    fn unwanted(&self, pulled: &PulledBatch, start: usize);

    /// Messages of a kept batch were settled.
    fn decided(&self, open: &Arc<Open>, decided: Decided, verdict: Verdict);
}

impl Open {
    pub(super) fn new(pulled: Arc<PulledBatch>, range: Range<usize>, id: u64, running: Running) -> Open {
        let settling =
            Settling { verdicts: vec![None; range.len()].into(), left: range.len(), running: Some(running) };
        Open {
            pulled,
            range,
            id,
            since: Instant::now(),
            told_slow: AtomicBool::new(false),
            settling: Mutex::new(settling),
        }
    }

    /// Decides on those messages of `range`, indexes of this batch, that are still open.
    pub(crate) fn settle(&self, range: Range<usize>, verdict: Verdict) -> Decided {
        let mut settling = self.settling();
        if settling.left == 0 {
            return Decided { ranges: Vec::new(), last: false, _running: None };
        }
        let mut decide = |index: &usize| match settling.verdicts.get_mut(*index) {
            Some(open @ None) => open.replace(verdict).is_none(),
            _ => false,
        };
        let ranges = ranges(range.filter(|index| decide(index)).map(|index| self.range.start + index));
        settling.left -= ranges.iter().map(Range::len).sum::<usize>();
        let last = settling.left == 0;
        let running = match (last, ranges.is_empty()) {
            (true, _) => settling.running.take(),
            (false, false) => Some(self.pulled.queue.enter()),
            (false, true) => None,
        };
        Decided { ranges, last, _running: running }
    }

    /// How many messages are not settled.
    pub(crate) fn left(&self) -> usize {
        self.settling().left
    }

    /// What is not settled, as indexes of the pulled batch.
    pub(crate) fn unsettled(&self) -> Vec<Range<usize>> {
        let settling = self.settling();
        let open = settling.verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_none());
        ranges(open.map(|(index, _)| self.range.start + index))
    }

    /// What was decided on each message, in order.
    pub(crate) fn verdicts(&self) -> Vec<Option<Verdict>> {
        self.settling().verdicts.to_vec()
    }

    /// True once, when something of it has been open for at least `slow`.
    pub(super) fn is_newly_slow(&self, slow: Duration) -> bool {
        self.since.elapsed() >= slow && self.left() > 0 && !self.told_slow.swap(true, Ordering::Relaxed)
    }

    fn settling(&self) -> MutexGuard<'_, Settling> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
