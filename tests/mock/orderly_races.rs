//! Orderly consumption when something else happens to the queue at the same time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rmq::{ErrorKind, EventKind, Outcome};
use rmq_mock::{Fault, Hold, MockCluster, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::{Record, Setup};
use crate::tools::{Gate, WITHIN, assert_less_since, fill, millis};

const OTHER: &str = "somebody else";

fn cluster(messages: usize) -> MockCluster {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, messages);
    cluster
}

fn setup(cluster: &MockCluster) -> Setup {
    Setup::new(cluster, "g").set("consume.mode", "orderly").set("suspend.queue.ms", "20").subscribe("T", "*")
}

fn offsets(record: &Record) -> Vec<i64> {
    record.deliveries().iter().map(|d| d.offset).collect()
}

/// Waits until the first queue of a topic is pulled.
fn begun(cluster: &MockCluster, topic: &str) {
    let pulled = |pull: &rmq_mock::Recorded| pull.field("topic") == Some(topic);
    assert!(cluster.wait_for_request(RequestCode::PullMessage, WITHIN, pulled).is_some());
}

/// The broker loses its connections and what it knew of locks; the lock of T/0 is `owner`'s then.
fn forget_locks(cluster: &MockCluster, owner: Option<&str>) {
    cluster.broker().kill();
    cluster.broker().set_lock_owner("g", "T", 0, owner);
    cluster.broker().restart();
}

#[test]
fn a_lock_lost_during_a_callback_costs_its_result_and_the_queue_comes_back_after_it() {
    let cluster = cluster(3);
    let gate = Gate::default();
    let member = setup(&cluster).held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    forget_locks(&cluster, Some(OTHER));
    wait_until("the loss to be told", WITHIN, || member.record.logged("another member took it") > 0);
    let lost = Instant::now();
    // The other one consumes, and leaves, while our callback still runs.
    cluster.broker().set_committed("g", "T", 0, Some(2));
    cluster.broker().set_lock_owner("g", "T", 0, None);
    std::thread::sleep(millis(700)); // longer than the longest wait between two tries to lock
    assert_eq!((gate.inside(), offsets(&member.record)), (1, vec![0]));
    gate.open();
    wait_until("the rest", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    assert_eq!((gate.most(), offsets(&member.record)), (1, vec![0, 2]));
    let updates = cluster.requests(RequestCode::UpdateConsumerOffset).into_iter();
    let updates: Vec<_> = updates.filter(|u| u.field("topic") == Some("T") && u.at > lost).collect();
    assert!(updates.iter().all(|update| update.field("commitOffset") == Some("3")), "{updates:?}");
    wait_until("the event", WITHIN, || !member.record.events(EventKind::Released).is_empty());
    assert_eq!(member.record.events(EventKind::Released)[0]["reason"], "lost");
}

#[test]
fn a_broker_that_forgot_the_lock_is_asked_for_it_at_once_and_nothing_is_lost() {
    let cluster = cluster(2);
    let gate = Gate::default();
    let member = setup(&cluster).held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    forget_locks(&cluster, None);
    let back = Instant::now();
    let owner = || cluster.broker().lock_owner("g", "T", 0);
    wait_until("the lock", WITHIN, || owner().as_deref() == Some(member.consumer.client_id()));
    assert_less_since(back, Duration::from_secs(3));
    gate.open();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert_eq!(offsets(&member.record), [0, 1]);
}

#[test]
fn nothing_is_handed_out_while_the_lock_is_in_doubt() {
    let cluster = cluster(3);
    let gate = Gate::default();
    let member = setup(&cluster).held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    begun(&cluster, "%RETRY%g");
    cluster.broker().kill();
    let hold = Hold::new();
    cluster.on(RequestCode::LockBatchMq).always(Fault::hold(&hold));
    cluster.broker().restart();
    assert!(hold.wait_for(2, WITHIN), "T and the retry topic");
    gate.open();
    std::thread::sleep(millis(300));
    assert_eq!(offsets(&member.record), [0]);
    hold.release();
    wait_until("the rest", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    assert_eq!(offsets(&member.record), [0, 1, 2], "no try is counted");
    assert!(member.record.deliveries().iter().all(|d| d.times == 0));
}

#[test]
fn a_poll_gets_nothing_while_the_lock_is_in_doubt() {
    let cluster = cluster(3);
    let member = setup(&cluster).polling().start();
    begun(&cluster, "%RETRY%g");
    let first = member.consumer.poll(1, Some(WITHIN)).unwrap();
    cluster.broker().kill();
    let hold = Hold::new();
    cluster.on(RequestCode::LockBatchMq).always(Fault::hold(&hold));
    cluster.broker().restart();
    assert!(hold.wait_for(2, WITHIN), "T and the retry topic");
    first.ack().unwrap();
    let none = member.consumer.poll(1, Some(millis(300))).err().unwrap();
    assert_eq!(none.kind(), ErrorKind::Timeout);
    hold.release();
    let second = member.consumer.poll(5, Some(WITHIN)).unwrap();
    assert_eq!((second.message(0).unwrap().queue_offset(), second.len()), (1, 2));
    second.ack().unwrap();
}

#[test]
fn an_offset_that_moves_during_a_callback_is_read_after_it() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.broker().clear_queue("T", 0, 100);
    cluster.broker().set_committed("g", "T", 0, Some(100));
    fill(&cluster, "T", 0, 2);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = setup(&cluster)
        .answer(move |batch, context| {
            inside.pass();
            context.suspend = Some(Duration::from_secs(30));
            // The first one fails: neither it nor its rest counts after the move.
            if batch.message(0).unwrap().queue_offset() == 100 { Outcome::Suspend } else { Outcome::Success }
        })
        .start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    cluster.broker().clear_queue("T", 0, 10);
    cluster.produce("T", 0, "behind the end");
    wait_until("the move", WITHIN, || member.record.logged("the broker moved the offset to 11") == 1);
    cluster.produce("T", 0, "consumed");
    std::thread::sleep(millis(200));
    assert_eq!(offsets(&member.record), [100]);
    gate.open();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(12));
    assert_eq!((gate.most(), offsets(&member.record)), (1, vec![100, 11]));
}

