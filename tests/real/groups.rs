//! Groups with Java members: the same division from both sides.

use std::collections::BTreeMap;
use std::time::Duration;

use rmq_testbed::{Cluster, JavaConsumer, Version, wait_until};

use crate::member::{Member, Setup};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    a_java_member_and_ours_divide_as_java_does_when_java_came_first,
    a_java_member_and_ours_divide_as_java_does_when_ours_came_first,
}

fn a_java_member_and_ours_divide_as_java_does_when_java_came_first(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("JavaFirst", 7);
    let java = cluster.java_consumer("java-first", "JavaFirst").start();
    wait_until("Java to own all", WITHIN, || java_queues(&java, "JavaFirst").len() == 7);
    let ours = Setup::new(cluster, "java-first").subscribe("JavaFirst", "*").start();
    divided(&java, &ours, "JavaFirst", 7);
    cluster.send("JavaFirst", 700).run();
    wait_until("700 in both", WITHIN, || java.count() + ours.record.count() as u64 >= 700);
    // Java leaves: everything is ours.
    java.stop();
    wait_until("ours to own all", WITHIN, || ours.queues("JavaFirst").len() == 7);
}

fn a_java_member_and_ours_divide_as_java_does_when_ours_came_first(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("OursFirst", 8);
    let ours = Setup::new(cluster, "ours-first").subscribe("OursFirst", "*").start();
    wait_until("ours to own all", WITHIN, || ours.queues("OursFirst").len() == 8);
    let java = cluster.java_consumer("ours-first", "OursFirst").start();
    divided(&java, &ours, "OursFirst", 8);
    cluster.send("OursFirst", 800).run();
    wait_until("800 in both", WITHIN, || java.count() + ours.record.count() as u64 >= 800);
    administrators_see_us(cluster, &ours, &java);
    // Ours leaves gracefully: everything is Java's.
    ours.stop();
    wait_until("Java to own all", WITHIN, || java_queues(&java, "OursFirst").len() == 8);
}

/// Waits until the two members own what Java's AVG gives each by the order of their client ids.
fn divided(java: &JavaConsumer, ours: &Member, topic: &str, queues: usize) {
    let mut ids = [java.client_id(), ours.consumer.client_id()];
    ids.sort_unstable();
    let first = queues.div_ceil(2);
    let share = |id: &str| -> Vec<i32> {
        let (from, to) = if id == ids[0] { (0, first) } else { (first, queues) };
        (from..to).map(|q| i32::try_from(q).unwrap()).collect()
    };
    wait_until("the group to be divided as AVG does", WITHIN, || {
        java_queues(java, topic) == share(java.client_id())
            && ours.queues(topic) == share(ours.consumer.client_id())
    });
}

fn java_queues(java: &JavaConsumer, topic: &str) -> Vec<i32> {
    java.queues().iter().filter(|queue| queue.topic == topic).map(|queue| queue.queue).collect()
}

fn administrators_see_us(cluster: &Cluster, ours: &Member, java: &JavaConsumer) {
    let connection = cluster.admin("consumerConnection -g ours-first");
    let ours_line = connection.lines().find(|line| line.contains(ours.consumer.client_id()));
    let ours_line = ours_line.unwrap_or_else(|| panic!("we are not in\n{connection}"));
    assert!(ours_line.contains("RUST"), "the language is shown: {ours_line}");
    assert!(connection.contains(java.client_id()), "{connection}");
    for part in ["OursFirst", "%RETRY%ours-first", "CONSUME_PASSIVELY", "CLUSTERING"] {
        assert!(connection.contains(part), "{part} is missing in\n{connection}");
    }
    wait_until("consumerProgress to show no lag", WITHIN, || {
        let progress = cluster.admin("consumerProgress -g ours-first");
        let rows = progress.lines().filter(|line| line.starts_with("OursFirst"));
        let offsets: BTreeMap<i64, (i64, i64)> = rows
            .map(|row| {
                let columns: Vec<&str> = row.split_whitespace().collect();
                let number = |at: usize| columns[at].parse::<i64>().unwrap();
                (number(2), (number(3), number(4)))
            })
            .collect();
        offsets.len() == 8 && offsets.values().all(|(broker, consumer)| broker == consumer && *broker == 100)
    });
}
