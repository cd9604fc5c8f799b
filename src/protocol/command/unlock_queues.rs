//! Gives locks on queues back.

use bytes::Bytes;

use super::{FieldTable, LockQueues, Request};
use crate::message::MessageQueue;
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

/// Java's `UnlockBatchRequestBody`. All of it travels in the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnlockQueues {
    /// The group the locks were taken for.
    pub consumer_group: String,
    /// The client that holds them; locks of others stay.
    pub client_id: String,
    /// The queues.
    pub queues: Vec<MessageQueue>,
}

/// The header has no field; [`Request::read_request`] reads the body.
impl FieldTable for UnlockQueues {
    fn write(&self, _: &mut Fields) {}

    fn read(_: &Fields) -> Result<UnlockQueues, ProtocolError> {
        Ok(UnlockQueues::default())
    }
}

impl Request for UnlockQueues {
    const CODE: RequestCode = RequestCode::UnlockBatchMq;
    type Answer = ();

    fn body(&self) -> Vec<u8> {
        // The two bodies have the same members in Java, too.
        let UnlockQueues { consumer_group, client_id, queues } = self.clone();
        LockQueues { consumer_group, client_id, queues }.to_json().to_string().into_bytes()
    }

    fn read_request(_: &Header, body: &Bytes) -> Result<UnlockQueues, ProtocolError> {
        let LockQueues { consumer_group, client_id, queues } = LockQueues::from_json(&Json::parse(body)?)?;
        Ok(UnlockQueues { consumer_group, client_id, queues })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::request_round_trip;

    #[test]
    fn request_round_trips() {
        let queues = vec![MessageQueue { topic: "T".into(), broker: "b".into(), id: 7 }];
        request_round_trip(&UnlockQueues { consumer_group: "G".into(), client_id: "c".into(), queues });
        let header = Header::request(42, Fields::default());
        assert!(UnlockQueues::read_request(&header, &Bytes::from_static(b"{\"mqSet\":[{")).is_err());
    }
}
