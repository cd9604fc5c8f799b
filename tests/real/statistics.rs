//! What a consumer counts agrees with what was sent, and its statistics and log records come as events.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rmq::{EventKind, Level, Outcome};
use rmq_testbed::{Cluster, Version, temp_dir, wait_until};
use serde_json::Value;

use crate::gate::Gate;
use crate::member::{Member, Setup};
use crate::schema::Schema;
use crate::support::{compile_example, program, run, under_valgrind};

on_both_versions! {
    the_queues_numbers_agree_with_what_was_sent_and_what_the_broker_holds,
    lag_and_pending_tell_of_messages_that_wait,
    a_retry_is_counted_where_it_failed_and_where_it_comes_again,
    every_way_of_consuming_fits_the_schema,
    statistics_come_every_interval_by_callback_and_only_the_newest_by_poll,
    log_records_come_as_events_and_not_by_the_log,
    a_flood_of_bad_answers_is_told_once_a_second_with_a_count,
    the_logging_example_shows_records_and_statistics_both_ways,
}

const WITHIN: Duration = Duration::from_secs(30);

/// The statistics of the owned queues of a topic, by their number.
fn queues(stats: &Value, topic: &str) -> Vec<Value> {
    let topics = stats["topics"].as_array().unwrap();
    let of_topic = topics.iter().find(|of| of["topic"] == topic);
    let mut queues = of_topic.map(|of| of["queues"].as_array().unwrap().clone()).unwrap_or_default();
    queues.sort_by_key(|queue| queue["queue_id"].as_i64());
    queues
}

fn sum(member: &Member, topic: &str, name: &str) -> i64 {
    queues(&member.stats(), topic).iter().filter_map(|queue| queue[name].as_i64()).sum()
}

fn the_queues_numbers_agree_with_what_was_sent_and_what_the_broker_holds(version: Version) {
    let (cluster, topic, group) = (Cluster::shared(version), "StatsAgree", "stats-agree");
    cluster.create_topic(topic, 4);
    cluster.send(topic, 200).tags(&["good", "good", "good", "bad"]).run();
    let member = Setup::new(cluster, group).subscribe(topic, "*").build();
    member.consumer.filter_regex(topic, "tag", "good").unwrap();
    member.consumer.start().unwrap();
    member.record.wait_for(150, WITHIN);
    wait_until("the commits", WITHIN, || sum(&member, topic, "committed") == 200);
    // A queue's end is heard with the next pull's answer.
    cluster.send(topic, 4).tags(&["good"]).run();
    wait_until("all", WITHIN, || sum(&member, topic, "committed") == 204);
    let stats = member.stats();
    Schema::read().check(&stats);
    let own = queues(&stats, topic);
    assert_eq!(own.len(), 4);
    for (id, queue) in (0..).zip(&own) {
        let sent = cluster.max_offset(topic, id);
        assert_eq!(queue["pulled"].as_i64(), Some(sent), "{queue:#}");
        assert_eq!(queue["position"].as_i64(), Some(sent), "{queue:#}");
        assert_eq!(queue["committed"].as_i64(), cluster.committed_offset(group, topic, id), "{queue:#}");
        assert_eq!(
            (&queue["broker"], &queue["lag"]),
            (&cluster.broker_name().into(), &0.into()),
            "{queue:#}"
        );
        assert_eq!(
            (&queue["failed"], &queue["retried"], &queue["pending"]),
            (&0.into(), &0.into(), &0.into())
        );
        assert!(queue["last_consume_ms"].as_u64() <= Some(30_000), "{queue:#}");
    }
    let total = |name: &str| stats["totals"][name].as_i64().unwrap();
    assert_eq!((total("pulled"), total("filtered"), total("consumed")), (204, 50, 154));
    assert_eq!((sum(&member, topic, "filtered"), sum(&member, topic, "consumed")), (50, 154));
    let broker = &stats["brokers"][0];
    assert_eq!((&broker["name"], &broker["state"]), (&cluster.broker_name().into(), &"connected".into()));
    let rtt = |name: &str| broker["rtt_ms"][name].as_f64().unwrap();
    assert!(rtt("p50") > 0.0 && rtt("p50") <= rtt("p99") && rtt("p99") <= rtt("max"), "{broker:#}");
    assert!(rtt("max") < 5000.0, "held pulls do not count: {broker:#}");
    let servers = stats["name_servers"].as_array().unwrap();
    assert!(servers.iter().any(|server| server["state"] == "connected"), "{servers:?}");
    member.stop();
    assert_eq!(member.total("consumed"), 154, "the totals stay");
}

