//! Polling and settling under scripted answers.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rmq::{Batch, ErrorKind, EventKind, Outcome};
use rmq_mock::{MockCluster, RequestCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{Gate, WITHIN, fill, millis};

fn cluster(messages: usize) -> MockCluster {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, messages);
    cluster
}

fn polling(cluster: &MockCluster) -> Setup {
    Setup::new(cluster, "g").subscribe("T", "*").polling()
}

fn offsets(batch: &Batch) -> Vec<i64> {
    (0..batch.len()).map(|i| batch.message(i).unwrap().queue_offset()).collect()
}

fn poll(member: &Member, most: usize) -> Batch {
    member.consumer.poll(most, Some(WITHIN)).unwrap()
}

#[test]
fn the_offset_follows_the_first_message_that_is_not_settled() {
    let cluster = cluster(5);
    let member = polling(&cluster).start();
    let batch = poll(&member, 3);
    assert_eq!((offsets(&batch), batch.unsettled()), (vec![0, 1, 2], 3));
    let rest = poll(&member, 10);
    rest.ack().unwrap();
    batch.ack_at(1).unwrap();
    assert_eq!(batch.ack_at(1).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(batch.ack_at(3).unwrap_err().text(), "index is 3: the batch has 3 messages");
    member.consumer.commit().unwrap();
    assert_eq!(cluster.committed("g", "T", 0).unwrap_or(0), 0);
    batch.ack_until(1).unwrap();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    batch.ack().unwrap();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    assert_eq!(member.consumer.poll(1, Some(millis(1))).err().unwrap().kind(), ErrorKind::Timeout);
}

#[test]
fn what_is_not_settled_at_the_end_of_a_batch_comes_again() {
    let cluster = cluster(2);
    let member = polling(&cluster).start();
    let batch = poll(&member, 2);
    batch.ack_at(0).unwrap();
    drop(batch);
    wait_until("the send-back", WITHIN, || cluster.requests(RequestCode::ConsumerSendMsgBack).len() == 1);
    let again = poll(&member, 2);
    assert_eq!((again.topic(), again.message(0).unwrap().reconsume_times()), ("%RETRY%g", 1));
    again.ack().unwrap();
}

#[test]
fn with_on_destroy_the_end_of_a_batch_is_its_acknowledgement() {
    let cluster = cluster(2);
    let member = polling(&cluster).set("poll.ack", "on_destroy").start();
    drop(poll(&member, 2));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert!(cluster.requests(RequestCode::ConsumerSendMsgBack).is_empty());
}

#[test]
fn no_more_is_handed_out_than_may_be_unsettled() {
    let cluster = cluster(5);
    let member = polling(&cluster).set("unsettled.max", "3").start();
    let first = poll(&member, 2);
    let second = poll(&member, 2);
    assert_eq!((first.len(), second.len()), (2, 1));
    let full = member.consumer.poll(1, Some(millis(10))).err().unwrap();
    assert_eq!(full.text(), "poll: 3 messages are not settled, unsettled.max allows no more");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll(&member, 2));
        first.ack_at(0).unwrap();
        assert_eq!(waiting.join().unwrap().len(), 1);
    });
}

#[test]
fn a_batch_that_is_kept_too_long_comes_again_and_is_named() {
    let cluster = cluster(1);
    let member = polling(&cluster).set("consume.timeout.ms", "200").set("slow.message.ms", "50").start();
    let batch = poll(&member, 1);
    wait_until("the event", WITHIN, || !member.record.events(EventKind::ConsumeTimeout).is_empty());
    assert_eq!(member.record.events(EventKind::SlowMessage).len(), 1);
    assert_eq!(batch.ack().unwrap_err().kind(), ErrorKind::State);
    assert_eq!(poll(&member, 1).topic(), "%RETRY%g");
    assert_eq!(member.total("timed_out"), 1);
}

