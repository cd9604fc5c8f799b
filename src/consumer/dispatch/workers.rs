//! The worker threads `rmq-work-N`: plain OS threads on which callbacks may block.
//!
//! Workers start when work waits and end when they had none for a while. A fast callback must run on one
//! warm thread, since waking another costs more than the work; a slow one must get all threads. So a worker
//! that leaves work behind wakes another only if the backlog would take those awake too long, judged by the
//! mean time of a callback. That judgement fails when callbacks suddenly block; therefore, while there is
//! a backlog, one idle worker stands by and takes over when a tick has passed without a claim.

use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::batch::{Batch, Context, MessageHandler, Outcome, PulledBatch};
use super::ready::Ready;
use crate::consumer::queue::{Queue, Running};
use crate::log::Log;
use crate::runtime::threads;

/// How long a backlog may take the workers that are awake before another one is woken.
const BACKLOG_TIME: Duration = Duration::from_micros(500);

/// How long the stand-by waits for the others to make progress.
const TICK: Duration = Duration::from_millis(1);

/// How long a worker above `thread_min` stays without work.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// What to do with a callback's answer; the running mark ends with the send-backs it causes.
pub(crate) type Settle = Arc<dyn Fn(Batch, Outcome, Context, Running) + Send + Sync>;

/// Bounds of a consumer's workers.
pub(crate) struct Bounds {
    pub(crate) thread_min: usize,
    pub(crate) thread_max: usize,
    pub(crate) batch_size: usize,
    pub(crate) stack: usize,
}

/// All worker threads of a consumer. Clones share them.
#[derive(Clone)]
pub(crate) struct Workers(Arc<Shared>);

struct Shared {
    bounds: Bounds,
    handler: Arc<dyn MessageHandler>,
    settle: Settle,
    log: Log,
    state: Mutex<State>,
    /// Idle workers wait here.
    work: Condvar,
}

#[derive(Default)]
struct State {
    ready: Ready<PulledBatch>,
    threads: usize,
    /// Workers waiting on `work`.
    idle: usize,
    /// Wake-ups sent and not yet taken up by an idle worker.
    woken: usize,
    standby: Standby,
    /// Counts claims, to see progress.
    claims: u64,
    /// Mean time of a callback, over the last few.
    mean: Duration,
    closing: bool,
    slots: Vec<Arc<Slot>>,
    handles: Vec<JoinHandle<()>>,
}

#[derive(Default, PartialEq, Clone, Copy)]
enum Standby {
    /// Nobody stands by.
    #[default]
    None,
    /// The next idle worker to wake stands by.
    Wanted,
    /// One does.
    Taken,
}

/// What one worker is at.
struct Slot {
    name: String,
    callback: Mutex<Option<Callback>>,
}

struct Callback {
    batch: Batch,
    since: Instant,
    running: Running,
    reported_slow: bool,
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

impl Workers {
    /// No threads yet; they start with the first work.
    pub(crate) fn new(bounds: Bounds, handler: Arc<dyn MessageHandler>, settle: Settle, log: Log) -> Workers {
        let state = Mutex::default();
        Workers(Arc::new(Shared { bounds, handler, settle, log, state, work: Condvar::new() }))
    }

    /// Hands messages of a batch to whoever is free.
    pub(crate) fn push(&self, batch: Arc<PulledBatch>, messages: Range<usize>) {
        let mut state = self.0.state();
        if batch.queue.is_closing() || state.closing {
            return;
        }
        state.ready.push(batch, messages);
        if state.awake() == 0 {
            self.0.wake(&mut state);
        } else {
            self.0.look_back(&mut state);
        }
    }

    /// Takes back everything of `queue` that no worker has.
    pub(crate) fn discard(&self, queue: &Arc<Queue>) {
        self.0.state().ready.discard(|batch| Arc::ptr_eq(&batch.queue, queue));
    }

    /// The threads whose callbacks run now.
    pub(crate) fn running(&self) -> Vec<String> {
        let state = self.0.state();
        state.slots.iter().filter(|slot| slot.lock().is_some()).map(|slot| slot.name.clone()).collect()
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.0.state().threads
    }