#[test]
fn a_commit_answered_while_the_queue_is_given_up_still_covers_what_was_held() {
    let cluster = cluster(5);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = setup(&cluster)
        .set("orderly.auto.commit", "false")
        .answer(move |batch, _| match batch.message(0).unwrap().queue_offset() {
            2 => {
                inside.pass();
                Outcome::Commit
            }
            _ => Outcome::Success,
        })
        .start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    member.consumer.unsubscribe("T").unwrap();
    wait_until("the queue to go", WITHIN, || member.queues("T").is_empty());
    gate.open();
    member.stop();
    assert_eq!(cluster.committed("g", "T", 0), Some(3));
    assert_eq!(offsets(&member.record), [0, 1, 2]);
}

#[test]
fn an_unsubscribed_queue_ends_its_callback_commits_and_is_unlocked() {
    let cluster = cluster(3);
    let gate = Gate::default();
    let member = setup(&cluster).held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    member.consumer.unsubscribe("T").unwrap();
    wait_until("the queue to go", WITHIN, || member.queues("T").is_empty());
    assert!(cluster.broker().lock_owner("g", "T", 0).is_some(), "locked until the callback has ended");
    gate.open();
    wait_until("the unlock", WITHIN, || cluster.broker().lock_owner("g", "T", 0).is_none());
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
    assert_eq!(offsets(&member.record), [0]);
    member.consumer.subscribe("T", "*").unwrap();
    wait_until("the rest", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    assert_eq!(offsets(&member.record), [0, 1, 2]);
}

#[test]
fn a_shutdown_does_not_wait_for_a_rest() {
    let cluster = cluster(1);
    let member = setup(&cluster).set("suspend.queue.ms", "30000").answer(|_, _| Outcome::Suspend).start();
    wait_until("the rest", WITHIN, || member.total("failed") == 1);
    let begun = Instant::now();
    member.stop();
    assert_less_since(begun, Duration::from_secs(2));
    assert_eq!(cluster.broker().lock_owner("g", "T", 0), None);
    assert_eq!(cluster.committed("g", "T", 0).unwrap_or(0), 0);
}

#[test]
fn a_shutdown_does_not_wait_for_all_dead_letters_of_a_silent_broker() {
    let cluster = cluster(32);
    for code in [RequestCode::ConsumerSendMsgBack, RequestCode::SendMessageV2] {
        cluster.on(code).always(Fault::silence());
    }
    let member = setup(&cluster)
        .set("request.timeout.ms", "500")
        .set("consume.batch.size", "32")
        .set("orderly.reconsume.max", "0")
        .answer(|_, _| Outcome::Suspend)
        .start();
    wait_until("the first of them", WITHIN, || {
        !cluster.requests(RequestCode::ConsumerSendMsgBack).is_empty()
    });
    let begun = Instant::now();
    member.consumer.shutdown(Some(Duration::from_secs(5))).unwrap();
    assert_less_since(begun, Duration::from_secs(4));
}

#[test]
fn a_dead_letter_that_no_broker_takes_comes_again_before_the_next() {
    let cluster = cluster(0);
    cluster.on(RequestCode::ConsumerSendMsgBack).times(2, Fault::refuse(ResponseCode::SystemError, "no"));
    cluster.on(RequestCode::SendMessageV2).once(Fault::refuse(ResponseCode::SystemError, "no"));
    let member = setup(&cluster)
        .set("orderly.reconsume.max", "0")
        .answer(|batch, _| match batch.message(0).unwrap().queue_offset() {
            0 => Outcome::Suspend,
            _ => Outcome::Success,
        })
        .start();
    begun(&cluster, "%RETRY%g");
    fill(&cluster, "T", 0, 2);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert_eq!(offsets(&member.record), [0, 0, 1]);
    let copies = cluster.requests(RequestCode::SendMessageV2);
    assert_eq!(copies.len(), 2, "the second copy was taken");
    assert!(copies.iter().all(|copy| copy.field("l") == Some("0")), "a broker moves it on at once");
}

#[test]
fn a_message_that_is_given_up_and_out_of_tries_is_one_dead_letter() {
    let cluster = cluster(2);
    let member = setup(&cluster)
        .set("orderly.reconsume.max", "0")
        .answer(|_, context| {
            context.delay_level = -1;
            Outcome::Later
        })
        .start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert_eq!(cluster.requests(RequestCode::ConsumerSendMsgBack).len(), 2);
    assert_eq!((offsets(&member.record), member.total("failed")), (vec![0, 1], 2));
}

#[test]
fn an_orderly_callback_past_its_timeout_is_told_as_slow_and_keeps_its_message() {
    let cluster = cluster(2);
    let gate = Gate::default();
    let member =
        setup(&cluster).set("consume.timeout.ms", "200").set("slow.message.ms", "100").held_at(&gate).start();
    wait_until("the event", WITHIN, || !member.record.events(EventKind::SlowMessage).is_empty());
    std::thread::sleep(millis(400));
    assert_eq!((gate.inside(), gate.most()), (1, 1));
    gate.open();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert_eq!(member.record.events(EventKind::SlowMessage).len(), 1);
    assert!(member.record.events(EventKind::ConsumeTimeout).is_empty());
    assert!(cluster.requests(RequestCode::ConsumerSendMsgBack).is_empty());
}

#[test]
fn a_queue_full_of_what_nobody_commits_says_so() {
    let cluster = cluster(5);
    let commit = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&commit);
    let member = setup(&cluster)
        .set("orderly.auto.commit", "false")
        .set("pull.threshold.queue", "3")
        .set("pull.batch.size", "1")
        .answer(move |_, _| if asked.load(Ordering::Relaxed) { Outcome::Commit } else { Outcome::Success })
        .start();
    wait_until("the warning", WITHIN, || member.record.logged("nothing more is pulled before") > 0);
    assert_eq!(member.record.count(), 3);
    commit.store(true, Ordering::Relaxed);
    member.stop();
    assert_eq!(cluster.committed("g", "T", 0).unwrap_or(0), 0);
}