#[test]
fn whoever_polls_is_told_of_the_end_at_once_and_open_batches_are_awaited() {
    let cluster = cluster(1);
    let member = polling(&cluster).start();
    let batch = poll(&member, 1);
    std::thread::scope(|scope| {
        let poller = scope.spawn(|| member.consumer.poll(1, None).err().unwrap().kind());
        let error = member.consumer.shutdown(Some(millis(300))).unwrap_err();
        assert!(error.text().contains("shutdown: 1 message is not settled after"), "{error}");
        assert_eq!(poller.join().unwrap(), ErrorKind::Closed);
    });
    batch.ack().unwrap();
    member.stop();
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
    assert_eq!(member.consumer.poll(1, None).err().unwrap().kind(), ErrorKind::Closed);
}

#[test]
fn a_deferred_batch_is_settled_later_and_elsewhere() {
    let cluster = cluster(3);
    let kept = std::sync::Arc::new(Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&kept);
    let _member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            keep.lock().unwrap().push(batch.retain().unwrap());
            Outcome::Deferred
        })
        .start();
    wait_until("all", WITHIN, || kept.lock().unwrap().len() == 3);
    let mut kept = std::mem::take(&mut *kept.lock().unwrap());
    kept.sort_by_key(|batch| batch.message(0).unwrap().queue_offset());
    let last = kept.pop().unwrap();
    std::thread::spawn(move || last.ack().unwrap()).join().unwrap();
    assert_eq!(cluster.committed("g", "T", 0).unwrap_or(0), 0);
    for batch in &kept {
        batch.ack().unwrap();
    }
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
}

#[test]
fn deferring_without_keeping_is_reported_and_loses_nothing() {
    let cluster = cluster(1);
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.topic() {
            "T" => Outcome::Deferred,
            _ => Outcome::Success,
        })
        .start();
    wait_until("both", WITHIN, || member.record.count() == 2);
    assert!(member.record.logged("DEFERRED without retaining") > 0);
}

#[test]
fn an_answer_settles_what_a_retained_batch_left_open() {
    let cluster = cluster(2);
    let member = Setup::new(&cluster, "g")
        .set("consume.batch.size", "2")
        .subscribe("T", "*")
        .answer(|batch, _| {
            let kept = batch.retain().unwrap();
            assert_eq!(batch.ack().unwrap_err().kind(), ErrorKind::State);
            kept.ack_at(0).unwrap();
            drop(kept);
            Outcome::Success
        })
        .start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert_eq!(member.total("failed"), 0);
}

#[test]
fn polling_in_order_gives_one_batch_of_a_queue_at_a_time() {
    let cluster = cluster(4);
    let member = polling(&cluster).set("consume.mode", "orderly").start();
    let first = poll(&member, 2);
    assert_eq!(offsets(&first), [0, 1]);
    assert_eq!(member.consumer.poll(2, Some(millis(50))).err().unwrap().kind(), ErrorKind::Timeout);
    first.ack_at(0).unwrap();
    let begun = Instant::now();
    first.suspend(Some(millis(200))).unwrap();
    let second = poll(&member, 3);
    assert!(begun.elapsed() >= millis(200));
    assert_eq!((offsets(&second), second.message(0).unwrap().reconsume_times()), (vec![1], 1));
    second.ack().unwrap();
    let third = poll(&member, 3);
    assert_eq!(offsets(&third), [2, 3]);
    drop(third);
    assert_eq!(offsets(&poll(&member, 3)), [2, 3]);
    assert!(cluster.requests(RequestCode::ConsumerSendMsgBack).is_empty());
}

#[test]
fn a_callback_and_a_poll_exclude_each_other() {
    let cluster = cluster(1);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    assert_eq!(member.consumer.poll(1, Some(Duration::ZERO)).err().unwrap().kind(), ErrorKind::State);
    let early = polling(&cluster).build();
    assert_eq!(early.consumer.poll(1, None).err().unwrap().kind(), ErrorKind::State);
}

