//! One owned queue: what it shares between its task, the workers and the coordinator.

pub(super) mod budget;
mod committed;
pub(super) mod marks;
mod order;
pub(super) mod pauses;
pub(super) mod process_queue;
pub(super) mod steering;
pub(super) mod steps;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Limit;
use crate::consumer::offsets::CommitRequests;
use crate::consumer::statistics::TopicCounters;
use crate::message::{Message, MessageQueue};
use budget::Budget;
use committed::Committed;
use marks::Marks;
pub(crate) use order::{LOCK_LIFE, Order};
use process_queue::{BatchId, Cached, Freed, ProcessQueue};
use steering::{Asked, Steering};
use steps::Steps;

/// Shared by everyone who deals with one owned queue.
pub(crate) struct Queue {
    /// Its name.
    pub(crate) name: MessageQueue,
    process: Mutex<ProcessQueue>,
    limit: Limit,
    span_max: i64,
    topic_budget: Arc<Budget>,
    all_budget: Arc<Budget>,
    /// Told when room may have come up.
    freed: Notify,
    /// Set while something is complete that no commit has taken up.
    dirty: AtomicBool,
    /// Told when `dirty` was set.
    commit: Notify,
    /// Callbacks and send-backs that run for this queue.
    running: AtomicUsize,
    /// Told when `running` falls to 0.
    idle: Notify,
    /// Cancelled by the coordinator when the queue is to be given up, and when the consumer stops.
    stop: CancellationToken,
    /// Cancelled when nothing of it is handed out any more.
    closing: CancellationToken,
    /// Cancelled when the user has heard that it is taken away.
    heard: CancellationToken,
    committed: Mutex<Committed>,
    /// The first batch since the queue was last moved.
    live_from: AtomicU64,
    /// The broker's last offset as the last pull's answer told it; -1 before the first one.
    max_offset: AtomicI64,
    /// True once it is known where the queue begins.
    begun: watch::Sender<bool>,
    commits: CommitRequests,
    steering: Steering,
    steps: Steps,
    marks: Marks,
    /// Set in orderly consumption.
    pub(crate) order: Option<Order>,
}

impl Queue {
    /// A queue that was just assigned.
    pub(crate) fn new(
        name: MessageQueue,
        limit: Limit,
        span_max: i64,
        topic_budget: Arc<Budget>,
        all_budget: Arc<Budget>,
        stop: CancellationToken,
        order: Option<Order>,
    ) -> Queue {
        Queue {
            name,
            process: Mutex::new(ProcessQueue::new(0)),
            limit,
            span_max,
            topic_budget,
            all_budget,
            freed: Notify::new(),
            dirty: AtomicBool::new(false),
            commit: Notify::new(),
            running: AtomicUsize::new(0),
            idle: Notify::new(),
            stop,
            closing: CancellationToken::new(),
            heard: CancellationToken::new(),
            committed: Mutex::default(),
            live_from: AtomicU64::new(0),
            max_offset: AtomicI64::new(-1),
            begun: watch::Sender::new(false),
            commits: CommitRequests::default(),
            steering: Steering::default(),
            steps: Steps::default(),
            order,
            marks: Marks::new(Arc::default()),
        }
    }

    /// The same, counting for its topic.
    pub(crate) fn counted(mut self, counters: Arc<TopicCounters>) -> Queue {
        self.marks = Marks::new(counters);
        self
    }

    /// Begins at `position`, which is what the broker holds when it is `committed`.
    pub(crate) fn begin(&self, position: i64, committed: bool) {
        self.reset(position);
        self.set_committed(committed.then_some(position));
        self.begun.send_replace(true);
    }

    /// True once it is known where the queue begins: before that it has no position.
    pub(crate) fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Waits until it is known where the queue begins.
    pub(crate) async fn begun(&self) {
        // Never closed: the sender is ours.
        let _ = self.begun.subscribe().wait_for(|begun| *begun).await;
    }

    /// Takes a pulled batch into the books.
    pub(crate) fn insert(&self, offsets: Box<[i64]>, bytes: usize, next: i64) -> BatchId {
        let held = Freed { messages: offsets.len(), bytes };
        self.topic_budget.take(held);
        self.all_budget.take(held);
        self.process().insert(offsets, bytes, next)
    }

    /// Notes a pull that brought nothing to deliver.
    pub(crate) fn advance(&self, next: i64) {
        let moved = {
            let mut process = self.process();
            let moved = process.position() != next;
            process.advance(next);
            moved
        };
        if moved {
            self.touch();
        }
    }