    /// True on a thread that runs a callback of this consumer.
    pub(crate) fn is_current_thread(&self) -> bool {
        CURRENT.get() == Arc::as_ptr(&self.0).addr()
    }

    /// Callbacks that ran past `timeout`, whose messages are taken from them, and those that passed `slow`
    /// since the last call.
    pub(crate) fn overdue(&self, timeout: Duration, slow: Duration) -> Vec<Overdue> {
        let slots = self.0.state().slots.clone();
        slots.iter().filter_map(|slot| slot.overdue(timeout, slow)).collect()
    }

    /// Tells all threads to end; those in a callback end after it.
    pub(crate) fn close(&self) {
        let mut state = self.0.state();
        state.closing = true;
        state.ready.discard(|_| true);
        self.0.work.notify_all();
    }

    /// Waits for the end of all threads, after [`Workers::close`].
    pub(crate) fn join(&self) {
        let handles = std::mem::take(&mut self.0.state().handles);
        for handle in handles {
            // A worker's panic was caught around its callback; there is nothing to learn here.
            let _ = handle.join();
        }
    }
}

impl State {
    /// Workers that work, or were told to.
    fn awake(&self) -> usize {
        self.threads - self.idle + self.woken
    }

    /// True when the backlog would take those awake too long.
    fn is_behind(&self, batch_size: usize) -> bool {
        let claims = u32::try_from(self.ready.waiting().div_ceil(batch_size)).unwrap_or(u32::MAX);
        let awake = u32::try_from(self.awake().max(1)).unwrap_or(u32::MAX);
        self.mean.saturating_mul(claims) > BACKLOG_TIME.saturating_mul(awake)
    }

    fn learn(&mut self, spent: Duration) {
        self.mean = (self.mean * 7 + spent) / 8;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets one more worker to look for work: an idle one, else a new one, if there may be more.
    fn wake(self: &Arc<Self>, state: &mut State) -> bool {
        if state.idle > state.woken {
            state.woken += 1;
            self.work.notify_one();
            return true;
        }
        state.threads < self.bounds.thread_max && !state.closing && self.start_thread(state)
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) -> bool {
        let number = (1..).find(|n| !state.slots.iter().any(|s| s.name == worker_name(*n))).unwrap_or(1);
        let slot = Arc::new(Slot { name: worker_name(number), callback: Mutex::default() });
        let (shared, own_slot) = (Arc::clone(self), Arc::clone(&slot));
        match threads::spawn(slot.name.clone(), self.bounds.stack, move || shared.work(&own_slot)) {
            Ok(handle) => {
                state.threads += 1;
                state.slots.push(slot);
                state.handles.retain(|handle| !handle.is_finished());
                state.handles.push(handle);
                true
            }
            Err(error) => {
                self.log.error("workers", format_args!("cannot start {}: {error}", slot.name));
                false
            }
        }
    }

    /// A worker's life.
    fn work(self: &Arc<Self>, slot: &Arc<Slot>) {
        CURRENT.set(Arc::as_ptr(self).addr());
        let mut spent = None;
        while let Some((batch, running)) = self.next(slot, spent) {
            let begun = Instant::now();
            slot.begin(&batch, begun, running);
            let mut context = Context::default();
            let outcome = self.consume(&batch, &mut context);
            spent = Some(begun.elapsed());
            match slot.end() {
                Some(running) => (self.settle)(batch, outcome, context, running),
                None => self.log.warn(
                    "workers",
                    format_args!(
                        "{}: the callback for {} ended after its timeout; its result {outcome:?} is ignored",
                        slot.name,
                        batch.queue_name()
                    ),
                ),
            }
        }
    }

    /// Calls the user. A panic in Rust user code must cost a retry, not the worker.
    fn consume(&self, batch: &Batch, context: &mut Context) -> Outcome {
        let call = AssertUnwindSafe(|| self.handler.consume(batch, context));
        catch_unwind(call).unwrap_or_else(|_| {
            self.log.error("workers", format_args!("the callback for {} panicked", batch.queue_name()));
            Outcome::Later
        })
    }

    /// The next messages for a worker, or `None` when its thread shall end.
    fn next(self: &Arc<Self>, slot: &Arc<Slot>, spent: Option<Duration>) -> Option<(Batch, Running)> {
        let mut state = self.state();
        match spent {
            Some(spent) => state.learn(spent),
            // A thread that was started to stand by has not waited yet.
            None if state.standby == Standby::Wanted => {
                state.standby = Standby::Taken;
                state = self.wait(state, true).0;
            }
            None => {}
        }
        loop {
            if let Some((batch, range)) = state.ready.claim(self.bounds.batch_size) {
                state.claims += 1;
                let running = batch.queue.enter();
                self.look_back(&mut state);
                return Some((Batch::new(batch, range), running));
            }
            let stays;
            (state, stays) = self.wait(state, false);
            if !stays {
                state.threads -= 1;
                state.slots.retain(|other| !Arc::ptr_eq(other, slot));
                return None;
            }
        }
    }

    /// Gets help for what is left behind, if it needs any.
    fn look_back(self: &Arc<Self>, state: &mut State) {
        if state.ready.waiting() == 0 {
            return;
        }
        if state.is_behind(self.bounds.batch_size) {
            self.wake(state);
        } else if state.standby == Standby::None && self.wake(state) {
            state.standby = Standby::Wanted;
        }
    }

    /// Waits for work, or stands by while the others work. False when the worker may go.
    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        mut standing_by: bool,
    ) -> (MutexGuard<'a, State>, bool) {
        state.idle += 1;
        let stays = loop {
            if state.closing {
                break false;
            }
            let claims = state.claims;
            let patience = match standing_by {
                true => Some(TICK),
                false => (state.threads > self.bounds.thread_min).then_some(IDLE_TIME),
            };
            state = self.sleep(state, patience);
            if state.woken > 0 {
                state.woken -= 1;
                let stand_by = state.standby == Standby::Wanted && state.threads > state.idle;
                if state.standby == Standby::Wanted {
                    state.standby = if stand_by { Standby::Taken } else { Standby::None };
                }
                if !stand_by {
                    break true;
                }
                standing_by = true;
            } else if standing_by {
                if state.ready.waiting() == 0 {
                    standing_by = false;
                    state.standby = Standby::None;
                } else if state.claims == claims {
                    break true;
                }
            } else if state.threads > self.bounds.thread_min {
                break false;
            }
        };
        state.idle -= 1;
        if standing_by {
            state.standby = Standby::None;
        }
        (state, stays)
    }

