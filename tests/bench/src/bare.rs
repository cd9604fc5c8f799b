//! A bare client over blocking sockets: one connection, requests written and answers read by hand.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use rmq::protocol::command::pull_message::pull_flag;
use rmq::protocol::command::{
    Answer, ConsumeFrom, ConsumeType, ConsumerData, GetRouteInfo, Heartbeat, MessageModel, PullMessage,
    PullResult, QueryConsumerOffset, Request, RouteData, SubscriptionData,
};
use rmq::protocol::frame::{LENGTH_BYTES, frame_length};
use rmq::protocol::header::Encoding;
use rmq::protocol::{Fields, Frame, Header};

/// A connection to a name server or broker.
pub struct Bare {
    stream: TcpStream,
    next: i32,
}

impl Bare {
    /// Connects.
    pub fn connect(address: &str) -> Bare {
        let stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        stream.set_nodelay(true).unwrap();
        Bare { stream, next: 0 }
    }

    /// Sends a request; its number comes back with the answer.
    pub fn send<R: Request>(&mut self, request: &R) -> i32 {
        let mut fields = Fields::default();
        request.write(&mut fields);
        let mut header = Header::request(R::CODE.into(), fields);
        self.next += 1;
        header.opaque = self.next;
        let frame = Frame { header, body: Bytes::from(request.body()) };
        self.stream.write_all(&frame.encode(Encoding::Json)).unwrap();
        self.next
    }

    /// Reads the next frame.
    pub fn receive(&mut self) -> Frame {
        let mut length = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; frame_length(length).unwrap()];
        self.stream.read_exact(&mut bytes).unwrap();
        Frame::decode(&Bytes::from(bytes)).unwrap()
    }

    /// Sends a request and reads until its answer; pushes of the broker in between are dropped.
    pub fn call<R: Request>(&mut self, request: &R) -> R::Answer {
        let opaque = self.send(request);
        loop {
            let frame = self.receive();
            if frame.header.is_response() && frame.header.opaque == opaque {
                assert!(R::Answer::accepts(frame.header.code.into()), "{:?}", frame.header);
                return R::Answer::read(&frame.header, &frame.body).unwrap();
            }
        }
    }
}

/// A topic at its only broker, registered for `group`.
pub struct Registered {
    /// The connection to the broker.
    pub broker: Bare,
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// How many queues it has.
    pub queues: i32,
}

impl Registered {
    /// Asks the name server for the broker and signs up there with a heartbeat.
    pub fn new(namesrv: &str, group: &str, topic: &str) -> Registered {
        let request = GetRouteInfo { topic: topic.to_owned(), ..GetRouteInfo::default() };
        let route: RouteData = Bare::connect(namesrv).call(&request);
        let mut broker = Bare::connect(route.brokers[0].addresses.values().next().unwrap());
        broker.call(&heartbeat(group, topic));
        let (group, topic) = (group.to_owned(), topic.to_owned());
        Registered { broker, group, topic, queues: route.queues[0].read_queues }
    }

    /// The group's committed offset of a queue.
    pub fn committed(&mut self, queue_id: i32) -> Option<i64> {
        let request = QueryConsumerOffset {
            consumer_group: self.group.clone(),
            topic: self.topic.clone(),
            queue_id,
            set_zero_if_not_found: Some(false),
        };
        self.broker.call(&request).offset
    }

    /// Sends a pull of the queue from the offset.
    pub fn pull(&mut self, queue_id: i32, queue_offset: i64) -> i32 {
        self.broker.send(&PullMessage {
            consumer_group: self.group.clone(),
            topic: self.topic.clone(),
            queue_id,
            queue_offset,
            max_messages: 32,
            sys_flag: pull_flag::SUSPEND,
            suspend_timeout_ms: 15_000,
            expression_type: Some("TAG".to_owned()),
            max_bytes: Some(262_144),
            ..PullMessage::default()
        })
    }

    /// Reads the next pull's answer and the number of its request.
    pub fn pulled(&mut self) -> (i32, PullResult) {
        loop {
            let frame = self.broker.receive();
            if frame.header.is_response() {
                assert!(PullResult::accepts(frame.header.code.into()), "{:?}", frame.header);
                return (frame.header.opaque, PullResult::read(&frame.header, &frame.body).unwrap());
            }
        }
    }
}

fn heartbeat(group: &str, topic: &str) -> Heartbeat {
    Heartbeat {
        client_id: format!("127.0.0.1@bare{}", std::process::id()),
        producer_groups: Vec::new(),
        consumers: vec![ConsumerData {
            group: group.to_owned(),
            consume_type: ConsumeType::Passively,
            message_model: MessageModel::Clustering,
            consume_from: ConsumeFrom::FirstOffset,
            subscriptions: vec![SubscriptionData {
                topic: topic.to_owned(),
                expression: "*".to_owned(),
                expression_type: "TAG".to_owned(),
                ..SubscriptionData::default()
            }],
            unit_mode: false,
        }],
    }
}
