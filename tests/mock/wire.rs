//! Answers that are no answers: the connection is dropped and made anew, and nothing is lost.

use std::collections::BTreeSet;

use rmq_mock::{Fault, MockCluster, RequestCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{WITHIN, fill};

#[test]
fn an_oversized_frame_costs_the_connection_and_nothing_else() {
    survives(&Fault::oversized());
}

#[test]
fn a_garbage_frame_costs_the_connection_and_nothing_else() {
    survives(&Fault::garbage());
}

#[test]
fn half_a_frame_costs_the_connection_and_nothing_else() {
    survives(&Fault::half_frame());
}

#[test]
fn an_answer_to_a_request_never_made_costs_the_connection_and_nothing_else() {
    survives(&Fault::wrong_opaque());
}

#[test]
fn a_connection_that_ends_instead_of_an_answer_costs_nothing_else() {
    survives(&Fault::disconnect());
}

/// The fault befalls a pull in the middle, then a commit.
fn survives(fault: &Fault) {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 100);
    cluster.on(RequestCode::PullMessage).with("topic", "T").with("queueOffset", 32).once(fault.clone());
    let member =
        Setup::new(&cluster, "g").set("offset.persist.interval.ms", "100").subscribe("T", "*").start();
    member.record.wait_for(100, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(100));
    cluster.on(RequestCode::UpdateConsumerOffset).with("topic", "T").once(fault.clone());
    cluster.produce("T", 0, "one more");
    member.record.wait_for(101, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(101));
    let offsets: Vec<i64> = member.record.deliveries().iter().map(|d| d.offset).collect();
    let mut distinct = offsets.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((distinct.len(), offsets.len()), (101, 101), "each message once");
    wait_until("a new connection after each fault, greeted first", WITHIN, || {
        let beats = cluster.requests(RequestCode::HeartBeat);
        let connections: BTreeSet<u64> = beats.iter().map(|beat| beat.connection).collect();
        connections.len() >= 3
    });
}
