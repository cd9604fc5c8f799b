//! A broker that stands still with its connections open.

use std::time::Duration;

use rmq::EventKind;
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    a_queue_of_a_broker_that_is_frozen_is_told_once_and_consumed_on_when_it_thaws,
}

fn a_queue_of_a_broker_that_is_frozen_is_told_once_and_consumed_on_when_it_thaws(version: Version) {
    let cluster = Cluster::start(version);
    cluster.create_topic("Frozen", 1);
    cluster.send("Frozen", 100).run();
    let member = Setup::new(&cluster, "frozen")
        .set("watchdog.queue.ms", "1000")
        .set("pull.suspend.ms", "1000")
        .set("request.timeout.ms", "1000")
        .subscribe("Frozen", "*")
        .start();
    member.record.wait_for(100, WITHIN);
    wait_until("the commit", WITHIN, || committed(&cluster, "frozen", "Frozen", 1) == 100);
    let told = || {
        let events = member.record.events(EventKind::Stalled);
        events.into_iter().filter(|event| event["topic"] == "Frozen").collect::<Vec<_>>()
    };
    // Its own pulls were held meanwhile, for the time of a real broker.
    assert!(told().is_empty(), "{:?}", told());
    cluster.freeze_broker();
    wait_until("the standstill to be told", WITHIN, || !told().is_empty());
    assert_eq!(told()[0]["waits_for"], "pull", "{:?}", told());
    wait_until("a second attempt", WITHIN, || member.record.logged("no answer within 1000 ms") > 0);
    cluster.thaw_broker();
    wait_until("a send after the thaw", WITHIN, || {
        cluster.send("Frozen", 50).keys("after").run().stored == 50
    });
    wait_until("all of it", WITHIN, || member.record.by_key().contains_key("after-49"));
    wait_until("the commit", WITHIN, || {
        committed(&cluster, "frozen", "Frozen", 1) == cluster.max_offset("Frozen", 0)
    });
    member.stop();
    assert_eq!(told().len(), 1, "{:?}", told());
    assert_eq!(
        member.record.count(),
        usize::try_from(cluster.max_offset("Frozen", 0)).unwrap(),
        "none came twice"
    );
}
