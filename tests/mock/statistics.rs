//! What a consumer counts, and how it tells: as the schema says, by call and by event.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use rmq::{Error, ErrorKind, EventKind, Outcome};
use rmq_mock::{Fault, MockCluster, RequestCode};
use rmq_testbed::{temp_dir, wait_until};
use serde_json::{Value, json};

use crate::member::{Member, Setup};
use crate::schema::{Schema, members};
use crate::tools::{Gate, WITHIN, fill, millis};

fn topic(member: &Member, name: &str) -> Value {
    let stats = member.stats();
    let topics = stats["topics"].as_array().unwrap();
    topics.iter().find(|topic| topic["topic"] == name).cloned().unwrap_or_default()
}

/// The statistics of a queue; null when it is not owned.
fn queue(member: &Member, name: &str, id: i32) -> Value {
    let topic = topic(member, name);
    let queues = topic["queues"].as_array().cloned().unwrap_or_default();
    queues.into_iter().find(|queue| queue["queue_id"] == id).unwrap_or_default()
}

#[test]
fn the_page_tells_every_member_of_the_schema_and_no_other() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/STATISTICS.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: Vec<String> = rows.map(|row| row.split('`').next().unwrap().to_owned()).collect();
    let once: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(once.len(), told.len(), "a member is told once");
    assert_eq!(once, members());
    assert!(told.len() > 70, "{}", told.len());
}

#[test]
fn statistics_are_as_the_schema_says_in_every_state() {
    let schema = Schema::read();
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 20);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").subscribe("Absent", "*").build();
    let before = member.stats();
    schema.check(&before);
    assert_eq!((&before["state"], &before["started_ts"]), (&"created".into(), &Value::Null));
    assert_eq!((&before["brokers"], &before["threads"]["io"]), (&json!([]), &0.into()));
    member.consumer.start().unwrap();
    schema.check(&member.stats());
    member.record.wait_for(20, WITHIN);
    wait_until("the commit", WITHIN, || queue(&member, "T", 0)["committed"] == 20);
    let running = member.stats();
    schema.check(&running);
    assert_eq!((&running["state"], &running["group"]), (&"running".into(), &"g".into()));
    assert_eq!((&running["threads"]["io"], &running["threads"]["worker_max"]), (&1.into(), &64.into()));
    assert!(running["callbacks"]["p99_ms"].is_number() && running["callbacks"]["running"] == 0);
    let broker = &running["brokers"][0];
    assert_eq!((&broker["name"], &broker["broker_id"]), (&"broker-a".into(), &0.into()));
    assert_eq!((&broker["state"], &broker["timeouts"]), (&"connected".into(), &0.into()));
    assert!(
        broker["requests"].as_u64() > Some(3) && broker["rtt_ms"]["p50"].as_f64() > Some(0.0),
        "{broker}"
    );
    let servers: BTreeSet<&str> = running["name_servers"].as_array().unwrap().iter().map(state_of).collect();
    assert!(servers.contains("connected"), "{running:#}");
    member.stop();
    let after = member.stats();
    schema.check(&after);
    assert_eq!((&after["state"], &after["totals"]["consumed"]), (&"stopped".into(), &20.into()));
    // The check itself can fail.
    let mut wrong = after.clone();
    wrong["totals"]["invented"] = 1.into();
    assert!(schema.refuses(&wrong));
    let mut short = after;
    short["totals"].as_object_mut().unwrap().remove("consumed");
    assert!(schema.refuses(&short));
}

fn state_of(link: &Value) -> &str {
    link["state"].as_str().unwrap()
}

