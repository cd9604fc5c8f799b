//! Asks another member, by way of a broker, what it subscribes to.

use bytes::Bytes;

use super::{Answer, Reply, Request, SubscriptionData};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `GetConsumerRunningInfoRequestHeader`: the broker passes it on to the client and its answer back.
    pub struct GetConsumerSubscriptions {
        /// The group.
        consumer_group: String = "consumerGroup",
        /// The member that is asked.
        client_id: String = "clientId",
        /// Whether it shall write down the stacks of its threads: never, it takes long.
        stacks: bool = "jstackEnable",
    }
}

impl Request for GetConsumerSubscriptions {
    const CODE: RequestCode = RequestCode::GetConsumerRunningInfo;
    type Answer = ConsumerSubscriptions;
}

/// The subscriptions of Java's `ConsumerRunningInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerSubscriptions {
    /// One for each topic, the retry topic's too.
    pub subscriptions: Vec<SubscriptionData>,
}

impl Answer for ConsumerSubscriptions {
    fn read(_: &Header, body: &Bytes) -> Result<ConsumerSubscriptions, ProtocolError> {
        let missing = || ProtocolError::Field { name: "subscriptionSet", problem: "is missing".to_owned() };
        let json = Json::parse(body)?;
        let each = json.get("subscriptionSet").ok_or_else(missing)?.elements().iter();
        Ok(ConsumerSubscriptions {
            subscriptions: each.map(SubscriptionData::from_json).collect::<Result<_, _>>()?,
        })
    }
}

impl Reply for ConsumerSubscriptions {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        let each = self.subscriptions.iter().map(SubscriptionData::to_json).collect();
        Json::object([("subscriptionSet", each)]).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let request =
            GetConsumerSubscriptions { consumer_group: "G".into(), client_id: "c".into(), stacks: false };
        assert_eq!(request_round_trip(&request).find("jstackEnable"), Some("false"));
        let subscription = SubscriptionData {
            topic: "T".into(),
            expression_type: "TAG".into(),
            ..SubscriptionData::default()
        };
        answer_round_trip(&ConsumerSubscriptions { subscriptions: vec![subscription] });
    }

    #[test]
    fn damaged_bodies_are_refused() {
        for body in [&b""[..], b"{}", br#"{"subscriptionSet":[{}]}"#] {
            assert!(body_error::<ConsumerSubscriptions>(body).is_some());
        }
    }
}
