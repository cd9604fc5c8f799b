//! Queues that stand still, and those that only seem to.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rmq::EventKind;
use rmq_mock::{Fault, MockCluster, Recorded, RequestCode};
use rmq_testbed::wait_until;
use serde_json::Value;

use crate::member::{Member, Setup};
use crate::tools::{Gate, WITHIN, assert_less_since, fill};

/// With the shortest watchdog there is, and times that leave it the last word.
fn watched(cluster: &MockCluster) -> Setup {
    Setup::new(cluster, "g")
        .set("watchdog.queue.ms", "1000")
        .set("pull.suspend.ms", "100")
        .set("request.timeout.ms", "100")
        .set("rebalance.handover.timeout.ms", "0")
}

fn stalled(member: &Member) -> Vec<Value> {
    member.record.events(EventKind::Stalled)
}

/// The one event, of a queue of T.
fn told_once(member: &Member, queue: i32, waits_for: &str) -> Value {
    let events = stalled(member);
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = events[0].clone();
    assert_eq!(
        (&event["topic"], &event["broker"], &event["queue_id"], &event["waits_for"]),
        (&"T".into(), &"broker-a".into(), &queue.into(), &waits_for.into()),
        "{event}"
    );
    assert_eq!(member.total("stalled"), 1);
    event
}

fn of_topic(cluster: &MockCluster, code: RequestCode) -> Vec<Recorded> {
    cluster.requests(code).into_iter().filter(|request| request.field("topic") == Some("T")).collect()
}

fn connections(requests: &[Recorded]) -> BTreeSet<u64> {
    requests.iter().map(|request| request.connection).collect()
}

fn delivered_once(member: &Member, queue: i32, count: usize) {
    let offsets = |queue: i32| {
        let all = member.record.deliveries().into_iter().filter(move |d| d.topic == "T" && d.queue == queue);
        all.map(|delivery| delivery.offset).collect::<Vec<_>>()
    };
    wait_until("all of the queue", WITHIN, || offsets(queue).len() >= count);
    let (all, distinct) = (offsets(queue), offsets(queue).into_iter().collect::<BTreeSet<_>>());
    assert_eq!((all.len(), distinct.len()), (count, count), "nothing is lost and nothing comes twice");
}

#[test]
fn a_queue_whose_pull_is_never_answered_is_pulled_over_a_new_connection_and_told_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    for queue in 0..2 {
        fill(&cluster, "T", queue, 40);
    }
    // The first brings messages whose callbacks run, the second keeps silent.
    let silent = || cluster.on(RequestCode::PullMessage).with("topic", "T").with("queueId", 0);
    silent().with("queueOffset", 32).once(Fault::silence());
    let (gate, begun) = (Gate::default(), Instant::now());
    let member = watched(&cluster).set("consume.thread.max", "64").subscribe("T", "*").held_at(&gate).start();
    wait_until("the standstill to be told", WITHIN, || !stalled(&member).is_empty());
    // Without it the pull itself would give up after 15 s.
    assert_less_since(begun, Duration::from_secs(12));
    gate.open();
    for queue in 0..2 {
        delivered_once(&member, queue, 40);
    }
    let event = told_once(&member, 0, "pull");
    assert_eq!(event["why"], "its pull is not answered");
    assert!(event["stood_ms"].as_u64().unwrap() >= 6000, "a broker may hold it that long: {event}");
    assert_eq!(connections(&of_topic(&cluster, RequestCode::PullMessage)).len(), 2);
    wait_until("the commits", WITHIN, || (0..2).all(|q| cluster.committed("g", "T", q) == Some(40)));
    wait_until("the end to be logged", WITHIN, || member.record.logged("goes on after") == 1);
}

#[test]
fn a_queue_whose_broker_only_refuses_is_told_once_and_keeps_its_connection() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    cluster.on(RequestCode::PullMessage).with("topic", "T").always(Fault::busy());
    let member = watched(&cluster).set("request.timeout.ms", "3000").subscribe("T", "*").start();
    wait_until("the standstill to be told", WITHIN, || !stalled(&member).is_empty());
    cluster.behave();
    delivered_once(&member, 0, 5);
    let event = told_once(&member, 0, "pull");
    assert!(event["why"].as_str().unwrap().contains("start flow control"), "{event}");
    assert_eq!(connections(&of_topic(&cluster, RequestCode::PullMessage)).len(), 1);
}

