//! Up to where each group has consumed each queue.

use std::collections::BTreeMap;

use rmq::protocol::command::{CommittedOffset, QueryConsumerOffset};

/// Group, topic and queue.
type Key = (String, String, i32);

#[derive(Default)]
pub(super) struct Offsets {
    committed: BTreeMap<Key, i64>,
    /// Where an administrator wants a group to go on: what its next pull is told.
    resets: BTreeMap<Key, i64>,
}

impl Offsets {
    /// As 5.x: a group without an offset on a young queue reads 0, unless the question forbids it.
    pub(super) fn query(&self, request: &QueryConsumerOffset, young: bool) -> CommittedOffset {
        let committed = self.find(&request.consumer_group, &request.topic, request.queue_id);
        let zero = (young && request.set_zero_if_not_found != Some(false)).then_some(0);
        CommittedOffset { offset: committed.or(zero) }
    }

    pub(super) fn find(&self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        self.committed.get(&key(group, topic, queue)).copied()
    }

    /// Takes any offset, lower ones too.
    pub(super) fn set(&mut self, group: &str, topic: &str, queue: i32, offset: Option<i64>) {
        match offset {
            Some(offset) => self.committed.insert(key(group, topic, queue), offset),
            None => self.committed.remove(&key(group, topic, queue)),
        };
    }

    /// Moves a group: its commits are dropped until a pull was told.
    pub(super) fn reset(&mut self, group: &str, topic: &str, queue: i32, offset: i64) {
        self.set(group, topic, queue, Some(offset));
        self.resets.insert(key(group, topic, queue), offset);
    }

    pub(super) fn is_reset(&self, group: &str, topic: &str, queue: i32) -> bool {
        self.resets.contains_key(&key(group, topic, queue))
    }

    /// What the next pull is told, once.
    pub(super) fn take_reset(&mut self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        self.resets.remove(&key(group, topic, queue))
    }
}

fn key(group: &str, topic: &str, queue: i32) -> Key {
    (group.to_owned(), topic.to_owned(), queue)
}
