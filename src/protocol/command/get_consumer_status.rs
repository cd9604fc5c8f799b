//! A broker's question how far this member is in a topic: an administrator asked (request 223 to the broker).

use bytes::Bytes;

use super::{Answer, Reply, Request};
use crate::message::MessageQueue;
use crate::protocol::json::Json;
use crate::protocol::queue_json::{offsets_from_json, offsets_to_json};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `GetConsumerStatusRequestHeader`.
    pub struct GetConsumerStatus {
        /// The topic.
        topic: String = "topic",
        /// The group.
        group: String = "group",
        /// The member that is meant; brokers leave it out towards us.
        client_id: Option<String> = "clientAddr",
    }
}

impl Request for GetConsumerStatus {
    const CODE: RequestCode = RequestCode::GetConsumerStatusFromClient;
    type Answer = ConsumerStatus;
}

/// Java's `GetConsumerStatusBody`, the part that a client fills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerStatus {
    /// The offset up to which each owned queue is consumed.
    pub offsets: Vec<(MessageQueue, i64)>,
}

impl Answer for ConsumerStatus {
    fn read(_: &Header, body: &Bytes) -> Result<ConsumerStatus, ProtocolError> {
        let offsets =
            Json::parse(body)?.get("messageQueueTable").map_or(Ok(Vec::new()), offsets_from_json)?;
        Ok(ConsumerStatus { offsets })
    }
}

impl Reply for ConsumerStatus {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        let offsets = offsets_to_json(self.offsets.iter().map(|(queue, offset)| (queue, *offset)));
        Json::object([("messageQueueTable", offsets)]).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let request = GetConsumerStatus { topic: "T".into(), group: "G".into(), client_id: None };
        assert_eq!(request_round_trip(&request).len(), 2);
        let queue = MessageQueue { topic: "T".into(), broker: "b".into(), id: 1 };
        answer_round_trip(&ConsumerStatus { offsets: vec![(queue, 7)] });
        answer_round_trip(&ConsumerStatus::default());
    }

    #[test]
    fn damaged_answers_are_refused() {
        for body in [&b""[..], b"{", br#"{"messageQueueTable":{1:2}}"#] {
            assert!(body_error::<ConsumerStatus>(body).is_some());
        }
    }
}
