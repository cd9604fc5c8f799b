//! Stopping in order, in time, and more than once.

use std::time::{Duration, Instant};

use rmq::{ErrorKind, Outcome, State};
use rmq_mock::{Fault, MockCluster, Recorded, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{Gate, WITHIN, assert_less_since, fill, millis};

#[test]
fn a_callback_that_outlasts_the_deadline_is_named_and_still_committed() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let gate = Gate::default();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    let begun = Instant::now();
    let error = member.consumer.shutdown(Some(millis(200))).unwrap_err();
    assert_less_since(begun, millis(5000));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.text().contains("1 callback still running (rmq-work-1) after 200 ms"), "{error}");
    assert_eq!(member.consumer.state(), State::Stopping);
    assert_eq!(member.consumer.subscribe("U", "*").unwrap_err().kind(), ErrorKind::State);
    gate.open();
    member.stop();
    assert_eq!(member.consumer.state(), State::Stopped);
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
    member.stop();
    assert_eq!(member.consumer.start().unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn the_timeout_of_the_configuration_bounds_a_shutdown_that_names_none() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let gate = Gate::default();
    let member = Setup::new(&cluster, "g")
        .set("awaitTerminationMillisWhenShutdown", "150")
        .subscribe("T", "*")
        .held_at(&gate)
        .start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    let begun = Instant::now();
    assert_eq!(member.consumer.shutdown(None).unwrap_err().kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() >= millis(150), "{:?}", begun.elapsed());
    assert_less_since(begun, millis(5000));
    gate.open();
}

#[test]
fn a_shutdown_commits_then_unlocks_then_signs_off_and_sends_no_heartbeat_after() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 50);
    fill(&cluster, "T", 1, 50);
    let member = Setup::new(&cluster, "g")
        .set("heartbeat.interval.ms", "100")
        .set("offset.commit.interval.ms", "60000")
        .subscribe("T", "*")
        .start();
    member.record.wait_for(100, WITHIN);
    member.stop();
    assert_eq!(cluster.committed("g", "T", 0), Some(50));
    assert_eq!(cluster.committed("g", "T", 1), Some(50));
    assert!(cluster.members("g").is_empty());
    let requests = cluster.all_requests();
    let last = |code| requests.iter().filter(|r| r.code == code).map(|r| r.at).max().unwrap();
    let signed_off = last(RequestCode::UnregisterClient);
    assert_eq!(requests.iter().filter(|r| r.code == RequestCode::UnregisterClient).count(), 1);
    for queue in 0..2 {
        let commits = requests.iter().filter(|r| {
            r.code == RequestCode::UpdateConsumerOffset
                && r.field("topic") == Some("T")
                && r.field("queueId") == Some(&queue.to_string())
        });
        let committed = commits.filter_map(|r| r.answered).map(|(at, _)| at).max().unwrap();
        let unlocks = requests.iter().filter_map(|r| {
            let unlock = r.read::<rmq::protocol::command::UnlockQueues>()?;
            let ours = unlock.queues.iter().any(|q| &*q.topic == "T" && q.id == queue);
            ours.then_some((r.at, r.answered.unwrap().0))
        });
        let unlocks: Vec<_> = unlocks.collect();
        assert_eq!(unlocks.len(), 1);
        assert!(committed <= unlocks[0].0, "the last commit is answered before the unlock");
        assert!(unlocks[0].1 <= signed_off, "the unlock is answered before the consumer signs off");
    }
    assert!(last(RequestCode::HeartBeat) < signed_off);
    assert!(requests.iter().all(|r| r.at <= signed_off), "nothing comes after");
}

