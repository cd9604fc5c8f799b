//! The barrier between the old and the new owner of a queue.

use std::time::{Duration, Instant};

use rmq::protocol::command::{Heartbeat, LockQueues};
use rmq_mock::{Fault, MockCluster, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::{Record, Setup};
use crate::tools::{Gate, WITHIN, assert_less_since, fill, millis, slower};

const LOCK: &str = "g@handover";

/// A group with a frozen member that has locked both queues of T; ours gets queue 1 of the two.
fn with_ghost() -> MockCluster {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    cluster.broker().add_ghost("g", "0.0.0.0@ghost");
    for queue in 0..2 {
        cluster.broker().set_lock_owner(LOCK, "T", queue, Some("0.0.0.0@ghost"));
        cluster.produce("T", queue, "m");
    }
    cluster
}

#[test]
fn queues_are_locked_under_the_name_of_the_barrier_and_no_other() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    cluster.produce("T", 1, "m");
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    for lock in cluster.requests(RequestCode::LockBatchMq) {
        let lock = lock.read::<LockQueues>().unwrap();
        assert_eq!(lock.consumer_group, LOCK);
        assert_eq!(lock.client_id, member.consumer.client_id());
    }
    let owner = cluster.broker().lock_owner(LOCK, "T", 1);
    assert_eq!(owner.as_deref(), Some(member.consumer.client_id()));
    assert_eq!(member.total("without_barrier"), 0);
}

#[test]
fn a_refused_lock_is_waited_for_until_it_is_released() {
    let cluster = with_ghost();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    let locks = || {
        let locks = cluster.requests(RequestCode::LockBatchMq).into_iter();
        locks.filter(|r| r.read::<LockQueues>().unwrap().queues.iter().any(|q| &*q.topic == "T")).count()
    };
    wait_until("it to be asked for again and again", WITHIN, || locks() >= 4);
    assert_eq!(member.record.count(), 0);
    let asked = cluster.requests(RequestCode::QueryConsumerOffset);
    assert!(asked.iter().all(|query| query.field("topic") != Some("T")), "the offset is asked for later");
    cluster.broker().set_committed("g", "T", 1, Some(1));
    cluster.produce("T", 1, "after the old owner's last commit");
    let begun = Instant::now();
    cluster.broker().set_lock_owner(LOCK, "T", 1, None);
    member.record.wait_for(1, WITHIN);
    assert_less_since(begun, millis(5000));
    let deliveries = member.record.deliveries();
    assert_eq!((deliveries.len(), deliveries[0].queue, deliveries[0].offset), (1, 1, 1));
    assert_eq!(member.total("without_barrier"), 0);
}

#[test]
fn a_previous_owner_that_does_not_let_go_is_waited_for_no_longer_than_the_timeout() {
    let cluster = with_ghost();
    let begun = Instant::now();
    let member =
        Setup::new(&cluster, "g").set("rebalance.handover.timeout.ms", "600").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    let waited = begun.elapsed();
    assert!(waited >= millis(600) && waited < slower(millis(2500)), "{waited:?}");
    assert_eq!(member.total("without_barrier"), 1);
    assert_eq!(member.record.logged("begins without the hand-over lock"), 1);
}

/// Whoever has long callbacks lets go late, and the queue shall not stand still much longer than that.
#[test]
fn a_lock_is_asked_for_often_also_when_the_previous_owner_takes_long() {
    let cluster = with_ghost();
    let member =
        Setup::new(&cluster, "g").set("rebalance.handover.timeout.ms", "2000").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    let of_t =
        |r: &rmq_mock::Recorded| r.read::<LockQueues>().unwrap().queues.iter().any(|q| &*q.topic == "T");
    let asked = cluster.requests(RequestCode::LockBatchMq).iter().filter(|r| of_t(r)).count();
    // A pause that doubled up to half a second made 10 of it, one of 25 ms makes 80.
    assert!((20..=90).contains(&asked), "{asked}");
}

#[test]
fn a_previous_owner_that_has_left_is_not_waited_for() {
    let cluster = with_ghost();
    let member =
        Setup::new(&cluster, "g").set("rebalance.handover.timeout.ms", "60000").subscribe("T", "*").start();
    let came =
        |r: &rmq_mock::Recorded| r.read::<LockQueues>().unwrap().queues.iter().any(|q| &*q.topic == "T");
    assert!(cluster.wait_for_request(RequestCode::LockBatchMq, WITHIN, came).is_some());
    let begun = Instant::now();
    cluster.broker().expel("g", "0.0.0.0@ghost");
    member.record.wait_for(2, WITHIN);
    assert_less_since(begun, millis(5000));
    assert_eq!(member.queues("T"), [0, 1]);
}

#[test]
fn a_lock_of_somebody_who_is_no_member_is_not_waited_for() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    cluster.broker().set_lock_owner(LOCK, "T", 0, Some("somebody killed"));
    let begun = Instant::now();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    assert_less_since(begun, millis(5000));
    assert_eq!(member.total("without_barrier"), 1);
}

