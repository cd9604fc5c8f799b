//! Keeps a client registered at a broker, and tells what its groups subscribe to.

use bytes::Bytes;

use super::{Answer, FieldTable, Reply, Request, SubscriptionData};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

/// Declares an enum of Java's, written by name.
macro_rules! java_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Java's name of the constant.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The constant of that name.
            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

java_enum! {
    /// Who moves messages.
    ConsumeType {
        /// The application pulls.
        Actively = "CONSUME_ACTIVELY",
        /// The library pushes. Only such groups get a retry topic.
        Passively = "CONSUME_PASSIVELY",
        /// The broker hands messages out one by one (5.x).
        Pop = "CONSUME_POP",
    }
}

java_enum! {
    /// Who of a group gets a message.
    MessageModel {
        /// One member.
        Clustering = "CLUSTERING",
        /// Every member.
        Broadcasting = "BROADCASTING",
    }
}

java_enum! {
    /// Where a group begins that has not committed any offset.
    ConsumeFrom {
        /// With what comes from now on.
        LastOffset = "CONSUME_FROM_LAST_OFFSET",
        /// With the oldest stored message.
        FirstOffset = "CONSUME_FROM_FIRST_OFFSET",
        /// With what was stored at a time.
        Timestamp = "CONSUME_FROM_TIMESTAMP",
    }
}

/// Java's `HeartbeatData`. All of it travels in the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heartbeat {
    /// Names this client among the members of its groups.
    pub client_id: String,
    /// Groups this client produces for. Java's consumers name CLIENT_INNER_PRODUCER here.
    pub producer_groups: Vec<String>,
    /// Groups this client consumes for.
    pub consumers: Vec<ConsumerData>,
}

/// Java's `ConsumerData`: a group and what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerData {
    /// The group.
    pub group: String,
    /// Who moves messages.
    pub consume_type: ConsumeType,
    /// Who of the group gets a message.
    pub message_model: MessageModel,
    /// Where the group begins.
    pub consume_from: ConsumeFrom,
    /// Must be the same for every member: the broker keeps the last one it heard.
    pub subscriptions: Vec<SubscriptionData>,
    /// Whether the client names a unit; always false for us.
    pub unit_mode: bool,
}

impl Heartbeat {
    /// The body as an object.
    pub fn to_json(&self) -> Json {
        let producer = |group: &String| Json::object([("groupName", Json::from(group.as_str()))]);
        Json::object([
            ("clientID", Json::from(self.client_id.as_str())),
            ("consumerDataSet", self.consumers.iter().map(ConsumerData::to_json).collect()),
            // Fingerprint 0: every heartbeat carries all subscriptions (4.x knows no other).
            ("heartbeatFingerprint", Json::from(0)),
            ("producerDataSet", self.producer_groups.iter().map(producer).collect()),
            ("withoutSub", Json::from(false)),
        ])
    }

    fn from_json(json: &Json) -> Result<Heartbeat, ProtocolError> {
        let elements = |name| json.get(name).map_or(&[][..], Json::elements).iter();
        let group = |json: &Json| json.get("groupName").and_then(Json::as_str).map(str::to_owned);
        Ok(Heartbeat {
            client_id: json
                .get("clientID")
                .and_then(Json::as_str)
                .ok_or_else(|| missing("clientID"))?
                .to_owned(),
            producer_groups: elements("producerDataSet").filter_map(group).collect(),
            consumers: elements("consumerDataSet").map(ConsumerData::from_json).collect::<Result<_, _>>()?,
        })
    }
}

impl ConsumerData {
    fn to_json(&self) -> Json {
        Json::object([
            ("consumeFromWhere", Json::from(self.consume_from.name())),
            ("consumeType", Json::from(self.consume_type.name())),
            ("groupName", Json::from(self.group.as_str())),
            ("messageModel", Json::from(self.message_model.name())),
            ("subscriptionDataSet", self.subscriptions.iter().map(SubscriptionData::to_json).collect()),
            ("unitMode", Json::from(self.unit_mode)),
        ])
    }

