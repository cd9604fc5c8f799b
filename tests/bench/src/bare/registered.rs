//! A member of a group by hand: route, heartbeat, member list, offsets, pulls.

use rmq::protocol::command::pull_message::pull_flag;
use rmq::protocol::command::{
    Answer, ConsumeFrom, ConsumeType, ConsumerData, ConsumerList, GetConsumerList, GetRouteInfo, Heartbeat,
    MessageModel, PullMessage, PullResult, QueryConsumerOffset, RouteData, SubscriptionData,
    UpdateConsumerOffset,
};

use super::connection::Bare;

/// A topic at its only broker, registered for `group`.
pub(super) struct Registered {
    /// The connection to the broker.
    pub(super) broker: Bare,
    /// The group.
    pub(super) group: String,
    /// The topic.
    pub(super) topic: String,
    /// How many queues it has.
    pub(super) queues: i32,
}

impl Registered {
    /// Asks the name server for the broker and signs up there with a heartbeat.
    pub(super) fn new(namesrv: &str, group: &str, topic: &str) -> Registered {
        let request = GetRouteInfo { topic: topic.to_owned(), ..GetRouteInfo::default() };
        let route: RouteData = Bare::connect(namesrv).call(&request);
        let mut broker = Bare::connect(route.brokers[0].addresses.values().next().unwrap());
        broker.call(&heartbeat(group, topic));
        let (group, topic) = (group.to_owned(), topic.to_owned());
        Registered { broker, group, topic, queues: route.queues[0].read_queues }
    }

    /// The group's committed offset of a queue.
    pub(super) fn committed(&mut self, queue_id: i32) -> Option<i64> {
        let request = QueryConsumerOffset {
            consumer_group: self.group.clone(),
            topic: self.topic.clone(),
            queue_id,
            set_zero_if_not_found: Some(false),
        };
        self.broker.call(&request).offset
    }

    /// Commits an offset for the group.
    pub(super) fn commit(&mut self, queue_id: i32, commit_offset: i64) {
        let (consumer_group, topic) = (self.group.clone(), self.topic.clone());
        self.broker.call(&UpdateConsumerOffset { consumer_group, topic, queue_id, commit_offset });
    }

    /// The members of the group.
    pub(super) fn members(&mut self) -> ConsumerList {
        self.broker.call(&GetConsumerList { consumer_group: self.group.clone() })
    }

    /// Sends a pull of the queue from the offset.
    pub(super) fn pull(&mut self, queue_id: i32, queue_offset: i64) -> i32 {
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
    pub(super) fn pulled(&mut self) -> (i32, PullResult) {
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
