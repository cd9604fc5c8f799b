//! The worker threads `rmq-work-N`: plain OS threads on which callbacks may block.
//!
//! Workers start when work waits and end when they had none for a while. A fast callback must run on one
//! warm thread, since waking another costs more than the work; a slow one must get all threads. So a worker
//! that leaves work behind wakes another only if the backlog would take those awake too long, judged by the
//! usual time of a callback. That judgement fails when callbacks suddenly block; therefore, while there is
//! a backlog, one idle worker stands by and takes over when a tick has passed without a claim.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Context, MessageHandler, Outcome, PulledBatch};
use super::open::Settler;
use super::pace::Pace;
use super::ready::{Ready, Share};
use super::slot::{Call, Called, Overdue, Slot};
use super::unsettled::Unsettled;
use super::usual::Usual;
use crate::consumer::callback_thread::CallbackThread;
use crate::consumer::queue::{Order, Queue};
use crate::consumer::status::Status;
use crate::consumer::wakeup::Source;
use crate::error::{Error, ErrorKind};
use crate::runtime::threads;

/// How long a backlog may take the workers that are awake before another one is woken.
const BACKLOG_TIME: Duration = Duration::from_micros(500);

/// A callback that takes this long is worth a look at what waits behind it.
const SLOW: Duration = Duration::from_micros(50);

/// The wait before a thread that could not be started is tried again.
const THREAD_RETRY: Duration = Duration::from_millis(200);

/// Bounds of a consumer's workers.
pub(crate) struct Bounds {
    pub(crate) thread_min: usize,
    pub(crate) thread_max: usize,
    pub(crate) batch_size: usize,
    pub(crate) stack: usize,
    pub(crate) unsettled: usize,
}

/// All worker threads of a consumer. Clones share them.
#[derive(Clone)]
pub(crate) struct Workers(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) bounds: Bounds,
    /// Without one, whoever polls gets the messages.
    pub(super) handler: Option<Arc<dyn MessageHandler>>,
    pub(super) settler: Arc<dyn Settler>,
    pub(super) status: Arc<Status>,
    thread: CallbackThread,
    pub(super) unsettled: Unsettled,
    state: Mutex<State>,
    /// Rung for those who poll.
    pub(super) polled: Condvar,
    /// Changed only under the lock.
    pub(super) thread_max: AtomicUsize,
    /// True while there are more threads than that, for those that look without the lock.
    pub(super) too_many: AtomicBool,
    /// Told when something may have to wait for its rate.
    pub(super) paced: Notify,
    /// Set from a push until the bell was rung for it.
    pushed: AtomicBool,
    bell: Notify,
    /// Told when a thread ends.
    ended: Notify,
}

pub(super) type Guard<'a> = MutexGuard<'a, State>;

#[derive(Default)]
pub(super) struct State {
    pub(super) ready: Ready<PulledBatch>,
    /// What waits for its rate, before it waits in `ready`.
    pub(super) pace: Pace<PulledBatch>,
    /// Nobody may poll any more.
    pub(super) polls_refused: bool,
    /// How many polls are to end without messages.
    pub(super) wakeups: usize,
    pub(super) threads: usize,
    /// Workers without work. The last is called first: its caches are warm.
    pub(super) idle: Vec<Arc<Slot>>,
    /// One of the idle stands by, or is called to.
    pub(super) standby: bool,
    usual: Usual,
    pub(super) closing: bool,
    pub(super) slots: Vec<Arc<Slot>>,
    handles: Vec<JoinHandle<()>>,
}

impl Workers {
    /// No threads yet; they start with the first work.
    pub(crate) fn new(
        bounds: Bounds,
        handler: Option<Arc<dyn MessageHandler>>,
        settler: Arc<dyn Settler>,
        status: Arc<Status>,
        thread: CallbackThread,
    ) -> Workers {
        Workers(Arc::new(Shared {
            unsettled: Unsettled::new(bounds.unsettled),
            thread_max: AtomicUsize::new(bounds.thread_max),
            too_many: AtomicBool::new(false),
            paced: Notify::new(),
            bounds,
            handler,
            settler,
            status,
            thread,
            state: Mutex::default(),
            polled: Condvar::new(),
            pushed: AtomicBool::new(false),
            bell: Notify::new(),
            ended: Notify::new(),
        }))
    }

    /// Adds messages of a batch to what waits. [`Workers::ring`] calls somebody for it. False when nothing of the
    /// queue may be handed out.
    pub(crate) fn push(&self, batch: Arc<PulledBatch>, messages: Range<usize>) -> bool {
        {
            let mut state = self.0.state();
            if !batch.queue.hands_out(batch.id) || state.closing {
                return false;
            }
            let ordered = batch.queue.order.is_some();
            if state.pace.is_for(&batch, &messages) {
                state.pace.hold(batch, messages, ordered);
                if !self.0.release(&mut state) {
                    return true;
                }
            } else {
                state.ready.push(batch, messages, ordered);
            }
        }
        self.0.nudge();
        true
    }