fn lag_and_pending_tell_of_messages_that_wait(version: Version) {
    let (cluster, topic) = (Cluster::shared(version), "StatsLag");
    cluster.create_topic(topic, 1);
    let gate = Gate::default();
    let member = Setup::new(cluster, "stats-lag")
        .set("consume.thread.max", "2")
        .subscribe(topic, "*")
        .held_at(&gate)
        .start();
    cluster.send(topic, 50).run();
    wait_until("two callbacks", WITHIN, || member.stats()["callbacks"]["running"] == 2);
    wait_until("the lag", WITHIN, || sum(&member, topic, "lag") == 50);
    wait_until("all pulled", WITHIN, || sum(&member, topic, "pulled") == 50);
    let stats = member.stats();
    assert_eq!((sum(&member, topic, "pending"), &stats["pending"]), (50, &50.into()));
    assert_eq!((&stats["threads"]["worker"], &stats["threads"]["worker_max"]), (&2.into(), &2.into()));
    assert!(stats["callbacks"]["running_ms"].as_f64() > Some(0.0), "{stats:#}");
    gate.open();
    wait_until("the end", WITHIN, || sum(&member, topic, "committed") == 50);
    let stats = member.stats();
    assert_eq!((&stats["pending"], &stats["callbacks"]["running"]), (&0.into(), &0.into()));
    assert!(stats["callbacks"]["max_ms"].as_f64() > Some(0.0), "{stats:#}");
}

fn a_retry_is_counted_where_it_failed_and_where_it_comes_again(version: Version) {
    let (cluster, topic, group) = (Cluster::shared(version), "StatsRetry", "stats-retry");
    cluster.create_topic(topic, 1);
    cluster.send(topic, 5).run();
    let member = Setup::new(cluster, group)
        .subscribe(topic, "*")
        .answer(|batch, context| {
            let message = batch.message(0).unwrap();
            context.delay_level = 1;
            let fails = message.queue_offset() < 2 && message.reconsume_times() == 0;
            if fails { Outcome::Later } else { Outcome::Success }
        })
        .start();
    member.record.wait_for(7, WITHIN);
    wait_until("all", WITHIN, || member.total("consumed") == 5);
    let own = &queues(&member.stats(), topic)[0];
    assert_eq!((&own["pulled"], &own["consumed"]), (&5.into(), &3.into()), "{own:#}");
    assert_eq!((&own["failed"], &own["retried"]), (&2.into(), &2.into()), "{own:#}");
    let retry = format!("%RETRY%{group}");
    assert_eq!((sum(&member, &retry, "pulled"), sum(&member, &retry, "consumed")), (2, 2));
    assert_eq!((member.total("pulled"), member.total("failed")), (7, 2));
}

fn every_way_of_consuming_fits_the_schema(version: Version) {
    let (cluster, schema, topic) = (Cluster::shared(version), Schema::read(), "StatsWays");
    let store = temp_dir("statistics");
    cluster.create_topic(topic, 2);
    cluster.send(topic, 20).run();
    let setup = |group: &str| Setup::new(cluster, group).subscribe(topic, "*");
    let before = setup("stats-push").build();
    schema.check(&before.stats());
    let ways = [
        setup("stats-push").start(),
        setup("stats-orderly").set("consume.mode", "orderly").start(),
        setup("stats-broadcasting")
            .set("message.model", "broadcasting")
            .set("offset.store.path", store.path().to_str().unwrap())
            .start(),
    ];
    for member in &ways {
        member.record.wait_for(20, WITHIN);
        wait_until("all", WITHIN, || sum(member, topic, "consumed") == 20);
        schema.check(&member.stats());
    }
    assert!(queues(&ways[1].stats(), topic).iter().all(|queue| queue["locked"] == true));
    let polling = setup("stats-poll").polling().start();
    let batch = polling.consumer.poll(5, Some(WITHIN)).unwrap();
    let stats = polling.stats();
    schema.check(&stats);
    assert_eq!(stats["unsettled"].as_u64(), Some(batch.len() as u64));
    batch.ack().unwrap();
    drop(batch);
    for member in ways.iter().chain([&polling, &before]) {
        member.stop();
        let stats = member.stats();
        schema.check(&stats);
        assert_eq!((&stats["state"], &stats["queues"]), (&"stopped".into(), &0.into()));
    }
}

