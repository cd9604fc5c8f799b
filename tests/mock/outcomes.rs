//! What a callback's answer causes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmq::{Level, Outcome};
use rmq_mock::{Fault, MockCluster, Options, Produced, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::{Record, Setup};
use crate::tools::{WITHIN, fill, millis};

/// Deliveries of a key, by how often it was sent back before.
fn times_of(record: &Record, key: &str) -> Vec<i32> {
    let deliveries = record.deliveries();
    deliveries.iter().filter(|d| d.key.as_deref() == Some(key)).map(|d| d.times).collect()
}

#[test]
fn a_message_that_is_wanted_later_comes_again_through_the_retry_topic() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, Produced::new("m").key("k").tag("a"));
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "a")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 | 1 => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    member.record.wait_for(3, WITHIN);
    assert_eq!(times_of(&member.record, "k"), [0, 1, 2]);
    let deliveries = member.record.deliveries();
    assert!(deliveries.iter().all(|d| d.topic == "T"));
    assert_eq!(deliveries[1].queue_topic, "%RETRY%g");
    wait_until("both commits", WITHIN, || {
        cluster.committed("g", "T", 0) == Some(1) && cluster.committed("g", "%RETRY%g", 0) == Some(2)
    });
}

#[test]
fn a_commit_waits_until_the_send_back_is_acknowledged() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let hold = cluster.on(RequestCode::ConsumerSendMsgBack).hold();
    let member = Setup::new(&cluster, "g")
        .set("offset.commit.interval.ms", "10")
        .subscribe("T", "*")
        .answer(|batch, _| {
            let message = batch.message(0).unwrap();
            let later = message.keys() == Some("1") && message.reconsume_times() == 0;
            if later { Outcome::Later } else { Outcome::Success }
        })
        .start();
    assert!(hold.wait_for(1, WITHIN));
    wait_until("what comes before it to be committed", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
    std::thread::sleep(millis(100)); // ten intervals in which a commit could pass it
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
    hold.release();
    wait_until("the rest to be committed", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    member.record.wait_for(4, WITHIN);
    let back = cluster.requests(RequestCode::ConsumerSendMsgBack);
    assert_eq!(back.len(), 1);
    let fields = ["group", "delayLevel", "originTopic", "maxReconsumeTimes"].map(|name| back[0].field(name));
    assert_eq!(fields, [Some("g"), Some("0"), Some("T"), Some("16")]);
}

#[test]
fn a_send_back_that_is_refused_becomes_a_message_to_the_retry_topic() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.on(RequestCode::ConsumerSendMsgBack).once(Fault::refuse(ResponseCode::SystemError, "no"));
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    wait_until("the retry topic", WITHIN, || member.queues("%RETRY%g") == [0]);
    cluster.produce("T", 0, Produced::new("m").key("k").property("color", "red"));
    member.record.wait_for(2, WITHIN);
    assert_eq!(times_of(&member.record, "k"), [0, 1]);
    assert_eq!(cluster.requests(RequestCode::SendMessageV2).len(), 1);
    assert_eq!(member.record.deliveries()[1].topic, "T");
    let copy = &cluster.broker().stored("%RETRY%g", 0)[0];
    assert_eq!((copy.property("color"), &copy.message.body[..]), (Some("red"), &b"m"[..]));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
}

#[test]
fn a_message_that_no_broker_takes_back_is_delivered_again_here_after_five_seconds() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    cluster.on(RequestCode::ConsumerSendMsgBack).once(Fault::busy());
    cluster.on(RequestCode::SendMessageV2).once(Fault::busy());
    let failed = AtomicBool::new(false);
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            let first =
                batch.message(0).unwrap().keys() == Some("1") && !failed.swap(true, Ordering::Relaxed);
            if first { Outcome::Later } else { Outcome::Success }
        })
        .start();
    member.record.wait_for(4, WITHIN);
    let deliveries = member.record.deliveries();
    let again: Vec<_> = deliveries.iter().filter(|d| d.key.as_deref() == Some("1")).collect();
    let rest = again[1].at - again[0].at;
    assert!(rest >= millis(4900) && rest < millis(7000), "{rest:?}");
    assert_eq!((again[1].queue_topic.as_str(), again[1].times), ("T", 0));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    let early = cluster.requests(RequestCode::UpdateConsumerOffset).into_iter().filter(|update| {
        update.field("topic") == Some("T")
            && update.at < again[1].at
            && update.field("commitOffset") > Some("1")
    });
    assert_eq!(early.count(), 0, "the offset does not pass it before");
}

