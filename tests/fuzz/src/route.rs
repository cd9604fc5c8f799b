//! A name server's answer: JSON of fastjson's dialect, the route it tells, and what becomes of that.

use rmq::cluster::{Route, Routes};
use rmq::protocol::command::RouteData;
use rmq::protocol::json::Json;

/// The most queues that a route may claim.
const MAX_QUEUES: usize = 1 << 20;

pub fn run(data: &[u8]) {
    let Ok(json) = Json::parse(data) else { return };
    assert_eq!(Json::parse(json.to_string().as_bytes()).as_ref(), Ok(&json), "what is written is read");
    let Ok(data) = RouteData::from_json(&json) else { return };
    for quoted in [false, true] {
        assert_eq!(RouteData::from_json(&data.to_json(quoted)).as_ref(), Ok(&data), "quoted keys: {quoted}");
    }
    becomes_a_route(&data);
}

fn becomes_a_route(data: &RouteData) {
    let claimed: usize = data.queues.iter().map(|queue| usize::try_from(queue.read_queues).unwrap()).sum();
    assert!(claimed <= MAX_QUEUES, "{claimed} queues");
    if claimed > 1024 {
        // Nothing new, and slow.
        return;
    }
    let route = Route::from_data("T", data);
    assert!(route.queues.is_sorted() && route.queues.len() <= claimed);
    assert!(route.queues.windows(2).all(|pair| pair[0] != pair[1]));
    let mut routes = Routes::default();
    assert!(routes.update("T", route.clone()));
    assert!(!routes.update("T", route.clone()), "the same route is no change");
    for (name, addresses) in &route.brokers {
        assert!(route.queues.iter().all(|queue| route.brokers.contains_key(&queue.broker)));
        for (id, address) in addresses {
            assert_eq!(routes.address(name, *id).as_ref(), Some(address));
            assert!(routes.broker_at(address).is_some());
        }
        assert!(routes.read_address(name, 1).is_some());
    }
    assert!(routes.absent().is_empty());
}
