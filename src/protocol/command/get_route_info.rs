//! Asks a name server which brokers have a topic.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Answer, Reply, Request};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

/// Bits of [`QueueData::permission`], Java's `PermName`.
pub mod permission {
    /// Consumers may read.
    pub const READ: i32 = 0x4;
    /// Producers may write.
    pub const WRITE: i32 = 0x2;
}

/// More queues of a topic than any broker can serve; a route that claims more is a mistake, and believing
/// it would mean making them.
const MAX_QUEUES: i32 = 65536;

/// The same for all lines of a route together: a frame has room for a hundred thousand of them.
const MAX_ROUTE_QUEUES: i64 = 1 << 20;

fields! {
    /// Java's `GetRouteInfoRequestHeader`. Answered by TOPIC_NOT_EXIST when there is none.
    pub struct GetRouteInfo {
        /// The topic.
        topic: String = "topic",
        /// True asks for JSON with quoted keys; name servers before 4.9.4 ignore it.
        accept_standard_json_only: Option<bool> = "acceptStandardJsonOnly",
    }
}

impl Request for GetRouteInfo {
    const CODE: RequestCode = RequestCode::GetRouteInfoByTopic;
    type Answer = RouteData;
}

/// Java's `TopicRouteData`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteData {
    /// The brokers, by name.
    pub brokers: Vec<BrokerData>,
    /// How many queues of the topic each of them has.
    pub queues: Vec<QueueData>,
    /// `broker:count;broker:count` for a topic with a fixed order of queues.
    pub order_conf: Option<String>,
}

/// Java's `BrokerData`: a master and its slaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BrokerData {
    /// The name they share.
    pub name: String,
    /// The cluster they belong to.
    pub cluster: String,
    /// `host:port` by broker id; 0 is the master.
    pub addresses: BTreeMap<i64, String>,
    /// True when the slave with the smallest id acts as the master while that is away (5.x).
    pub enable_acting_master: bool,
}

/// Java's `QueueData`: the queues of the topic at one broker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueData {
    /// The broker's name.
    pub broker: String,
    /// Queues that may be read are 0 to this, exclusive.
    pub read_queues: i32,
    /// Queues that may be written are 0 to this, exclusive.
    pub write_queues: i32,
    /// Bit set, see [`permission`].
    pub permission: i32,
    /// Bit set of the topic, Java's `TopicSysFlag`.
    pub topic_sys_flag: i32,
}

impl RouteData {
    /// Reads a route in either form of its keys.
    pub fn from_json(json: &Json) -> Result<RouteData, ProtocolError> {
        let elements = |name| json.get(name).map_or(&[][..], Json::elements).iter();
        let queues = elements("queueDatas").map(QueueData::from_json).collect::<Result<Vec<_>, _>>()?;
        let all = queues.iter().map(|queue| i64::from(queue.read_queues)).sum();
        if all > MAX_ROUTE_QUEUES {
            let what = "sum of readQueueNums";
            return Err(ProtocolError::Length { what, value: all, min: 0, max: MAX_ROUTE_QUEUES });
        }
        Ok(RouteData {
            brokers: elements("brokerDatas").map(BrokerData::from_json).collect::<Result<_, _>>()?,
            queues,
            order_conf: text(json, "orderTopicConf").filter(|conf| !conf.is_empty()),
        })
    }

    /// Writes a route; `quoted_keys` is standard JSON, else broker ids are keys without quotes, as old name
    /// servers write them.
    pub fn to_json(&self, quoted_keys: bool) -> Json {
        let mut members = vec![
            ("brokerDatas", self.brokers.iter().map(|b| b.to_json(quoted_keys)).collect()),
            ("filterServerTable", Json::object([])),
            ("queueDatas", self.queues.iter().map(QueueData::to_json).collect()),
        ];
        members.extend(self.order_conf.as_deref().map(|conf| ("orderTopicConf", Json::from(conf))));
        Json::object(members)
    }
}

impl BrokerData {
    fn from_json(json: &Json) -> Result<BrokerData, ProtocolError> {
        let address = |(key, value): &(Json, Json)| Some((key.as_i64()?, value.as_str()?.to_owned()));
        let addresses = json.get("brokerAddrs").map_or(&[][..], Json::members).iter();
        Ok(BrokerData {
            name: text(json, "brokerName").ok_or_else(|| missing("brokerName"))?,
            cluster: text(json, "cluster").unwrap_or_default(),
            addresses: addresses.map(address).collect::<Option<_>>().ok_or_else(|| missing("brokerAddrs"))?,
            enable_acting_master: json.get("enableActingMaster").and_then(Json::as_bool).unwrap_or(false),
        })
    }

    fn to_json(&self, quoted_keys: bool) -> Json {
        let key = |id: i64| if quoted_keys { Json::String(id.to_string()) } else { Json::Int(id) };
        let address = |(id, address): (&i64, &String)| (key(*id), Json::from(address.as_str()));
        Json::object([
            ("brokerAddrs", Json::Object(self.addresses.iter().map(address).collect())),
            ("brokerName", Json::from(self.name.as_str())),
            ("cluster", Json::from(self.cluster.as_str())),
            ("enableActingMaster", Json::from(self.enable_acting_master)),
        ])
    }
}

