//! Brokers that refuse: each refusal has its remedy, and none is taken for an answer.

use std::time::Instant;

use rmq_mock::{Fault, MockCluster, Recorded, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{WITHIN, assert_less_since, fill, millis, slower};

fn of_topic<'a>(requests: &'a [Recorded], topic: &'a str) -> impl Iterator<Item = &'a Recorded> {
    requests.iter().filter(move |request| request.field("topic") == Some(topic))
}

#[test]
fn a_busy_broker_is_pulled_again_soon() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    cluster.on(RequestCode::PullMessage).with("topic", "T").times(3, Fault::busy());
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    let pulls = cluster.requests(RequestCode::PullMessage);
    let pulls: Vec<_> = of_topic(&pulls, "T").collect();
    let pause = pulls[1].at - pulls[0].at;
    assert!(pause >= millis(15) && pause < slower(millis(200)), "{pause:?}");
    assert!(pulls[3].at - pulls[2].at > pause, "the pause grows");
}

#[test]
fn a_pull_refused_for_another_reason_rests_and_is_told_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    let refusal = Fault::refuse(ResponseCode::NoPermission, "reading is switched off");
    cluster.on(RequestCode::PullMessage).with("topic", "T").times(3, refusal);
    let member =
        Setup::new(&cluster, "g").set("pullTimeDelayMillsWhenException", "100").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    let pulls = cluster.requests(RequestCode::PullMessage);
    let pulls: Vec<_> = of_topic(&pulls, "T").collect();
    assert!(pulls.windows(2).take(3).all(|pair| pair[1].at - pair[0].at >= millis(100)));
    assert_eq!(member.record.logged("reading is switched off"), 1);
    let error = member.consumer.last_error().unwrap();
    assert!(error.text().contains("pull T/broker-a/0") && error.text().contains("reading is switched off"));
}

#[test]
fn an_offset_query_that_fails_is_never_taken_for_zero() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 10);
    cluster.broker().set_committed("g", "T", 0, Some(7));
    let query = || cluster.on(RequestCode::QueryConsumerOffset).with("topic", "T");
    query().times(2, Fault::busy());
    query().once(Fault::refuse(ResponseCode::SystemError, "offsets are being loaded"));
    query().once(Fault::disconnect());
    let last = query().hold();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    assert!(last.wait_for(1, WITHIN), "it is asked again after each failure");
    let pulls = cluster.requests(RequestCode::PullMessage);
    assert_eq!(of_topic(&pulls, "T").count(), 0, "nothing is pulled before the offset is known");
    assert_eq!(of_topic(&cluster.requests(RequestCode::UpdateConsumerOffset), "T").count(), 0);
    last.release();
    member.record.wait_for(3, WITHIN);
    let first = member.record.deliveries().iter().map(|d| d.offset).min();
    assert_eq!(first, Some(7));
    assert!(member.record.logged("offsets are being loaded") > 0);
}

#[test]
fn a_commit_that_is_refused_is_made_again_and_never_goes_back() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    let update = || cluster.on(RequestCode::UpdateConsumerOffset).with("topic", "T");
    update().once(Fault::busy());
    update().once(Fault::refuse(ResponseCode::SystemError, "disk full"));
    update().once(Fault::lose_answer());
    let member =
        Setup::new(&cluster, "g").set("persistConsumerOffsetInterval", "100").subscribe("T", "*").start();
    member.record.wait_for(5, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    fill(&cluster, "T", 0, 5);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    let updates = cluster.requests(RequestCode::UpdateConsumerOffset);
    let offsets: Vec<i64> = of_topic(&updates, "T")
        .map(|update| update.field("commitOffset").unwrap().parse().unwrap())
        .collect();
    assert!(offsets.len() >= 4 && offsets.is_sorted(), "{offsets:?}");
    assert!(member.record.logged("disk full") > 0);
}

#[test]
fn a_broker_that_does_not_know_the_group_hears_of_it_at_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    let refusal = Fault::refuse(ResponseCode::SubscriptionNotExist, "the consumer's group info not exist");
    cluster.on(RequestCode::PullMessage).with("topic", "T").once(refusal);
    let begun = Instant::now();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    assert_less_since(begun, millis(5000));
    heartbeat_between_the_first_pulls(&cluster);
}

