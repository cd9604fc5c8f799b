//! Locks queues at a broker for one member of a group.

use bytes::Bytes;

use super::{Answer, FieldTable, Reply, Request};
use crate::message::MessageQueue;
use crate::protocol::json::Json;
use crate::protocol::queue_json::{queue_to_json, queues_from_json};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

/// Java's `LockBatchRequestBody`. A lock ends after 60 s at the broker unless it is taken again. All of it
/// travels in the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockQueues {
    /// The group; any text will do as a name of locks.
    pub consumer_group: String,
    /// The client that wants the locks.
    pub client_id: String,
    /// The queues wanted, all at the broker asked.
    pub queues: Vec<MessageQueue>,
}

impl LockQueues {
    pub(super) fn to_json(&self) -> Json {
        Json::object([
            ("clientId", Json::from(self.client_id.as_str())),
            ("consumerGroup", Json::from(self.consumer_group.as_str())),
            ("mqSet", self.queues.iter().map(queue_to_json).collect()),
            // A controller's replicas lock together unless this is set.
            ("onlyThisBroker", Json::from(false)),
        ])
    }

    pub(super) fn from_json(json: &Json) -> Result<LockQueues, ProtocolError> {
        let text = |name| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        Ok(LockQueues {
            consumer_group: text("consumerGroup"),
            client_id: text("clientId"),
            queues: queues_from_json(json.get("mqSet"))?,
        })
    }
}

/// The header has no field; [`Request::read_request`] reads the body.
impl FieldTable for LockQueues {
    fn write(&self, _: &mut Fields) {}

    fn read(_: &Fields) -> Result<LockQueues, ProtocolError> {
        Ok(LockQueues::default())
    }
}

impl Request for LockQueues {
    const CODE: RequestCode = RequestCode::LockBatchMq;
    type Answer = LockedQueues;

    fn body(&self) -> Vec<u8> {
        self.to_json().to_string().into_bytes()
    }

    fn read_request(_: &Header, body: &Bytes) -> Result<LockQueues, ProtocolError> {
        LockQueues::from_json(&Json::parse(body)?)
    }
}

/// Java's `LockBatchResponseBody`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockedQueues {
    /// The queues that are ours now; the others belong to somebody else.
    pub queues: Vec<MessageQueue>,
}

impl Answer for LockedQueues {
    fn read(_: &Header, body: &Bytes) -> Result<LockedQueues, ProtocolError> {
        Ok(LockedQueues { queues: queues_from_json(Json::parse(body)?.get("lockOKMQSet"))? })
    }
}

impl Reply for LockedQueues {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        Json::object([("lockOKMQSet", self.queues.iter().map(queue_to_json).collect())])
            .to_string()
            .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    fn queues() -> Vec<MessageQueue> {
        (0..2).map(|id| MessageQueue { topic: "%RETRY%G".into(), broker: "b".into(), id }).collect()
    }

    #[test]
    fn request_and_answer_round_trip() {
        let request = LockQueues { consumer_group: "G".into(), client_id: "c".into(), queues: queues() };
        assert!(request_round_trip(&request).is_empty());
        answer_round_trip(&LockedQueues { queues: queues() });
        answer_round_trip(&LockedQueues::default());
    }

    #[test]
    fn damaged_answers_are_refused() {
        for body in [&b""[..], b"{", br#"{"lockOKMQSet":[{"topic":"T","brokerName":"b"}]}"#] {
            assert!(body_error::<LockedQueues>(body).is_some());
        }
    }
}
