//! Where a group begins, and that it goes on where it stopped.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};

const WITHIN: Duration = Duration::from_secs(30);

on_both_versions! {
    a_new_group_begins_where_consume_from_says,
    a_restarted_group_goes_on_where_it_stopped,
    an_idle_groups_start_is_committed,
}

fn a_new_group_begins_where_consume_from_says(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("From", 2);
    cluster.send("From", 10).keys("old").run();
    let between = wait_for_a_later_millisecond();
    cluster.send("From", 10).keys("middle").run();
    let member = |from: &str| -> (String, Member) {
        let group = format!("from-{}", from.replace('_', "-"));
        let setup = Setup::new(cluster, &group).subscribe("From", "*").set("consume.from", from);
        (from.to_owned(), setup.set("consume.timestamp", &between.to_string()).start())
    };
    let names = ["first_offset", "min_offset", "last_offset", "max_offset", "timestamp"];
    let members: Vec<(String, Member)> = names.into_iter().map(member).collect();
    for (_, member) in &members {
        wait_until("both queues to begin", WITHIN, || member.record.logged("ownership: From/broker-a/") >= 2);
    }
    cluster.send("From", 10).keys("new").run();
    for (from, member) in &members {
        let wanted = match (from.as_str(), version) {
            ("first_offset" | "min_offset", _) => 30,
            // 4.9.7 does not know `setZeroIfNotFound`: on a young queue it answers 0 for a group that it has
            // never seen, which cannot be told from a committed 0. Nothing is lost by it.
            (_, Version::V4_9_7) => 30,
            ("timestamp", _) => 20,
            _ => 10,
        };
        member.record.wait_for(wanted, WITHIN);
        member.stop();
        assert_eq!(member.record.count(), wanted, "{from} on {version}");
    }
}

fn a_restarted_group_goes_on_where_it_stopped(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Restart", 4);
    cluster.send("Restart", 100).run();
    let first = Setup::new(cluster, "restart").subscribe("Restart", "*").start();
    first.record.wait_for(100, WITHIN);
    first.stop();
    cluster.send("Restart", 100).starting_at(100).run();
    let second = Setup::new(cluster, "restart").subscribe("Restart", "*").set("consume.from", "last").start();
    second.record.wait_for(100, WITHIN);
    second.stop();
    assert_eq!(second.record.count(), 100, "neither the old ones again nor the new ones skipped");
}

/// What came between the first start of a group and its second must not be skipped.
fn an_idle_groups_start_is_committed(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Idle", 2);
    cluster.send("Idle", 10).run();
    let setup = || Setup::new(cluster, "idle").subscribe("Idle", "*").set("consume.from", "last_offset");
    let first = setup().start();
    wait_until("the commit of the start", WITHIN, || committed(cluster, "idle", "Idle", 2) == 10);
    first.stop();
    let before = first.record.count();
    cluster.send("Idle", 10).starting_at(10).run();
    let second = setup().start();
    second.record.wait_for(10, WITHIN);
    assert_eq!((before, second.record.count()), (if version == Version::V4_9_7 { 10 } else { 0 }, 10));
}

fn wait_for_a_later_millisecond() -> u128 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let (begun, mut last) = (now(), 0);
    wait_until("the clock to move on", WITHIN, || {
        last = now();
        last > begun + 1
    });
    last
}
