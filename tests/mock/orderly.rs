//! Orderly consumption under scripted answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmq::{EventKind, Outcome};
use rmq_mock::{MockCluster, RequestCode};
use rmq_testbed::wait_until;

use crate::member::{Record, Setup};
use crate::tools::{Gate, WITHIN, fill, millis};

fn setup(cluster: &MockCluster) -> Setup {
    Setup::new(cluster, "g").set("consume.mode", "orderly").set("suspend.queue.ms", "20").subscribe("T", "*")
}

fn offsets(record: &Record, queue: i32) -> Vec<i64> {
    record.deliveries().iter().filter(|d| d.queue == queue).map(|d| d.offset).collect()
}

#[test]
fn a_queue_is_in_one_callback_at_a_time_and_others_go_on_beside_it() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 5);
    fill(&cluster, "T", 1, 5);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = setup(&cluster)
        .answer(move |batch, _| {
            if batch.queue_id() == 0 {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    wait_until("the other queue", WITHIN, || offsets(&member.record, 1) == [0, 1, 2, 3, 4]);
    assert_eq!((gate.inside(), offsets(&member.record, 0)), (1, vec![0]));
    gate.open();
    wait_until("this queue", WITHIN, || offsets(&member.record, 0) == [0, 1, 2, 3, 4]);
    assert_eq!(gate.most(), 1);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    let locks = cluster.requests(RequestCode::LockBatchMq);
    assert!(locks.iter().all(|lock| !String::from_utf8_lossy(&lock.body).contains("@handover")));
}

#[test]
fn what_fails_comes_again_in_its_place_with_its_tries_counted() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 4);
    let tries = AtomicUsize::new(0);
    let member = setup(&cluster)
        .answer(move |batch, _| {
            let offset = batch.message(0).unwrap().queue_offset();
            if offset == 1 && tries.fetch_add(1, Ordering::Relaxed) < 2 {
                Outcome::Suspend
            } else {
                Outcome::Success
            }
        })
        .start();
    wait_until("all", WITHIN, || member.record.count() == 6);
    let seen: Vec<(i64, i32)> = member.record.deliveries().iter().map(|d| (d.offset, d.times)).collect();
    assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (3, 0)]);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(4));
    assert!(cluster.requests(RequestCode::ConsumerSendMsgBack).is_empty());
}

#[test]
fn a_rest_lasts_as_long_as_the_call_says() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let member = setup(&cluster)
        .set("suspend.queue.ms", "30000")
        .answer(|batch, context| {
            context.suspend = Some(millis(300));
            if batch.message(0).unwrap().reconsume_times() == 0 { Outcome::Later } else { Outcome::Success }
        })
        .start();
    wait_until("both", WITHIN, || member.record.count() == 2);
    let deliveries = member.record.deliveries();
    let pause = deliveries[1].at - deliveries[0].at;
    assert!(pause >= millis(300) && pause < millis(3000), "{pause:?}");
}

#[test]
fn after_its_tries_a_message_goes_to_the_dead_letters_and_the_queue_goes_on() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let member = setup(&cluster)
        .set("orderly.reconsume.max", "2")
        .answer(|batch, _| {
            if batch.message(0).unwrap().queue_offset() == 1 { Outcome::Suspend } else { Outcome::Success }
        })
        .start();
    wait_until("the queue", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    assert_eq!(offsets(&member.record, 0), [0, 1, 1, 1, 2]);
    let sent = cluster.requests(RequestCode::ConsumerSendMsgBack);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].field("delayLevel"), Some("-1"));
}

#[test]
fn without_auto_commit_nothing_is_committed_before_the_user_says_so() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 6);
    let rolled = AtomicUsize::new(0);
    let member = setup(&cluster)
        .set("orderly.auto.commit", "false")
        .answer(move |batch, _| match batch.message(0).unwrap().queue_offset() {
            2 => Outcome::Commit,
            4 if rolled.fetch_add(1, Ordering::Relaxed) == 0 => Outcome::Rollback,
            _ => Outcome::Success,
        })
        .start();
    wait_until("all", WITHIN, || member.record.count() == 8);
    assert_eq!(offsets(&member.record, 0), [0, 1, 2, 3, 4, 3, 4, 5]);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    member.stop();
    assert_eq!(cluster.committed("g", "T", 0), Some(3), "what was not committed comes again");
}

#[test]
fn a_rollback_with_auto_commit_loses_nothing() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let tries = AtomicUsize::new(0);
    let member = setup(&cluster)
        .answer(move |_, _| match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Outcome::Rollback,
            _ => Outcome::Success,
        })
        .start();
    wait_until("both", WITHIN, || member.record.count() == 2);
    assert!(!member.record.events(EventKind::Error).is_empty());
}

#[test]
fn batches_are_kept_in_order_when_a_part_fails() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 10);
    let failed = Arc::new(Mutex::new(BTreeMap::<i64, usize>::new()));
    let member = setup(&cluster)
        .set("consume.batch.size", "4")
        .answer(move |batch, context| {
            let last = batch.message(batch.len() - 1).unwrap().queue_offset();
            let first_time = *failed.lock().unwrap().entry(last).and_modify(|n| *n += 1).or_insert(1) == 1;
            if first_time && batch.len() > 1 {
                context.ack_index = Some(0);
            }
            Outcome::Success
        })
        .start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    let mut done = -1;
    for offset in offsets(&member.record, 0) {
        assert!(offset <= done + 4, "{offset} came before those before it");
        done = done.max(offset);
    }
}

#[test]
fn a_queue_is_not_begun_before_its_lock_is_granted_and_then_soon() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    cluster.broker().set_lock_owner("g", "T", 0, Some("somebody else"));
    let member = setup(&cluster).set("rebalance.handover.timeout.ms", "0").start();
    wait_until("tries", WITHIN, || cluster.requests(RequestCode::LockBatchMq).len() >= 4);
    assert_eq!(member.record.count(), 0);
    cluster.broker().set_lock_owner("g", "T", 0, None);
    wait_until("the message", Duration::from_secs(1), || member.record.count() == 1);
}
