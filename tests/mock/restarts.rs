//! Brokers and name servers that go and come back.

use std::collections::BTreeSet;
use std::time::Instant;

use rmq_mock::{MockCluster, Options, RequestCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{WITHIN, assert_less_since, fill, millis};

#[test]
fn a_broker_killed_during_a_pull_and_restarted_is_consumed_on_without_loss() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 10);
    let member =
        Setup::new(&cluster, "g").set("offset.persist.interval.ms", "100").subscribe("T", "*").start();
    member.record.wait_for(10, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    cluster.broker().kill();
    fill(&cluster, "T", 0, 10);
    fill(&cluster, "T", 1, 10);
    std::thread::sleep(millis(300)); // long enough for the back-off to reach its cap
    cluster.broker().restart();
    let begun = Instant::now();
    member.record.wait_for(30, WITHIN);
    assert_less_since(begun, millis(1500));
    wait_until("both commits", WITHIN, || {
        cluster.committed("g", "T", 0) == Some(20) && cluster.committed("g", "T", 1) == Some(10)
    });
    let distinct: BTreeSet<_> = member.record.deliveries().iter().map(|d| (d.queue, d.offset)).collect();
    assert_eq!((distinct.len(), member.record.count()), (30, 30));
}

#[test]
fn offsets_that_a_broker_lost_are_committed_again_after_the_reconnect() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 10);
    let member =
        Setup::new(&cluster, "g").set("offset.persist.interval.ms", "100").subscribe("T", "*").start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    cluster.broker().kill();
    cluster.broker().set_committed("g", "T", 0, Some(4));
    cluster.broker().restart();
    wait_until("the commit anew", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    assert_eq!(member.record.count(), 10, "nothing is delivered again");
}

#[test]
fn a_heartbeat_is_first_on_every_connection_but_for_a_look_at_the_members_before_the_very_first() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    cluster.produce("T", 0, "before");
    member.record.wait_for(1, WITHIN);
    cluster.broker().drop_connections();
    cluster.produce("T", 0, "after");
    member.record.wait_for(2, WITHIN);
    let requests = cluster.all_requests();
    let mut firsts: Vec<_> = Vec::new();
    for request in requests.iter().filter(|r| r.code != RequestCode::GetRouteInfoByTopic) {
        if !firsts.iter().any(|(connection, _)| *connection == request.connection) {
            firsts.push((request.connection, request.code));
        }
    }
    assert!(firsts.len() >= 2);
    assert_eq!(firsts[0].1, RequestCode::GetConsumerListByGroup);
    assert!(firsts[1..].iter().all(|(_, code)| *code == RequestCode::HeartBeat), "{firsts:?}");
    let on_first = requests.iter().filter(|r| r.connection == firsts[0].0);
    assert_eq!(on_first.map(|r| r.code).nth(1), Some(RequestCode::HeartBeat));
}

#[test]
fn a_dead_broker_does_not_hold_up_the_others() {
    let cluster = MockCluster::with(&Options { brokers: 2, ..Options::default() });
    cluster.create_topic("T", 2);
    // Its return is learned from the name server, who pushes nothing.
    let member = Setup::new(&cluster, "g").set("pollNameServerInterval", "200").subscribe("T", "*").start();
    let brokers = cluster.brokers();
    brokers[0].produce("T", 0, "a");
    brokers[1].produce("T", 0, "b");
    member.record.wait_for(2, WITHIN);
    brokers[0].kill();
    let begun = Instant::now();
    for _ in 0..20 {
        brokers[1].produce("T", 1, "b");
    }
    member.record.wait_for(22, WITHIN);
    assert_less_since(begun, millis(2500));
    wait_until("the commit", WITHIN, || brokers[1].committed("g", "T", 1) == Some(20));
    brokers[0].restart();
    brokers[0].produce("T", 1, "a");
    member.record.wait_for(23, WITHIN);
}

#[test]
fn without_name_servers_a_running_consumer_goes_on() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").set("namesrv.poll.interval.ms", "100").subscribe("T", "*").start();
    cluster.produce("T", 0, "before");
    member.record.wait_for(1, WITHIN);
    cluster.name_server_down();
    wait_until("the loss to be told", WITHIN, || member.record.logged("no name server answered") > 0);
    cluster.produce("T", 0, "after");
    member.record.wait_for(2, WITHIN);
    cluster.name_server_up();
    wait_until("the return to be told", WITHIN, || member.record.logged("a name server answers again") > 0);
    assert_eq!(member.record.logged("no name server answered"), 1, "told once");
}
