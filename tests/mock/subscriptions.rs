//! Subscribing and unsubscribing while the consumer runs.

use std::time::Instant;

use rmq::protocol::command::Heartbeat;
use rmq_mock::{MockCluster, Produced, Recorded, RequestCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{WITHIN, assert_less_since, fill, millis};

fn topics(beat: &Heartbeat) -> Vec<&str> {
    beat.consumers[0].subscriptions.iter().map(|s| s.topic.as_str()).collect()
}

#[test]
fn an_unsubscribe_is_announced_at_once_and_gives_the_queues_up() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    cluster.create_topic("U", 2);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").subscribe("U", "*").start();
    cluster.produce("T", 0, "t");
    cluster.produce("U", 0, "u");
    member.record.wait_for(2, WITHIN);
    let begun = Instant::now();
    member.consumer.unsubscribe("U").unwrap();
    wait_until("the queues to go", WITHIN, || member.has_given_up("U"));
    let beat = cluster.requests(RequestCode::HeartBeat).into_iter().find(|beat| beat.at > begun);
    let beat = beat.expect("a heartbeat").read::<Heartbeat>().unwrap();
    assert_eq!(topics(&beat), ["%RETRY%g", "T"]);
    wait_until("the locks to go", WITHIN, || {
        (0..2).all(|queue| cluster.broker().lock_owner("g@handover", "U", queue).is_none())
    });
    assert_less_since(begun, millis(5000));
    assert_eq!(cluster.committed("g", "U", 0), Some(1));
    cluster.produce("U", 0, "u");
    cluster.produce("T", 0, "t");
    member.record.wait_for(3, WITHIN);
    assert_eq!(member.record.deliveries()[2].topic, "T");
    assert_eq!(member.queues("T"), [0, 1]);
}

#[test]
fn a_subscribe_is_announced_and_takes_the_queues_at_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.create_topic("U", 2);
    fill(&cluster, "U", 1, 3);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    wait_until("the first queue", WITHIN, || member.queues("T") == [0]);
    let begun = Instant::now();
    member.consumer.subscribe("U", "*").unwrap();
    member.record.wait_for(3, WITHIN);
    assert_less_since(begun, millis(5000));
    let beats = cluster.requests(RequestCode::HeartBeat);
    let announced = beats.iter().find(|beat| topics(&beat.read().unwrap()).contains(&"U")).unwrap();
    let pulls = cluster.requests(RequestCode::PullMessage);
    let pulled = pulls.iter().find(|pull| pull.field("topic") == Some("U")).unwrap();
    assert!(announced.answered.unwrap().0 <= pulled.at, "announced before it is pulled");
}

#[test]
fn a_changed_expression_is_announced_before_the_first_pull_that_carries_its_version() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").subscribe("T", "a").start();
    cluster.produce("T", 0, Produced::new("1").tag("a"));
    cluster.produce("T", 0, Produced::new("2").tag("b"));
    member.record.wait_for(1, WITHIN);
    member.consumer.subscribe("T", "b").unwrap();
    let announces = |beat: &Recorded| {
        let beat = (beat.answered.is_some(), beat.read::<Heartbeat>().unwrap());
        beat.0 && beat.1.consumers[0].subscriptions.iter().any(|s| s.expression == "b")
    };
    assert!(cluster.wait_for_request(RequestCode::HeartBeat, WITHIN, announces).is_some());
    // The pull that waits at the broker has the old filter, and must not keep the message back.
    let begun = Instant::now();
    cluster.produce("T", 0, Produced::new("3").tag("b"));
    cluster.produce("T", 0, Produced::new("4").tag("a"));
    cluster.produce("T", 0, Produced::new("5").tag("b"));
    member.record.wait_for(3, WITHIN);
    assert_less_since(begun, millis(5000));
    let bodies: Vec<_> = member.record.deliveries().into_iter().map(|d| d.body).collect();
    assert_eq!(bodies, [b"1", b"3", b"5"]);
    let refused = cluster.requests(RequestCode::PullMessage).into_iter().filter(|pull| {
        pull.answered.is_some_and(|(_, code)| code == rmq_mock::ResponseCode::SubscriptionNotLatest)
    });
    assert_eq!(refused.count(), 0);
    assert_eq!(member.consumer.last_error(), None);
}

#[test]
fn tags_are_compared_by_text_where_their_hashes_are_equal() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    // "Aa" and "BB" have the same hash in Java.
    for tag in ["Aa", "BB", "Aa", "other"] {
        cluster.produce("T", 0, Produced::new(tag).tag(tag));
    }
    cluster.produce("T", 0, "untagged");
    let member = Setup::new(&cluster, "g").subscribe("T", "Aa").start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    let bodies: Vec<_> = member.record.deliveries().into_iter().map(|d| d.body).collect();
    assert_eq!(bodies, [b"Aa", b"Aa"]);
    assert_eq!(member.total("filtered"), 1, "the broker filtered the others");
}

#[test]
fn one_topic_may_be_left_and_taken_again() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    for round in 1..=3 {
        cluster.produce("T", 1, "m");
        member.record.wait_for(round, WITHIN);
        member.consumer.unsubscribe("T").unwrap();
        member.consumer.subscribe("T", "*").unwrap();
    }
    wait_until("the queues", WITHIN, || member.queues("T") == [0, 1]);
    assert_eq!(member.record.count(), 3, "each message once");
}