#[test]
fn a_wake_up_ends_one_poll_and_leaves_the_messages() {
    let cluster = cluster(0);
    let member = polling(&cluster).start();
    let poll = |within| member.consumer.poll(1, within).err().map(|error| error.kind());
    std::thread::scope(|scope| {
        let waiting = [(); 2].map(|()| scope.spawn(|| poll(None)));
        member.consumer.wake_up().unwrap();
        wait_until("one to be woken", WITHIN, || waiting.iter().any(|poller| poller.is_finished()));
        std::thread::sleep(millis(20)); // the other must not be woken
        assert_eq!(waiting.iter().filter(|poller| poller.is_finished()).count(), 1);
        member.consumer.wake_up().unwrap();
        assert_eq!(waiting.map(|poller| poller.join().unwrap()), [Some(ErrorKind::Woken); 2]);
    });
    // Nobody polls: the next two are ended, though messages wait.
    member.consumer.wake_up().unwrap();
    member.consumer.wake_up().unwrap();
    fill(&cluster, "T", 0, 1);
    wait_until("the pull", WITHIN, || member.total("pulled") == 1);
    assert_eq!(
        [poll(None), poll(Some(Duration::ZERO)), poll(None)],
        [Some(ErrorKind::Woken), Some(ErrorKind::Woken), None]
    );
    member.stop();
    assert_eq!(member.consumer.wake_up().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_bug_ends_the_polls() {
    let cluster = cluster(0);
    let member = polling(&cluster).start();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| member.consumer.poll(1, None).err().unwrap());
        member.consumer.mark_fatal("on purpose");
        assert_eq!(waiting.join().unwrap().text(), "poll: the consumer is fatal");
    });
}

#[test]
fn room_that_comes_up_is_seen_by_whoever_waits_for_it() {
    let cluster = cluster(2000);
    let member = polling(&cluster).set("unsettled.max", "1").start();
    let (give, take) = std::sync::mpsc::channel::<Batch>();
    std::thread::scope(|scope| {
        scope.spawn(move || take.into_iter().for_each(|batch| batch.ack().unwrap()));
        for give in [give.clone(), give.clone(), give] {
            let consumer = &member.consumer;
            scope.spawn(move || {
                loop {
                    match consumer.poll(1, Some(WITHIN)) {
                        Ok(batch) => give.send(batch).unwrap(),
                        Err(end) => return assert_eq!(end.kind(), ErrorKind::Woken),
                    }
                }
            });
        }
        wait_until("all", WITHIN, || member.total("consumed") == 2000);
        (0..3).for_each(|_| member.consumer.wake_up().unwrap());
    });
}

#[test]
fn a_poll_takes_the_oldest_so_a_busy_queue_starves_no_other() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 500);
    let member = polling(&cluster).set("pull.threshold.queue", "64").start();
    poll(&member, 1).ack().unwrap();
    fill(&cluster, "T", 1, 1);
    wait_until("both queues' pulls", WITHIN, || member.total("pulled") == 65);
    let before = (0..100).take_while(|_| {
        let batch = poll(&member, 1);
        batch.ack().unwrap();
        batch.queue_id() == 0
    });
    assert!(before.count() < 64, "no more than what was pulled before it");
}

#[test]
fn only_what_is_not_settled_is_overdue() {
    let cluster = cluster(3);
    let member = polling(&cluster).set("consume.timeout.ms", "200").start();
    let batch = poll(&member, 3);
    batch.ack_at(1).unwrap();
    wait_until("the event", WITHIN, || !member.record.events(EventKind::ConsumeTimeout).is_empty());
    let event = &member.record.events(EventKind::ConsumeTimeout)[0];
    let ids = [0, 2].map(|index| batch.message(index).unwrap().message_id());
    assert_eq!((&event["message_ids"], &event["queue_offset"]), (&serde_json::json!(ids), &0.into()));
    assert_eq!((batch.unsettled(), member.total("timed_out")), (0, 2));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    assert_eq!(cluster.requests(RequestCode::ConsumerSendMsgBack).len(), 2);
}

