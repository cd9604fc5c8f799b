//! The test bed itself, once per version: start, produce, consume, crash, restart, administer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

use rmq_testbed::{Cluster, Driver, Version, wait_until};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(30);

#[test]
fn cluster_4_9_7_serves_survives_a_crash_and_reports() {
    round_trip(Version::V4_9_7);
}

#[test]
fn cluster_5_5_0_serves_survives_a_crash_and_reports() {
    round_trip(Version::V5_5_0);
}

fn round_trip(version: Version) {
    let start = Instant::now();
    let lap = |what: &str| println!("{version} {:6.2} s {what}", start.elapsed().as_secs_f64());
    Driver::prepare();
    let cluster = Cluster::start(version);
    lap("cluster up");
    cluster.create_topic("Smoke", 8);
    lap("topic made");
    let sent = cluster.send("Smoke", 100).tags(&["A", "B"]).run();
    assert_eq!((sent.stored, sent.failed), (100, 0), "{sent:?}");
    lap("100 sent");

    let consumer = cluster.java_consumer("smoke", "Smoke").start();
    consumer.wait_for(100, WITHIN);
    lap("100 consumed");
    let deliveries = consumer.deliveries();
    let keys: BTreeSet<&str> = deliveries.iter().map(|delivery| delivery.keys.as_str()).collect();
    assert_eq!((deliveries.len(), keys.len()), (100, 100));
    assert_eq!(deliveries.iter().filter(|delivery| delivery.tag == "A").count(), 50);
    assert_eq!(consumer.queues().iter().filter(|queue| queue.topic == "Smoke").count(), 8);
    wait_until("the commit of all queues", WITHIN, || committed(&cluster) == 100);
    lap("committed");

    cluster.kill_broker();
    lap("broker killed");
    assert!(cluster.send("Smoke", 1).run().stored == 0, "a dead broker stored a message");
    cluster.restart_broker();
    lap("broker restarted");
    assert_eq!(stored(&cluster), 100);
    wait_until("the first send after the crash", WITHIN, || {
        cluster.send("Smoke", 1).keys("after").run().stored == 1
    });
    consumer.wait_for(101, WITHIN);
    lap("consuming again");

    let progress = cluster.admin("consumerProgress -g smoke");
    assert!(progress.contains("Smoke"), "{progress}");
    assert!(cluster.admin("topicStatus -t Smoke").contains("broker-a"));
    lap("mqadmin answered");
    consumer.stop();
    lap("consumer stopped");
}

fn committed(cluster: &Cluster) -> i64 {
    (0..8).filter_map(|queue| cluster.committed_offset("smoke", "Smoke", queue)).sum()
}

fn stored(cluster: &Cluster) -> i64 {
    (0..8).map(|queue| cluster.max_offset("Smoke", queue)).sum()
}
