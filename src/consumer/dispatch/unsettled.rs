//! Batches that were polled or deferred and are not settled: how many messages that may be, and for how long.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::batch::PulledBatch;
use super::open::Open;
use crate::consumer::queue::Running;

/// See the module's doc.
pub(crate) struct Unsettled {
    most: usize,
    messages: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    last_id: u64,
    /// Those that somebody has a handle of, settled or not.
    open: BTreeMap<u64, Weak<Open>>,
}

impl Unsettled {
    /// Bounded by `most` messages.
    pub(super) fn new(most: usize) -> Unsettled {
        Unsettled { most, messages: AtomicUsize::new(0), table: Mutex::default() }
    }

    /// How many more messages may be handed out.
    pub(super) fn room(&self) -> usize {
        self.most.saturating_sub(self.messages())
    }

    /// How many messages are open.
    pub(crate) fn messages(&self) -> usize {
        self.messages.load(Ordering::Acquire)
    }

    /// Opens a batch.
    pub(super) fn open(&self, pulled: Arc<PulledBatch>, range: Range<usize>, running: Running) -> Arc<Open> {
        self.messages.fetch_add(range.len(), Ordering::AcqRel);
        let mut table = self.table();
        table.last_id += 1;
        let id = table.last_id;
        let open = Arc::new(Open::new(pulled, range, id, running));
        table.open.insert(id, Arc::downgrade(&open));
        open
    }

    /// Counts messages as settled. True when that makes room where there was none.
    pub(super) fn settled(&self, count: usize) -> bool {
        self.messages.fetch_sub(count, Ordering::AcqRel) >= self.most
    }

    /// Nobody has a handle of a batch any more.
    pub(super) fn forget(&self, open: &Open) {
        self.table().open.remove(&open.id);
    }

    /// True when somebody has a handle of these messages: then they are settled by that, not by a callback's time.
    pub(super) fn holds(&self, pulled: &Arc<PulledBatch>, range: &Range<usize>) -> bool {
        let ours = |open: &Arc<Open>| Arc::ptr_eq(&open.pulled, pulled) && open.range == *range;
        self.all().iter().any(ours)
    }

    /// Those with messages that are open for longer than `timeout`, and those that have just become `slow`.
    pub(super) fn overdue(&self, timeout: Duration, slow: Duration) -> (Vec<Arc<Open>>, Vec<Arc<Open>>) {
        let (late, young): (Vec<_>, Vec<_>) =
            self.all().into_iter().partition(|open| open.since.elapsed() >= timeout);
        let late = late.into_iter().filter(|open| open.left() > 0).collect();
        (late, young.into_iter().filter(|open| open.is_newly_slow(slow)).collect())
    }

    fn all(&self) -> Vec<Arc<Open>> {
        self.table().open.values().filter_map(Weak::upgrade).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