#[test]
fn they_are_so_for_who_polls_in_order_in_broadcasting_and_with_assigned_queues() {
    let schema = Schema::read();
    let (cluster, store) = (MockCluster::start(), temp_dir("mock-statistics"));
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 4);

    let polling = Setup::new(&cluster, "polling").subscribe("T", "*").polling().start();
    let batch = polling.consumer.poll(3, Some(WITHIN)).unwrap();
    schema.check(&polling.stats());
    assert_eq!(
        (&polling.stats()["unsettled"], &polling.stats()["callbacks"]["p50_ms"]),
        (&3.into(), &Value::Null)
    );
    batch.ack_until(1).unwrap();
    assert_eq!(queue(&polling, "T", 0)["consumed"], 2);
    batch.ack().unwrap();
    assert_eq!((&polling.stats()["unsettled"], &queue(&polling, "T", 0)["consumed"]), (&0.into(), &3.into()));

    let orderly = Setup::new(&cluster, "orderly").set("consume.mode", "orderly").subscribe("T", "*").start();
    orderly.record.wait_for(4, WITHIN);
    schema.check(&orderly.stats());
    assert_eq!(queue(&orderly, "T", 0)["locked"], true);
    assert_eq!(queue(&polling, "T", 0)["locked"], Value::Null);

    let broadcasting = Setup::new(&cluster, "broadcasting")
        .set("message.model", "broadcasting")
        .set("offset.store.path", store.path().to_str().unwrap())
        .subscribe("T", "*")
        .start();
    broadcasting.record.wait_for(4, WITHIN);
    schema.check(&broadcasting.stats());
    assert_eq!(broadcasting.stats()["topics"].as_array().unwrap().len(), 1, "no retry topic");

    let assigned = Setup::new(&cluster, "assigned").build();
    assigned.consumer.assign(r#"[{"topic":"T","broker":"broker-a","queue_id":0}]"#).unwrap();
    assigned.consumer.start().unwrap();
    assigned.record.wait_for(4, WITHIN);
    schema.check(&assigned.stats());
    assert_eq!(queue(&assigned, "T", 0)["pulled"], 4);
}

#[test]
fn a_queue_tells_what_was_pulled_consumed_and_failed_and_what_is_pending() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 1, 10);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(&cluster, "g")
        .set("consume.thread.max", "1")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            let message = batch.message(0).unwrap();
            match (message.keys(), message.reconsume_times()) {
                (Some("3"), 0) => Outcome::Later,
                (Some("7"), _) => {
                    inside.pass();
                    Outcome::Success
                }
                _ => Outcome::Success,
            }
        })
        .start();
    wait_until("the seventh", WITHIN, || gate.inside() == 1);
    wait_until("the send-back", WITHIN, || queue(&member, "T", 1)["retried"] == 1);
    let (stats, told) = (member.stats(), queue(&member, "T", 1));
    assert_eq!((&told["pulled"], &told["filtered"], &told["failed"]), (&10.into(), &0.into(), &1.into()));
    assert_eq!((&told["consumed"], &told["position"]), (&6.into(), &10.into()), "{told:#}");
    assert!(told["pulls"].as_u64() >= Some(1) && told["pending"].as_u64() > Some(0), "{told:#}");
    assert!(told["last_pull_ms"].as_u64() < Some(15_000) && told["last_consume_ms"].is_u64(), "{told:#}");
    assert_eq!(
        (&told["paused"], &told["revoking"], &told["locked"]),
        (&false.into(), &false.into(), &Value::Null)
    );
    assert_eq!(stats["callbacks"]["running"], 1);
    assert!(stats["callbacks"]["running_ms"].as_f64() > Some(0.0));
    member.consumer.pause(Some("T"), None, None).unwrap();
    assert_eq!(queue(&member, "T", 1)["paused"], true);
    member.consumer.resume(Some("T"), None, None).unwrap();
    gate.open();
    member.record.wait_for(11, WITHIN);
    wait_until("all", WITHIN, || queue(&member, "T", 1)["consumed"] == 9);
    wait_until("the retry", WITHIN, || member.total("consumed") == 10);
    let silent = queue(&member, "T", 0);
    assert_eq!((&silent["pulled"], &silent["last_consume_ms"]), (&0.into(), &Value::Null));
}

#[test]
fn a_message_that_is_tried_again_in_order_counts_each_time() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let member = Setup::new(&cluster, "g")
        .set("consume.mode", "orderly")
        .set("suspend.queue.ms", "10")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.message(0).unwrap() {
            message if message.keys() == Some("1") && message.reconsume_times() < 2 => Outcome::Suspend,
            _ => Outcome::Success,
        })
        .start();
    member.record.wait_for(5, WITHIN);
    wait_until("all", WITHIN, || queue(&member, "T", 0)["consumed"] == 3);
    let told = queue(&member, "T", 0);
    assert_eq!((&told["failed"], &told["retried"], &told["pulled"]), (&2.into(), &2.into(), &3.into()));
}