    /// Calls workers for what was pushed, until `stop`. Waking a thread costs more than a fast callback,
    /// so the I/O thread first finishes what it has at hand: answers that came together wake once.
    pub(crate) async fn ring(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.0.bell.notified() => {}
            }
            yield_now().await;
            self.0.pushed.store(false, Ordering::Release);
            if self.0.handler.is_none() {
                // Room is no part of the state: whoever saw none under the lock must have begun to wait.
                let ring = {
                    let state = self.0.state();
                    (self.0.waiting(&state) > 0).then(|| self.0.status.wakeup().raise(Source::Messages))
                };
                self.0.polled.notify_one();
                if let Some(ring) = ring {
                    ring.ring();
                }
                continue;
            }
            loop {
                let called = self.0.call_for_work(&mut self.0.state());
                called.ring();
                if stop.is_cancelled() || !self.is_stuck() {
                    break;
                }
                // No thread could be had: the system has to give one back first.
                sleep(THREAD_RETRY).await;
            }
        }
    }

    /// True when work waits and there is no thread at all.
    fn is_stuck(&self) -> bool {
        let state = self.0.state();
        state.threads == 0 && self.0.waiting(&state) > 0 && !state.closing
    }

    /// Takes back everything of `queue` that nobody has.
    pub(crate) fn discard(&self, queue: &Arc<Queue>) {
        let mut lane = queue.order.as_ref().map(Order::lane);
        let untouched = {
            let mut state = self.0.state();
            let ours = |batch: &PulledBatch| Arc::ptr_eq(&batch.queue, queue);
            // Of what waits for its rate nobody has anything.
            state.pace.discard(ours) | state.ready.discard(ours)
        };
        match &mut lane {
            Some(lane) if queue.is_closing() => lane.stop(),
            Some(lane) => lane.clear(!untouched),
            None => {}
        }
    }

    /// The threads whose callbacks run now; after [`Workers::close`] all that have not ended, also those
    /// whose messages were taken from them.
    pub(crate) fn running(&self) -> Vec<String> {
        let (slots, closing) = {
            let state = self.0.state();
            (state.slots.clone(), state.closing)
        };
        slots.iter().filter(|slot| closing || slot.in_callback()).map(|slot| slot.name.clone()).collect()
    }

    /// Waits until all threads have ended, after [`Workers::close`].
    pub(crate) async fn ended(&self) {
        loop {
            let told = self.0.ended.notified();
            if self.threads() == 0 {
                return;
            }
            told.await;
        }
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.0.state().threads
    }

    /// Callbacks that ran past `timeout`, whose messages are taken from them, and those that passed `slow`
    /// since the last call.
    pub(crate) fn overdue(&self, timeout: Duration, slow: Duration) -> Vec<Overdue> {
        let slots = self.0.state().slots.clone();
        // What somebody keeps has a time of its own.
        let kept = |pulled: &Arc<PulledBatch>, range: &Range<usize>| self.0.unsettled.holds(pulled, range);
        slots.iter().filter_map(|slot| slot.overdue(timeout, slow, &kept)).collect()
    }

    /// Tells all threads to end; those in a callback end after it.
    pub(crate) fn close(&self) {
        let mut state = self.0.state();
        state.closing = true;
        state.pace.discard(|_| true);
        state.ready.discard(|_| true);
        for slot in &state.slots {
            slot.bell.notify_one();
        }
        drop(state);
        self.0.polled.notify_all();
    }

    /// Waits for the end of all threads, after [`Workers::close`].
    pub(crate) fn join(&self) {
        let handles = std::mem::take(&mut self.0.state().handles);
        for handle in handles {
            // A panic of the callback was caught around it; there is nothing to learn here.
            let _ = handle.join();
        }
    }
}

impl State {
    /// Workers that work, or were called to.
    pub(super) fn awake(&self) -> usize {
        self.threads - self.idle.len()
    }

    /// True when the backlog would take those awake too long.
    fn is_behind(&self, batch_size: usize) -> bool {
        let callbacks = u32::try_from(self.ready.waiting().div_ceil(batch_size)).unwrap_or(u32::MAX);
        let awake = u32::try_from(self.awake().max(1)).unwrap_or(u32::MAX);
        self.usual.0.saturating_mul(callbacks) > BACKLOG_TIME.saturating_mul(awake)
    }

    pub(super) fn leave_idle(&mut self, slot: &Arc<Slot>) {
        self.idle.retain(|idle| !Arc::ptr_eq(idle, slot));
    }
}

impl Shared {
    pub(super) fn state(&self) -> Guard<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has somebody called for what is waiting.
    pub(super) fn nudge(&self) {
        if !self.pushed.swap(true, Ordering::AcqRel) {
            self.bell.notify_one();
        }
    }

    /// Messages that may be handed out now.
    pub(super) fn waiting(&self, state: &State) -> usize {
        if self.unsettled.room() == 0 { 0 } else { state.ready.waiting() }
    }

