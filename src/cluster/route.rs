//! Where a topic's queues and their brokers are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::message::MessageQueue;
use crate::protocol::command::RouteData;

/// A broker's name and id.
pub type BrokerId = (Arc<str>, i64);

/// The id of the master among the brokers of one name.
pub(super) const MASTER: i64 = 0;

/// The id of the first slave; any other will do as well.
pub(super) const SLAVE: i64 = 1;

/// Bit of a queue's permission: it may be read.
const READABLE: i32 = 4;

/// What the name server says of one topic, as a consumer uses it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The queues that may be read, in the order that all members of a group share.
    pub queues: Vec<MessageQueue>,
    /// Addresses by broker name and broker id.
    pub brokers: BTreeMap<Arc<str>, BTreeMap<i64, String>>,
}

impl Route {
    /// From the name server's answer.
    pub fn from_data(topic: &str, data: &RouteData) -> Route {
        let topic: Arc<str> = topic.into();
        let mut brokers: BTreeMap<Arc<str>, BTreeMap<i64, String>> = BTreeMap::new();
        for broker in &data.brokers {
            if !broker.addresses.is_empty() {
                brokers.entry(broker.name.as_str().into()).or_default().extend(broker.addresses.clone());
            }
        }
        let mut queues = Vec::new();
        for readable in data.queues.iter().filter(|q| q.permission & READABLE != 0) {
            // A queue whose broker is gone comes back when the broker does.
            if let Some((broker, _)) = brokers.get_key_value(readable.broker.as_str()) {
                queues.extend((0..readable.read_queues).map(|id| MessageQueue {
                    topic: Arc::clone(&topic),
                    broker: Arc::clone(broker),
                    id,
                }));
            }
        }
        queues.sort();
        queues.dedup();
        Route { queues, brokers }
    }

    fn ids(&self) -> impl Iterator<Item = BrokerId> {
        self.brokers.iter().flat_map(|(name, ids)| ids.keys().map(|id| (Arc::clone(name), *id)))
    }
}

/// The routes of all topics a consumer deals with, and the addresses they name.
#[derive(Debug, Default)]
pub struct Routes {
    by_topic: BTreeMap<String, Arc<Route>>,
    /// Kept when a route no longer names a broker: its queues still have to be committed there.
    addresses: BTreeMap<Arc<str>, BTreeMap<i64, String>>,
    /// Every broker that a topic's route ever named.
    seen: BTreeMap<String, BTreeSet<BrokerId>>,
}

impl Routes {
    /// Takes a topic's new route. True when it differs from the one before.
    pub fn update(&mut self, topic: &str, route: Route) -> bool {
        for (name, addresses) in &route.brokers {
            self.addresses.insert(Arc::clone(name), addresses.clone());
        }
        self.seen.entry(topic.to_owned()).or_default().extend(route.ids());
        let changed = self.by_topic.get(topic).is_none_or(|before| **before != route);
        if changed {
            self.by_topic.insert(topic.to_owned(), Arc::new(route));
        }
        changed
    }

    /// Forgets a topic that is no longer subscribed.
    pub fn remove(&mut self, topic: &str) {
        self.by_topic.remove(topic);
        self.seen.remove(topic);
    }

    /// The route of a topic, if it ever had one.
    pub fn topic(&self, topic: &str) -> Option<Arc<Route>> {
        self.by_topic.get(topic).cloned()
    }

    /// The address of a broker by name and id; for any id but the master's, another one will do.
    pub fn address(&self, broker: &str, id: i64) -> Option<String> {
        let addresses = self.addresses.get(broker)?;
        let any = || addresses.values().next().filter(|_| id != MASTER);
        addresses.get(&id).or_else(any).cloned()
    }

    /// The broker that has this address, also after its topics' routes left it out.
    pub fn broker_at(&self, address: &str) -> Option<BrokerId> {
        self.addresses.iter().find_map(|(name, ids)| {
            let id = ids.iter().find(|(_, own)| *own == address).map(|(id, _)| *id)?;
            Some((Arc::clone(name), id))
        })
    }

    /// Where to read from: the broker with the suggested id, else the master, else any.
    pub fn read_address(&self, broker: &str, suggested: i64) -> Option<String> {
        let addresses = self.addresses.get(broker)?;
        let found = addresses.get(&suggested).or_else(|| addresses.get(&MASTER));
        found.or_else(|| addresses.values().next()).cloned()
    }

