//! What a callback is given, and what it answers.

use std::ops::Range;
use std::sync::Arc;

use crate::consumer::process_queue::BatchId;
use crate::consumer::queue::Queue;
use crate::message::{Message, MessageQueue};

/// One answer of a pull, after the filter: the messages and the queue they belong to.
pub(crate) struct PulledBatch {
    /// The queue's books.
    pub(crate) queue: Arc<Queue>,
    /// Its number in those books.
    pub(crate) id: BatchId,
    /// In the order of their offsets; never empty.
    pub(crate) messages: Vec<Message>,
}

/// Messages of one queue, lent to a callback.
pub struct Batch {
    pulled: Arc<PulledBatch>,
    range: Range<usize>,
}

impl Batch {
    pub(crate) fn new(pulled: Arc<PulledBatch>, range: Range<usize>) -> Batch {
        Batch { pulled, range }
    }

    /// How many messages; at least one, at most `consume.batch.size`.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Never true.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The message at `index`.
    pub fn message(&self, index: usize) -> Option<&Message> {
        self.pulled.messages[self.range.clone()].get(index)
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
}

/// What a callback may say beside its outcome.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// With [`Outcome::Later`]: when to deliver again, as a level of the broker's `messageDelayLevel`; 0 lets
    /// the broker decide by the number of tries, -1 sends to the dead letters.
    pub delay_level: i32,
    /// With [`Outcome::Success`]: the last message of the batch that is done; those after it are delivered
    /// again. `None` is all.
    pub ack_index: Option<usize>,
}

/// What a callback made of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Success,
    /// Deliver again later.
    Later,
    /// A value nobody knows; taken as [`Outcome::Later`] and reported.
    Unknown(i32),
}

/// The user's side of consuming.
pub trait MessageHandler: Send + Sync {
    /// Consumes a batch. Runs on a worker thread, up to `consume.thread.max` at once.
    fn consume(&self, batch: &Batch, context: &mut Context) -> Outcome;
}