impl QueueData {
    fn from_json(json: &Json) -> Result<QueueData, ProtocolError> {
        Ok(QueueData {
            broker: text(json, "brokerName").ok_or_else(|| missing("brokerName"))?,
            read_queues: queue_count(json, "readQueueNums")?,
            write_queues: queue_count(json, "writeQueueNums")?,
            permission: json.get("perm").and_then(Json::as_i32).ok_or_else(|| missing("perm"))?,
            // Written as topicSynFlag before 4.9.
            topic_sys_flag: json
                .get("topicSysFlag")
                .or_else(|| json.get("topicSynFlag"))
                .and_then(Json::as_i32)
                .unwrap_or(0),
        })
    }

    fn to_json(&self) -> Json {
        Json::object([
            ("brokerName", Json::from(self.broker.as_str())),
            ("perm", Json::from(self.permission)),
            ("readQueueNums", Json::from(self.read_queues)),
            ("topicSysFlag", Json::from(self.topic_sys_flag)),
            ("writeQueueNums", Json::from(self.write_queues)),
        ])
    }
}

fn text(json: &Json, name: &str) -> Option<String> {
    json.get(name).and_then(Json::as_str).map(str::to_owned)
}

fn queue_count(json: &Json, name: &'static str) -> Result<i32, ProtocolError> {
    let count = json.get(name).and_then(Json::as_i64).ok_or_else(|| missing(name))?;
    let max = MAX_QUEUES;
    i32::try_from(count).ok().filter(|count| (0..=max).contains(count)).ok_or(ProtocolError::Length {
        what: name,
        value: count,
        min: 0,
        max: i64::from(max),
    })
}

fn missing(name: &'static str) -> ProtocolError {
    ProtocolError::Field { name, problem: "is missing in the route or not of its type".to_owned() }
}

impl Answer for RouteData {
    fn read(_: &Header, body: &Bytes) -> Result<RouteData, ProtocolError> {
        RouteData::from_json(&Json::parse(body)?)
    }
}

impl Reply for RouteData {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        self.to_json(true).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ResponseCode;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    fn route() -> RouteData {
        RouteData {
            brokers: vec![BrokerData {
                name: "broker-a".into(),
                cluster: "C".into(),
                addresses: [(0, "127.0.0.1:10911".into()), (1, "127.0.0.1:10921".into())].into(),
                enable_acting_master: true,
            }],
            queues: vec![QueueData {
                broker: "broker-a".into(),
                read_queues: 8,
                write_queues: 4,
                permission: permission::READ | permission::WRITE,
                topic_sys_flag: 0,
            }],
            order_conf: Some("broker-a:8".into()),
        }
    }

    #[test]
    fn request_and_answer_round_trip() {
        let request = GetRouteInfo { topic: "T".into(), accept_standard_json_only: Some(true) };
        assert_eq!(request_round_trip(&request).find("acceptStandardJsonOnly"), Some("true"));
        answer_round_trip(&route());
        answer_round_trip(&RouteData::default());
        assert!(!RouteData::accepts(ResponseCode::TopicNotExist));
    }

    #[test]
    fn keys_without_quotes_are_read() {
        let text = route().to_json(false).to_string();
        assert!(text.contains(r#"{0:"127.0.0.1:10911",1:"#), "{text}");
        assert_eq!(RouteData::from_json(&Json::parse(text.as_bytes()).unwrap()), Ok(route()));
    }

    #[test]
    fn route_of_an_old_name_server_is_read() {
        let text = r#"{"brokerDatas":[{"brokerAddrs":{0:"h:1"},"brokerName":"b","cluster":"c"}],"filterServerTable":{},
            "queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":1,"topicSynFlag":2,"writeQueueNums":1}]}"#;
        let route = RouteData::from_json(&Json::parse(text.as_bytes()).unwrap()).unwrap();
        assert_eq!((route.queues[0].topic_sys_flag, route.brokers[0].enable_acting_master), (2, false));
        assert_eq!(route.order_conf, None);
    }

    #[test]
    fn a_route_whose_lines_claim_too_many_queues_together_is_refused() {
        let line = QueueData { read_queues: MAX_QUEUES, ..route().queues.remove(0) };
        let of = |lines| RouteData { queues: vec![line.clone(); lines], ..route() }.to_json(true);
        assert!(RouteData::from_json(&of(16)).is_ok());
        let error = RouteData::from_json(&of(17)).unwrap_err().to_string();
        assert_eq!(error, "sum of readQueueNums is 1114112, allowed is 0 to 1048576");
    }

    #[test]
    fn impossible_routes_are_refused() {
        let good = route().to_json(true).to_string();
        for (from, to) in [
            (r#""readQueueNums":8"#, r#""readQueueNums":2147483647"#),
            (r#""readQueueNums":8"#, r#""readQueueNums":-1"#),
            (r#""readQueueNums":8"#, r#""x":1"#),
            (r#""perm":6"#, r#""perm":"rw""#),
            (r#""0":"#, r#""zero":"#),
            ("brokerName", "name"),
            (r#""orderTopicConf""#, "orderTopicConf"),
        ] {
            assert!(good.contains(from));
            assert!(body_error::<RouteData>(good.replace(from, to).as_bytes()).is_some(), "{from} -> {to}");
        }
    }
}