#[test]
fn a_broker_that_keeps_silent_has_timeouts() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    cluster.on(RequestCode::UpdateConsumerOffset).once(Fault::silence());
    let member = Setup::new(&cluster, "g").set("request.timeout.ms", "300").subscribe("T", "*").start();
    wait_until("the time-out", WITHIN, || member.stats()["brokers"][0]["timeouts"].as_u64() >= Some(1));
}

#[test]
fn statistics_come_as_events_and_only_the_newest_waits() {
    let schema = Schema::read();
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    let member = Setup::new(&cluster, "g").set("stats.interval.ms", "100").subscribe("T", "*").build();
    member.consumer.set_event_handler(None, EventKind::EVERY).unwrap();
    member.consumer.start().unwrap();
    member.record.wait_for(5, WITHIN);
    wait_until("the commit", WITHIN, || queue(&member, "T", 0)["committed"] == 5);
    let begun = Instant::now();
    wait_until("several intervals", WITHIN, || begun.elapsed() > millis(550));
    let asked = member.stats()["ts"].as_i64().unwrap();
    let mut waiting = Vec::new();
    while let Ok(event) = member.consumer.poll_event(Some(millis(0))) {
        waiting.push(event);
    }
    let stats: Vec<_> = waiting.iter().filter(|event| event.kind() == EventKind::Stats).collect();
    assert_eq!(stats.len(), 1);
    let told: Value = serde_json::from_str(&stats[0].json()).unwrap();
    schema.check(&told);
    assert!(asked - told["ts"].as_i64().unwrap() < 400, "the newest: {told:#}");
    assert_eq!(told["totals"]["consumed"], 5);
    assert!(stats[0].text().contains("5 messages pulled, 5 consumed, 0 failed; "), "{}", stats[0].text());
    assert!(waiting.iter().any(|event| event.kind() == EventKind::Assigned), "the others wait, too");
}

#[test]
fn statistics_reach_a_callback_every_interval_and_none_without_one() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").set("stats.interval.ms", "100").subscribe("T", "*").start();
    let other = Setup::new(&cluster, "other").subscribe("T", "*").start();
    wait_until("five of them", WITHIN, || member.record.events(EventKind::Stats).len() >= 5);
    let times: Vec<i64> =
        member.record.events(EventKind::Stats).iter().map(|event| event["ts"].as_i64().unwrap()).collect();
    assert!(times[4] - times[0] >= 300, "{times:?}");
    assert!(other.record.events(EventKind::Stats).is_empty());
    let error = rmq::Config::new().set("stats.interval.ms", "50").unwrap_err();
    assert!(error.text().contains("stats.interval.ms") && error.text().contains("50"), "{error}");
}

/// Failures that come a thousand times a second.
fn told(member: &Member, kind: EventKind, part: &str) -> Vec<Value> {
    let events = member.record.events(kind).into_iter();
    events.filter(|event| event["text"].as_str().unwrap().contains(part)).collect()
}

#[test]
fn a_flood_of_bad_answers_is_one_event_and_one_record_a_second_with_a_count() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 4);
    for queue in 0..4 {
        fill(&cluster, "T", queue, 500);
    }
    let begun = Instant::now();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").answer(|_, _| Outcome::Unknown(4711)).start();
    wait_until("2000 failures", WITHIN, || member.total("failed") >= 2000);
    member.stop();
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    let events = told(&member, EventKind::Error, "4711");
    assert!(events.len() >= 2 && events.len() <= seconds + 1, "{} events in {seconds} s", events.len());
    let count: u64 = events.iter().map(|event| event["count"].as_u64().unwrap()).sum();
    assert_eq!(count, member.record.count() as u64, "every one of them is counted");
    let last = events.last().unwrap();
    assert!(last["text"].as_str().unwrap().ends_with(&format!(" ({} times)", last["count"])), "{last}");
    assert_eq!(events[0]["count"], 1, "the first comes at once");
    let records = member.record.logged("4711");
    assert!((2..=seconds + 1).contains(&records), "{records} records");
}