    /// Where else to read from than at the broker with this id, which does not answer.
    pub fn another(&self, broker: &str, id: i64) -> Option<i64> {
        self.addresses.get(broker)?.keys().copied().find(|other| *other != id)
    }

    /// True when a broker's slave is known and its master is not.
    pub fn has_only_slaves(&self, broker: &str) -> bool {
        self.addresses.get(broker).is_some_and(|ids| !ids.is_empty() && !ids.contains_key(&MASTER))
    }

    /// Brokers that a topic's route named once and names no more.
    pub fn absent(&self) -> BTreeSet<BrokerId> {
        let mut absent = BTreeSet::new();
        for (topic, seen) in &self.seen {
            let present: BTreeSet<BrokerId> =
                self.by_topic.get(topic).into_iter().flat_map(|route| route.ids()).collect();
            absent.extend(seen.difference(&present).cloned());
        }
        absent
    }

    /// Every broker of the present routes, masters and slaves.
    pub fn all_addresses(&self) -> Vec<String> {
        let routes = self.by_topic.values();
        let mut all: Vec<String> =
            routes.flat_map(|r| r.brokers.values()).flat_map(BTreeMap::values).cloned().collect();
        all.sort();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::{BrokerData, QueueData};

    fn data(permission: i32) -> RouteData {
        let broker = |name: &str, addresses: &[(i64, &str)]| BrokerData {
            name: name.into(),
            addresses: addresses.iter().map(|(id, a)| (*id, (*a).to_owned())).collect(),
            ..BrokerData::default()
        };
        let queue = |broker: &str, read_queues| QueueData {
            broker: broker.into(),
            read_queues,
            permission,
            ..QueueData::default()
        };
        RouteData {
            brokers: vec![broker("b", &[(0, "b:1"), (1, "b:2")]), broker("a", &[(1, "a:2")])],
            queues: vec![queue("b", 2), queue("a", 1), queue("gone", 4)],
            ..RouteData::default()
        }
    }

    #[test]
    fn queues_are_those_readable_on_known_brokers_in_java_order() {
        let route = Route::from_data("T", &data(6));
        let names: Vec<String> = route.queues.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["T/a/0", "T/b/0", "T/b/1"]);
        assert!(Route::from_data("T", &data(2)).queues.is_empty(), "write-only queues are not read");
    }

    #[test]
    fn reads_go_where_suggested_and_writes_only_to_the_master() {
        let mut routes = Routes::default();
        assert!(routes.update("T", Route::from_data("T", &data(6))));
        assert!(!routes.update("T", Route::from_data("T", &data(6))), "nothing changed");
        assert_eq!(routes.read_address("b", 1).as_deref(), Some("b:2"));
        assert_eq!(routes.read_address("b", 7).as_deref(), Some("b:1"));
        assert_eq!(routes.read_address("a", 0).as_deref(), Some("a:2"));
        assert_eq!(routes.address("a", MASTER), None);
        assert_eq!(routes.address("b", MASTER).as_deref(), Some("b:1"));
        assert_eq!(routes.all_addresses(), ["a:2", "b:1", "b:2"]);
    }

    #[test]
    fn a_broker_that_left_the_route_can_still_be_addressed() {
        let mut routes = Routes::default();
        routes.update("T", Route::from_data("T", &data(6)));
        assert!(routes.update("T", Route::default()));
        assert_eq!(routes.address("b", MASTER).as_deref(), Some("b:1"));
        assert!(routes.all_addresses().is_empty());
    }

    #[test]
    fn a_broker_that_left_a_topics_route_is_absent_until_it_is_back() {
        let mut routes = Routes::default();
        routes.update("T", Route::from_data("T", &data(6)));
        assert!(routes.absent().is_empty());
        let mut less = data(6);
        less.brokers[0].addresses.remove(&MASTER);
        routes.update("T", Route::from_data("T", &less));
        assert_eq!(routes.absent(), BTreeSet::from([("b".into(), MASTER)]));
        assert!(routes.has_only_slaves("b") && routes.has_only_slaves("a"));
        assert_eq!(routes.another("b", 1), None);
        routes.update("T", Route::from_data("T", &data(6)));
        assert!(routes.absent().is_empty() && !routes.has_only_slaves("b"));
        assert_eq!((routes.another("b", 0), routes.another("b", 1)), (Some(1), Some(0)));
        routes.update("T", Route::default());
        routes.remove("T");
        assert!(routes.absent().is_empty(), "nobody waits for a topic that is not subscribed");
    }
}