#[test]
fn an_answer_with_an_index_gives_the_rest_of_a_retained_batch_back() {
    let cluster = cluster(3);
    let member = Setup::new(&cluster, "g")
        .set("consume.batch.size", "3")
        .subscribe("T", "*")
        .answer(|batch, context| {
            if batch.topic() == "T" {
                batch.retain().unwrap().ack_at(2).unwrap();
                context.ack_index = Some(0);
            }
            Outcome::Success
        })
        .start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    member.record.wait_for(4, WITHIN);
    assert_eq!(cluster.requests(RequestCode::ConsumerSendMsgBack).len(), 1);
    assert_eq!(member.record.deliveries()[3].key.as_deref(), Some("1"));
}

#[test]
fn an_answer_that_the_mode_does_not_have_gives_a_retained_batch_back() {
    let cluster = cluster(1);
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|batch, _| {
            let kept = batch.retain();
            match batch.topic() {
                "T" => Outcome::Commit,
                _ => kept.unwrap().ack().map_or(Outcome::Later, |()| Outcome::Deferred),
            }
        })
        .start();
    wait_until("the retry", WITHIN, || cluster.committed("g", "%RETRY%g", 0) == Some(1));
    assert_eq!(member.record.logged("COMMIT, which is for consume.mode=orderly"), 1);
}

#[test]
fn what_a_callback_has_settled_does_not_come_again_when_it_goes_on_for_too_long() {
    let cluster = cluster(2);
    let member = Setup::new(&cluster, "g")
        .set("consume.timeout.ms", "200")
        .subscribe("T", "*")
        .answer(|batch, _| {
            let kept = batch.retain().unwrap();
            // The other message keeps the pulled batch in the books.
            if batch.message(0).unwrap().queue_offset() == 0 {
                kept.ack().unwrap();
                drop(kept);
            }
            std::thread::sleep(millis(600));
            Outcome::Success
        })
        .start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    member.stop();
    assert_eq!((member.total("timed_out"), cluster.requests(RequestCode::ConsumerSendMsgBack).len()), (1, 1));
}

#[test]
fn callbacks_that_defer_get_no_more_than_may_be_unsettled() {
    let cluster = cluster(20);
    let kept = std::sync::Arc::new(Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&kept);
    let member = Setup::new(&cluster, "g")
        .set("unsettled.max", "5")
        .set("consume.thread.max", "1")
        .set("consume.thread.min", "1")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            keep.lock().unwrap().push(batch.retain().unwrap());
            Outcome::Deferred
        })
        .start();
    for round in 1..=4 {
        wait_until("five", WITHIN, || kept.lock().unwrap().len() == 5);
        std::thread::sleep(millis(20)); // no more must come
        assert_eq!(member.record.count(), 5 * round);
        for batch in std::mem::take(&mut *kept.lock().unwrap()) {
            batch.ack().unwrap();
        }
    }
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(20));
}

#[test]
fn a_batch_that_is_retained_past_its_time_is_settled_already() {
    let cluster = cluster(2);
    let (gates, told) = ([Gate::default(), Gate::default()], std::sync::Arc::new(Mutex::new(None)));
    let (inside, tell) = (gates.clone(), std::sync::Arc::clone(&told));
    let _member = Setup::new(&cluster, "g")
        .set("consume.timeout.ms", "200")
        .set("consume.thread.min", "2")
        .set("consume.thread.max", "2")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            match (batch.topic(), batch.message(0).unwrap().queue_offset()) {
                ("T", 0) => {
                    inside[0].pass();
                    let kept = batch.retain().unwrap();
                    *tell.lock().unwrap() =
                        Some((kept.unsettled(), kept.ack().map_err(|error| error.kind())));
                    return Outcome::Deferred;
                }
                // Keeps the batch that both are of in the books.
                ("T", _) => inside[1].pass(),
                _ => {}
            }
            Outcome::Success
        })
        .start();
    let sent_back = || cluster.requests(RequestCode::ConsumerSendMsgBack).len();
    wait_until("the send-backs", WITHIN, || sent_back() == 2);
    gates[0].open();
    wait_until("the answer", WITHIN, || told.lock().unwrap().is_some());
    assert_eq!(*told.lock().unwrap(), Some((0, Err(ErrorKind::State))));
    gates[1].open();
    assert_eq!(sent_back(), 2);
}