#[test]
fn a_broker_that_knows_an_older_subscription_hears_of_the_new_one_at_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    let refusal =
        Fault::refuse(ResponseCode::SubscriptionNotLatest, "the consumer's subscription not latest");
    cluster.on(RequestCode::PullMessage).with("topic", "T").once(refusal);
    let begun = Instant::now();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    assert_less_since(begun, millis(5000));
    heartbeat_between_the_first_pulls(&cluster);
}

fn heartbeat_between_the_first_pulls(cluster: &MockCluster) {
    let pulls = cluster.requests(RequestCode::PullMessage);
    let pulls: Vec<_> = of_topic(&pulls, "T").collect();
    let beats = cluster.requests(RequestCode::HeartBeat);
    assert!(beats.iter().any(|beat| beat.at > pulls[0].at && beat.at < pulls[1].at));
}

#[test]
fn an_expelled_member_signs_up_again_and_goes_on() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    cluster.produce("T", 0, "before");
    member.record.wait_for(1, WITHIN);
    cluster.broker().expel("g", member.consumer.client_id());
    let begun = Instant::now();
    cluster.produce("T", 0, "after");
    // The held pull does not learn of it; the next one is refused with 24.
    member.record.wait_for(2, WITHIN + millis(5000));
    assert_eq!(cluster.members("g"), [member.consumer.client_id()], "{:?}", begun.elapsed());
}

#[test]
fn a_member_that_is_missing_in_the_list_signs_up_and_keeps_its_queues() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    cluster.broker().add_ghost("g", "0.0.0.0@ghost");
    let member = Setup::new(&cluster, "g").set("rebalance.interval.ms", "200").subscribe("T", "*").start();
    wait_until("its share", WITHIN, || member.queues("T") == [1]);
    wait_until("the heartbeat for the new retry topic", WITHIN, || {
        cluster.requests(RequestCode::HeartBeat).iter().filter(|beat| beat.answered.is_some()).count() >= 2
    });
    let expelled = Instant::now();
    cluster.broker().expel("g", member.consumer.client_id());
    wait_until("it to be back", WITHIN, || cluster.members("g").len() == 2);
    assert_less_since(expelled, millis(5000));
    cluster.produce("T", 1, "m");
    member.record.wait_for(1, WITHIN);
    assert_eq!(member.record.logged("T/broker-a/1 revoked"), 0);
}

#[test]
fn without_the_list_of_members_everything_stays_as_it_is() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    let member = Setup::new(&cluster, "g").set("rebalance.interval.ms", "100").subscribe("T", "*").start();
    wait_until("the queues", WITHIN, || member.queues("T") == [0, 1]);
    cluster.on(RequestCode::GetConsumerListByGroup).always(Fault::busy());
    let before = cluster.requests(RequestCode::GetConsumerListByGroup).len();
    wait_until("two more questions", WITHIN, || {
        cluster.requests(RequestCode::GetConsumerListByGroup).len() >= before + 2
    });
    assert_eq!(member.queues("T"), [0, 1]);
    cluster.produce("T", 1, "m");
    member.record.wait_for(1, WITHIN);
}

#[test]
fn heartbeats_that_are_refused_while_it_runs_stop_nothing() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").set("heartbeat.interval.ms", "100").subscribe("T", "*").start();
    wait_until("the queue", WITHIN, || member.queues("T") == [0]);
    cluster.on(RequestCode::HeartBeat).times(3, Fault::refuse(ResponseCode::SystemError, "not now"));
    wait_until("the refusals to be told", WITHIN, || member.record.logged_times("not now") >= 3);
    cluster.produce("T", 0, "m");
    member.record.wait_for(1, WITHIN);
}

#[test]
fn an_offset_outside_the_queue_is_followed_and_committed() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 10);
    fill(&cluster, "T", 1, 10);
    // One queue has lost its beginning, the other was lost as a whole and is shorter now.
    cluster.broker().set_min_offset("T", 0, 6);
    cluster.broker().set_committed("g", "T", 0, Some(2));
    cluster.broker().set_committed("g", "T", 1, Some(1000));
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    wait_until("the first queue", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    wait_until("the second queue", WITHIN, || cluster.committed("g", "T", 1) == Some(10));
    cluster.produce("T", 1, "new");
    member.record.wait_for(5, WITHIN);
    assert_eq!(member.record.count(), 5);
    assert!(member.record.logged("the broker moved the offset to 6") == 1);
}