    /// Calls one more worker: an idle one, else a new one, if there may be more.
    fn call_one(self: &Arc<Self>, state: &mut State, call: Call) -> Called {
        if let Some(slot) = state.idle.pop() {
            slot.set_call(call);
            return Called::Idle(slot);
        }
        let may_start = state.threads < self.thread_max.load(Ordering::Relaxed) && !state.closing;
        if may_start && self.start_thread(state, call) { Called::New } else { Called::Nobody }
    }

    fn start_thread(self: &Arc<Self>, state: &mut State, call: Call) -> bool {
        let number = (1..).find(|n| !state.slots.iter().any(|s| s.name == worker_name(*n))).unwrap_or(1);
        let slot = Arc::new(Slot::new(worker_name(number), call));
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
                let text = format!("cannot start {}: {error}", slot.name);
                self.status.report("workers", Error::new(ErrorKind::Thread, text));
                false
            }
        }
    }

    /// Calls somebody for what waits: one at least, more if the backlog asks for them.
    pub(super) fn call_for_work(self: &Arc<Self>, state: &mut State) -> Called {
        match state.awake() {
            0 if self.waiting(state) > 0 => self.call_one(state, Call::Work),
            _ => self.look_back(state),
        }
    }

    /// Gets help for what is left behind, if it needs any.
    fn look_back(self: &Arc<Self>, state: &mut State) -> Called {
        if self.waiting(state) == 0 {
            return Called::Nobody;
        }
        if state.is_behind(self.bounds.batch_size) {
            return self.call_one(state, Call::Work);
        }
        if state.standby {
            return Called::Nobody;
        }
        let called = self.call_one(state, Call::StandBy);
        state.standby = !matches!(called, Called::Nobody);
        called
    }

    /// A worker's life.
    fn work(self: &Arc<Self>, slot: &Arc<Slot>) {
        self.thread.enter();
        let mut state = self.state();
        loop {
            if slot.call() == Call::StandBy {
                state = self.stand_by(state, slot);
            }
            while self.unsettled.room() > 0
                && !self.too_many(&state)
                && let Some(share) = state.ready.front()
            {
                slot.hold(&share.batch, share.batch.queue.enter());
                let called = self.look_back(&mut state);
                drop(state);
                called.ring();
                let usual = self.consume(slot, &share);
                slot.let_go();
                state = self.state();
                if let Some(usual) = usual {
                    state.usual.learn(usual);
                }
            }
            let stays;
            (state, stays) = self.wait(state, slot);
            if !stays {
                let called = self.leave(&mut state, slot);
                drop(state);
                called.ring();
                return self.ended.notify_waiters();
            }
        }
    }

    /// Claims from a share until nothing is left; answers the mean time of its callbacks.
    fn consume(self: &Arc<Self>, slot: &Slot, share: &Share<PulledBatch>) -> Option<Duration> {
        let (mut callbacks, mut fast) = (0, (0, Duration::ZERO));
        let counters = share.batch.queue.marks().counters();
        let begun_all = Instant::now();
        let mut begun = begun_all;
        // Callbacks may defer what they get.
        while self.unsettled.room() > 0
            && !self.too_many.load(Ordering::Relaxed)
            && let Some(range) = share.claim(self.bounds.batch_size)
        {
            if !share.batch.queue.may_begin(share.batch.id) {
                self.settler.unwanted(&share.batch, range.start);
                break;
            }
            slot.begin(range.clone(), begun);
            let batch = Batch::new(Arc::clone(&share.batch), range);
            let mut context = Context::default();
            let outcome = self.call(&batch, &mut context);
            callbacks += 1;
            if !slot.end() {
                self.tell_late(slot, &batch, outcome);
                break;
            }
            self.settle(&batch, outcome, &context);
            let ended = Instant::now();
            if ended - begun <= SLOW {
                fast = (fast.0 + 1, fast.1 + (ended - begun));
            } else {
                counters.called(1, ended - begun, ended);
                let mut state = self.state();
                state.usual.learn(ended - begun);
                let called = self.look_back(&mut state);
                drop(state);
                called.ring();
            }
            begun = ended;
        }
        counters.called(fast.0, fast.1, begun);
        (begun - begun_all).checked_div(callbacks)
    }

    /// Calls the user. A panic in Rust user code must cost a retry, not the worker.
    fn call(&self, batch: &Batch, context: &mut Context) -> Outcome {
        // Without a handler there are no workers.
        let Some(handler) = &self.handler else { return Outcome::Later };
        let call = AssertUnwindSafe(|| handler.consume(batch, context));
        catch_unwind(call).unwrap_or_else(|_| {
            let text = format!("the callback for {} panicked", batch.queue_name());
            self.status.report("workers", Error::new(ErrorKind::Panic, text));
            Outcome::Later
        })
    }

    fn tell_late(&self, slot: &Slot, batch: &Batch, outcome: Outcome) {
        let text = format_args!(
            "{}: the callback for {} ended after its timeout; its result {outcome:?} is ignored",
            slot.name,
            batch.queue_name()
        );
        self.status.log().warn("workers", text);
    }
}

fn worker_name(number: usize) -> String {
    format!("rmq-work-{number}")
}