#[test]
fn after_its_last_try_a_message_is_a_dead_letter() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, Produced::new("m").key("k"));
    let member = Setup::new(&cluster, "g")
        .set("max_reconsume_times", "2")
        .subscribe("T", "*")
        .answer(|_, _| Outcome::Later)
        .start();
    wait_until("the dead letter", WITHIN, || !cluster.broker().stored("%DLQ%g", 0).is_empty());
    assert_eq!(times_of(&member.record, "k"), [0, 1, 2]);
    let dead = &cluster.broker().stored("%DLQ%g", 0)[0];
    assert_eq!((dead.property("RETRY_TOPIC"), dead.property("KEYS")), (Some("T"), Some("k")));
    assert_eq!(member.total("failed"), 3);
}

#[test]
fn a_republished_message_ends_among_the_dead_letters_too() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.on(RequestCode::ConsumerSendMsgBack).always(Fault::busy());
    let member = Setup::new(&cluster, "g")
        .set("reconsume.max", "2")
        .subscribe("T", "*")
        .answer(|_, _| Outcome::Later)
        .start();
    wait_until("the retry topic", WITHIN, || member.queues("%RETRY%g") == [0]);
    cluster.produce("T", 0, Produced::new("m").key("k"));
    wait_until("the dead letter", WITHIN, || !cluster.broker().stored("%DLQ%g", 0).is_empty());
    assert_eq!(times_of(&member.record, "k"), [0, 1, 2]);
}

#[test]
fn a_delay_level_below_zero_goes_to_the_dead_letters_at_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    let _member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|_, context| {
            context.delay_level = -1;
            Outcome::Later
        })
        .start();
    wait_until("the dead letter", WITHIN, || !cluster.broker().stored("%DLQ%g", 0).is_empty());
    assert!(cluster.broker().stored("%RETRY%g", 0).is_empty());
}

#[test]
fn a_hopeless_message_that_is_not_taken_back_is_published_so_that_it_becomes_a_dead_letter() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.on(RequestCode::ConsumerSendMsgBack).always(Fault::busy());
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|_, context| {
            context.delay_level = -1;
            Outcome::Later
        })
        .start();
    wait_until("the retry topic", WITHIN, || member.queues("%RETRY%g") == [0]);
    cluster.produce("T", 0, Produced::new("m").key("k"));
    wait_until("the dead letter", WITHIN, || !cluster.broker().stored("%DLQ%g", 0).is_empty());
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
    assert!(cluster.broker().stored("%RETRY%g", 0).is_empty());
    let copy = &cluster.requests(RequestCode::SendMessageV2)[0];
    // reconsumeTimes and maxReconsumeTimes: 4.9.7 buries from the limit on, 5.5.0 beyond it.
    assert_eq!((copy.field("b"), copy.field("j"), copy.field("l")), (Some("%RETRY%g"), Some("1"), Some("0")));
    assert_eq!(times_of(&member.record, "k"), [0]);
}

#[test]
fn an_unknown_outcome_is_taken_as_later_and_told_once_a_second_with_a_count() {
    let cluster = MockCluster::with(&Options { retry_delay: millis(1200), ..Options::default() });
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 | 1 => Outcome::Unknown(4711),
            _ => Outcome::Success,
        })
        .start();
    member.record.wait_for(15, WITHIN);
    let told: Vec<_> = member.record.logs().into_iter().filter(|(_, text)| text.contains("4711")).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|(level, _)| *level == Level::Error));
    let ends = ["taken as RECONSUME_LATER", "(4 times)", "(5 times)"];
    assert!(told.iter().zip(ends).all(|((_, text), end)| text.ends_with(end)), "{told:?}");
    assert!(member.consumer.last_error().unwrap().text().contains("returned 4711"));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
}

#[test]
fn a_panic_in_a_callback_costs_a_retry_and_no_worker() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.message(0).unwrap() {
            message if message.keys() == Some("1") && message.reconsume_times() == 0 => panic!("on purpose"),
            _ => Outcome::Success,
        })
        .start();
    member.record.wait_for(4, WITHIN);
    assert_eq!(times_of(&member.record, "1"), [0, 1]);
    assert_eq!(member.record.logged("panicked"), 1);
}

#[test]
fn an_ack_index_divides_a_batch_into_done_and_later() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 4);
    let sizes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let member = Setup::new(&cluster, "g")
        .set("consumeMessageBatchMaxSize", "4")
        .subscribe("T", "*")
        .answer(move |batch, context| {
            seen.lock().unwrap().push(batch.len());
            if batch.message(0).unwrap().reconsume_times() == 0 {
                context.ack_index = Some(1);
            }
            Outcome::Success
        })
        .start();
    member.record.wait_for(6, WITHIN);
    assert_eq!(sizes.lock().unwrap()[0], 4);
    assert_eq!(member.record.by_key().into_values().collect::<Vec<_>>(), [1, 1, 2, 2]);
    wait_until("the commit", Duration::from_secs(5), || cluster.committed("g", "T", 0) == Some(4));
}
