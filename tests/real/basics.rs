//! Consuming by tag, from the first message to the last commit.

use std::time::Duration;

use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(30);

on_both_versions! {
    wanted_tags_are_consumed_and_everything_is_committed,
    a_topic_is_consumed_when_it_appears,
    subscriptions_change_while_running,
    bodies_keys_and_properties_arrive_as_java_sent_them,
}

fn wanted_tags_are_consumed_and_everything_is_committed(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Tags", 8);
    cluster.send("Tags", 1000).tags(&["A", "B", "C", "D"]).run();
    let member = Setup::new(cluster, "tags").subscribe("Tags", "A || C").start();
    member.record.wait_for(500, WITHIN);
    wait_until("what the filter drops to be committed too", WITHIN, || {
        committed(cluster, "tags", "Tags", 8) == 1000
    });
    member.stop();
    let deliveries = member.record.deliveries();
    assert_eq!(deliveries.len(), 500);
    assert!(deliveries.iter().all(|d| matches!(d.tag.as_deref(), Some("A" | "C")) && d.topic == "Tags"));
}

fn a_topic_is_consumed_when_it_appears(version: Version) {
    let cluster = Cluster::shared(version);
    let member = Setup::new(cluster, "early").subscribe("Late", "*").start();
    wait_until("the warning", WITHIN, || member.record.logged("topic Late has no route yet") == 1);
    cluster.create_topic("Late", 4);
    cluster.send("Late", 40).run();
    member.record.wait_for(40, WITHIN);
    assert_eq!(member.record.logged("topic Late has no route yet"), 1);
}

fn subscriptions_change_while_running(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("One", 4);
    cluster.create_topic("Two", 4);
    let member = Setup::new(cluster, "changing").subscribe("One", "*").start();
    cluster.send("One", 20).run();
    member.record.wait_for(20, WITHIN);
    member.consumer.subscribe("Two", "A").unwrap();
    cluster.send("Two", 20).tags(&["A", "B"]).run();
    member.record.wait_for(30, WITHIN);
    member.consumer.unsubscribe("One").unwrap();
    wait_until("One to be given up", WITHIN, || member.has_given_up("One"));
    assert_eq!(committed(cluster, "changing", "One", 4), 20);
    cluster.send("One", 20).run();
    cluster.send("Two", 20).tags(&["A", "B"]).run();
    member.record.wait_for(40, WITHIN);
    assert_eq!(member.record.deliveries().iter().filter(|d| d.topic == "One").count(), 20);
}

fn bodies_keys_and_properties_arrive_as_java_sent_them(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Content", 1);
    cluster.send("Content", 1).body("plain").keys("k").property("colour", "blue").run();
    let member = Setup::new(cluster, "content").subscribe("Content", "*").start();
    for compression in ["zlib", "lz4", "zstd"] {
        let body = compression.repeat(2000);
        let sending = cluster.send("Content", 1).body(&body).keys(compression);
        sending.option("compress", compression).option("over", "100").run();
    }
    member.record.wait_for(4, WITHIN);
    let mut bodies: Vec<String> =
        member.record.deliveries().iter().map(|d| String::from_utf8(d.body.clone()).unwrap()).collect();
    bodies.sort();
    let expected = ["lz4".repeat(2000), "plain".into(), "zlib".repeat(2000), "zstd".repeat(2000)];
    assert_eq!(bodies, expected);
    let plain = member.record.deliveries().into_iter().find(|d| d.body == b"plain").unwrap();
    assert_eq!(plain.key.as_deref(), Some("k-0"));
    assert_eq!(plain.property("colour"), Some("blue"));
}
