//! What a callback or a poll is given, and what can be answered.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::open::{Open, Verdict};
use super::poll::WeakWorkers;
use crate::consumer::queue::Queue;
use crate::consumer::queue::process_queue::BatchId;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, MessageQueue};

/// One answer of a pull, after the filter: the messages and the queue they belong to.
pub(crate) struct PulledBatch {
    /// The queue's books.
    pub(crate) queue: Arc<Queue>,
    /// Its number in those books.
    pub(crate) id: BatchId,
    /// In the order of their offsets; never empty.
    pub(crate) messages: Vec<Message>,
    /// Who hands it out.
    pub(crate) workers: WeakWorkers,
    /// Shown to the callback at the wish of an administrator: whatever is settled of it, nothing comes of it.
    pub(crate) direct: bool,
}

/// Messages of one queue: lent to a callback, or kept by whoever polled or retained them.
pub struct Batch {
    pulled: Arc<PulledBatch>,
    range: Range<usize>,
    /// Set once somebody keeps it.
    keeper: OnceLock<Arc<Keeper>>,
    /// It ends with a callback.
    lent: bool,
}

impl Batch {
    /// A batch to be lent.
    pub(crate) fn new(pulled: Arc<PulledBatch>, range: Range<usize>) -> Batch {
        Batch { pulled, range, keeper: OnceLock::new(), lent: true }
    }

    /// A batch to be kept.
    pub(super) fn kept(open: Arc<Open>, unsettled: Abandoned) -> Batch {
        Batch::of(Arc::new(Keeper { open, unsettled }))
    }

    fn of(keeper: Arc<Keeper>) -> Batch {
        let (pulled, range) = (Arc::clone(&keeper.open.pulled), keeper.open.range.clone());
        Batch { pulled, range, keeper: OnceLock::from(keeper), lent: false }
    }

    /// How many messages; at least one, at most `consume.batch.size` or what the poll asked for.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Never true.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The message at `index`.
    pub fn message(&self, index: usize) -> Option<&Message> {
        self.messages().get(index)
    }

    /// All of them, in the order of their offsets.
    pub fn messages(&self) -> &[Message] {
        &self.pulled.messages[self.range.clone()]
    }

    /// The queue's topic: `%RETRY%…` for a message that is delivered again.
    pub fn topic(&self) -> &str {
        self.message(0).map_or("", Message::stored_topic)
    }

    /// The broker's name.
    pub fn broker(&self) -> &str {
        &self.pulled.queue.name.broker
    }

    /// The queue's number at that broker.
    pub fn queue_id(&self) -> i32 {
        self.pulled.queue.name.id
    }

    /// Keeps the batch beyond the callback, to be settled later: the callback then answers
    /// [`Outcome::Deferred`]. A kept batch gives itself once more.
    pub fn retain(&self) -> Result<Batch> {
        let workers = self.pulled.workers.upgrade().ok_or_else(closed)?;
        let keeper = self.keeper.get_or_init(|| {
            let open = workers.keep(&self.pulled, self.range.clone());
            Arc::new(Keeper { open, unsettled: Abandoned::Again })
        });
        Ok(Batch::of(Arc::clone(keeper)))
    }

    /// Every message that is not settled yet was consumed.
    pub fn ack(&self) -> Result<()> {
        self.settle(0..self.len(), Verdict::Done, "ack")
    }

    /// Every message up to `index` that is not settled yet was consumed.
    pub fn ack_until(&self, index: usize) -> Result<()> {
        self.check(index)?;
        self.settle(0..index + 1, Verdict::Done, "ack")
    }

    /// One message was consumed.
    pub fn ack_at(&self, index: usize) -> Result<()> {
        self.check(index)?;
        self.settle(index..index + 1, Verdict::Done, "ack")
    }

    /// Every message that is not settled yet shall be delivered again; the level is as in
    /// [`Context::delay_level`].
    pub fn retry(&self, delay_level: i32) -> Result<()> {
        self.settle(0..self.len(), again(delay_level)?, "retry")
    }

    /// One message shall be delivered again.
    pub fn retry_at(&self, index: usize, delay_level: i32) -> Result<()> {
        self.check(index)?;
        self.settle(index..index + 1, again(delay_level)?, "retry")
    }

    /// Every message that is not settled yet shall be delivered again in its place, after the queue has rested.
    /// `None` rests for `suspend.queue.ms`. Orderly consumption only.
    pub fn suspend(&self, rest: Option<Duration>) -> Result<()> {
        let rest = match (&self.pulled.queue.order, rest) {
            (None, _) => {
                let text = "suspend: consume.mode is concurrent; only an orderly queue can rest";
                return Err(Error::new(ErrorKind::State, text));
            }
            (Some(order), rest) => rest.unwrap_or(order.rest),
        };
        self.settle(0..self.len(), Verdict::Rest(rest), "suspend")
    }

