//! Asks up to where a group has consumed a queue.

use bytes::Bytes;

use super::{Answer, Reply, Request};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode, ResponseCode};

fields! {
    /// Java's `QueryConsumerOffsetRequestHeader`.
    pub struct QueryConsumerOffset {
        /// The group.
        consumer_group: String = "consumerGroup",
        /// The topic of the queue.
        topic: String = "topic",
        /// The queue within the topic at this broker.
        queue_id: i32 = "queueId",
        /// False keeps a 5.x broker from answering 0 for a group it does not know while the queue is young.
        /// 4.9 ignores it.
        set_zero_if_not_found: Option<bool> = "setZeroIfNotFound",
    }
}

impl Request for QueryConsumerOffset {
    const CODE: RequestCode = RequestCode::QueryConsumerOffset;
    type Answer = CommittedOffset;
}

/// Java's `QueryConsumerOffsetResponseHeader`. Only QUERY_NOT_FOUND means that there is none; every other
/// failure means that nobody knows, and must not be taken for 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to consume; `None` when the group has not committed any.
    pub offset: Option<i64>,
}

impl Answer for CommittedOffset {
    fn accepts(code: ResponseCode) -> bool {
        matches!(code, ResponseCode::Success | ResponseCode::QueryNotFound)
    }

    fn read(header: &Header, body: &Bytes) -> Result<CommittedOffset, ProtocolError> {
        if ResponseCode::from(header.code) == ResponseCode::QueryNotFound {
            return Ok(CommittedOffset { offset: None });
        }
        let offset = super::OffsetAnswer::read(header, body)?.offset;
        // Java's clients take a negative offset for none, too.
        Ok(CommittedOffset { offset: (offset >= 0).then_some(offset) })
    }
}

impl Reply for CommittedOffset {
    fn code(&self) -> ResponseCode {
        if self.offset.is_some() { ResponseCode::Success } else { ResponseCode::QueryNotFound }
    }

    fn write_reply(&self, fields: &mut Fields) -> Vec<u8> {
        self.offset.map_or_else(Vec::new, |offset| super::OffsetAnswer { offset }.write_reply(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{
        answer_round_trip, field_error, read_answer, request_round_trip,
    };

    #[test]
    fn request_round_trips() {
        let mut request = QueryConsumerOffset {
            consumer_group: "G".into(),
            topic: "T".into(),
            queue_id: 1,
            ..Default::default()
        };
        assert_eq!(request_round_trip(&request).find("setZeroIfNotFound"), None);
        request.set_zero_if_not_found = Some(false);
        assert_eq!(request_round_trip(&request).find("setZeroIfNotFound"), Some("false"));
    }

    #[test]
    fn none_is_not_zero() {
        assert_eq!(answer_round_trip(&CommittedOffset { offset: None }).header.code, 22);
        answer_round_trip(&CommittedOffset { offset: Some(0) });
        assert_eq!(read_answer::<CommittedOffset>(&[("offset", "-1")], b"").unwrap().offset, None);
        assert!(field_error::<CommittedOffset>(&[]).is_some());
        assert!(!CommittedOffset::accepts(ResponseCode::SystemError));
    }
}