    fn from_json(json: &Json) -> Result<ConsumerData, ProtocolError> {
        let text = |name| json.get(name).and_then(Json::as_str).ok_or_else(|| missing(name));
        let subscriptions = json.get("subscriptionDataSet").map_or(&[][..], Json::elements).iter();
        Ok(ConsumerData {
            group: text("groupName")?.to_owned(),
            consume_type: ConsumeType::from_name(text("consumeType")?)
                .ok_or_else(|| missing("consumeType"))?,
            message_model: MessageModel::from_name(text("messageModel")?)
                .ok_or_else(|| missing("messageModel"))?,
            consume_from: ConsumeFrom::from_name(text("consumeFromWhere")?)
                .ok_or_else(|| missing("consumeFromWhere"))?,
            subscriptions: subscriptions.map(SubscriptionData::from_json).collect::<Result<_, _>>()?,
            unit_mode: json.get("unitMode").and_then(Json::as_bool).unwrap_or(false),
        })
    }
}

fn missing(name: &'static str) -> ProtocolError {
    ProtocolError::Field { name, problem: "is missing in the body or unknown".to_owned() }
}

/// The header has no field; [`Request::read_request`] reads the body.
impl FieldTable for Heartbeat {
    fn write(&self, _: &mut Fields) {}

    fn read(_: &Fields) -> Result<Heartbeat, ProtocolError> {
        Ok(Heartbeat::default())
    }
}

impl Request for Heartbeat {
    const CODE: RequestCode = RequestCode::HeartBeat;
    type Answer = HeartbeatAnswer;

    fn body(&self) -> Vec<u8> {
        self.to_json().to_string().into_bytes()
    }

    fn read_request(_: &Header, body: &Bytes) -> Result<Heartbeat, ProtocolError> {
        Heartbeat::from_json(&Json::parse(body)?)
    }
}

/// The broker took the heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatAnswer {
    /// `MQVersion` ordinal of the broker: the version of the answer's header.
    pub broker_version: i32,
}

impl Answer for HeartbeatAnswer {
    fn read(header: &Header, _: &Bytes) -> Result<HeartbeatAnswer, ProtocolError> {
        Ok(HeartbeatAnswer { broker_version: header.version })
    }
}

impl Reply for HeartbeatAnswer {
    /// The version travels in the header itself; whoever answers sets it there.
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, request_round_trip};
    use crate::protocol::header::VERSION;

    fn heartbeat() -> Heartbeat {
        let subscription = |topic: &str| SubscriptionData {
            topic: topic.into(),
            expression: "*".into(),
            expression_type: "TAG".into(),
            ..SubscriptionData::default()
        };
        Heartbeat {
            client_id: "10.0.0.1@7#8".into(),
            producer_groups: vec!["CLIENT_INNER_PRODUCER".into()],
            consumers: vec![ConsumerData {
                group: "G".into(),
                consume_type: ConsumeType::Passively,
                message_model: MessageModel::Clustering,
                consume_from: ConsumeFrom::Timestamp,
                subscriptions: vec![subscription("T"), subscription("%RETRY%G")],
                unit_mode: false,
            }],
        }
    }

    #[test]
    fn request_and_answer_round_trip() {
        assert!(request_round_trip(&heartbeat()).is_empty());
        request_round_trip(&Heartbeat { client_id: "c".into(), ..Heartbeat::default() });
        answer_round_trip(&HeartbeatAnswer { broker_version: VERSION });
    }

    #[test]
    fn damaged_bodies_are_refused() {
        let header = Header::request(34, Fields::default());
        let good = heartbeat().to_json().to_string();
        let read = |body: &str| Heartbeat::read_request(&header, &Bytes::copy_from_slice(body.as_bytes()));
        assert!(read(&good).is_ok());
        for bad in [
            String::new(),
            good[..good.len() / 2].to_owned(),
            good.replace("CLUSTERING", "SOMETHING"),
            good.replace("groupName", "group"),
            good.replace("clientID", "client"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
