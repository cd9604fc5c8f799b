//! The name of a queue.

use std::fmt;
use std::sync::Arc;

/// A queue of a topic at one broker. Ordered as Java orders queues before it divides them: topic, broker, id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageQueue {
    /// The topic, as the broker stores it (a retry topic keeps its `%RETRY%`).
    pub topic: Arc<str>,
    /// The broker's name; master and slaves share it.
    pub broker: Arc<str>,
    /// The queue's number at that broker.
    pub id: i32,
}

impl fmt::Display for MessageQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.broker, self.id)
    }
}
