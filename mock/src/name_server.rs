//! Answers which brokers have a topic.

use std::collections::BTreeMap;

use rmq::protocol::command::get_route_info::permission;
use rmq::protocol::command::{BrokerData, GetRouteInfo, QueueData, Request, RouteData};
use rmq::protocol::{Frame, RequestCode, ResponseCode};

use crate::effects::{Caller, Effects, Refusal};
use crate::world::World;

pub(crate) fn serve(world: &World, effects: &mut Effects, caller: Caller, frame: &Frame) {
    match route(world, frame) {
        Ok(route) => effects.answer(caller, &route),
        Err(refusal) => effects.refuse(caller, refusal),
    }
}

/// A broker that is down is in no route, as when its connection to the name server ends.
fn route(world: &World, frame: &Frame) -> Result<RouteData, Refusal> {
    if RequestCode::from(frame.header.code) != RequestCode::GetRouteInfoByTopic {
        let remark = format!("request type {} not supported", frame.header.code);
        return Err(Refusal::new(ResponseCode::RequestCodeNotSupported, remark));
    }
    let topic = GetRouteInfo::read_request(&frame.header, &frame.body)?.topic;
    let mut route = RouteData::default();
    for broker in world.brokers.iter().filter(|broker| broker.running) {
        if let Some(queues) = broker.queue_count(&topic) {
            route.brokers.push(BrokerData {
                name: broker.name.to_string(),
                cluster: "MockCluster".to_owned(),
                addresses: BTreeMap::from([(0, broker.address.to_string())]),
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
