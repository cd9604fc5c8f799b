//! Answers which brokers have a topic.

use std::collections::BTreeMap;

use rmq::protocol::command::get_route_info::permission;
use rmq::protocol::command::{BrokerData, GetRouteInfo, QueueData, Request, RouteData, TopicList};
use rmq::protocol::{Frame, RequestCode, ResponseCode};

use crate::broker::Broker;
use crate::effects::{Caller, Effects, Refusal};
use crate::world::World;

/// As the brokers of the test bed are called.
const CLUSTER: &str = "DefaultCluster";

pub(crate) fn serve(world: &World, effects: &mut Effects, caller: Caller, frame: &Frame) {
    match RequestCode::from(frame.header.code) {
        RequestCode::GetRouteInfoByTopic => match route(world, frame) {
            Ok(route) => effects.answer(caller, &route),
            Err(refusal) => effects.refuse(caller, refusal),
        },
        RequestCode::GetAllTopicListFromNameServer => {
            let mut topics: Vec<String> = running(world).flat_map(Broker::topics).collect();
            topics.sort();
            topics.dedup();
            effects.answer(caller, &TopicList { topics });
        }
        RequestCode::GetSystemTopicListFromNameServer => {
            let mut topics: Vec<String> = running(world).map(|broker| broker.name.to_string()).collect();
            topics.dedup();
            topics.push(CLUSTER.to_owned());
            effects.answer(caller, &TopicList { topics });
        }
        _ => {
            let remark = format!(" request type {} not supported", frame.header.code);
            effects.refuse(caller, Refusal::new(ResponseCode::RequestCodeNotSupported, remark));
        }
    }
}

fn running(world: &World) -> impl Iterator<Item = &Broker> {
    world.brokers.iter().filter(|broker| broker.running)
}

/// A broker that is down is in no route, as when its connection to the name server ends.
fn route(world: &World, frame: &Frame) -> Result<RouteData, Refusal> {
    let topic = GetRouteInfo::read_request(&frame.header, &frame.body)?.topic;
    let mut route = RouteData::default();
    for broker in running(world) {
        if let Some(queues) = broker.queue_count(&topic) {
            // A slave stands beside its master, or alone when that is away.
            let known = route.brokers.iter_mut().find(|known| known.name == *broker.name);
            if let Some(known) = known {
                known.addresses.insert(broker.id, broker.address.to_string());
                continue;
            }
            route.brokers.push(BrokerData {
                name: broker.name.to_string(),
                cluster: CLUSTER.to_owned(),
                addresses: BTreeMap::from([(broker.id, broker.address.to_string())]),
                ..BrokerData::default()
            });
            route.queues.push(QueueData {
                broker: broker.name.to_string(),
                read_queues: queues,
                write_queues: queues,
                permission: permission::READ | permission::WRITE,
                ..QueueData::default()
            });
        }
    }
    if route.brokers.is_empty() {
        let remark = format!("No topic route info in name server for the topic: {topic}");
        return Err(Refusal::new(ResponseCode::TopicNotExist, remark));
    }
    Ok(route)
}
