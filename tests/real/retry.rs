//! Messages that a callback wants again.

use std::time::Duration;

use rmq::{EventKind, Outcome};
use rmq_testbed::{BrokerSetup, Cluster, Version, wait_until};

use crate::gate::Gate;
use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    a_failed_message_comes_again_with_its_count_and_its_topic,
    a_message_that_always_fails_ends_in_the_dead_letters,
    what_the_ack_index_leaves_of_a_batch_comes_again,
    a_callback_past_its_timeout_blocks_no_other_and_its_message_comes_again,
    what_a_frozen_broker_cannot_take_back_is_published_at_another,
}

fn a_failed_message_comes_again_with_its_count_and_its_topic(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Again", 2);
    let member = Setup::new(cluster, "again")
        .subscribe("Again", "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0..3 => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    cluster.send("Again", 10).tags(&["A"]).property("color", "red").run();
    member.record.wait_for(40, WITHIN);
    member.stop();
    let deliveries = member.record.deliveries();
    assert_eq!(deliveries.len(), 40);
    assert!(deliveries.iter().all(|d| d.property("color") == Some("red") && d.tag.as_deref() == Some("A")));
    for times in 0..4 {
        let round: Vec<_> = deliveries.iter().filter(|d| d.times == times).collect();
        assert_eq!(round.len(), 10, "delivery {times}");
        let queue_topic = if times == 0 { "Again" } else { "%RETRY%again" };
        assert!(round.iter().all(|d| d.topic == "Again" && d.queue_topic == queue_topic));
    }
    assert_eq!(committed(cluster, "again", "Again", 2), 10);
    assert_eq!(committed(cluster, "again", "%RETRY%again", 1), 30);
}

fn a_message_that_always_fails_ends_in_the_dead_letters(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Dead", 1);
    let member = Setup::new(cluster, "dead")
        .subscribe("Dead", "*")
        .set("reconsume.max", "2")
        .answer(|_, _| Outcome::Later)
        .start();
    cluster.send("Dead", 1).run();
    member.record.wait_for(3, WITHIN);
    wait_until("the dead letter", WITHIN, || cluster.max_offset("%DLQ%dead", 0) == 1);
    wait_until("the retry topic to be done", WITHIN, || {
        let end = cluster.max_offset("%RETRY%dead", 0);
        end == 2 && committed(cluster, "dead", "%RETRY%dead", 1) == end
    });
    member.stop();
    let times: Vec<i32> = member.record.deliveries().iter().map(|d| d.times).collect();
    assert_eq!(times, [0, 1, 2]);
    assert_eq!((cluster.max_offset("%DLQ%dead", 0), committed(cluster, "dead", "Dead", 1)), (1, 1));
}

fn what_the_ack_index_leaves_of_a_batch_comes_again(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Part", 1);
    cluster.send("Part", 10).run();
    let member = Setup::new(cluster, "part")
        .set("consume.batch.size", "10")
        .subscribe("Part", "*")
        .answer(|batch, context| {
            // Of the batch as it was stored only: 0 to 3 are done.
            if batch.message(0).unwrap().reconsume_times() == 0 && batch.len() > 4 {
                context.ack_index = Some(3);
            }
            Outcome::Success
        })
        .start();
    member.record.wait_for(16, WITHIN);
    wait_until("the retries to be committed", WITHIN, || committed(cluster, "part", "%RETRY%part", 1) == 6);
    member.stop();
    assert_eq!(member.record.count(), 16);
    let mut again: Vec<String> =
        member.record.deliveries().into_iter().filter(|d| d.times == 1).filter_map(|d| d.key).collect();
    again.sort();
    assert_eq!(again, ["Part-4", "Part-5", "Part-6", "Part-7", "Part-8", "Part-9"]);
    assert_eq!(committed(cluster, "part", "Part", 1), 10);
}

/// The first message of a queue, one in the middle, the last.
fn a_callback_past_its_timeout_blocks_no_other_and_its_message_comes_again(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Stuck", 1);
    cluster.send("Stuck", 10).run();
    const STUCK: [&str; 3] = ["Stuck-0", "Stuck-4", "Stuck-9"];
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(cluster, "stuck")
        .set("consume.timeout.ms", "1000")
        .set("consume.thread.max", "8")
        .subscribe("Stuck", "*")
        .answer(move |batch, _| {
            let message = batch.message(0).unwrap();
            if message.reconsume_times() == 0 && STUCK.contains(&message.keys().unwrap()) {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    member.record.wait_for(13, WITHIN);
    wait_until("both commits", WITHIN, || {
        committed(cluster, "stuck", "Stuck", 1) == 10 && committed(cluster, "stuck", "%RETRY%stuck", 1) == 3
    });
    assert_eq!(gate.inside(), 3, "the callbacks still run");
    let deliveries = member.record.deliveries();
    for key in STUCK {
        let of_key: Vec<_> = deliveries.iter().filter(|d| d.key.as_deref() == Some(key)).collect();
        assert_eq!(of_key.iter().map(|d| d.times).collect::<Vec<_>>(), [0, 1], "{key}");
        let id = of_key[0].property("UNIQ_KEY").unwrap();
        let events = member.record.events(EventKind::ConsumeTimeout);
        let told: Vec<_> = events.iter().filter(|event| event["message_ids"][0] == id).collect();
        assert_eq!(told.len(), 1, "{events:?}");
        assert_eq!(
            (&told[0]["topic"], &told[0]["queue_offset"]),
            (&"Stuck".into(), &of_key[0].offset.into())
        );
    }
    assert_eq!(member.record.by_key().values().filter(|times| **times == 1).count(), 7);
    gate.open();
    member.stop();
    assert_eq!(member.record.count(), 13, "late results change nothing");
}

/// With its tries, its way home, and for a hopeless one to the dead letters.
fn what_a_frozen_broker_cannot_take_back_is_published_at_another(version: Version) {
    let cluster = Cluster::start(version);
    let second = cluster.add_broker(BrokerSetup::new("broker-b"));
    cluster.create_topic("Frozen", 1);
    second.create_topic("Frozen", 1);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(&cluster, "frozen")
        .set("namesrv.poll.interval.ms", "1000")
        .subscribe("Frozen", "*")
        .answer(move |batch, context| {
            let message = batch.message(0).unwrap();
            if message.reconsume_times() > 0 {
                return Outcome::Success;
            }
            inside.pass();
            context.delay_level = if message.tags() == Some("hopeless") { -1 } else { 1 };
            Outcome::Later
        })
        .start();
    wait_until("both queues, and a retry queue to publish to", WITHIN, || {
        let owned: serde_json::Value = serde_json::from_str(&member.consumer.assignment_json()).unwrap();
        let there = |queue: &&serde_json::Value| {
            queue["topic"] == "%RETRY%frozen" && queue["broker"] == "broker-a" && !queue["position"].is_null()
        };
        member.queues("Frozen").len() == 2 && owned.as_array().unwrap().iter().any(|queue| there(&queue))
    });
    let stored = cluster.send("Frozen", 2).tags(&["hopeless", "later"]).queue(1).run();
    assert_eq!(stored.stored, 2, "{stored:?}");
    wait_until("both callbacks", WITHIN, || gate.inside() == 2);
    second.freeze();
    gate.open();
    wait_until("the retry", WITHIN, || member.record.count() == 3);
    wait_until("the dead letter", WITHIN, || cluster.max_offset("%DLQ%frozen", 0) == 1);
    let again = member.record.deliveries().pop().unwrap();
    assert_eq!((again.times, again.topic.as_str(), again.broker.as_str()), (1, "Frozen", "broker-a"));
    assert_eq!((again.key.as_deref(), again.tag.as_deref()), (Some("Frozen-1"), Some("later")));
    second.thaw();
    wait_until("the commit", WITHIN, || second.committed_offset("frozen", "Frozen", 0) == Some(2));
    member.stop();
    assert_eq!(member.record.count(), 3, "nothing comes twice");
}