    /// Marks messages of a batch complete.
    pub(crate) fn complete(&self, batch: BatchId, indexes: Range<usize>) {
        let freed = self.process().complete(batch, indexes);
        if let Some(freed) = freed {
            self.release(freed);
            self.marks.counters().completed(freed.messages);
        }
        if self.touch() {
            self.marks.consumed();
        }
    }

    /// Forgets all that was pulled and begins anew at `position`; late completions do nothing.
    pub(crate) fn reset(&self, position: i64) {
        self.begin_anew(|process| process.reset(position));
    }

    /// Begins anew at the first message that is not complete. What is complete behind it does not come again.
    pub(crate) fn rewind(&self) {
        self.begin_anew(ProcessQueue::rewind);
    }

    /// Drops messages that were complete before a [`Queue::rewind`].
    pub(crate) fn leave_out_done(&self, messages: &mut Vec<Message>) {
        let process = self.process();
        messages.retain(|message| !process.is_done(message.queue_offset()));
    }

    fn begin_anew(&self, reset: impl FnOnce(&mut ProcessQueue)) {
        let held = {
            let mut process = self.process();
            let held = Freed { messages: process.messages(), bytes: process.bytes() };
            reset(&mut process);
            self.live_from.store(process.next_batch(), Ordering::SeqCst);
            held
        };
        self.release(held);
    }

    /// Asks the pull loop to go on at `offset`: a pull that is held is cut off, what no callback has is
    /// discarded, results of callbacks from before are ignored, and the next commit may be lower. Made at
    /// once; who must know waits for [`Steering::made`] with the answer.
    pub(crate) fn request_move(&self, offset: i64) -> Asked {
        self.steering.request_move(offset)
    }

    /// Notes the offset after the queue's last message, as a pull's answer told it.
    pub(crate) fn note_max(&self, offset: i64) {
        self.max_offset.store(offset, Ordering::Relaxed);
    }

    /// How far the group's committed offset was behind the queue's end at the last pull: what `mqadmin
    /// consumerProgress` calls Diff. `None` while one of them is unknown.
    pub(crate) fn lag(&self) -> Option<i64> {
        let max = self.max_offset.load(Ordering::Relaxed);
        self.committed().filter(|_| max >= 0).map(|committed| (max - committed).max(0))
    }

    /// Commits that somebody waits for.
    pub(crate) fn commits(&self) -> &CommitRequests {
        &self.commits
    }

    /// What others ask of its pull loop.
    pub(crate) fn steering(&self) -> &Steering {
        &self.steering
    }

    /// The offset to pull next.
    pub(crate) fn position(&self) -> i64 {
        self.process().position()
    }

    /// The offset up to which everything is complete.
    pub(crate) fn committable(&self) -> i64 {
        self.process().committable()
    }

    /// Messages pulled and not complete.
    pub(crate) fn pending(&self) -> usize {
        self.process().messages()
    }

    /// Messages consumed since the queue was taken.
    pub(crate) fn consumed(&self) -> u64 {
        self.process().finished().saturating_sub(self.marks.counts().returned)
    }

    /// The offset the broker is known to hold.
    pub(crate) fn committed(&self) -> Option<i64> {
        self.known().offset()
    }

    /// Notes what the broker holds.
    pub(crate) fn set_committed(&self, offset: Option<i64>) {
        self.known().set(offset);
    }

    /// The queue was moved, so the next commit is made even if it is lower.
    pub(crate) fn forget_committed(&self) {
        self.known().forget();
        self.touch();
    }

    /// A broker that came back, or another in its place, may hold an older offset, and who had the queue meanwhile may
    /// have committed a newer one: it is asked before the next commit.
    pub(crate) fn doubt_committed(&self) {
        self.known().doubt();
        self.touch();
    }

    /// True when the broker holds everything that is complete, as far as is known.
    pub(crate) fn is_committed(&self) -> bool {
        !self.is_committed_doubted() && self.committed().is_some_and(|held| held >= self.committable())
    }

    /// True when the broker has to be asked.
    pub(crate) fn is_committed_doubted(&self) -> bool {
        self.known().is_doubted()
    }

    /// Notes the connection that a commit goes over, or would go over. True when it is another one than before.
    pub(crate) fn meet_keeper(&self, connection: u64) -> bool {
        self.known().meet_keeper(connection)
    }

