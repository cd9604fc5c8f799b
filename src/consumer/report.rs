//! What a consumer tells of itself as JSON.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::queue::Queue;
use super::subscriptions::Subscriptions;
use crate::cluster::Route;
use crate::message::namespace;

pub(super) fn assignment(space: &str, queues: &[Arc<Queue>]) -> String {
    let each = queues.iter().map(|queue| {
        json!({
            "topic": namespace::unwrap(space, &queue.name.topic),
            "broker": &*queue.name.broker,
            "queue_id": queue.name.id,
            // Unknown is null and never 0.
            "position": queue.has_begun().then(|| queue.position()),
            "committable": queue.has_begun().then(|| queue.committable()),
            "committed": queue.committed(),
            "lag": queue.lag(),
            "paused": queue.steering().is_paused(),
            "pending": queue.pending(),
            "revoking": queue.is_closing(),
        })
    });
    Value::Array(each.collect()).to_string()
}

pub(super) fn route(topic: &str, route: &Route) -> String {
    let brokers = route.brokers.iter().map(|(name, addresses)| {
        let addresses: Map<String, Value> =
            addresses.iter().map(|(id, address)| (id.to_string(), address.as_str().into())).collect();
        json!({ "broker": &**name, "addresses": addresses })
    });
    let queues = route.queues.iter().map(|queue| json!({ "broker": &*queue.broker, "queue_id": queue.id }));
    json!({
        "topic": topic,
        "brokers": brokers.collect::<Vec<Value>>(),
        "queues": queues.collect::<Vec<Value>>(),
    })
    .to_string()
}

pub(super) fn subscriptions(space: &str, subscriptions: &Subscriptions) -> String {
    let all = subscriptions.all();
    let topics = all.iter().map(|s| {
        let filters = subscriptions.filters().topic(&s.topic);
        let filters: Map<String, Value> = filters
            .iter()
            .flat_map(|filters| filters.each())
            .map(|(field, regex)| (field, regex.into()))
            .collect();
        json!({
            "topic": namespace::unwrap(space, &s.topic),
            "type": s.kind.name(),
            "expression": s.expression,
            "pattern": s.pattern,
            "filters": filters,
        })
    });
    let patterns = subscriptions.patterns().into_iter().map(|pattern| {
        let own = all.iter().filter(|s| s.pattern.as_deref() == Some(&*pattern.text));
        json!({
            "pattern": pattern.text,
            "type": pattern.selector.kind.name(),
            "expression": pattern.selector.expression,
            "topics": own.map(|s| namespace::unwrap(space, &s.topic)).collect::<Vec<_>>(),
        })
    });
    Value::Array(topics.chain(patterns).collect()).to_string()
}
