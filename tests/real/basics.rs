//! Consuming by tag, from the first message to the last commit.

use std::time::Duration;

use rmq_testbed::{Cluster, Version};

use crate::member::Setup;

const WITHIN: Duration = Duration::from_secs(30);

#[test]
fn messages_are_consumed_and_committed_5_5_0() {
    messages_are_consumed_and_committed(Version::V5_5_0);
}

#[test]
fn messages_are_consumed_and_committed_4_9_7() {
    messages_are_consumed_and_committed(Version::V4_9_7);
}

fn messages_are_consumed_and_committed(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Basics", 8);
    cluster.send("Basics", 1000).tags(&["A", "B"]).run();
    let member = Setup::new(cluster, "basics").subscribe("Basics", "A").start();
    member.record.wait_for(500, WITHIN);
    member.stop();
    let deliveries = member.record.deliveries();
    assert_eq!(deliveries.len(), 500);
    assert!(deliveries.iter().all(|d| d.tag.as_deref() == Some("A") && d.topic == "Basics"));
    let committed: i64 = (0..8).map(|q| cluster.committed_offset("basics", "Basics", q).unwrap()).sum();
    assert_eq!(committed, 1000, "filtered messages are committed too");
}
