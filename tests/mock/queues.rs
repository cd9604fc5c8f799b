//! The order of requests when queues are sought, paused and committed by the user.

use std::thread;
use std::time::Instant;

use rmq::{ErrorKind, Outcome, Seek};
use rmq_mock::{Fault, MockCluster, RequestCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{Gate, WITHIN, assert_less_since, fill, millis};

const BROKER: &str = "broker-a";

fn consumed(cluster: &MockCluster, count: usize) -> Member {
    cluster.create_topic("T", 1);
    fill(cluster, "T", 0, count);
    let member = Setup::new(cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(count, WITHIN);
    wait_until("the commit", WITHIN, || {
        cluster.committed("g", "T", 0) == i64::try_from(count).ok() && member.queue("T", 0)["pending"] == 0
    });
    member
}

#[test]
fn a_commit_that_is_asked_for_waits_for_the_one_under_way_and_comes_after_it() {
    let cluster = MockCluster::start();
    let member = consumed(&cluster, 3);
    let hold = cluster.on(RequestCode::UpdateConsumerOffset).with("topic", "T").hold();
    fill(&cluster, "T", 0, 1);
    assert!(hold.wait_for(1, WITHIN)); // on its way with 4
    fill(&cluster, "T", 0, 1);
    member.record.wait_for(5, WITHIN);
    let consumer = member.consumer.clone();
    let commit = thread::spawn(move || consumer.commit_queue("T", BROKER, 0));
    thread::sleep(millis(50)); // so that a second update could have been sent
    assert!(!commit.is_finished());
    assert!(!hold.wait_for(2, millis(50)), "one at a time");
    hold.release();
    commit.join().unwrap().unwrap();
    assert_eq!(cluster.committed("g", "T", 0), Some(5));
    let updates = cluster.requests(RequestCode::UpdateConsumerOffset);
    let updates: Vec<_> = updates.iter().filter(|update| update.field("topic") == Some("T")).collect();
    for pair in updates.windows(2) {
        assert!(pair[0].answered.unwrap().0 <= pair[1].at, "one at a time");
    }
}

#[test]
fn a_commit_that_the_broker_refuses_is_the_callers_error_and_made_later_all_the_same() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g")
        .set("offset.commit.interval.ms", "60000")
        .set("offset.persist.interval.ms", "100")
        .subscribe("T", "*")
        .start();
    wait_until("the first commit", WITHIN, || cluster.committed("g", "T", 0) == Some(0));
    fill(&cluster, "T", 0, 2);
    member.record.wait_for(2, WITHIN);
    wait_until("both to be done", WITHIN, || member.queue("T", 0)["pending"] == 0);
    cluster.on(RequestCode::UpdateConsumerOffset).with("topic", "T").once(Fault::busy());
    let error = member.consumer.commit().unwrap_err();
    assert_eq!(error.kind().number(), 2, "{error}");
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    member.consumer.commit().unwrap();
}

#[test]
fn a_commit_that_is_not_answered_ends_in_time() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let setup = Setup::new(&cluster, "g").set("request.timeout.ms", "300").subscribe("T", "*");
    let member = setup.start();
    wait_until("the first commit", WITHIN, || cluster.committed("g", "T", 0) == Some(0));
    cluster.on(RequestCode::UpdateConsumerOffset).always(Fault::silence());
    fill(&cluster, "T", 0, 1);
    member.record.wait_for(1, WITHIN);
    let begun = Instant::now();
    let error = member.consumer.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTimeout, "{error}");
    assert_less_since(begun, millis(2000));
    cluster.behave();
}

#[test]
fn a_seek_cuts_off_the_held_pull_and_its_commit_comes_after_the_one_under_way() {
    let cluster = MockCluster::start();
    let member = consumed(&cluster, 10);
    let hold = cluster.on(RequestCode::UpdateConsumerOffset).with("topic", "T").hold();
    fill(&cluster, "T", 0, 1);
    assert!(hold.wait_for(1, WITHIN)); // on its way with 11
    member.consumer.seek("T", BROKER, 0, Seek::Offset(8)).unwrap();
    // The pull that waited for offset 11 does not hold it up.
    member.record.wait_for(14, WITHIN);
    let offsets: Vec<i64> = member.record.deliveries().iter().skip(11).map(|d| d.offset).collect();
    assert_eq!(offsets, [8, 9, 10]);
    member.consumer.pause(None, None, None).unwrap();
    member.consumer.seek("T", BROKER, 0, Seek::Offset(2)).unwrap();
    hold.release();
    member.consumer.commit().unwrap();
    assert_eq!(cluster.committed("g", "T", 0), Some(2), "the one from before does not win");
}

#[test]
fn a_seek_whose_broker_keeps_silent_changes_nothing() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let setup = Setup::new(&cluster, "g").set("request.timeout.ms", "300").subscribe("T", "*");
    let member = setup.start();
    member.record.wait_for(3, WITHIN);
    cluster.on(RequestCode::GetMinOffset).always(Fault::silence());
    let error = member.consumer.seek("T", BROKER, 0, Seek::Begin).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTimeout, "{error}");
    assert_eq!(member.consumer.position("T", BROKER, 0).unwrap(), 3);
    cluster.behave();
    fill(&cluster, "T", 0, 1);
    member.record.wait_for(4, WITHIN);
    assert_eq!(member.record.deliveries()[3].offset, 3);
}