#[test]
fn a_start_offset_that_is_not_answered_is_asked_for_over_new_connections_until_it_is() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    cluster.on(RequestCode::QueryConsumerOffset).with("topic", "T").always(Fault::silence());
    let member = watched(&cluster).subscribe("T", "*").start();
    let over = || connections(&of_topic(&cluster, RequestCode::QueryConsumerOffset)).len();
    // The second attempt to heal is told of in the log alone.
    wait_until("two new connections", WITHIN, || over() >= 3);
    cluster.behave();
    delivered_once(&member, 0, 5);
    let event = told_once(&member, 0, "start_offset");
    assert!(event["why"].as_str().unwrap().contains("no answer within 100 ms"), "{event}");
}

#[test]
fn a_commit_that_is_not_answered_is_made_over_a_new_connection_long_before_its_interval() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    // What was begun with, then the progress.
    let begins = |update: &Recorded| update.answered.is_some();
    let member = watched(&cluster).set("offset.persist.interval.ms", "3600000").subscribe("T", "*");
    cluster.on(RequestCode::UpdateConsumerOffset).with("commitOffset", 5).once(Fault::silence());
    let member = member.start();
    delivered_once(&member, 0, 5);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    let event = told_once(&member, 0, "commit");
    assert!(event["why"].as_str().unwrap().contains("no answer within 100 ms"), "{event}");
    let updates = of_topic(&cluster, RequestCode::UpdateConsumerOffset);
    assert!(begins(updates.last().unwrap()));
    assert!(connections(&updates).len() >= 2);
}

#[test]
fn a_lock_that_another_member_keeps_is_told_and_its_release_is_seen_at_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    cluster.broker().set_lock_owner("g", "T", 0, Some("0.0.0.0@other"));
    let member = watched(&cluster).set("consume.mode", "orderly").subscribe("T", "*").start();
    wait_until("the standstill to be told", WITHIN, || !stalled(&member).is_empty());
    assert_eq!(told_once(&member, 0, "lock")["why"], "another member has its lock");
    assert_eq!(connections(&cluster.requests(RequestCode::LockBatchMq)).len(), 1, "an answer came each time");
    cluster.broker().set_lock_owner("g", "T", 0, None);
    delivered_once(&member, 0, 5);
}

#[test]
fn queues_that_are_empty_or_paused_or_full_or_wait_for_a_callback_do_not_stand_still() {
    let cluster = MockCluster::start();
    for topic in ["Empty", "Paused", "Full", "Left"] {
        cluster.create_topic(topic, 1);
    }
    for topic in ["Paused", "Full", "Left"] {
        fill(&cluster, topic, 0, 100);
    }
    let gate = Gate::default();
    let member = watched(&cluster)
        .set("pull.suspend.ms", "2000")
        .set("request.timeout.ms", "3000")
        .set("pull.threshold.queue", "32")
        .held_at(&gate)
        .subscribe("Empty", "*")
        .subscribe("Paused", "*")
        .subscribe("Full", "*")
        .subscribe("Left", "*")
        .build();
    member.consumer.pause(Some("Paused"), None, None).unwrap();
    member.consumer.start().unwrap();
    wait_until("callbacks of both", WITHIN, || {
        let topics: BTreeSet<String> = member.record.deliveries().into_iter().map(|d| d.topic).collect();
        topics.len() == 2
    });
    // It is given up as soon as its callbacks end, which they do not.
    member.consumer.unsubscribe("Left").unwrap();
    let held = || {
        let pulls = cluster.requests(RequestCode::PullMessage).into_iter();
        pulls.filter(|pull| pull.field("topic") == Some("Empty") && pull.answered.is_some()).count()
    };
    // Each for 2 s: longer than the watchdog's time, and together than what a pull may take.
    wait_until("held pulls", WITHIN, || held() >= 5);
    assert_eq!((stalled(&member), member.total("stalled")), (Vec::new(), 0));
    gate.open();
    wait_until("what is full to go on", WITHIN, || cluster.committed("g", "Full", 0) == Some(100));
    wait_until("what is left to be given up", WITHIN, || member.has_given_up("Left"));
    assert_eq!(connections(&cluster.requests(RequestCode::PullMessage)).len(), 1);
}