#[test]
fn a_heartbeat_that_is_under_way_is_answered_before_the_consumer_signs_off() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    wait_until("all queues", WITHIN, || member.queues("T") == [0] && member.queues("%RETRY%g") == [0]);
    cluster.on(RequestCode::HeartBeat).always(Fault::delay(millis(300)));
    let unknown = Fault::refuse(ResponseCode::SubscriptionNotExist, "the consumer's group info not exist");
    cluster.on(RequestCode::PullMessage).with("topic", "T").once(unknown);
    let begun = Instant::now();
    cluster.produce("T", 0, "m");
    let came = |beat: &Recorded| beat.at > begun;
    assert!(cluster.wait_for_request(RequestCode::HeartBeat, WITHIN, came).is_some());
    member.stop();
    let signed_off = cluster.requests(RequestCode::UnregisterClient)[0].at;
    let beats = cluster.requests(RequestCode::HeartBeat);
    assert!(beats.iter().all(|beat| beat.answered.is_some_and(|(at, _)| at < signed_off)));
}

#[test]
fn a_shutdown_ends_a_connection_whose_greeting_is_not_answered() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").set("request.timeout.ms", "60000").subscribe("T", "*").start();
    wait_until("all queues", WITHIN, || member.queues("T") == [0] && member.queues("%RETRY%g") == [0]);
    cluster.on(RequestCode::HeartBeat).once(Fault::silence());
    let begun = Instant::now();
    cluster.broker().drop_connections();
    let came = |beat: &Recorded| beat.at > begun;
    assert!(cluster.wait_for_request(RequestCode::HeartBeat, WITHIN, came).is_some());
    let begun = Instant::now();
    member.consumer.shutdown(Some(Duration::from_secs(10))).unwrap();
    assert_less_since(begun, Duration::from_secs(5));
    assert!(cluster.members("g").is_empty());
}

#[test]
fn a_shutdown_during_a_retry_waits_for_the_send_back() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    cluster.on(RequestCode::ConsumerSendMsgBack).once(Fault::delay(millis(300)));
    let member = Setup::new(&cluster, "g").subscribe("T", "*").answer(|_, _| Outcome::Later).start();
    let came = |_: &_| true;
    assert!(cluster.wait_for_request(RequestCode::ConsumerSendMsgBack, WITHIN, came).is_some());
    member.stop();
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
    wait_until("the retry", WITHIN, || cluster.broker().stored("%RETRY%g", 0).len() == 1);
}

#[test]
fn a_shutdown_commits_nothing_that_no_broker_took_back() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.on(RequestCode::ConsumerSendMsgBack).always(Fault::busy());
    cluster.on(RequestCode::SendMessageV2).always(Fault::busy());
    fill(&cluster, "T", 0, 3);
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.message(0).unwrap().keys() {
            Some("1") => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    member.record.wait_for(3, WITHIN);
    wait_until("the refusal", WITHIN, || member.record.logged("T/broker-a/0 offset 1") > 0);
    let begun = Instant::now();
    member.stop();
    // It does not wait for the retry.
    assert_less_since(begun, millis(1000));
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
}

#[test]
fn a_shutdown_while_the_broker_is_away_ends_within_its_timeout() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 4);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    cluster.produce("T", 0, "m");
    member.record.wait_for(1, WITHIN);
    cluster.broker().kill();
    cluster.name_server_down();
    let begun = Instant::now();
    member.consumer.shutdown(Some(Duration::from_secs(10))).unwrap();
    assert_less_since(begun, Duration::from_secs(7));
}

#[test]
fn a_shutdown_from_a_callback_is_refused() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let slot = std::sync::Arc::new(std::sync::OnceLock::<rmq::Consumer>::new());
    let kind = std::sync::Arc::new(std::sync::OnceLock::new());
    let (own, answer) = (std::sync::Arc::downgrade(&slot), kind.clone());
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(move |_, _| {
            if let Some(consumer) = own.upgrade().unwrap().get() {
                let _ = answer.set(consumer.shutdown(None).map_err(|e| e.kind()));
            }
            Outcome::Success
        })
        .build();
    slot.set(member.consumer.clone()).ok().unwrap();
    member.consumer.start().unwrap();
    cluster.produce("T", 0, "m");
    wait_until("the refusal", WITHIN, || kind.get().is_some());
    assert_eq!(kind.get(), Some(&Err(ErrorKind::InCallback)));
}
