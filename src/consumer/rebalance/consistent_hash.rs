//! A ring of hashes: Java's `AllocateMessageQueueConsistentHash` with its `ConsistentHashRouter`.

use std::collections::BTreeMap;

use super::md5;
use crate::message::MessageQueue;

/// Places of each member on the ring: Java's default.
const VIRTUAL_NODES: usize = 10;

/// The owner of each queue: whose place comes next on the ring.
pub(super) fn divide(queues: &[&MessageQueue], members: &[&str]) -> Vec<usize> {
    let mut ring: BTreeMap<u32, usize> = BTreeMap::new();
    let mut first = 0;
    for (index, member) in members.iter().enumerate() {
        if members[first] != *member {
            first = index;
        }
        // A client id that is there twice gets further places, as in Java; ids are sorted.
        let before = if first == index { 0 } else { ring.values().filter(|owner| **owner == first).count() };
        for place in before..before + VIRTUAL_NODES {
            // Of two with the same hash the later one has the place.
            ring.insert(md5::first_four(&format!("{member}-{place}")), first);
        }
    }
    let next = |hash| ring.range(hash..).next().or_else(|| ring.iter().next());
    queues
        .iter()
        .filter_map(|queue| next(md5::first_four(&as_java_says(queue))))
        .map(|(_, index)| *index)
        .collect()
}

/// Java's `MessageQueue#toString`, which is what it hashes.
fn as_java_says(queue: &MessageQueue) -> String {
    format!("MessageQueue [topic={}, brokerName={}, queueId={}]", queue.topic, queue.broker, queue.id)
}
