//! What a consumer tells its user, and when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rmq::{ErrorKind, EventKind, Outcome};
use rmq_mock::MockCluster;
use rmq_testbed::wait_until;

use crate::member::{Record, Setup};
use crate::tools::{Gate, WITHIN, fill, millis};

fn reasons(record: &Record, kind: EventKind) -> Vec<String> {
    record.events(kind).iter().map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn queues_come_and_go_with_a_reason_and_the_news_of_a_loss_comes_before_the_drain() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 1);
    let gate = Gate::default();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    wait_until("the event", WITHIN, || !member.record.events(EventKind::Assigned).is_empty());
    let assigned = member.record.events(EventKind::Assigned);
    assert_eq!(
        (&assigned[0]["reason"], assigned[0]["queues"].as_array().unwrap().len()),
        (&"subscription".into(), 2)
    );
    member.consumer.unsubscribe("T").unwrap();
    wait_until("the news", WITHIN, || !member.record.events(EventKind::Revoking).is_empty());
    assert_eq!(reasons(&member.record, EventKind::Revoking), ["subscription"]);
    assert_eq!(gate.inside(), 1, "the callback may still finish");
    gate.open();
    let released = |record: &Record| {
        let events = record.events(EventKind::Released);
        events.iter().map(|event| event["queues"].as_array().unwrap().len()).sum::<usize>()
    };
    wait_until("both queues", WITHIN, || released(&member.record) == 2);
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
    member.stop();
    assert!(reasons(&member.record, EventKind::Revoking).iter().all(|reason| reason != "members"));
    let last = member.consumer.poll_event(Some(Duration::ZERO)).err().unwrap();
    assert_eq!(last.kind(), ErrorKind::State, "{last}");
}

#[test]
fn without_a_callback_events_are_polled_until_the_consumer_is_stopped() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").build();
    member.consumer.set_event_handler(None, EventKind::EVERY).unwrap();
    assert_eq!(member.consumer.poll_event(Some(millis(1))).err().unwrap().kind(), ErrorKind::Timeout);
    member.consumer.start().unwrap();
    let first = member.consumer.poll_event(Some(WITHIN)).unwrap();
    assert_eq!(first.kind(), EventKind::Assigned);
    assert_eq!(member.consumer.set_event_handler(None, 1).err().unwrap().kind(), ErrorKind::State);
    member.stop();
    let mut kinds = Vec::new();
    let end = loop {
        match member.consumer.poll_event(None) {
            Ok(event) => kinds.push(event.kind()),
            Err(error) => break error,
        }
    };
    assert_eq!(end.kind(), ErrorKind::Closed);
    assert!(kinds.ends_with(&[EventKind::Released]), "{kinds:?}");
}

#[test]
fn a_handover_waits_for_who_listens_but_not_for_ever() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let gate = Gate::default();
    struct Holding(Gate);
    impl rmq::EventHandler for Holding {
        fn handle(&self, event: &rmq::Event) {
            if event.kind() == EventKind::Revoking {
                self.0.pass();
            }
        }
    }
    let member =
        Setup::new(&cluster, "g").set("rebalance.handover.timeout.ms", "300").subscribe("T", "*").build();
    member.consumer.set_event_handler(Some(Arc::new(Holding(gate.clone()))), EventKind::EVERY).unwrap();
    member.consumer.start().unwrap();
    wait_until("the queue", WITHIN, || member.queues("T").len() == 1);
    let begun = Instant::now();
    let error = member.consumer.shutdown(Some(millis(800))).unwrap_err();
    assert!(error.text().contains("rmq-event"), "{error}");
    assert!(begun.elapsed() >= millis(300), "{:?}", begun.elapsed());
    gate.open();
    member.stop();
}

#[test]
fn a_slow_and_an_overdue_message_are_named() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let gate = Gate::default();
    let member = Setup::new(&cluster, "g")
        .set("slow.message.ms", "100")
        .set("consume.timeout.ms", "400")
        .subscribe("T", "*")
        .held_at(&gate)
        .start();
    for kind in [EventKind::SlowMessage, EventKind::ConsumeTimeout] {
        wait_until("the event", WITHIN, || member.record.events(kind).len() == 1);
        let event = &member.record.events(kind)[0];
        assert_eq!(
            (&event["topic"], &event["queue_id"], &event["queue_offset"]),
            (&"T".into(), &0.into(), &0.into())
        );
        assert_eq!(
            (&event["holder"], event["message_ids"].as_array().unwrap().len()),
            (&"rmq-work-1".into(), 1)
        );
    }
    gate.open();
}

#[test]
fn failures_that_answer_no_call_are_events() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").answer(|_, _| Outcome::Unknown(77)).start();
    wait_until("the event", WITHIN, || !member.record.events(EventKind::Error).is_empty());
    let event = &member.record.events(EventKind::Error)[0];
    assert_eq!((&event["code"], &event["target"]), (&(-2).into(), &"workers".into()));
    assert!(event["text"].as_str().unwrap().contains("77"), "{event}");
}
