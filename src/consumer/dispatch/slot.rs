//! What one worker thread is at, for those who look at it from outside.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Batch, PulledBatch};
use crate::consumer::queue::Running;

/// What an idle worker is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Nothing: sleep on.
    None,
    /// There is work.
    Work,
    /// Look after the others' progress.
    StandBy,
}

/// A worker that was called under the lock and is to be rung after it, since it would only run into the lock.
#[must_use]
pub(super) enum Called {
    Idle(Arc<Slot>),
    /// A new thread needs no bell.
    New,
    Nobody,
}

impl Called {
    /// Outside of the lock.
    pub(super) fn ring(self) {
        if let Called::Idle(slot) = self {
            slot.bell.notify_one();
        }
    }
}

/// One worker.
pub(super) struct Slot {
    pub(super) name: String,
    /// Rung for this worker alone, under the lock of all workers.
    pub(super) bell: Condvar,
    /// Changed only under the lock of all workers.
    call: AtomicU8,
    held: Mutex<Option<Held>>,
}

/// A batch from which the worker claims, and its callback if one runs.
struct Held {
    batch: Arc<PulledBatch>,
    /// Keeps the queue from being handed over.
    running: Running,
    callback: Option<Callback>,
}

struct Callback {
    range: Range<usize>,
    since: Instant,
    told_slow: bool,
}

/// A callback that runs for longer than it should.
pub(crate) struct Overdue {
    /// The worker's thread.
    pub(crate) thread: String,
    /// What it was given.
    pub(crate) batch: Batch,
    /// How long it has had it.
    pub(crate) since: Duration,
    /// With the running mark: the messages were taken from the callback, whose answer no longer counts.
    pub(crate) taken: Option<Running>,
}

impl Slot {
    /// A worker that begins with `call`.
    pub(super) fn new(name: String, call: Call) -> Slot {
        Slot { name, bell: Condvar::new(), call: AtomicU8::new(call as u8), held: Mutex::default() }
    }

    /// What it is called for.
    pub(super) fn call(&self) -> Call {
        match self.call.load(Ordering::Relaxed) {
            1 => Call::Work,
            2 => Call::StandBy,
            _ => Call::None,
        }
    }

    /// Calls it, or with [`Call::None`] notes that it heard.
    pub(super) fn set_call(&self, call: Call) {
        self.call.store(call as u8, Ordering::Relaxed);
    }

    /// The worker begins to claim from a batch.
    pub(super) fn hold(&self, batch: &Arc<PulledBatch>, running: Running) {
        *self.lock() = Some(Held { batch: Arc::clone(batch), running, callback: None });
    }

    /// The worker is done with the batch.
    pub(super) fn let_go(&self) {
        drop(self.lock().take());
    }

    /// A callback begins.
    pub(super) fn begin(&self, range: Range<usize>, since: Instant) {
        if let Some(held) = &mut *self.lock() {
            held.callback = Some(Callback { range, since, told_slow: false });
        }
    }

    /// A callback has ended. False when its messages were taken from it meanwhile.
    pub(super) fn end(&self) -> bool {
        self.lock().as_mut().is_some_and(|held| held.callback.take().is_some())
    }

    /// True while a callback runs.
    pub(super) fn in_callback(&self) -> bool {
        self.lock().as_ref().is_some_and(|held| held.callback.is_some())
    }

    /// Its callback, if one runs: the batch, the messages and the begin.
    pub(super) fn running(&self) -> Option<(Arc<PulledBatch>, Range<usize>, Instant)> {
        let slot = self.lock();
        let held = slot.as_ref()?;
        let callback = held.callback.as_ref()?;
        Some((Arc::clone(&held.batch), callback.range.clone(), callback.since))
    }

    /// Looks at the callback: past `timeout` its messages are taken from it, past `slow` it is told once.
    /// What is `kept` beyond the callback stays.
    pub(super) fn overdue(
        &self,
        timeout: Duration,
        slow: Duration,
        kept: &dyn Fn(&Arc<PulledBatch>, &Range<usize>) -> bool,
    ) -> Option<Overdue> {
        let mut slot = self.lock();
        let held = slot.as_mut()?;
        let callback = held.callback.as_mut()?;
        let since = callback.since.elapsed();
        let batch = Batch::new(Arc::clone(&held.batch), callback.range.clone());
        // In order nothing may overtake a message that is in a callback.
        let may_be_taken = held.batch.queue.order.is_none() && !kept(&held.batch, &callback.range);
        if since >= timeout && may_be_taken {
            let taken = slot.take().map(|held| held.running);
            return Some(Overdue { thread: self.name.clone(), batch, since, taken });
        }
        let tell = since >= slow && !std::mem::replace(&mut callback.told_slow, since >= slow);
        tell.then(|| Overdue { thread: self.name.clone(), batch, since, taken: None })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
