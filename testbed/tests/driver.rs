//! What tests may count on when they use the Java driver.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rmq_testbed::{Cluster, Driver, Sending, Version, quote, wait_until};
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);

fn cluster() -> &'static Cluster {
    Driver::prepare();
    Cluster::shared(Version::V5_5_0)
}

#[test]
fn every_tag_reaches_every_queue() {
    let cluster = cluster();
    cluster.create_topic("Tags", 4);
    assert_eq!(cluster.send("Tags", 80).tags(&["a", "b"]).batches_of(5).run().stored, 80);
    let consumer = cluster.java_consumer("tags", "Tags").tags("b").start();
    consumer.wait_for(40, WITHIN);
    let deliveries = consumer.deliveries();
    let queues: BTreeSet<i32> = deliveries.iter().map(|delivery| delivery.queue).collect();
    assert_eq!((deliveries.len(), queues.len()), (40, 4));
    assert!((0..4).all(|queue| cluster.max_offset("Tags", queue) == 20));
}

#[test]
fn failed_deliveries_come_again() {
    let cluster = cluster();
    cluster.create_topic("Again", 1);
    cluster.create_group("again", 16);
    let body = "two \"words\"\nand a \\";
    assert_eq!(cluster.send("Again", 1).body(body).property("color", "deep red").run().stored, 1);
    let consumer = cluster.java_consumer("again", "Again").fail(2).start();
    consumer.wait_for(3, WITHIN);
    let times: Vec<u32> = consumer.deliveries().iter().map(|delivery| delivery.reconsume_times).collect();
    assert_eq!(times, [0, 1, 2]);
    assert_eq!(consumer.deliveries()[0].body, "two \"words\"\\nand a \\\\");
    assert!(consumer.dump()[0].contains("\tcolor=deep red"), "{:?}", consumer.dump());
}

#[test]
fn a_running_send_can_be_halted() {
    let cluster = cluster();
    cluster.create_topic("Halted", 1);
    let send = cluster.send("Halted", 100_000).rate(50).named("endless");
    let sender = thread::spawn(move || send.run());
    wait_until("the first stored messages", WITHIN, || cluster.max_offset("Halted", 0) >= 3);
    Sending::halt("endless");
    let sent = sender.join().unwrap();
    assert_eq!(i64::try_from(sent.stored).unwrap(), cluster.max_offset("Halted", 0));
}

#[test]
fn committed_offsets_are_readable_and_writable() {
    let cluster = cluster();
    cluster.create_topic("Offsets", 1);
    assert_eq!(cluster.send("Offsets", 10).run().stored, 10);
    assert_eq!((cluster.min_offset("Offsets", 0), cluster.max_offset("Offsets", 0)), (0, 10));
    cluster.create_group("offsets", 16);
    cluster.commit_offset("offsets", "Offsets", 0, 7);
    assert_eq!(cluster.committed_offset("offsets", "Offsets", 0), Some(7));
    let raw = format!(
        "raw {} 14 x.consumerGroup=offsets x.topic=Offsets x.queueId=0 x.setZeroIfNotFound=false",
        cluster.broker()
    );
    assert!(Driver::shared().call(&raw).unwrap().contains("x.offset 7"));
}

#[test]
fn failures_carry_their_reason() {
    let driver = Driver::shared();
    assert!(driver.call("no-such-command").unwrap_err().contains("unknown command"));
    assert!(driver.call("count nobody").unwrap_err().contains("no consumer nobody"));
    assert!(driver.call("admin topicStatus -z").unwrap_err().contains("Unrecognized option: -z"));
    assert_eq!(driver.call(&format!("prop x {}", quote("a \"b\""))), Ok("null".into()));
    let sent = cluster().send("Missing", 2).run();
    assert_eq!((sent.stored, sent.failed), (0, 2));
    assert!(sent.first_error.unwrap().contains("Missing"));
}

#[test]
fn a_frozen_broker_answers_again_after_the_thaw() {
    let cluster = Cluster::start(Version::V4_9_7);
    cluster.create_topic("Frozen", 1);
    cluster.freeze_broker();
    let address = cluster.broker();
    let fields = [("topic", "Frozen"), ("queueId", "0")];
    let frozen = rmq_testbed::request(address, 30, &fields, &[]);
    assert!(frozen.is_err(), "{frozen:?}");
    cluster.thaw_broker();
    assert_eq!(cluster.max_offset("Frozen", 0), 0);
    cluster.restart_name_server();
    cluster.create_topic("Later", 2);
}