#[test]
fn a_seek_drops_what_waits_to_be_delivered_again() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 4);
    let member = Setup::new(&cluster, "g").answer(|_, _| Outcome::Later).build();
    member.consumer.assign(r#"[{"topic":"T"}]"#).unwrap();
    member.consumer.start().unwrap();
    member.record.wait_for(4, WITHIN);
    member.consumer.seek("T", BROKER, 0, Seek::End).unwrap();
    member.consumer.commit().unwrap();
    assert_eq!(cluster.committed("g", "T", 0), Some(4));
    thread::sleep(millis(5500)); // past the delay of a delivery here
    assert_eq!(member.record.count(), 4);
}

#[test]
fn a_paused_queue_is_not_pulled_and_a_resume_waits_for_its_callbacks() {
    let (cluster, gate) = (MockCluster::start(), Gate::default());
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 20);
    let member = Setup::new(&cluster, "g")
        .set("consume.thread.min", "2")
        .set("consume.thread.max", "2")
        .subscribe("T", "*")
        .held_at(&gate)
        .start();
    wait_until("2 callbacks", WITHIN, || gate.inside() == 2);
    member.consumer.pause(Some("T"), Some(BROKER), Some(0)).unwrap();
    let of_t = |r: &rmq_mock::Recorded| r.field("topic") == Some("T");
    let pulls = || cluster.requests(RequestCode::PullMessage).iter().filter(|r| of_t(r)).count();
    let before = pulls();
    fill(&cluster, "T", 0, 5);
    member.consumer.resume(Some("T"), Some(BROKER), Some(0)).unwrap();
    thread::sleep(millis(100)); // so that it could pull
    assert_eq!(pulls(), before);
    gate.open();
    member.record.wait_for(25, WITHIN);
    wait_until("the end", WITHIN, || cluster.committed("g", "T", 0) == Some(25));
    let offsets: Vec<i64> = member.record.deliveries().iter().map(|d| d.offset).collect();
    assert_eq!(offsets.len(), 25, "each once: {offsets:?}");
}

#[test]
fn a_seek_of_a_paused_queue_need_not_wait_for_its_callbacks() {
    let (cluster, gate) = (MockCluster::start(), Gate::default());
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    let inside = gate.clone();
    let member = Setup::new(&cluster, "g")
        .set("consume.thread.min", "2")
        .set("consume.thread.max", "2")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            if batch.message(0).unwrap().queue_offset() == 0 {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    member.consumer.pause(None, None, None).unwrap();
    member.consumer.resume(None, None, None).unwrap();
    let before = member.record.count();
    member.consumer.seek("T", BROKER, 0, Seek::Offset(4)).unwrap();
    wait_until("offset 4", WITHIN, || member.record.deliveries()[before..].iter().any(|d| d.offset == 4));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    gate.open();
}

#[test]
fn an_orderly_queue_is_paused_and_sought_again_and_again_and_keeps_its_order() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3000);
    let member = Setup::new(&cluster, "g")
        .set("consume.mode", "orderly")
        .set("suspend.queue.ms", "10")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.message(0).unwrap().queue_offset() % 50 {
            7 if batch.message(0).unwrap().reconsume_times() == 0 => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    for round in 0..40 {
        let before = member.record.count();
        member.record.wait_for(before + 5, WITHIN);
        match round % 4 {
            0 => member.consumer.seek("T", BROKER, 0, Seek::Offset(i64::from(round))).unwrap(),
            _ => {
                member.consumer.pause(None, None, None).unwrap();
                member.consumer.resume(None, None, None).unwrap();
            }
        }
    }
    wait_until("the end", WITHIN, || cluster.committed("g", "T", 0) == Some(3000));
    let deliveries = member.record.deliveries();
    let steps = deliveries.windows(2).map(|pair| pair[1].offset - pair[0].offset);
    // Forward by one, or again after a failure or a pause, or back by one of the 10 seeks: never over one.
    assert!(steps.clone().all(|step| step <= 1), "nothing is passed over");
    assert!(steps.filter(|step| *step < 0).count() <= 10, "only seeks go back");
}

#[test]
fn a_poller_gets_nothing_of_a_paused_queue_and_goes_on_where_it_was_sought() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 40);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").build();
    let consumer = &member.consumer;
    consumer.set_handler(None).unwrap();
    consumer.start().unwrap();
    let first = consumer.poll(4, Some(WITHIN)).unwrap();
    assert_eq!(first.message(0).unwrap().queue_offset(), 0);
    consumer.pause(Some("T"), None, None).unwrap();
    assert_eq!(consumer.poll(4, Some(millis(50))).err().map(|e| e.kind()), Some(ErrorKind::Timeout));
    consumer.seek("T", BROKER, 0, Seek::Offset(30)).unwrap();
    consumer.resume(Some("T"), None, None).unwrap();
    let next = consumer.poll(4, Some(WITHIN)).unwrap();
    assert_eq!(next.message(0).unwrap().queue_offset(), 30);
}

#[test]
fn nothing_comes_twice_after_a_resume_while_a_message_waits_to_be_delivered_again() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 20);
    let failed = std::sync::Once::new();
    let member = Setup::new(&cluster, "g")
        .answer(move |batch, _| {
            let mut outcome = Outcome::Success;
            if batch.message(0).unwrap().queue_offset() == 0 {
                failed.call_once(|| outcome = Outcome::Later);
            }
            outcome
        })
        .build();
    member.consumer.assign(r#"[{"topic":"T"}]"#).unwrap();
    member.consumer.start().unwrap();
    wait_until("the others", WITHIN, || member.total("consumed") == 19);
    member.consumer.pause(None, None, None).unwrap();
    member.consumer.resume(None, None, None).unwrap();
    wait_until("the end", WITHIN, || cluster.committed("g", "T", 0) == Some(20));
    assert_eq!(member.record.count(), 21, "{:?}", member.record.by_key());
}