    /// How many of a kept batch's messages are not settled; 0 for a lent one.
    pub fn unsettled(&self) -> usize {
        self.open().map_or(0, |open| open.left())
    }

    /// True for one that ends with a callback.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent
    }

    /// How it stands with its messages, once somebody keeps it.
    pub(crate) fn open(&self) -> Option<&Arc<Open>> {
        self.keeper.get().map(|keeper| &keeper.open)
    }

    /// The queue's full name, for logs.
    pub(crate) fn queue_name(&self) -> &MessageQueue {
        &self.pulled.queue.name
    }

    pub(crate) fn pulled(&self) -> &Arc<PulledBatch> {
        &self.pulled
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The part that a callback was done with when it answered that it was.
    pub(crate) fn done(&self, context: &Context) -> Range<usize> {
        let Range { start, end } = self.range();
        start..context.ack_index.map_or(end, |index| end.min(start.saturating_add(index).saturating_add(1)))
    }

    fn check(&self, index: usize) -> Result<()> {
        if index < self.len() {
            return Ok(());
        }
        let text = format!("index is {index}: the batch has {} messages", self.len());
        Err(Error::new(ErrorKind::InvalidArgument, text))
    }

    fn settle(&self, range: Range<usize>, verdict: Verdict, what: &str) -> Result<()> {
        let Some(keeper) = self.keeper.get().filter(|_| !self.lent) else {
            let text =
                format!("{what}: the batch is lent to a callback, whose answer settles it; retain it first");
            return Err(Error::new(ErrorKind::State, text));
        };
        let workers = self.pulled.workers.upgrade().ok_or_else(closed)?;
        let revoked =
            !self.pulled.direct && !self.pulled.queue.holds(self.pulled.id) && keeper.open.left() > 0;
        if workers.settle(&keeper.open, range, verdict) == 0 {
            let text = format!("{what}: settled before, or given back after consume.timeout.ms");
            return Err(Error::new(ErrorKind::State, text));
        }
        match revoked {
            true => {
                let text = format!("{what}: {} was taken away or moved meanwhile", self.pulled.queue.name);
                Err(Error::new(ErrorKind::Revoked, text))
            }
            false => Ok(()),
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the consumer of this batch is gone")
}

fn again(delay_level: i32) -> Result<Verdict> {
    if delay_level < -1 {
        let text = format!("delay_level is {delay_level}: allowed is -1 and more");
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    Ok(Verdict::Again(delay_level))
}

/// What becomes of messages whose last keeper lets go of them unsettled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abandoned {
    /// They are delivered again.
    Again,
    /// They were consumed.
    Done,
}

/// Shared by all handles of a kept batch; the last one decides on what is left.
struct Keeper {
    open: Arc<Open>,
    unsettled: Abandoned,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(workers) = self.open.pulled.workers.upgrade() else { return };
        let verdict = match (self.unsettled, &self.open.pulled.queue.order) {
            (Abandoned::Done, _) => Verdict::Done,
            (Abandoned::Again, Some(order)) => Verdict::Rest(order.rest),
            (Abandoned::Again, None) => Verdict::Again(0),
        };
        workers.settle(&self.open, 0..self.open.range.len(), verdict);
        workers.forget(&self.open);
    }
}

/// What a callback may say beside its outcome.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// With [`Outcome::Later`]: when to deliver again, as a level of the broker's `messageDelayLevel`; 0 lets
    /// the broker decide by the number of tries, -1 sends to the dead letters. In orderly consumption only -1
    /// counts.
    pub delay_level: i32,
    /// With [`Outcome::Success`]: the last message of the batch that is done; those after it are delivered
    /// again. `None` is all.
    pub ack_index: Option<usize>,
    /// How long an orderly queue rests before messages come again. `None` is `suspend.queue.ms`.
    pub suspend: Option<Duration>,
    /// Orderly consumption: whether a success is committed by itself. `None` is `orderly.auto.commit`.
    pub auto_commit: Option<bool>,
}

/// What a callback made of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Success,
    /// Deliver again later.
    Later,
    /// Orderly: deliver again in its place, after the queue has rested.
    Suspend,
    /// Orderly without auto-commit: done, with everything since the last commit.
    Commit,
    /// Orderly without auto-commit: deliver again everything since the last commit.
    Rollback,
    /// Somebody has retained the batch and settles it later.
    Deferred,
    /// A value nobody knows; taken as [`Outcome::Later`] and reported.
    Unknown(i32),
}

/// The user's side of consuming.
pub trait MessageHandler: Send + Sync {
    /// Consumes a batch. Runs on a worker thread, up to `consume.thread.max` at once.
    fn consume(&self, batch: &Batch, context: &mut Context) -> Outcome;
}
