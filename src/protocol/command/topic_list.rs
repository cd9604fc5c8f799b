//! Asks a name server which topics there are.

use bytes::Bytes;

use super::{Answer, Reply, Request};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Every topic that a broker has registered, retry topics, dead letters and the system's own too.
    pub struct GetAllTopics {}
}

impl Request for GetAllTopics {
    const CODE: RequestCode = RequestCode::GetAllTopicListFromNameServer;
    type Answer = TopicList;
}

fields! {
    /// The names of clusters and brokers: each broker has a topic of its own name and one of its cluster's.
    pub struct GetSystemTopics {}
}

impl Request for GetSystemTopics {
    const CODE: RequestCode = RequestCode::GetSystemTopicListFromNameServer;
    type Answer = TopicList;
}

/// Java's `TopicList`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicList {
    /// The names, in no order.
    pub topics: Vec<String>,
}

impl Answer for TopicList {
    fn read(_: &Header, body: &Bytes) -> Result<TopicList, ProtocolError> {
        // What says nothing of topics must not pass for "there are none".
        let missing = || ProtocolError::Field { name: "topicList", problem: "is missing".to_owned() };
        let json = Json::parse(body)?;
        let topics = json.get("topicList").ok_or_else(missing)?.elements().iter();
        Ok(TopicList { topics: topics.filter_map(Json::as_str).map(str::to_owned).collect() })
    }
}

impl Reply for TopicList {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        let topics = self.topics.iter().map(|topic| Json::from(topic.as_str())).collect();
        Json::object([("topicList", topics)]).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        assert_eq!(request_round_trip(&GetAllTopics {}), Fields::default());
        assert_eq!(request_round_trip(&GetSystemTopics {}), Fields::default());
        answer_round_trip(&TopicList { topics: vec!["T".into(), "%RETRY%G".into()] });
        answer_round_trip(&TopicList::default());
    }

    #[test]
    fn damaged_bodies_are_refused() {
        for body in [&b""[..], b"{}", b"[", br#"{"topicList":["T""#] {
            assert!(body_error::<TopicList>(body).is_some());
        }
    }
}
