//! `auto.commit=false`: nothing is committed but by a call, on every front.

use std::time::Duration;

use rmq::{ErrorKind, Seek};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};
use crate::rmqcat::offsets_of_groups;

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    without_auto_commit_callbacks_commit_nothing_until_the_call,
    without_auto_commit_polls_commit_nothing_until_the_call,
    without_auto_commit_orderly_callbacks_commit_nothing_until_the_call,
    without_auto_commit_assigned_queues_and_seeks_leave_no_offset,
    without_auto_commit_a_hand_over_repeats_what_was_not_committed,
    assigned_queues_select_by_sql_and_a_refused_condition_changes_nothing,
}

fn manual(cluster: &Cluster, group: &str) -> Setup {
    Setup::new(cluster, group).set("auto.commit", "false").set("offset.persist.interval.ms", "100")
}

/// Everything was consumed and the intervals passed, and still nothing is committed; the call commits, and after it
/// the end of the consumer commits nothing.
fn commits_by_call_only(cluster: &Cluster, member: &Member, group: &str, topic: &str) {
    let consumed = || {
        let json: serde_json::Value = serde_json::from_str(&member.consumer.assignment_json()).unwrap();
        let queues = json.as_array().unwrap().iter().filter(|queue| queue["topic"] == topic);
        queues.map(|queue| queue["committable"].as_i64().unwrap_or(0)).sum::<i64>()
    };
    wait_until("all to be complete", WITHIN, || consumed() == 20);
    // That nothing happens shows with time only: five times the longest interval in which it would be committed.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!((committed(cluster, group, topic, 2), member.total("commits")), (0, 0));
    member.consumer.commit().unwrap();
    assert_eq!(committed(cluster, group, topic, 2), 20);
    cluster.send(topic, 10).starting_at(20).run();
    wait_until("the rest", WITHIN, || member.record.count() == 30);
    member.stop();
    assert_eq!(committed(cluster, group, topic, 2), 20);
}

fn without_auto_commit_callbacks_commit_nothing_until_the_call(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("ByCalls", 2);
    cluster.send("ByCalls", 20).run();
    let member = manual(cluster, "by-calls").subscribe("ByCalls", "*").start();
    commits_by_call_only(cluster, &member, "by-calls", "ByCalls");
    let next = manual(cluster, "by-calls").subscribe("ByCalls", "*").start();
    next.record.wait_for(10, WITHIN);
    let offsets: Vec<i64> = next.record.deliveries().iter().map(|d| d.offset).collect();
    assert!(offsets.iter().all(|offset| *offset >= 10), "{offsets:?}");
}

fn without_auto_commit_polls_commit_nothing_until_the_call(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("ManualPoll", 1);
    cluster.send("ManualPoll", 20).run();
    let member = manual(cluster, "manual-poll").subscribe("ManualPoll", "*").polling().start();
    let poll = |mut left: usize| {
        while left > 0 {
            let batch = member.consumer.poll(left, Some(WITHIN)).unwrap();
            left -= batch.len();
            batch.ack().unwrap();
        }
    };
    poll(5);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(committed(cluster, "manual-poll", "ManualPoll", 1), 0);
    member.consumer.commit_queue("ManualPoll", cluster.broker_name(), 0).unwrap();
    assert_eq!(committed(cluster, "manual-poll", "ManualPoll", 1), 5);
    poll(10);
    member.stop();
    assert_eq!(committed(cluster, "manual-poll", "ManualPoll", 1), 5);
}

fn without_auto_commit_orderly_callbacks_commit_nothing_until_the_call(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("ManualOrder", 2);
    cluster.send("ManualOrder", 20).run();
    let setup = manual(cluster, "manual-order").set("consume.mode", "orderly");
    let member = setup.subscribe("ManualOrder", "*").start();
    commits_by_call_only(cluster, &member, "manual-order", "ManualOrder");
}

fn without_auto_commit_assigned_queues_and_seeks_leave_no_offset(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("ManualAssign", 1);
    cluster.send("ManualAssign", 20).run();
    let member = manual(cluster, "manual-assign").build();
    member.consumer.assign(r#"[{"topic":"ManualAssign"}]"#).unwrap();
    member.consumer.start().unwrap();
    member.record.wait_for(20, WITHIN);
    let broker = cluster.broker_name();
    member.consumer.seek("ManualAssign", broker, 0, Seek::Offset(15)).unwrap();
    member.record.wait_for(25, WITHIN);
    std::thread::sleep(Duration::from_millis(500));
    let offsets = offsets_of_groups(cluster);
    assert!(!offsets.contains("ManualAssign@"), "{offsets}");
    if version == Version::V5_5_0 {
        let error = member.consumer.committed("ManualAssign", broker, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoOffset);
    }
    member.consumer.seek("ManualAssign", broker, 0, Seek::Offset(7)).unwrap();
    member.consumer.pause(None, None, None).unwrap();
    member.consumer.seek("ManualAssign", broker, 0, Seek::Offset(3)).unwrap();
    member.consumer.commit().unwrap();
    assert_eq!(
        cluster.committed_offset("manual-assign", "ManualAssign", 0),
        Some(3),
        "the call commits the new place"
    );
}

fn without_auto_commit_a_hand_over_repeats_what_was_not_committed(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("ManualHand", 2);
    cluster.send("ManualHand", 20).run();
    let first = manual(cluster, "manual-hand").subscribe("ManualHand", "*").start();
    first.record.wait_for(20, WITHIN);
    let second = manual(cluster, "manual-hand").subscribe("ManualHand", "*").start();
    second.record.wait_for(10, WITHIN);
    wait_until("the division", WITHIN, || first.queues("ManualHand").len() == 1);
    assert_eq!(committed(cluster, "manual-hand", "ManualHand", 2), 0);
    assert!(second.record.deliveries().iter().all(|delivery| delivery.times == 0));
}

fn assigned_queues_select_by_sql_and_a_refused_condition_changes_nothing(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("AssignSql", 1);
    cluster.send("AssignSql", 5).property("price", "5").run();
    cluster.send("AssignSql", 5).property("price", "50").run();
    let member = Setup::new(cluster, "assign-sql").build();
    let by =
        |condition: &str| format!(r#"[{{"topic":"AssignSql","type":"SQL92","expression":"{condition}"}}]"#);
    member.consumer.assign(&by("price > 10")).unwrap();
    member.consumer.start().unwrap();
    member.record.wait_for(5, WITHIN);
    let error = member.consumer.assign(&by("price >")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Broker(_)), "{error}");
    cluster.send("AssignSql", 5).property("price", "5").run();
    cluster.send("AssignSql", 5).property("price", "50").run();
    member.record.wait_for(10, WITHIN);
    member.consumer.assign(&by("price < 10")).unwrap();
    cluster.send("AssignSql", 5).property("price", "5").run();
    member.record.wait_for(15, WITHIN);
    let prices: Vec<_> =
        member.record.deliveries().iter().map(|d| d.property("price").unwrap().to_owned()).collect();
    assert!(prices[..10].iter().all(|p| p == "50") && prices[10..].iter().all(|p| p == "5"), "{prices:?}");
}
