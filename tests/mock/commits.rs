//! The rules by which offsets travel.

use std::collections::BTreeMap;
use std::time::Instant;

use rmq::Outcome;
use rmq_mock::{Fault, MockCluster, RequestCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{Gate, WITHIN, assert_less_since, fill, millis};

#[test]
fn at_most_one_commit_of_a_queue_is_under_way_and_none_is_lower_than_the_one_before() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 3);
    cluster.on(RequestCode::UpdateConsumerOffset).always(Fault::delay(millis(15)));
    let member = Setup::new(&cluster, "g").set("offset.commit.interval.ms", "1").subscribe("T", "*").start();
    for _ in 0..20 {
        for queue in 0..3 {
            fill(&cluster, "T", queue, 5);
        }
        std::thread::sleep(millis(5)); // so that progress comes in many steps
    }
    member.record.wait_for(300, WITHIN);
    member.stop();
    let mut by_queue: BTreeMap<String, Vec<(Instant, Instant, i64)>> = BTreeMap::new();
    for update in cluster.requests(RequestCode::UpdateConsumerOffset) {
        let queue = format!("{:?} {:?}", update.field("topic"), update.field("queueId"));
        let offset = update.field("commitOffset").unwrap().parse().unwrap();
        by_queue.entry(queue).or_default().push((update.at, update.answered.unwrap().0, offset));
    }
    for (queue, updates) in by_queue {
        for pair in updates.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{queue}: sent before the one before was answered");
            assert!(pair[0].2 < pair[1].2, "{queue}: {} after {}", pair[1].2, pair[0].2);
        }
    }
    assert_eq!((0..3).map(|q| cluster.committed("g", "T", q).unwrap()).collect::<Vec<_>>(), [100; 3]);
}

#[test]
fn a_moved_offset_is_committed_after_the_commit_that_is_under_way() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.broker().clear_queue("T", 0, 100);
    cluster.broker().set_committed("g", "T", 0, Some(100));
    fill(&cluster, "T", 0, 5);
    let hold = cluster.on(RequestCode::UpdateConsumerOffset).with("topic", "T").hold();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    assert!(hold.wait_for(1, WITHIN));
    // The queue begins anew far below; the pull that is held learns of it when something arrives.
    cluster.broker().clear_queue("T", 0, 10);
    cluster.produce("T", 0, "behind the end");
    wait_until("the move", WITHIN, || member.record.logged("the broker moved the offset to 11") == 1);
    cluster.produce("T", 0, "consumed");
    member.record.wait_for(6, WITHIN);
    hold.release();
    wait_until("the commit of the new place", WITHIN, || cluster.committed("g", "T", 0) == Some(12));
    let updates = cluster.requests(RequestCode::UpdateConsumerOffset);
    let updates: Vec<_> = updates.iter().filter(|u| u.field("topic") == Some("T")).collect();
    for pair in updates.windows(2) {
        assert!(pair[0].answered.unwrap().0 <= pair[1].at, "one at a time");
    }
}

#[test]
fn pulls_carry_no_commit() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 100);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(100, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(100));
    for pull in cluster.requests(RequestCode::PullMessage) {
        assert_eq!((pull.field("sysFlag"), pull.field("commitOffset")), (Some("2"), Some("0")));
    }
}

#[test]
fn the_offset_stays_before_the_first_message_that_is_not_done() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 10);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(&cluster, "g")
        .set("offset.commit.interval.ms", "10")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            if batch.message(0).unwrap().keys() == Some("4") {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    member.record.wait_for(10, WITHIN);
    wait_until("the offset of the message that waits", WITHIN, || cluster.committed("g", "T", 0) == Some(4));
    std::thread::sleep(millis(100)); // ten intervals in which a commit could pass it
    assert_eq!(cluster.committed("g", "T", 0), Some(4));
    gate.open();
    wait_until("the rest", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
}

#[test]
fn what_was_filtered_is_committed_too() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 50);
    let _member = Setup::new(&cluster, "g").subscribe("T", "nobody").start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(50));
}

#[test]
fn a_queue_that_has_rested_for_the_interval_commits_at_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member =
        Setup::new(&cluster, "g").set("offset.commit.interval.ms", "1500").subscribe("T", "*").start();
    for count in 1..=2_usize {
        std::thread::sleep(millis(1600)); // longer than the interval
        cluster.produce("T", 0, "m");
        member.record.wait_for(count, WITHIN);
        let begun = Instant::now();
        wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == i64::try_from(count).ok());
        assert_less_since(begun, millis(1000));
    }
}

#[test]
fn a_busy_queue_commits_once_an_interval() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 64);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(&cluster, "g")
        .set("offset.commit.interval.ms", "200")
        .set("consume.thread.max", "1")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            if batch.message(0).unwrap().keys() == Some("63") {
                inside.pass();
            }
            std::thread::sleep(millis(10));
            Outcome::Success
        })
        .start();
    wait_until("the last callback", WITHIN, || gate.inside() == 1);
    let updates = cluster.requests(RequestCode::UpdateConsumerOffset);
    let at: Vec<_> = updates.iter().filter(|u| u.field("topic") == Some("T")).map(|u| u.at).collect();
    assert!(at.len() >= 2, "{at:?}");
    // The first one is of the start offset, from before the first message.
    assert!(at.windows(2).skip(1).all(|pair| pair[1] - pair[0] >= millis(195)), "{at:?}");
    gate.open();
    member.stop();
}

#[test]
fn after_a_reconnect_what_another_member_committed_meanwhile_is_not_lowered() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(&cluster, "g")
        .set("offset.commit.interval.ms", "100")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            if batch.message(0).unwrap().queue_offset() == 1 {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    wait_until("the first commit", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
    wait_until("the second message", WITHIN, || gate.inside() == 1);
    cluster.broker().kill();
    let dead = Instant::now();
    cluster.broker().set_committed("g", "T", 0, Some(2));
    cluster.broker().restart();
    let asked = |r: &rmq_mock::Recorded| r.field("topic") == Some("T") && r.at > dead && r.answered.is_some();
    assert!(cluster.wait_for_request(RequestCode::QueryConsumerOffset, WITHIN, asked).is_some());
    gate.open();
    wait_until("the last commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    let updates = cluster.requests(RequestCode::UpdateConsumerOffset).into_iter();
    let after: Vec<_> = updates.filter(|u| u.field("topic") == Some("T") && u.at > dead).collect();
    assert!(after.iter().all(|update| update.field("commitOffset") == Some("3")), "{after:?}");
    member.stop();
}
