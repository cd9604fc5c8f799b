//! Asks for the offset of a point in time.

use bytes::Bytes;

use super::{Answer, FieldTable, Reply, Request};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `SearchOffsetRequestHeader`. For a time behind the last message 5.x answers the offset after
    /// it, 4.9 its own offset.
    pub struct SearchOffset {
        /// The topic of the queue.
        topic: String = "topic",
        /// The queue within the topic at this broker.
        queue_id: i32 = "queueId",
        /// Milliseconds since 1970, compared with store timestamps.
        timestamp: i64 = "timestamp",
        /// LOWER or UPPER: which one of several messages of that time (5.x); absent means LOWER.
        boundary_type: Option<String> = "boundaryType",
    }
}

impl Request for SearchOffset {
    const CODE: RequestCode = RequestCode::SearchOffsetByTimestamp;
    type Answer = OffsetAnswer;
}

fields! {
    /// An offset in the queue asked for: Java's `SearchOffsetResponseHeader`, `GetMaxOffsetResponseHeader`
    /// and `GetMinOffsetResponseHeader`.
    #[derive(Copy)]
    pub struct OffsetAnswer {
        /// The offset.
        offset: i64 = "offset",
    }
}

impl Answer for OffsetAnswer {
    fn read(header: &Header, _: &Bytes) -> Result<OffsetAnswer, ProtocolError> {
        <OffsetAnswer as FieldTable>::read(&header.fields)
    }
}

impl Reply for OffsetAnswer {
    fn write_reply(&self, fields: &mut Fields) -> Vec<u8> {
        self.write(fields);
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, field_error, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let request = SearchOffset {
            topic: "T".into(),
            queue_id: 1,
            timestamp: 1_700_000_000_000,
            boundary_type: None,
        };
        assert_eq!(request_round_trip(&request).find("timestamp"), Some("1700000000000"));
        answer_round_trip(&OffsetAnswer { offset: i64::MAX });
    }

    #[test]
    fn answer_without_offset_is_refused() {
        assert_eq!(field_error::<OffsetAnswer>(&[]).as_deref(), Some("header field offset: is missing"));
        assert!(field_error::<OffsetAnswer>(&[("offset", "9223372036854775808")]).is_some());
    }
}
