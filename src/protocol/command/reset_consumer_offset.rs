//! A broker's word that an administrator moved a group's offsets; from brokers that leave the move to the
//! members (4.x, and 5.x with `useServerSideResetOffset=false`). Nobody waits for an answer.

use bytes::Bytes;

use super::{FieldTable, Request};
use crate::message::MessageQueue;
use crate::protocol::json::Json;
use crate::protocol::queue_json::{offsets_from_json, offsets_to_json};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `ResetOffsetRequestHeader`, as far as a consumer reads it.
    pub struct ResetConsumerOffsetHeader {
        /// The topic.
        topic: String = "topic",
        /// The group.
        group: String = "group",
        /// The time that was asked for, in milliseconds since 1970; -1 for the end. The offsets are those found by it.
        timestamp: Option<i64> = "timestamp",
    }
}

/// The request: its header and the offsets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResetConsumerOffset {
    /// Everything but the offsets.
    pub header: ResetConsumerOffsetHeader,
    /// Where to go on, for each queue of the topic at that broker; also those of other members.
    pub offsets: Vec<(MessageQueue, i64)>,
}

impl FieldTable for ResetConsumerOffset {
    fn write(&self, fields: &mut Fields) {
        self.header.write(fields);
    }

    fn read(fields: &Fields) -> Result<ResetConsumerOffset, ProtocolError> {
        let header = ResetConsumerOffsetHeader::read(fields)?;
        Ok(ResetConsumerOffset { header, offsets: Vec::new() })
    }
}

impl Request for ResetConsumerOffset {
    const CODE: RequestCode = RequestCode::ResetConsumerClientOffset;
    type Answer = ();

    fn body(&self) -> Vec<u8> {
        let offsets = self.offsets.iter().map(|(queue, offset)| (queue, *offset));
        Json::object([("offsetTable", offsets_to_json(offsets))]).to_string().into_bytes()
    }

    fn read_request(header: &Header, body: &Bytes) -> Result<ResetConsumerOffset, ProtocolError> {
        let offsets = match body.is_empty() {
            true => Vec::new(),
            false => Json::parse(body)?.get("offsetTable").map_or(Ok(Vec::new()), offsets_from_json)?,
        };
        Ok(ResetConsumerOffset { offsets, ..ResetConsumerOffset::read(&header.fields)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::request_round_trip;

    fn queue(id: i32) -> MessageQueue {
        MessageQueue { topic: "T".into(), broker: "b".into(), id }
    }

    fn read(body: &'static [u8]) -> Result<ResetConsumerOffset, ProtocolError> {
        let mut header = Header::request(220, Fields::default());
        header.fields.push("topic", "T");
        header.fields.push("group", "G");
        ResetConsumerOffset::read_request(&header, &Bytes::from_static(body))
    }

    #[test]
    fn request_round_trips() {
        let header = ResetConsumerOffsetHeader { topic: "T".into(), group: "G".into(), timestamp: Some(-1) };
        request_round_trip(&ResetConsumerOffset { header, offsets: vec![(queue(0), 5), (queue(1), 0)] });
    }

    #[test]
    fn offsets_come_by_object_keys_as_a_list_or_not_at_all() {
        let keys = br#"{"offsetTable":{{"brokerName":"b","queueId":1,"topic":"T"}:9}}"#;
        let list = br#"{"offsetTable":[{"brokerName":"b","queueId":1,"topic":"T","offset":9}]}"#;
        assert_eq!(read(keys).unwrap().offsets, [(queue(1), 9)]);
        assert_eq!(read(list).unwrap().offsets, [(queue(1), 9)]);
        assert_eq!(read(b"").unwrap().offsets, []);
        assert_eq!(read(b"{}").unwrap().offsets, []);
        assert!(read(b"{").is_err());
    }
}
