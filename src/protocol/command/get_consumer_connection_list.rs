//! Asks a broker who is in a group and what the group subscribes to.

use bytes::Bytes;

use super::{Answer, Reply, Request, SubscriptionData};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `GetConsumerConnectionListRequestHeader`.
    pub struct GetConsumerConnectionList {
        /// The group.
        consumer_group: String = "consumerGroup",
    }
}

impl Request for GetConsumerConnectionList {
    const CODE: RequestCode = RequestCode::GetConsumerConnectionList;
    type Answer = ConsumerConnections;
}

/// Java's `ConsumerConnection`, as far as it tells of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerConnections {
    /// The client ids of the members, in no order.
    pub clients: Vec<String>,
    /// The one table the group has at this broker: the topics of the last heartbeat, and of each topic the
    /// expression with the greatest version that anybody announced.
    pub subscriptions: Vec<SubscriptionData>,
}

impl Answer for ConsumerConnections {
    fn read(_: &Header, body: &Bytes) -> Result<ConsumerConnections, ProtocolError> {
        let json = Json::parse(body)?;
        let clients = json.get("connectionSet").map_or(&[][..], Json::elements).iter();
        let table = json.get("subscriptionTable").map_or(&[][..], Json::members).iter();
        Ok(ConsumerConnections {
            clients: clients
                .filter_map(|one| one.get("clientId").and_then(Json::as_str))
                .map(str::to_owned)
                .collect(),
            subscriptions: table
                .map(|(_, data)| SubscriptionData::from_json(data))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Reply for ConsumerConnections {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        let client = |id: &String| Json::object([("clientId", Json::from(id.as_str()))]);
        let table = self.subscriptions.iter().map(|data| (Json::from(data.topic.as_str()), data.to_json()));
        Json::object([
            ("connectionSet", self.clients.iter().map(client).collect()),
            ("subscriptionTable", Json::Object(table.collect())),
        ])
        .to_string()
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, read_answer, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let fields = request_round_trip(&GetConsumerConnectionList { consumer_group: "G".into() });
        assert_eq!(fields.find("consumerGroup"), Some("G"));
        let subscription = SubscriptionData {
            topic: "T".into(),
            expression: "a".into(),
            expression_type: "TAG".into(),
            ..SubscriptionData::default()
        };
        answer_round_trip(&ConsumerConnections {
            clients: vec!["one".into(), "two".into()],
            subscriptions: vec![subscription],
        });
    }

    #[test]
    fn what_a_broker_says_beside_is_passed_over() {
        let body = br#"{"connectionSet":[{"clientAddr":"127.0.0.1:1","clientId":"c","language":"JAVA","version":1}],"consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","subscriptionTable":{"T":{"classFilterMode":false,"codeSet":[],"expressionType":"SQL92","subString":"a > 1","subVersion":7,"tagsSet":[],"topic":"T"}}}"#;
        let answer: ConsumerConnections = read_answer(&[], body).unwrap();
        assert_eq!(answer.clients, ["c"]);
        let [subscription] = &answer.subscriptions[..] else { panic!("one subscription") };
        assert_eq!((subscription.version, &*subscription.expression_type), (7, "SQL92"));
    }

    #[test]
    fn damaged_bodies_are_refused() {
        for body in [&b""[..], b"[", br#"{"subscriptionTable":{"T":{}}}"#] {
            assert!(body_error::<ConsumerConnections>(body).is_some());
        }
    }
}