#[test]
fn a_flood_of_panics_and_of_send_backs_that_fail_is_held_back_too() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 200);
    cluster.on(RequestCode::ConsumerSendMsgBack).times(1000, Fault::busy());
    cluster.on(RequestCode::SendMessageV2).times(1000, Fault::busy());
    let begun = Instant::now();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").answer(|_, _| panic!("on purpose")).start();
    wait_until("all", WITHIN, || member.total("failed") >= 200);
    wait_until("the warnings", WITHIN, || member.record.logged(" times)") >= 2);
    member.stop();
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    // A send-back that fails is tried in another way, which has words of its own.
    for (part, kinds) in [("panicked", 1), ("system busy", 2)] {
        let warned = member.record.logs().into_iter().filter(|(level, _)| *level <= rmq::Level::Warn);
        let warned = warned.filter(|(_, text)| text.contains(part)).count();
        assert!((2..=kinds * (seconds + 1)).contains(&warned), "{part}: {warned} records in {seconds} s");
    }
    let panics = told(&member, EventKind::Error, "panicked");
    assert!(panics.len() <= seconds + 1, "{}", panics.len());
}

#[test]
fn log_records_become_events_and_the_log_gets_none() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g")
        .set("log.queue", "true")
        .subscribe("T", "*")
        .answer(|_, _| Outcome::Unknown(4711))
        .start();
    fill(&cluster, "T", 0, 1);
    let records = || member.record.events(EventKind::Log);
    wait_until("the error", WITHIN, || {
        records().iter().any(|record| {
            record["text"].as_str().unwrap().contains("4711")
                && record["target"] == "workers"
                && record["level"] == 3
        })
    });
    assert!(records().iter().any(|record| record["level"] == 6), "{:?}", records());
    wait_until("the event", WITHIN, || told(&member, EventKind::Error, "4711").len() == 1);
    member.stop();
    assert_eq!(told(&member, EventKind::Error, "4711").len(), 1);
    assert!(records().iter().any(|record| record["target"] == "lifecycle"), "up to its end");
    assert!(member.record.logs().is_empty());
}

#[test]
fn log_records_that_nobody_polls_are_bounded_and_counted() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").set("log.queue", "true").subscribe("T", "*").build();
    member.consumer.set_event_handler(None, EventKind::EVERY).unwrap();
    member.consumer.start().unwrap();
    wait_until("the queue", WITHIN, || member.queues("T").len() == 1);
    // Each seek is a record of the level info, which is not held back.
    for _ in 0..600 {
        member.consumer.seek("T", "broker-a", 0, rmq::Seek::Begin).unwrap();
    }
    assert!(member.total("records_lost") > 0 && member.total("events_lost") == 0);
    let (mut records, mut others) = (0, 0);
    while let Ok(event) = member.consumer.poll_event(Some(millis(0))) {
        match event.kind() {
            EventKind::Log => records += 1,
            _ => others += 1,
        }
    }
    assert!((500..600).contains(&records) && others > 0, "{records} records, {others} others");
}

/// A callback that makes the library log whenever it gets a record.
struct Chatterbox {
    consumer: std::sync::Mutex<Option<rmq::Consumer>>,
    records: std::sync::atomic::AtomicUsize,
}

impl rmq::EventHandler for Chatterbox {
    fn handle(&self, event: &rmq::Event) {
        if event.kind() == EventKind::Log {
            self.records.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let consumer = self.consumer.lock().unwrap().clone();
            if let Some(consumer) = consumer {
                // Logs an error of the level fatal on this very thread.
                consumer.mark_fatal("on purpose");
            }
        }
    }
}

#[test]
fn a_callback_of_records_that_logs_makes_no_loop() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g").set("log.queue", "true").subscribe("T", "*").build();
    let chatterbox = Arc::new(Chatterbox { consumer: Default::default(), records: Default::default() });
    member.consumer.set_event_handler(Some(chatterbox.clone()), EventKind::Log as i32).unwrap();
    let records = || chatterbox.records.load(std::sync::atomic::Ordering::Relaxed);
    member.consumer.start().unwrap();
    wait_until("records", WITHIN, || records() > 0);
    *chatterbox.consumer.lock().unwrap() = Some(member.consumer.clone());
    let before = records();
    member.consumer.unsubscribe("T").unwrap();
    wait_until("a record", WITHIN, || records() > before);
    let begun = Instant::now();
    wait_until("some time", WITHIN, || begun.elapsed() > millis(500));
    // The two hold each other.
    *chatterbox.consumer.lock().unwrap() = None;
    assert!(records() < before + 100, "{}", records() - before);
    let _: Error = member.consumer.last_error().unwrap();
    assert_eq!(member.consumer.last_error().unwrap().kind(), ErrorKind::Panic);
}
