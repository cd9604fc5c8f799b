//! A broker that dies and comes back on the same store.

use std::thread;
use std::time::Duration;

use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    a_broker_killed_during_a_pull_loses_nothing,
}

fn a_broker_killed_during_a_pull_loses_nothing(version: Version) {
    let cluster = Cluster::start(version);
    cluster.create_topic("Crash", 4);
    cluster.send("Crash", 1000).run();
    let member = Setup::new(&cluster, "crash")
        .subscribe("Crash", "*")
        .answer(|_, _| {
            thread::yield_now();
            rmq::Outcome::Success
        })
        .start();
    member.record.wait_for(1000, WITHIN);
    cluster.kill_broker();
    wait_until("the loss to be noticed", WITHIN, || member.record.logged("pull Crash") > 0);
    cluster.restart_broker();
    wait_until("a send after the crash", WITHIN, || cluster.send("Crash", 1).keys("after").run().stored == 1);
    wait_until("what was sent after the crash", WITHIN, || member.record.by_key().contains_key("after-0"));
    assert!(member.record.by_key().len() >= 1001, "nothing is lost");
    member.stop();
    let end: i64 = (0..4).map(|queue| cluster.max_offset("Crash", queue)).sum();
    assert_eq!(committed(&cluster, "crash", "Crash", 4), end);
}
