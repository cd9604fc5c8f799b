//! Sends a message: a consumer does so when the broker could not take one back.

use bytes::Bytes;

use super::{Answer, FieldTable, Reply, Request};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode, ResponseCode};

fields! {
    /// Java's `SendMessageRequestHeaderV2`, whose names are single letters.
    pub struct SendMessageHeader {
        /// The producer group; a consumer uses CLIENT_INNER_PRODUCER.
        producer_group: String = "a",
        /// The topic to store it in.
        topic: String = "b",
        /// The topic whose settings a new topic takes over: TBW102.
        default_topic: String = "c",
        /// Queues a new topic gets.
        default_topic_queues: i32 = "d",
        /// The queue to store it in; below 0 the broker chooses.
        queue_id: i32 = "e",
        /// Bit set, see [`crate::message::sys_flag`].
        sys_flag: i32 = "f",
        /// When the message was made, in milliseconds since 1970.
        born_timestamp: i64 = "g",
        /// A number of the producer's own.
        flag: i32 = "h",
        /// As [`crate::message::property::encode`] writes them.
        properties: Option<String> = "i",
        /// How often it was tried before.
        reconsume_times: Option<i32> = "j",
        /// Whether the client names a unit; always false for us.
        unit_mode: Option<bool> = "k",
        /// After this many tries it becomes a dead letter.
        max_reconsume_times: Option<i32> = "l",
        /// Whether the body holds several messages.
        batch: bool = "m",
        /// The broker's name, which a proxy in front of it needs.
        broker_name: Option<String> = "n",
    }
}

/// A message to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendMessage {
    /// Everything but the body.
    pub header: SendMessageHeader,
    /// The body, compressed if the header's `sys_flag` says so.
    pub body: Bytes,
}

impl FieldTable for SendMessage {
    fn write(&self, fields: &mut Fields) {
        self.header.write(fields);
    }

    fn read(fields: &Fields) -> Result<SendMessage, ProtocolError> {
        Ok(SendMessage { header: SendMessageHeader::read(fields)?, body: Bytes::new() })
    }
}

impl Request for SendMessage {
    const CODE: RequestCode = RequestCode::SendMessageV2;
    type Answer = SendResult;

    fn body(&self) -> Vec<u8> {
        self.body.to_vec()
    }

    fn read_request(header: &Header, body: &Bytes) -> Result<SendMessage, ProtocolError> {
        Ok(SendMessage { body: body.clone(), ..SendMessage::read(&header.fields)? })
    }
}

fields! {
    /// Java's `SendMessageResponseHeader`.
    pub struct SendResultHeader {
        /// The offset id.
        message_id: String = "msgId",
        /// The queue it went to.
        queue_id: i32 = "queueId",
        /// Its place there.
        queue_offset: i64 = "queueOffset",
        /// The transaction it belongs to.
        transaction_id: Option<String> = "transactionId",
    }
}

/// The message is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendResult {
    /// Success, or how far a broker that copies or flushes before it answers came in time. The message is
    /// stored in each case: Java's `MQClientAPIImpl#processSendResponse` makes no error of them.
    pub code: ResponseCode,
    /// Where it is stored.
    pub header: SendResultHeader,
}

impl Answer for SendResult {
    fn accepts(code: ResponseCode) -> bool {
        use ResponseCode::{FlushDiskTimeout, FlushSlaveTimeout, SlaveNotAvailable, Success};
        matches!(code, Success | FlushDiskTimeout | FlushSlaveTimeout | SlaveNotAvailable)
    }

    fn read(header: &Header, _: &Bytes) -> Result<SendResult, ProtocolError> {
        Ok(SendResult { code: header.code.into(), header: SendResultHeader::read(&header.fields)? })
    }
}

impl Reply for SendResult {
    fn code(&self) -> ResponseCode {
        self.code
    }

    fn write_reply(&self, fields: &mut Fields) -> Vec<u8> {
        self.header.write(fields);
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, field_error, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let header = SendMessageHeader {
            producer_group: "CLIENT_INNER_PRODUCER".into(),
            topic: "%RETRY%G".into(),
            default_topic: "TBW102".into(),
            default_topic_queues: 4,
            properties: Some("DELAY\x013\x02KEYS\x01ä\x02".into()),
            reconsume_times: Some(1),
            ..Default::default()
        };
        let request = SendMessage { header, body: Bytes::from_static(b"\0\xffbody") };
        assert_eq!(request_round_trip(&request).find("b"), Some("%RETRY%G"));
        let header =
            SendResultHeader { message_id: "7F".into(), queue_id: 0, queue_offset: 3, transaction_id: None };
        for code in [ResponseCode::Success, ResponseCode::FlushSlaveTimeout] {
            answer_round_trip(&SendResult { code, header: header.clone() });
        }
    }

    #[test]
    fn answer_without_its_place_is_refused() {
        assert!(field_error::<SendResult>(&[("msgId", "7F"), ("queueId", "0")]).is_some());
        assert!(!SendResult::accepts(ResponseCode::MessageIllegal));
    }
}
