//! Up to where each group has consumed each queue.

use std::collections::BTreeMap;

use rmq::protocol::command::{CommittedOffset, OffsetUpdated, QueryConsumerOffset, UpdateConsumerOffset};

/// By group, topic and queue.
#[derive(Default)]
pub(super) struct Offsets(BTreeMap<(String, String, i32), i64>);

impl Offsets {
    /// As 5.x: a group without an offset on a young queue reads 0, unless the question forbids it.
    pub(super) fn query(&self, request: &QueryConsumerOffset, min: i64) -> CommittedOffset {
        let committed = self.find(&request.consumer_group, &request.topic, request.queue_id);
        let zero = (min == 0 && request.set_zero_if_not_found != Some(false)).then_some(0);
        CommittedOffset { offset: committed.or(zero) }
    }

    /// Takes any offset, lower ones too.
    pub(super) fn update(&mut self, request: &UpdateConsumerOffset) -> OffsetUpdated {
        let offset = Some(request.commit_offset);
        self.set(&request.consumer_group, &request.topic, request.queue_id, offset);
        OffsetUpdated { was_reset: false }
    }

    pub(super) fn find(&self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        self.0.get(&(group.to_owned(), topic.to_owned(), queue)).copied()
    }

    pub(super) fn set(&mut self, group: &str, topic: &str, queue: i32, offset: Option<i64>) {
        let key = (group.to_owned(), topic.to_owned(), queue);
        match offset {
            Some(offset) => self.0.insert(key, offset),
            None => self.0.remove(&key),
        };
    }
}
