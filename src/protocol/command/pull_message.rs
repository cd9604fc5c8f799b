//! Asks a queue for messages, and may wait at the broker for them.

use bytes::Bytes;

use super::{Answer, FieldTable, Reply, Request};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode, ResponseCode};

/// Bits of [`PullMessage::sys_flag`], Java's `PullSysFlag`.
pub mod pull_flag {
    /// The broker may hold the request until something arrives.
    pub const SUSPEND: i32 = 0x2;
    /// The request carries its own subscription expression.
    pub const SUBSCRIPTION: i32 = 0x4;
}

fields! {
    /// Java's `PullMessageRequestHeader`.
    pub struct PullMessage {
        /// The group; it must be registered at this broker by a heartbeat.
        consumer_group: String = "consumerGroup",
        /// The topic of the queue.
        topic: String = "topic",
        /// The queue within the topic at this broker.
        queue_id: i32 = "queueId",
        /// The first queue offset wanted.
        queue_offset: i64 = "queueOffset",
        /// At most this many messages; brokers answer at most 32 from memory whatever is asked.
        max_messages: i32 = "maxMsgNums",
        /// Bit set, see [`pull_flag`].
        sys_flag: i32 = "sysFlag",
        /// Unused by us (a commit that rides on a pull can overtake an update): always 0.
        commit_offset: i64 = "commitOffset",
        /// How long the broker may hold the request, in milliseconds.
        suspend_timeout_ms: i64 = "suspendTimeoutMillis",
        /// The expression, only with [`pull_flag::SUBSCRIPTION`].
        subscription: Option<String> = "subscription",
        /// The version of the subscription that the heartbeat announced, in milliseconds.
        sub_version: i64 = "subVersion",
        /// TAG or SQL92.
        expression_type: Option<String> = "expressionType",
        /// At most this many bytes; 4.9.7 does not know the field.
        max_bytes: Option<i32> = "maxMsgBytes",
    }
}

impl Request for PullMessage {
    const CODE: RequestCode = RequestCode::PullMessage;
    type Answer = PullResult;
}

/// Why a pull ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullStatus {
    /// Messages came.
    Found,
    /// Nothing new within the time the broker held the request.
    NoNewMessage,
    /// Messages were there and none matched the subscription; go on at the next offset.
    NoMatchedMessage,
    /// The offset asked for is outside the queue, or was reset; go on where the broker says.
    OffsetMoved,
}

fields! {
    /// Java's `PullMessageResponseHeader`, the members we use.
    pub struct PullPosition {
        /// Broker id to read this queue from next time (0 is the master).
        suggest_broker_id: Option<i64> = "suggestWhichBrokerId",
        /// The offset to ask for next.
        next_begin_offset: i64 = "nextBeginOffset",
        /// The smallest offset in the queue.
        min_offset: i64 = "minOffset",
        /// The offset after the last message of the queue.
        max_offset: i64 = "maxOffset",
        /// Added to every queue offset of the body (static topics).
        offset_delta: Option<i64> = "offsetDelta",
    }
}

/// A pull's answer: where to go on, and the stored messages.
#[derive(Debug, Clone, PartialEq)]
pub struct PullResult {
    /// Why it ended.
    pub status: PullStatus,
    /// Where to go on.
    pub position: PullPosition,
    /// Stored messages, one after the other (see `protocol::record`).
    pub body: Bytes,
}

impl Answer for PullResult {
    fn accepts(code: ResponseCode) -> bool {
        status(code).is_some()
    }

    fn read(header: &Header, body: &Bytes) -> Result<PullResult, ProtocolError> {
        let status = status(ResponseCode::from(header.code))
            .ok_or(ProtocolError::Unknown { what: "pull status", value: i64::from(header.code) })?;
        Ok(PullResult { status, position: PullPosition::read(&header.fields)?, body: body.clone() })
    }
}

impl Reply for PullResult {
    fn code(&self) -> ResponseCode {
        match self.status {
            PullStatus::Found => ResponseCode::Success,
            PullStatus::NoNewMessage => ResponseCode::PullNotFound,
            PullStatus::NoMatchedMessage => ResponseCode::PullRetryImmediately,
            PullStatus::OffsetMoved => ResponseCode::PullOffsetMoved,
        }
    }

    fn write_reply(&self, fields: &mut Fields) -> Vec<u8> {
        self.position.write(fields);
        self.body.to_vec()
    }
}

/// Java's `MQClientAPIImpl#processPullResponse`.
fn status(code: ResponseCode) -> Option<PullStatus> {
    match code {
        ResponseCode::Success => Some(PullStatus::Found),
        ResponseCode::PullNotFound => Some(PullStatus::NoNewMessage),
        ResponseCode::PullRetryImmediately => Some(PullStatus::NoMatchedMessage),
        ResponseCode::PullOffsetMoved => Some(PullStatus::OffsetMoved),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, field_error, request_round_trip};

    fn pull() -> PullMessage {
        PullMessage {
            consumer_group: "G".into(),
            topic: "T".into(),
            queue_id: 3,
            queue_offset: 1 << 40,
            max_messages: 32,
            sys_flag: pull_flag::SUSPEND,
            suspend_timeout_ms: 15000,
            sub_version: 1_700_000_000_000,
            ..PullMessage::default()
        }
    }

    #[test]
    fn request_round_trips_and_leaves_absent_fields_out() {
        let fields = request_round_trip(&pull());
        assert_eq!(fields.find("queueOffset"), Some("1099511627776"));
        assert_eq!(fields.find("suspendTimeoutMillis"), Some("15000"));
        assert_eq!((fields.find("subscription"), fields.find("maxMsgBytes")), (None, None));
        let full = PullMessage {
            subscription: Some("a || b".into()),
            expression_type: Some("TAG".into()),
            max_bytes: Some(262_144),
            ..pull()
        };
        assert_eq!(request_round_trip(&full).find("maxMsgBytes"), Some("262144"));
    }

    #[test]
    fn every_status_round_trips() {
        use PullStatus::{Found, NoMatchedMessage, NoNewMessage, OffsetMoved};
        for status in [Found, NoNewMessage, NoMatchedMessage, OffsetMoved] {
            let position = PullPosition {
                suggest_broker_id: Some(1),
                next_begin_offset: 7,
                min_offset: 0,
                max_offset: 9,
                offset_delta: None,
            };
            answer_round_trip(&PullResult { status, position, body: Bytes::from_static(b"records") });
        }
        assert!(!PullResult::accepts(ResponseCode::SystemBusy));
    }

    #[test]
    fn missing_and_misshapen_fields_are_named() {
        let ok =
            [("suggestWhichBrokerId", "0"), ("nextBeginOffset", "7"), ("minOffset", "0"), ("maxOffset", "9")];
        assert_eq!(field_error::<PullResult>(&ok), None);
        assert_eq!(
            field_error::<PullResult>(&ok[..3]).as_deref(),
            Some("header field maxOffset: is missing")
        );
        for bad in ["", "x", "1.5", "99999999999999999999"] {
            let fields = [("nextBeginOffset", bad), ok[2], ok[3]];
            assert!(field_error::<PullResult>(&fields).unwrap().contains("nextBeginOffset"), "{bad}");
        }
    }
}
