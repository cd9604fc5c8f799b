//! What a scenario has to do with: a cluster, names of its own, and a place to say what it saw.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rmq::message::property;
use rmq::protocol::command::{
    ConsumeFrom, ConsumeType, ConsumerData, GetRouteInfo, Heartbeat, MessageModel, PullMessage, SendMessage,
    SendMessageHeader, SubscriptionData, UpdateAndCreateTopic,
};
use rmq::protocol::java::string_hash;
use rmq::protocol::record::{DecodeOptions, decode_records};
use rmq::protocol::{Frame, RequestCode};
use rmq_testbed::wait_until;

use super::client::{Client, Used};

/// More than a broker needs for anything but its timers.
pub const SOON: Duration = Duration::from_secs(20);

/// Enough for something to arrive that must not.
pub const NEVER: Duration = Duration::from_millis(400);

/// A cluster: where it is reached.
pub struct Target {
    /// `mock`, `5.5.0` or `4.9.7`.
    pub name: String,
    pub name_server: String,
    pub broker: String,
    /// A slave of that broker, if the scenario is about one.
    pub slave: Option<String>,
    /// Lets time pass for locks, which the mock need not wait for.
    pub pass: Box<dyn Fn(Duration) + Sync>,
}

pub struct Scene<'a> {
    pub target: &'a Target,
    /// A topic that nobody else has; not made yet.
    pub topic: String,
    /// A group that nobody else has.
    pub group: String,
    used: Used,
    seen: Vec<String>,
}

