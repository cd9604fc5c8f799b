//! Messages that a callback wants again.

use std::time::Duration;

use rmq::Outcome;
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    a_failed_message_comes_again_with_its_count_and_its_topic,
    a_message_that_always_fails_ends_in_the_dead_letters,
}

fn a_failed_message_comes_again_with_its_count_and_its_topic(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Again", 2);
    let member = Setup::new(cluster, "again")
        .subscribe("Again", "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 | 1 => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    cluster.send("Again", 10).tags(&["A"]).run();
    member.record.wait_for(30, WITHIN);
    member.stop();
    let deliveries = member.record.deliveries();
    assert_eq!(deliveries.len(), 30);
    for times in 0..3 {
        let round: Vec<_> = deliveries.iter().filter(|d| d.times == times).collect();
        assert_eq!(round.len(), 10, "delivery {times}");
        let queue_topic = if times == 0 { "Again" } else { "%RETRY%again" };
        assert!(round.iter().all(|d| d.topic == "Again" && d.queue_topic == queue_topic));
    }
    assert_eq!(committed(cluster, "again", "Again", 2), 10);
    assert_eq!(committed(cluster, "again", "%RETRY%again", 1), 20);
}

fn a_message_that_always_fails_ends_in_the_dead_letters(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Dead", 1);
    let member = Setup::new(cluster, "dead")
        .subscribe("Dead", "*")
        .set("reconsume.max", "2")
        .answer(|_, _| Outcome::Later)
        .start();
    cluster.send("Dead", 1).run();
    member.record.wait_for(3, WITHIN);
    wait_until("the dead letter", WITHIN, || cluster.max_offset("%DLQ%dead", 0) == 1);
    assert_eq!(member.record.count(), 3);
}
