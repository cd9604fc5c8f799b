//! Asks for the members of a group.

use bytes::Bytes;

use super::{Answer, Reply, Request};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `GetConsumerListByGroupRequestHeader`.
    pub struct GetConsumerList {
        /// The group.
        consumer_group: String = "consumerGroup",
    }
}

impl Request for GetConsumerList {
    const CODE: RequestCode = RequestCode::GetConsumerListByGroup;
    type Answer = ConsumerList;
}

/// Java's `GetConsumerListByGroupResponseBody`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerList {
    /// The client ids this broker has a connection of, in no order. An id may stand twice: two clients that
    /// call themselves the same.
    pub ids: Vec<String>,
}

impl Answer for ConsumerList {
    fn read(_: &Header, body: &Bytes) -> Result<ConsumerList, ProtocolError> {
        // A broker that knows the group and has nobody in it sends no body.
        if body.is_empty() {
            return Ok(ConsumerList::default());
        }
        let json = Json::parse(body)?;
        let ids = json.get("consumerIdList").map_or(&[][..], Json::elements);
        let text = |id: &Json| id.as_str().map(str::to_owned);
        let ids = ids.iter().map(text).collect::<Option<Vec<_>>>().ok_or_else(|| ProtocolError::Field {
            name: "consumerIdList",
            problem: "holds what is no string".to_owned(),
        })?;
        Ok(ConsumerList { ids })
    }
}

impl Reply for ConsumerList {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        let ids = self.ids.iter().map(|id| Json::from(id.as_str())).collect();
        Json::object([("consumerIdList", ids)]).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        request_round_trip(&GetConsumerList { consumer_group: "G".into() });
        answer_round_trip(&ConsumerList { ids: vec!["10.0.0.1@1#2".into(), "b".into()] });
        answer_round_trip(&ConsumerList::default());
    }

    #[test]
    fn damaged_lists_are_refused() {
        assert_eq!(body_error::<ConsumerList>(b""), None);
        for body in [&b"{"[..], br#"{"consumerIdList":["a"#, br#"{"consumerIdList":[1]}"#, b"\xff"] {
            assert!(body_error::<ConsumerList>(body).is_some());
        }
    }
}
