//! Topics, their queues, and the messages in them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use rmq::message::property::{Properties, name};
use rmq::protocol::ResponseCode;
use rmq::protocol::java::string_hash;
use rmq::protocol::record_builder::RecordBuilder;

use super::Outcome;
use crate::effects::Refusal;

/// A stored message.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its fields.
    pub message: RecordBuilder,
    /// Its bytes, as a pull gets them.
    pub record: Vec<u8>,
}

impl Stored {
    /// The value of a property.
    pub fn property(&self, key: &str) -> Option<&str> {
        let value = Properties(&self.message.properties).find(key.as_bytes())?;
        std::str::from_utf8(value).ok()
    }

    /// The hash of its tag, 0 without one: what a broker filters by.
    pub(super) fn tag_hash(&self) -> i32 {
        self.property(name::TAGS).map_or(0, string_hash)
    }
}

pub(super) struct Store {
    address: SocketAddr,
    topics: BTreeMap<String, Vec<Queue>>,
    /// The end of the commit log that all queues share.
    commit_log_end: i64,
}

#[derive(Default)]
struct Queue {
    /// The offset of `messages[0]`.
    first: i64,
    /// The smallest offset that may be read.
    min: i64,
    messages: Vec<Stored>,
}

impl Store {
    pub(super) fn new(address: SocketAddr) -> Store {
        Store { address, topics: BTreeMap::new(), commit_log_end: 0 }
    }

    /// Creates a topic; one that exists never loses queues.
    pub(super) fn create(&mut self, topic: &str, queues: i32) {
        let count = usize::try_from(queues).unwrap_or(0);
        let topic = self.topics.entry(topic.to_owned()).or_default();
        if topic.len() < count {
            topic.resize_with(count, Queue::default);
        }
    }

    pub(super) fn delete(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    pub(super) fn topics(&self) -> Vec<String> {
        self.topics.keys().cloned().collect()
    }

    /// From now on messages are stored at another address.
    pub(super) fn moved(&mut self, address: SocketAddr) {
        self.address = address;
    }

    pub(super) fn queue_count(&self, topic: &str) -> Option<i32> {
        self.topics.get(topic).map(|queues| i32::try_from(queues.len()).unwrap_or(i32::MAX))
    }

    /// Stores a message and answers its places in the queue and in the commit log, which are filled in here.
    pub(super) fn append(&mut self, mut message: RecordBuilder) -> Outcome<(i64, i64)> {
        let (commit_log_offset, address) = (self.commit_log_end, self.address);
        let queue = self.queue_mut(&message.topic, message.queue_id)?;
        let offset = queue.end();
        message.queue_offset = offset;
        message.commit_log_offset = commit_log_offset;
        message.store_host = address;
        if message.store_timestamp == 0 {
            message.store_timestamp = now_ms();
        }
        let record = message.to_vec();
        let size = i64::try_from(record.len()).unwrap_or(0);
        queue.messages.push(Stored { message, record });
        self.commit_log_end += size;
        Ok((offset, commit_log_offset))
    }

    /// The messages of a queue from `offset` on.
    pub(super) fn read(&self, topic: &str, queue: i32, offset: i64) -> Outcome<&[Stored]> {
        let queue = self.queue(topic, queue)?;
        let start = usize::try_from(offset - queue.first).unwrap_or(0);
        Ok(queue.messages.get(start..).unwrap_or_default())
    }

    /// The message at a place in the commit log.
    pub(super) fn at(&self, commit_log_offset: i64) -> Option<&Stored> {
        let mut all = self.topics.values().flatten().flat_map(|queue| &queue.messages);
        all.find(|stored| stored.message.commit_log_offset == commit_log_offset)
    }

    pub(super) fn edit(&mut self, topic: &str, queue: i32, offset: i64, edit: impl FnOnce(&mut Vec<u8>)) {
        if let Ok(queue) = self.queue_mut(topic, queue)
            && let Ok(at) = usize::try_from(offset - queue.first)
            && let Some(stored) = queue.messages.get_mut(at)
        {
            edit(&mut stored.record);
        }
    }

    /// Lets a queue end and begin at `offset`, as after a loss of all its messages.
    pub(super) fn clear(&mut self, topic: &str, queue: i32, offset: i64) {
        if let Ok(queue) = self.queue_mut(topic, queue) {
            *queue = Queue { first: offset, min: offset, messages: Vec::new() };
        }
    }

    /// Makes everything before `min` unreadable, as when it has expired.
    pub(super) fn set_min(&mut self, topic: &str, queue: i32, min: i64) {
        if let Ok(queue) = self.queue_mut(topic, queue) {
            queue.min = min;
        }
    }

    pub(super) fn min(&self, topic: &str, queue: i32) -> Outcome<i64> {
        self.queue(topic, queue).map(|queue| queue.min)
    }

    pub(super) fn max(&self, topic: &str, queue: i32) -> Outcome<i64> {
        self.queue(topic, queue).map(Queue::end)
    }

    /// Whether the first message that a queue ever had can still be read.
    pub(super) fn has_first(&self, topic: &str, queue: i32) -> bool {
        self.queue(topic, queue).is_ok_and(|queue| queue.min == 0 && queue.end() > 0)
    }

    /// The first message stored at `timestamp` or later, else the end of the queue (as 5.x).
    pub(super) fn search(&self, topic: &str, queue: i32, timestamp: i64) -> Outcome<i64> {
        let queue = self.queue(topic, queue)?;
        let found = queue.messages.iter().find(|stored| stored.message.store_timestamp >= timestamp);
        Ok(found.map_or(queue.end(), |stored| stored.message.queue_offset.max(queue.min)))
    }

    fn queue(&self, topic: &str, queue: i32) -> Outcome<&Queue> {
        let queues = self.topics.get(topic).ok_or_else(|| no_topic(topic))?;
        usize::try_from(queue).ok().and_then(|id| queues.get(id)).ok_or_else(|| no_queue(topic, queue))
    }

    fn queue_mut(&mut self, topic: &str, queue: i32) -> Outcome<&mut Queue> {
        let queues = self.topics.get_mut(topic).ok_or_else(|| no_topic(topic))?;
        usize::try_from(queue).ok().and_then(|id| queues.get_mut(id)).ok_or_else(|| no_queue(topic, queue))
    }
}

impl Queue {
    fn end(&self) -> i64 {
        self.first + i64::try_from(self.messages.len()).unwrap_or(0)
    }
}

pub(super) fn no_topic(topic: &str) -> Refusal {
    Refusal::new(ResponseCode::TopicNotExist, format!("topic[{topic}] not exist, apply first please!"))
}

fn no_queue(topic: &str, queue: i32) -> Refusal {
    Refusal::new(ResponseCode::InvalidParameter, format!("queueId[{queue}] is illegal, topic:[{topic}]"))
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