fn statistics_come_every_interval_by_callback_and_only_the_newest_by_poll(version: Version) {
    let (cluster, schema, topic) = (Cluster::shared(version), Schema::read(), "StatsEvents");
    cluster.create_topic(topic, 1);
    cluster.send(topic, 10).run();
    let setup =
        |group: &str| Setup::new(cluster, group).set("stats.interval.ms", "200").subscribe(topic, "*");
    let told = setup("stats-told").start();
    let polling = setup("stats-polled").build();
    polling.consumer.set_event_handler(None, EventKind::EVERY).unwrap();
    polling.consumer.start().unwrap();
    wait_until("six of them", WITHIN, || told.record.events(EventKind::Stats).len() >= 6);
    let events = told.record.events(EventKind::Stats);
    events.iter().for_each(|event| schema.check(event));
    let at = |index: usize| events[index]["ts"].as_i64().unwrap();
    assert!((900..10_000).contains(&(at(5) - at(0))), "{} ms", at(5) - at(0));
    wait_until("what it consumed", WITHIN, || {
        told.record.events(EventKind::Stats).last().unwrap()["totals"]["consumed"] == 10
    });
    let mut stats = 0;
    while let Ok(event) = polling.consumer.poll_event(Some(Duration::ZERO)) {
        if event.kind() == EventKind::Stats {
            stats += 1;
            schema.check(&serde_json::from_str(&event.json()).unwrap());
        }
    }
    // The next may come just while the others are taken.
    assert!((1..=2).contains(&stats), "{stats}");
}

fn log_records_come_as_events_and_not_by_the_log(version: Version) {
    let (cluster, topic) = (Cluster::shared(version), "StatsRecords");
    cluster.create_topic(topic, 1);
    cluster.send(topic, 1).run();
    let member = Setup::new(cluster, "stats-records")
        .set("log.queue", "true")
        .set("log.level", "info")
        .subscribe(topic, "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 => Outcome::Unknown(4711),
            _ => Outcome::Success,
        })
        .start();
    let records = || member.record.events(EventKind::Log);
    wait_until("the error", WITHIN, || {
        records().iter().any(|record| record["text"].as_str().unwrap().contains("4711"))
    });
    let records = records();
    let of = |text: &str| records.iter().find(|r| r["text"].as_str().unwrap().contains(text)).unwrap();
    assert_eq!((&of("4711")["level"], &of("4711")["target"]), (&3.into(), &"workers".into()));
    assert_eq!((&of("assigned")["level"], &of("assigned")["target"]), (&6.into(), &"coordinator".into()));
    assert!(records.iter().all(|record| record["level"].as_i64() <= Some(Level::Info as i64)));
    assert!(member.record.logs().is_empty(), "{:?}", member.record.logs());
}

fn a_flood_of_bad_answers_is_told_once_a_second_with_a_count(version: Version) {
    let (cluster, topic) = (Cluster::shared(version), "StatsFlood");
    cluster.create_topic(topic, 2);
    cluster.send(topic, 400).run();
    let begun = std::time::Instant::now();
    let member = Setup::new(cluster, "stats-flood")
        .subscribe(topic, "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 => Outcome::Unknown(4711),
            _ => Outcome::Success,
        })
        .start();
    member.record.wait_for(400, WITHIN);
    let events = || member.record.events(EventKind::Error);
    let counted = || events().iter().map(|event| event["count"].as_u64().unwrap()).sum::<u64>();
    wait_until("all are counted", WITHIN, || counted() == 400);
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!(events().len() <= seconds + 1, "{} events in {seconds} s", events().len());
    assert!(member.record.logged("returned 4711") <= seconds + 1);
    assert!(member.record.logged(" times)") > 0);
}

fn the_logging_example_shows_records_and_statistics_both_ways(version: Version) {
    let (cluster, topic) = (Cluster::shared(version), "StatsLogging");
    cluster.create_topic(topic, 2);
    cluster.send(topic, 10).run();
    static LOGGING: LazyLock<PathBuf> = LazyLock::new(|| compile_example("logging.c"));
    let namesrv = cluster.namesrv();
    let by_callback =
        run(program(&*LOGGING).args(["callback", "logging", topic]).env("NAMESRV_ADDR", &namesrv));
    assert!(by_callback.contains("callback info coordinator: assigned (subscription): "), "{by_callback}");
    assert!(!by_callback.contains("\nevent "), "{by_callback}");
    let by_events = run(under_valgrind(&*LOGGING)
        .args(["events", "logging-events", topic])
        .env("NAMESRV_ADDR", &namesrv));
    assert!(by_events.contains("event info coordinator: assigned (subscription): "), "{by_events}");
    assert!(!by_events.contains("callback "), "{by_events}");
    for printed in [&by_callback, &by_events] {
        let news = printed.lines().find(|line| line.starts_with("news assigned (subscription): ")).unwrap();
        assert!(news.ends_with(", count 1"), "{news}");
        let stats = printed.lines().rev().find_map(|line| line.strip_prefix("stats ")).unwrap();
        let stats: Value = serde_json::from_str(stats).unwrap();
        Schema::read().check(&stats);
        assert_eq!(stats["totals"]["consumed"], 10, "{stats:#}");
    }
}
