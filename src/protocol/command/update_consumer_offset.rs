//! Tells a broker up to where a group has consumed a queue.

use bytes::Bytes;

use super::{Answer, Reply, Request};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `UpdateConsumerOffsetRequestHeader`. Java sends it without waiting for the answer; brokers
    /// handle two of them in any order, so we wait.
    pub struct UpdateConsumerOffset {
        /// The group.
        consumer_group: String = "consumerGroup",
        /// The topic of the queue.
        topic: String = "topic",
        /// The queue within the topic at this broker.
        queue_id: i32 = "queueId",
        /// The next offset to consume. The broker also takes one that is lower than before.
        commit_offset: i64 = "commitOffset",
    }
}

impl Request for UpdateConsumerOffset {
    const CODE: RequestCode = RequestCode::UpdateConsumerOffset;
    type Answer = OffsetUpdated;
}

/// What a 5.x broker remarks when it drops an offset because an administrator has set another one.
const RESET_REMARK: &str = "Offset has been previously reset";

/// The broker has the offset, or an administrator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetUpdated {
    /// True when the broker answered success and kept the offset an administrator has set: the next pull
    /// will be told where to go on.
    pub was_reset: bool,
}

impl Answer for OffsetUpdated {
    fn read(header: &Header, _: &Bytes) -> Result<OffsetUpdated, ProtocolError> {
        let was_reset = header.remark.as_deref().is_some_and(|remark| remark.contains(RESET_REMARK));
        Ok(OffsetUpdated { was_reset })
    }
}

impl Reply for OffsetUpdated {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let request = UpdateConsumerOffset {
            consumer_group: "G".into(),
            topic: "T".into(),
            queue_id: 1,
            commit_offset: 8,
        };
        assert_eq!(request_round_trip(&request).find("commitOffset"), Some("8"));
        answer_round_trip(&OffsetUpdated { was_reset: false });
    }

    #[test]
    fn dropped_offset_is_noticed() {
        let mut header = Header::request(0, Fields::default());
        header.remark = Some("Offset has been previously reset".into());
        assert!(OffsetUpdated::read(&header, &Bytes::new()).unwrap().was_reset);
    }
}