#[test]
fn a_broker_that_refuses_to_lock_means_no_barrier() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    let refusal = Fault::refuse(ResponseCode::NoPermission, "locks are not for you");
    cluster.on(RequestCode::LockBatchMq).always(refusal);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    assert!(member.total("without_barrier") >= 1);
    assert!(member.record.logged("locks are not for you") > 0);
}

#[test]
fn a_busy_broker_is_asked_for_the_lock_again() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    cluster.on(RequestCode::LockBatchMq).times(3, Fault::busy());
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    assert_eq!(member.total("without_barrier"), 0);
    assert_eq!(cluster.broker().lock_owner(LOCK, "T", 0).as_deref(), Some(member.consumer.client_id()));
}

#[test]
fn a_lock_that_is_granted_after_the_queue_was_given_up_is_given_back() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").build();
    let hold = rmq_mock::Hold::new();
    cluster.on(RequestCode::LockBatchMq).always(Fault::hold(&hold));
    member.consumer.start().unwrap();
    assert!(hold.wait_for(2, WITHIN), "T and the retry topic");
    member.consumer.unsubscribe("T").unwrap();
    let gone = |beat: &rmq_mock::Recorded| {
        let beat = beat.read::<Heartbeat>().unwrap();
        beat.consumers[0].subscriptions.iter().all(|s| s.topic != "T")
    };
    assert!(cluster.wait_for_request(RequestCode::HeartBeat, WITHIN, gone).is_some());
    hold.release();
    wait_until("the queue to go", WITHIN, || !member.consumer.assignment_json().contains("\"T\""));
    assert_eq!(cluster.broker().lock_owner(LOCK, "T", 0), None);
}

#[test]
fn a_joining_member_begins_after_the_last_commit_of_the_old_owner_and_gets_nothing_twice() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 20);
    fill(&cluster, "T", 1, 20);
    let (record, gate) = (Record::default(), Gate::default());
    // Named so that the first keeps queue 0 and the second gets queue 1.
    let first = Setup::new(&cluster, "g")
        .set("instance.name", "1")
        .set("consume.thread.max", "2")
        .record(&record)
        .subscribe("T", "*")
        .held_at(&gate)
        .start();
    wait_until("both queues", WITHIN, || gate.inside() == 2);
    let second =
        Setup::new(&cluster, "g").set("instance.name", "2").record(&record).subscribe("T", "*").start();
    wait_until("queue 1 to be given up", WITHIN, || first.queues("T") == [0]);
    wait_until("queue 1 to be assigned", WITHIN, || second.queues("T") == [1]);
    gate.open();
    record.wait_for(40, WITHIN);
    first.stop();
    second.stop();
    assert_eq!(record.count(), 40, "nothing twice");
    assert_eq!((cluster.committed("g", "T", 0), cluster.committed("g", "T", 1)), (Some(20), Some(20)));
    assert_eq!(second.total("without_barrier"), 0);
}

#[test]
fn a_member_that_leaves_hands_over_at_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 4);
    let record = Record::default();
    let setup = || Setup::new(&cluster, "g").record(&record).subscribe("T", "*");
    let (first, second) = (setup().start(), setup().start());
    wait_until("both to have their share", WITHIN, || {
        first.queues("T").len() == 2 && second.queues("T").len() == 2
    });
    first.stop();
    let begun = Instant::now();
    for queue in 0..4 {
        fill(&cluster, "T", queue, 5);
    }
    record.wait_for(20, WITHIN);
    assert_less_since(begun, millis(5000));
    assert_eq!(second.queues("T"), [0, 1, 2, 3]);
    assert_eq!(record.count(), 20);
}

/// Takes longer than the renewal period of the lock, which is fixed.
#[test]
fn a_queue_whose_lock_somebody_took_is_dropped_without_a_commit() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let gate = Gate::default();
    let member =
        Setup::new(&cluster, "g").set("consume.thread.max", "1").subscribe("T", "*").held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    let taken = Instant::now();
    cluster.broker().set_lock_owner(LOCK, "T", 0, Some("somebody else"));
    cluster.broker().set_committed("g", "T", 0, Some(2));
    wait_until("the loss to be told", Duration::from_secs(25), || {
        member.record.logged("another member took it") > 0
    });
    gate.open();
    // It is the only member after all, so it takes the queue again and goes on where the other one was.
    wait_until("the rest", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    member.stop();
    let updates = cluster.requests(RequestCode::UpdateConsumerOffset).into_iter();
    let updates: Vec<_> = updates.filter(|u| u.field("topic") == Some("T") && u.at > taken).collect();
    assert!(updates.iter().all(|update| update.field("commitOffset") == Some("3")), "{updates:?}");
    let offsets: Vec<i64> = member.record.deliveries().iter().map(|d| d.offset).collect();
    assert_eq!(offsets, [0, 2], "what was pulled and not handed out is dropped");
}
