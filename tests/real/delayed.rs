//! Messages that are delivered later, on brokers whose delay levels differ.

use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rmq::Outcome;
use rmq_testbed::{Cluster, Version};

use crate::member::{Delivery, Member, Setup};
use crate::support::{compile_example, program, run};

const WITHIN: Duration = Duration::from_secs(60);

/// How much later than stored a message may come, in milliseconds. A broker that is about to hold a pull when a message
/// arrives misses it, and looks at held pulls every 5 s.
const MISSED: u128 = 6000;

on_both_versions! {
    a_delayed_message_comes_when_its_level_says_with_its_topic_tag_and_properties,
    a_level_beyond_the_last_is_the_last,
    a_callback_chooses_the_delay_of_a_retry,
    a_timer_message_comes_when_it_is_due_and_on_a_broker_without_timers_at_once,
    the_example_of_delays_shows_levels_and_timers,
}

/// Brokers of these tests and those of transactions.
pub fn cluster(version: Version) -> &'static Cluster {
    static CLUSTERS: [OnceLock<Cluster>; 2] = [const { OnceLock::new() }; 2];
    let index = Version::ALL.iter().position(|of| *of == version).unwrap();
    CLUSTERS[index].get_or_init(|| {
        Cluster::builder(version)
            .broker_property("messageDelayLevel", "1s 4s 1s 1s 6s")
            .broker_property("timerPrecisionMs", "100")
            .broker_property("transactionCheckInterval", "2000")
            .broker_property("transactionTimeOut", "1000")
            .start()
    })
}

/// A member that is there before the messages are.
fn waiting(cluster: &Cluster, group: &str, topic: &str) -> Member {
    cluster.create_topic(topic, 2);
    let member = Setup::new(cluster, group).subscribe(topic, "A || B").start();
    rmq_testbed::wait_until("its queues", WITHIN, || member.queues(topic).len() == 2);
    member
}

/// How long after `begun` it came, in milliseconds.
fn after(delivery: &Delivery, begun: Instant) -> u128 {
    delivery.at.duration_since(begun).as_millis()
}

fn a_delayed_message_comes_when_its_level_says_with_its_topic_tag_and_properties(version: Version) {
    let cluster = cluster(version);
    let member = waiting(cluster, "delayed", "Delayed");
    let java = cluster.java_consumer("delayed-java", "Delayed").start();
    let begun = Instant::now();
    cluster.send("Delayed", 4).tags(&["A"]).property("color", "red").delay_level(2).run();
    cluster.send("Delayed", 1).tags(&["B"]).keys("now").run();
    let sent = begun.elapsed().as_millis();
    member.record.wait_for(5, WITHIN);
    java.wait_for(5, WITHIN);
    member.stop();
    let deliveries = member.record.deliveries();
    assert_eq!(deliveries[0].key.as_deref(), Some("now-0"), "it overtakes");
    for delivery in &deliveries[1..] {
        let after = after(delivery, begun);
        assert!(after >= 4000 && after < sent + 5000 + MISSED, "after {after} ms, sent within {sent} ms");
        assert_eq!((delivery.topic.as_str(), delivery.queue_topic.as_str()), ("Delayed", "Delayed"));
        assert_eq!((delivery.tag.as_deref(), delivery.property("color")), (Some("A"), Some("red")));
        assert_eq!(
            (delivery.property("DELAY"), delivery.property("REAL_TOPIC")),
            (Some("2"), Some("Delayed"))
        );
        assert_eq!(delivery.times, 0);
    }
    // Java shows the same topics, ids, keys and tags.
    let mut theirs: Vec<_> =
        java.deliveries().into_iter().map(|d| (d.topic, d.msg_id, d.keys, d.tag)).collect();
    let ours = deliveries.into_iter().map(|d| {
        let id = d.property("UNIQ_KEY").unwrap().to_owned();
        (d.topic, id, d.key.unwrap_or_default(), d.tag.unwrap_or_default())
    });
    let mut ours: Vec<_> = ours.collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
}

fn a_level_beyond_the_last_is_the_last(version: Version) {
    let cluster = cluster(version);
    let member = waiting(cluster, "beyond", "Beyond");
    let begun = Instant::now();
    cluster.send("Beyond", 1).tags(&["A"]).delay_level(99).run();
    member.record.wait_for(1, WITHIN);
    member.stop();
    let delivery = &member.record.deliveries()[0];
    assert!(after(delivery, begun) >= 6000, "{delivery:?}");
    assert_eq!(delivery.property("DELAY"), Some("5"));
}