impl<'a> Scene<'a> {
    pub fn new(target: &'a Target, number: usize, used: &Used) -> Scene<'a> {
        let (topic, group) = (topic_name(number), group_name(number));
        Scene { target, topic, group, used: Arc::clone(used), seen: Vec::new() }
    }

    pub fn to_broker(&self) -> Client {
        Client::connect(&self.target.broker, &self.used)
    }

    pub fn to_slave(&self) -> Client {
        let slave = self.target.slave.as_ref().expect("the scenario needs a slave");
        Client::connect(slave, &self.used)
    }

    pub fn to_name_server(&self) -> Client {
        Client::connect(&self.target.name_server, &self.used)
    }

    /// Adds to what was seen.
    pub fn saw(&mut self, what: impl Display) {
        self.seen.push(what.to_string());
    }

    /// What was seen, without what is this scene's own.
    pub fn outcome(self) -> String {
        let text = self.seen.join("; ");
        let text = text.replace(&self.topic, "T").replace(&self.group, "G");
        let text = text.replace(&self.target.broker, "MASTER");
        self.target.slave.as_ref().map_or(text.clone(), |slave| text.replace(slave, "SLAVE"))
    }

    /// Makes the topic.
    pub fn topic(&self, queues: i32) {
        let answer = self.to_broker().ask(&new_topic(&self.topic, queues));
        assert_eq!(answer.header.code, 0, "{:?}", answer.header.remark);
    }

    /// Waits until the name server has a route; the brokers tell it in their own time.
    pub fn route(&self, topic: &str) -> Frame {
        let request = GetRouteInfo { topic: topic.to_owned(), accept_standard_json_only: Some(true) };
        let mut client = self.to_name_server();
        wait_until(&format!("the route of {topic}"), SOON, || client.ask(&request).header.code == 0);
        client.ask(&request)
    }

    /// Makes the topic with one queue, and in it messages of these tags, whose bodies are `m0`, `m1`, …
    pub fn filled(&self, tags: &[&str]) {
        self.topic(1);
        for (number, tag) in tags.iter().enumerate() {
            self.stored(&format!("m{number}"), tag);
        }
    }

    /// Sends a message to queue 0 and waits until it can be pulled.
    pub fn stored(&self, body: &str, tag: &str) {
        let answer = self.to_broker().ask(&self.message(body, &[("TAGS", tag)]));
        assert_eq!(answer.header.code, 0, "{:?}", answer.header.remark);
        let offset: i64 = field(&answer, "queueOffset").parse().unwrap();
        self.await_message(&self.topic, offset);
    }

    /// Waits until queue 0 of a topic has this offset: a broker answers a send before its index has it.
    pub fn await_message(&self, topic: &str, offset: i64) {
        let mut client = self.to_broker();
        let pull = self.probe(topic, offset);
        wait_until(&format!("{topic} at {offset}"), SOON, || client.ask(&pull).header.code == 0);
    }

    /// Whether queue 0 of a topic has this offset now.
    pub fn has_message(&self, topic: &str, offset: i64) -> bool {
        self.to_broker().ask(&self.probe(topic, offset)).header.code == 0
    }

    /// A pull as another group, which is not registered and so brings its filter along.
    pub fn probe(&self, topic: &str, offset: i64) -> PullMessage {
        PullMessage {
            topic: topic.to_owned(),
            consumer_group: format!("{}-probe", self.group),
            sys_flag: 4,
            subscription: Some("*".to_owned()),
            ..self.pull(offset)
        }
    }

    /// A message for queue 0 of the topic.
    pub fn message(&self, body: &str, properties: &[(&str, &str)]) -> SendMessage {
        // 5.5.0 would make one that nobody can know.
        let properties = [&[("UNIQ_KEY", "U")], properties].concat();
        SendMessage {
            header: SendMessageHeader {
                producer_group: "CLIENT_INNER_PRODUCER".to_owned(),
                topic: self.topic.clone(),
                default_topic: "TBW102".to_owned(),
                default_topic_queues: 4,
                properties: Some(property::encode(properties)),
                ..SendMessageHeader::default()
            },
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    /// A pull of queue 0 that is not held.
    pub fn pull(&self, offset: i64) -> PullMessage {
        PullMessage {
            consumer_group: self.group.clone(),
            topic: self.topic.clone(),
            queue_offset: offset,
            max_messages: 32,
            expression_type: Some("TAG".to_owned()),
            ..PullMessage::default()
        }
    }

    /// A pull that the broker may hold.
    pub fn held_pull(&self, offset: i64, millis: i64) -> PullMessage {
        PullMessage { sys_flag: 2, suspend_timeout_ms: millis, ..self.pull(offset) }
    }

    /// A heartbeat of a member that subscribes to the topic.
    pub fn beat(&self, client_id: &str, expression: &str, version: i64) -> Heartbeat {
        Heartbeat {
            client_id: client_id.to_owned(),
            producer_groups: vec!["CLIENT_INNER_PRODUCER".to_owned()],
            consumers: vec![ConsumerData {
                group: self.group.clone(),
                consume_type: ConsumeType::Passively,
                message_model: MessageModel::Clustering,
                consume_from: ConsumeFrom::FirstOffset,
                subscriptions: vec![subscription(&self.topic, expression, version)],
                unit_mode: false,
            }],
        }
    }

    /// A connection whose client is a member of the group and has everything of the topic.
    pub fn member(&self, client_id: &str) -> Client {
        self.member_for(client_id, "*")
    }

    pub fn member_for(&self, client_id: &str, expression: &str) -> Client {
        let mut client = self.to_broker();
        let answer = client.ask(&self.beat(client_id, expression, 1000));
        assert_eq!(answer.header.code, 0, "{:?}", answer.header.remark);
        client
    }
}

pub fn topic_name(number: usize) -> String {
    format!("Conform{number}")
}

pub fn group_name(number: usize) -> String {
    format!("conform{number}")
}

pub fn new_topic(topic: &str, queues: i32) -> UpdateAndCreateTopic {
    UpdateAndCreateTopic {
        topic: topic.to_owned(),
        default_topic: "TBW102".to_owned(),
        read_queues: queues,
        write_queues: queues,
        permission: 6,
        filter_type: "SINGLE_TAG".to_owned(),
        topic_sys_flag: Some(0),
        ..UpdateAndCreateTopic::default()
    }
}

pub fn subscription(topic: &str, expression: &str, version: i64) -> SubscriptionData {
    let tags: Vec<String> = match expression {
        "*" => Vec::new(),
        tags => tags.split("||").map(|tag| tag.trim().to_owned()).collect(),
    };
    SubscriptionData {
        topic: topic.to_owned(),
        expression: expression.to_owned(),
        expression_type: "TAG".to_owned(),
        codes: tags.iter().map(|tag| string_hash(tag)).collect(),
        tags,
        version,
    }
}

/// A field of an answer, `-` without it.
pub fn field(frame: &Frame, name: &str) -> String {
    frame.header.fields.find(name).unwrap_or("-").to_owned()
}

/// The code alone.
pub fn code(frame: &Frame) -> String {
    frame.header.code.to_string()
}

/// The code and some fields.
pub fn fields(frame: &Frame, names: &[&str]) -> String {
    let mut text = code(frame);
    for name in names {
        text.push_str(&format!(" {name}={}", field(frame, name)));
    }
    text
}

/// A pull's answer: code, where to go on, and offset and body of each message.
pub fn pulled(frame: &Frame) -> String {
    let mut text = code(frame);
    if frame.header.fields.find("nextBeginOffset").is_some() {
        let [next, min, max, suggested] =
            ["nextBeginOffset", "minOffset", "maxOffset", "suggestWhichBrokerId"].map(|f| field(frame, f));
        text.push_str(&format!(" next {next} of {min}..{max} broker {suggested}"));
    }
    for message in messages(frame) {
        let body = String::from_utf8_lossy(message.body()).into_owned();
        text.push_str(&format!(" {}:{body}", message.queue_offset()));
    }
    text
}

pub fn messages(frame: &Frame) -> Vec<rmq::message::Message> {
    let broker = Arc::from("broker-a");
    let decoded =
        decode_records(&frame.body, &DecodeOptions { check_crc: true, ..DecodeOptions::new(&broker) });
    assert!(decoded.broken.is_empty(), "{:?}", decoded.broken);
    decoded.messages
}

/// How often the broker says so: until it says it no more for a while.
pub fn count(client: &mut Client, code: RequestCode) -> usize {
    let mut count = 0;
    while client.request(code, NEVER).is_some() {
        count += 1;
    }
    count
}