    /// Sleeps until woken, or for as long as `patience` lasts.
    fn sleep<'a>(&self, state: MutexGuard<'a, State>, patience: Option<Duration>) -> MutexGuard<'a, State> {
        let asleep = |state: &mut State| state.woken == 0 && !state.closing;
        match patience {
            Some(patience) => {
                let slept = self.work.wait_timeout_while(state, patience, asleep);
                slept.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.work.wait_while(state, asleep).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Slot {
    fn begin(&self, batch: &Batch, since: Instant, running: Running) {
        let batch = Batch::new(Arc::clone(batch.pulled()), batch.range());
        *self.lock() = Some(Callback { batch, since, running, reported_slow: false });
    }

    /// Ends the callback; `None` when its messages were taken from it meanwhile.
    fn end(&self) -> Option<Running> {
        self.lock().take().map(|callback| callback.running)
    }

    fn overdue(&self, timeout: Duration, slow: Duration) -> Option<Overdue> {
        let mut slot = self.lock();
        let callback = slot.as_mut()?;
        let since = callback.since.elapsed();
        if since >= timeout {
            let Callback { batch, running, .. } = slot.take()?;
            return Some(Overdue { thread: self.name.clone(), batch, since, taken: Some(running) });
        }
        if since < slow || callback.reported_slow {
            return None;
        }
        callback.reported_slow = true;
        let batch = Batch::new(Arc::clone(callback.batch.pulled()), callback.batch.range());
        Some(Overdue { thread: self.name.clone(), batch, since, taken: None })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Callback>> {
        self.callback.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The consumer whose worker this thread is, by address; 0 for none.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

fn worker_name(number: usize) -> String {
    format!("rmq-work-{number}")
}