/// Left alone the first retry has level 3, here one second.
fn a_callback_chooses_the_delay_of_a_retry(version: Version) {
    let cluster = cluster(version);
    cluster.create_topic("Chosen", 1);
    let member = Setup::new(cluster, "chosen")
        .subscribe("Chosen", "*")
        .answer(|batch, context| {
            let message = batch.message(0).unwrap();
            context.delay_level = if message.tags() == Some("B") { 2 } else { 0 };
            if message.reconsume_times() == 0 { Outcome::Later } else { Outcome::Success }
        })
        .start();
    rmq_testbed::wait_until("the retry queue", WITHIN, || member.queues("%RETRY%chosen") == [0]);
    cluster.send("Chosen", 2).tags(&["A", "B"]).run();
    member.record.wait_for(4, WITHIN);
    member.stop();
    let deliveries = member.record.deliveries();
    let rest = |tag: &str| {
        let of_tag: Vec<_> = deliveries.iter().filter(|d| d.tag.as_deref() == Some(tag)).collect();
        assert_eq!(of_tag.iter().map(|d| d.times).collect::<Vec<_>>(), [0, 1]);
        (after(of_tag[1], of_tag[0].at), of_tag[1].property("DELAY"))
    };
    let ((left, level), (chosen, chosen_level)) = (rest("A"), rest("B"));
    assert_eq!((level, chosen_level), (Some("3"), Some("2")));
    assert!((900..2000 + MISSED).contains(&left) && chosen >= 3900, "{left} {chosen}");
}

fn a_timer_message_comes_when_it_is_due_and_on_a_broker_without_timers_at_once(version: Version) {
    let cluster = cluster(version);
    let member = waiting(cluster, "timer", "Timer");
    // At once shall be told from later, also when the broker misses a held pull.
    let (delay, until) = match version {
        Version::V4_9_7 => (10_000, 12_000),
        Version::V5_5_0 => (3000, 5000),
    };
    let due = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() + until;
    let begun = Instant::now();
    cluster.send("Timer", 2).tags(&["A"]).keys("delay").property("color", "red").delay_ms(delay).run();
    cluster.send("Timer", 2).tags(&["B"]).keys("due").option("deliver", &due.to_string()).run();
    member.record.wait_for(4, WITHIN);
    member.stop();
    for delivery in member.record.deliveries() {
        let passed = after(&delivery, begun);
        let by_delay = delivery.tag.as_deref() == Some("A");
        let (asked, value, rest) = match by_delay {
            true => ("TIMER_DELAY_MS", delay.to_string(), u128::from(delay)),
            false => ("TIMER_DELIVER_MS", due.to_string(), until - 100),
        };
        assert_eq!((delivery.property(asked), delivery.property("DELAY")), (Some(&*value), None));
        assert_eq!((delivery.topic.as_str(), delivery.times), ("Timer", 0));
        assert_eq!(delivery.property("color"), by_delay.then_some("red"));
        match version {
            Version::V4_9_7 => {
                assert!(passed < 2000 + MISSED, "at once: {passed}");
                assert_eq!(delivery.property("REAL_TOPIC"), None);
            }
            Version::V5_5_0 => {
                // Its clock is a millisecond's, and wakes up on whole tenths of a second.
                assert!(passed >= rest - 10 && passed < rest + 5000 + MISSED, "{passed} {rest}");
                assert_eq!(delivery.property("REAL_TOPIC"), Some("Timer"));
            }
        }
    }
}

fn the_example_of_delays_shows_levels_and_timers(version: Version) {
    let cluster = cluster(version);
    cluster.create_topic("DelayExample", 1);
    cluster.send("DelayExample", 1).keys("level").delay_level(1).run();
    cluster.send("DelayExample", 1).keys("timer").delay_ms(1000).run();
    cluster.send("DelayExample", 1).keys("plain").run();
    static DELAYED: LazyLock<PathBuf> = LazyLock::new(|| compile_example("delayed"));
    let mut command = program(&*DELAYED);
    let printed =
        run(command.args(["delay-example", "DelayExample", "3"]).env("NAMESRV_ADDR", cluster.namesrv()));
    for line in ["level-0 level 1: ", "timer-0 timer 1000 ms: ", "plain-0 no delay: "] {
        assert!(printed.contains(&format!("DelayExample {line}")), "{printed}");
    }
    assert!(printed.ends_with("\n3 messages\n"), "{printed}");
}
