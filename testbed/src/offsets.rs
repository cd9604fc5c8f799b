//! What the broker says about the offsets of a queue.

use crate::broker::Broker;
use crate::cluster::Cluster;
use crate::remoting;

impl Cluster {
    /// The offset after the last message of a queue.
    pub fn max_offset(&self, topic: &str, queue: u32) -> i64 {
        self.master().max_offset(topic, queue)
    }

    /// The offset of the first message of a queue.
    pub fn min_offset(&self, topic: &str, queue: u32) -> i64 {
        self.queue_offset(remoting::GET_MIN_OFFSET, topic, queue)
    }

    /// The offset a group committed for a queue, or `None` when the broker has none.
    ///
    /// 4.9.7 says 0 for a group that never committed, as long as the first message of the queue is at hand; 5.5.0 does
    /// the same unless asked with `setZeroIfNotFound=false`, as here.
    pub fn committed_offset(&self, group: &str, topic: &str, queue: u32) -> Option<i64> {
        self.master().committed_offset(group, topic, queue)
    }

    /// Sets a group's committed offset for a queue, as a consumer's commit does. The group must exist: a 5.5.0
    /// broker refuses commits of groups that never had a member.
    pub fn commit_offset(&self, group: &str, topic: &str, queue: u32, offset: i64) {
        let (queue, offset) = (queue.to_string(), offset.to_string());
        let fields = [
            ("consumerGroup", group),
            ("topic", topic),
            ("queueId", queue.as_str()),
            ("commitOffset", offset.as_str()),
        ];
        self.ask(remoting::UPDATE_CONSUMER_OFFSET, &fields, &[]);
    }

    fn queue_offset(&self, code: i32, topic: &str, queue: u32) -> i64 {
        let response = self.ask(code, &[("topic", topic), ("queueId", &queue.to_string())], &[]);
        response.number("offset").unwrap_or_else(|| panic!("no offset in {response:?}"))
    }
}

impl Broker {
    /// The offset after the last message of a queue at this broker.
    pub fn max_offset(&self, topic: &str, queue: u32) -> i64 {
        let answer =
            self.request(remoting::GET_MAX_OFFSET, &[("topic", topic), ("queueId", &queue.to_string())], &[]);
        let offset = answer.as_ref().ok().and_then(|answer| answer.number("offset"));
        offset.unwrap_or_else(|| panic!("no end of {topic}/{queue}: {answer:?}"))
    }

    /// The same at this broker.
    pub fn committed_offset(&self, group: &str, topic: &str, queue: u32) -> Option<i64> {
        const QUERY_NOT_FOUND: i32 = 22;
        let queue = queue.to_string();
        let fields =
            [("consumerGroup", group), ("topic", topic), ("queueId", &queue), ("setZeroIfNotFound", "false")];
        let response = self
            .request(remoting::QUERY_CONSUMER_OFFSET, &fields, &[])
            .unwrap_or_else(|e| panic!("the broker does not answer: {e}"));
        match response.code {
            0 => response.number("offset"),
            QUERY_NOT_FOUND => None,
            code => panic!("committed offset of {group} on {topic}/{queue}: {code} {}", response.remark),
        }
    }
}