    /// To be asked before a question or a commit and given to [`Queue::learn_committed`] after it.
    pub(crate) fn commit_round(&self) -> u64 {
        self.known().round()
    }

    /// Notes what the broker answered or took, unless what is known was forgotten or doubted meanwhile.
    pub(crate) fn learn_committed(&self, round: u64, offset: Option<i64>) {
        self.known().learn(round, offset);
    }

    /// Asks for a commit. Costs one swap while one is already asked for; true when none was.
    pub(crate) fn touch(&self) -> bool {
        let first = !self.dirty.swap(true, Ordering::AcqRel);
        if first {
            self.commit.notify_one();
        }
        first
    }

    /// True while a commit is asked for that nobody has begun.
    pub(crate) fn wants_commit(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    /// How far it is, for the watchdog.
    pub(crate) fn steps(&self) -> &Steps {
        &self.steps
    }

    /// What was noted of it for those who look from outside.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What is held and not complete.
    pub(crate) fn cached(&self) -> Cached {
        self.process().cached()
    }

    /// Waits until a commit is asked for, and takes the request.
    pub(crate) async fn touched(&self) {
        while !self.dirty.swap(false, Ordering::AcqRel) {
            self.commit.notified().await;
        }
    }

    /// Waits until the next pull may go out. A queue that holds nothing always may, so that a slow topic
    /// cannot starve the others of the shared budgets.
    pub(crate) async fn room(&self) {
        loop {
            if self.has_room() {
                return;
            }
            let (topic, all) = (self.topic_budget.freed(), self.all_budget.freed());
            // Looked at again after the futures exist, so that nothing freed in between is missed.
            if self.has_room() {
                return;
            }
            tokio::select! {
                () = self.freed.notified() => {}
                () = topic => {}
                () = all => {}
            }
        }
    }

    /// True when the next pull may go out.
    pub(crate) fn has_room(&self) -> bool {
        let (messages, bytes, span) = {
            let process = self.process();
            (process.messages(), process.bytes(), process.span())
        };
        let own = messages < self.limit.messages && bytes < self.limit.bytes && span < self.span_max;
        messages == 0 || (own && self.topic_budget.has_room() && self.all_budget.has_room())
    }

    /// Notes that a callback or a send-back begins; it ends when the answer is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(Arc::clone(self))
    }

    /// Waits until no callback and no send-back runs.
    pub(crate) async fn drained(&self) {
        loop {
            let idle = self.idle.notified();
            if !self.is_busy() {
                return;
            }
            idle.await;
        }
    }

    /// True while a callback or a send-back runs.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.load(Ordering::Acquire) > 0
    }

    /// Cancelled when the queue is to be given up.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Cancelled when the user has heard that the queue is taken away.
    pub(crate) fn heard(&self) -> &CancellationToken {
        &self.heard
    }

    /// True while messages of the batch may still be given back or delivered again.
    pub(crate) fn holds(&self, batch: BatchId) -> bool {
        self.process().holds(batch)
    }

    /// True while messages that a worker has claimed may go to a callback. Costs no lock but in order.
    pub(crate) fn may_begin(&self, batch: BatchId) -> bool {
        self.is_wanted(batch) && self.may_hand_out()
    }

    /// False while the queue may not be ours: orderly messages then stay where they are.
    pub(crate) fn may_hand_out(&self) -> bool {
        self.order.as_ref().is_none_or(Order::is_locked)
    }

    /// Gives the queue up: nothing of it may be handed out from now on.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Waits for [`Queue::close`].
    pub(crate) async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// True after [`Queue::close`].
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// True while messages of the batch may wait for a worker: not when the queue is given up or paused, nor
    /// when it was moved since the batch was pulled.
    pub(crate) fn hands_out(&self, batch: BatchId) -> bool {
        !self.is_closing() && self.is_wanted(batch)
    }

    /// True while the queue was neither paused nor moved since the batch was pulled.
    fn is_wanted(&self, batch: BatchId) -> bool {
        !self.steering.holds_back() && batch >= self.live_from.load(Ordering::SeqCst)
    }

    fn release(&self, freed: Freed) {
        self.topic_budget.release(freed);
        self.all_budget.release(freed);
        self.freed.notify_one();
    }

    fn known(&self) -> MutexGuard<'_, Committed> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn process(&self) -> MutexGuard<'_, ProcessQueue> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A callback or a send-back that runs for a queue.
pub(crate) struct Running(Arc<Queue>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