#[test]
fn a_rest_is_not_cut_short_by_what_arrives_meanwhile() {
    let cluster = cluster(1);
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let (ended, tries) = (Arc::new(Mutex::new(None::<Instant>)), AtomicUsize::new(0));
    let (measured, last) = (Arc::clone(&pauses), Arc::clone(&ended));
    let member = setup(&cluster)
        .answer(move |_, _| {
            if let Some(ended) = last.lock().unwrap().take() {
                measured.lock().unwrap().push(ended.elapsed());
            }
            if tries.fetch_add(1, Ordering::Relaxed) < 30 {
                *last.lock().unwrap() = Some(Instant::now());
                return Outcome::Suspend;
            }
            Outcome::Success
        })
        .start();
    wait_until("all", WITHIN, || {
        cluster.produce("T", 0, "more");
        member.total("failed") == 30
    });
    assert!(pauses.lock().unwrap().iter().all(|pause| *pause >= millis(20)), "{pauses:?}");
    drop(ended);
}

#[test]
fn in_broadcasting_order_needs_no_lock() {
    let cluster = cluster(5);
    let store = rmq_testbed::temp_dir("orderly-broadcast");
    let tries = AtomicUsize::new(0);
    let member = setup(&cluster)
        .set("message.model", "broadcasting")
        .set("offset.store.path", store.path().to_str().unwrap())
        .answer(move |batch, _| match batch.message(0).unwrap().queue_offset() {
            2 if tries.fetch_add(1, Ordering::Relaxed) == 0 => Outcome::Suspend,
            _ => Outcome::Success,
        })
        .start();
    member.record.wait_for(6, WITHIN);
    member.stop();
    assert_eq!(offsets(&member.record), [0, 1, 2, 2, 3, 4]);
    assert!(cluster.requests(RequestCode::LockBatchMq).is_empty());
}
