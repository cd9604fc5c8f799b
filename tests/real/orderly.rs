//! Orderly consumption: queue locks, order per key, suspends, commits, dead letters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rmq::{EventKind, Outcome};
use rmq_testbed::{Cluster, JavaConsumer, Sending, Version, loops, wait_until};

use crate::member::{Member, Record, Setup, committed};
use crate::support::{compile_example, program, run};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    order_per_key_survives_members_that_come_and_go_and_random_suspends,
    java_and_ours_hold_the_same_lock_and_keep_the_order_between_them,
    a_suspended_queue_leaves_the_others_alone,
    a_callback_chooses_how_long_its_queue_rests,
    without_auto_commit_the_offset_moves_when_the_callback_says_so,
    a_message_that_always_fails_ends_in_the_dead_letters_and_its_queue_goes_on,
    without_a_limit_a_message_is_tried_until_it_succeeds,
    a_lock_is_taken_over_within_a_second_when_a_member_leaves,
    a_restarted_broker_gives_the_lock_back_and_the_order_stays,
    the_example_suspends_and_commits_by_hand,
    consumer_status_tells_that_queues_are_locked_and_in_order,
}

/// Minutes each: for `make test-long`.
macro_rules! long_on_both_versions {
    ($($name:ident),* $(,)?) => {
        mod long_5_5_0 { $(#[test] #[ignore] fn $name() { super::$name(rmq_testbed::Version::V5_5_0); })* }
        mod long_4_9_7 { $(#[test] #[ignore] fn $name() { super::$name(rmq_testbed::Version::V4_9_7); })* }
    };
}

long_on_both_versions! {
    order_per_key_survives_twenty_times,
    the_queue_of_a_killed_member_is_free_after_the_lock_life_of_the_broker,
}

fn orderly(cluster: &Cluster, group: &str, topic: &str) -> Setup {
    Setup::new(cluster, group).set("consume.mode", "orderly").subscribe(topic, "*")
}

/// A few random numbers; which they are does not matter.
struct Dice(u64);

impl Dice {
    fn new() -> Dice {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Dice(u64::from(now.subsec_nanos()) << 20 | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// Who is in a callback of which queue, and what was consumed, over all members.
#[derive(Default)]
struct Ledger {
    inside: BTreeMap<i32, usize>,
    /// The numbers of each key in the order of their success.
    done: BTreeMap<u64, Vec<u64>>,
    count: usize,
    /// Queues that were in two callbacks at once.
    overlaps: Vec<i32>,
    dice: Option<Dice>,
}

const KEYS: u64 = 100;
const QUEUES: u32 = 10;

impl Ledger {
    /// A member whose callback takes a moment and fails now and then, on a part of its batch or on all of it.
    fn member(ledger: &Arc<Mutex<Ledger>>, cluster: &Cluster, topic: &str, batch: usize) -> Member {
        let ledger = Arc::clone(ledger);
        orderly(cluster, topic, topic)
            .set("consume.batch.size", &batch.to_string())
            .set("suspend.queue.ms", "20")
            .answer(move |batch, context| {
                let queue = batch.queue_id();
                let (consumed, rest) = {
                    let mut ledger = ledger.lock().unwrap();
                    let inside = ledger.inside.entry(queue).or_default();
                    *inside += 1;
                    if *inside > 1 {
                        ledger.overlaps.push(queue);
                    }
                    let dice = ledger.dice.get_or_insert_with(Dice::new);
                    let fails = dice.below(50) == 0;
                    let consumed = if fails { dice.below(batch.len()) } else { batch.len() };
                    (consumed, 10 + dice.below(20) as u64)
                };
                thread::sleep(Duration::from_millis(2));
                let mut ledger = ledger.lock().unwrap();
                *ledger.inside.get_mut(&queue).unwrap() -= 1;
                for index in 0..consumed {
                    let key = batch.message(index).unwrap().keys().unwrap();
                    let number: u64 = key.rsplit_once('-').unwrap().1.parse().unwrap();
                    ledger.done.entry(number % KEYS).or_default().push(number);
                    ledger.count += 1;
                }
                if consumed == batch.len() {
                    return Outcome::Success;
                }
                context.suspend = Some(Duration::from_millis(rest));
                match consumed {
                    0 => Outcome::Suspend,
                    some => {
                        context.ack_index = Some(some - 1);
                        Outcome::Success
                    }
                }
            })
            .start()
    }
}

fn order_per_key_survives_members_that_come_and_go_and_random_suspends(version: Version) {
    churn(version, "Churn", 20_000);
}

/// Members of 1 to 8 messages a callback join and leave while messages of a hundred keys, each in a queue of its own
/// choice, are stored and consumed.
fn churn(version: Version, topic: &str, messages: u32) {
    let cluster = Cluster::shared(version);
    cluster.create_topic(topic, QUEUES);
    let ledger: Arc<Mutex<Ledger>> = Arc::default();
    let count = || ledger.lock().unwrap().count;
    let stays = Ledger::member(&ledger, cluster, topic, 1);
    let (mut joins, mut dice) = (0, Dice::new());
    thread::scope(|scope| {
        // Message i has the key i % 100 and goes to queue i % 10: a key stays in one queue.
        let sent = scope.spawn(|| cluster.send(topic, messages).batches_of(20).run());
        let mut others: Vec<Member> = Vec::new();
        let deadline = Instant::now() + WITHIN;
        while count() < messages as usize && Instant::now() < deadline {
            match others.len() {
                0 => others.push(Ledger::member(&ledger, cluster, topic, 1 + dice.below(8))),
                1 if dice.below(2) == 0 => {
                    others.push(Ledger::member(&ledger, cluster, topic, 1 + dice.below(8)));
                }
                some => others.swap_remove(dice.below(some)).stop(),
            }
            joins += 1;
            let before = count();
            let least = dice.below(1200);
            wait_until("some messages", WITHIN, || count() >= (before + least).min(messages as usize));
        }
        assert_eq!(sent.join().unwrap().stored, u64::from(messages));
        others.iter().for_each(Member::stop);
    });
    stays.stop();
    let ledger = ledger.lock().unwrap();
    assert!(ledger.overlaps.is_empty(), "in two callbacks at once: queues {:?}", ledger.overlaps);
    for (key, numbers) in &ledger.done {
        // Members that leave in order repeat nothing either.
        let expected: Vec<u64> = (0..u64::from(messages)).filter(|number| number % KEYS == *key).collect();
        if *numbers != expected {
            let at = numbers.iter().zip(&expected).position(|(a, b)| a != b).unwrap_or(0);
            panic!("key {key} at {at}: {:?}", &numbers[at.saturating_sub(3)..numbers.len().min(at + 5)]);
        }
    }
    assert_eq!((ledger.done.len() as u64, ledger.count), (KEYS, messages as usize));
    assert!(joins >= 4, "only {joins} joins and leaves");
    assert_eq!(committed(cluster, topic, topic, QUEUES), i64::from(messages));
}

fn order_per_key_survives_twenty_times(version: Version) {
    for round in 0..20 {
        churn(version, &format!("Churn{round}"), 20_000);
    }
}

/// A stretch of time in which somebody had a message of a queue, in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stay {
    begun: u128,
    ended: u128,
    offset: i64,
    java: bool,
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

const JAVA_SLEEP: Duration = Duration::from_millis(10);

fn java_and_ours_hold_the_same_lock_and_keep_the_order_between_them(version: Version) {
    let cluster = Cluster::shared(version);
    let (topic, group) = ("MixedOrder", "mixed-order");
    cluster.create_topic(topic, 4);
    let stays: Arc<Mutex<BTreeMap<i32, Vec<Stay>>>> = Arc::default();
    let ours = || {
        let stays = Arc::clone(&stays);
        orderly(cluster, group, topic).answer(move |batch, _| {
            let (begun, offset) = (now(), batch.message(0).unwrap().queue_offset());
            thread::sleep(JAVA_SLEEP);
            let stay = Stay { begun, ended: now(), offset, java: false };
            stays.lock().unwrap().entry(batch.queue_id()).or_default().push(stay);
            Outcome::Success
        })
    };
    let java_has_its_share = |java: &JavaConsumer| {
        let queues = || java.queues().iter().filter(|q| q.topic == topic).count();
        wait_until("Java to have its share", WITHIN, || queues() == 2);
    };
    let load = format!("mixed-order-{version}");
    let mut seen = Vec::new();
    let first = ours().start();
    thread::scope(|scope| {
        let sending = cluster.send(topic, 1_000_000).rate(150).named(&load);
        let sent = scope.spawn(move || sending.run());
        first.record.wait_for(50, WITHIN);
        for _ in 0..2 {
            let java = cluster.java_consumer(group, topic).orderly().sleep(JAVA_SLEEP).start();
            java_has_its_share(&java);
            java.wait_for(50, WITHIN);
            let second = ours().start();
            second.record.wait_for(20, WITHIN);
            second.stop();
            // One that leaves while it takes a lock keeps that.
            java_has_its_share(&java);
            let before = java.count();
            java.wait_for(before + 20, WITHIN);
            // Before it leaves, for its log goes with it; what it consumes after this is in ours or its own offset.
            // It interrupts the callback that runs when it leaves.
            let until = now() - JAVA_SLEEP.as_millis();
            seen.extend(java.deliveries().into_iter().filter(|d| u128::from(d.at_millis) <= until));
            java.stop();
            let before = first.record.count();
            first.record.wait_for(before + 30, WITHIN);
        }
        Sending::halt(&load);
        sent.join().unwrap();
    });
    let stored: i64 = (0..4).map(|queue| cluster.max_offset(topic, queue)).sum();
    // A lock that Java could not give back lives for a minute.
    wait_until("all to be committed", 2 * WITHIN, || committed(cluster, group, topic, 4) == stored);
    first.stop();
    let mut stays = std::mem::take(&mut *stays.lock().unwrap());
    for delivery in seen.into_iter().filter(|d| d.topic == topic) {
        let begun = u128::from(delivery.at_millis);
        let ended = begun + JAVA_SLEEP.as_millis();
        let stay = Stay { begun, ended, offset: delivery.offset, java: true };
        stays.entry(delivery.queue).or_default().push(stay);
    }
    for (queue, mut stays) in stays {
        stays.sort();
        for pair in stays.windows(2) {
            // Clocks of both sides count whole milliseconds.
            assert!(pair[1].begun + 2 >= pair[0].ended, "queue {queue}: two at once: {pair:?}");
        }
        // Java may repeat what it had not committed.
        let firsts: Vec<i64> = {
            let mut known = BTreeSet::new();
            stays.iter().map(|stay| stay.offset).filter(|offset| known.insert(*offset)).collect()
        };
        assert!(firsts.is_sorted(), "queue {queue}: {firsts:?}");
    }
}

fn a_suspended_queue_leaves_the_others_alone(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Suspend", 2);
    let member = orderly(cluster, "suspend", "Suspend")
        .set("suspend.queue.ms", "1500")
        .answer(|batch, _| match (batch.queue_id(), batch.message(0).unwrap().reconsume_times()) {
            (0, 0) => Outcome::Suspend,
            _ => Outcome::Success,
        })
        .start();
    cluster.send("Suspend", 1).queue(0).keys("held").run();
    member.record.wait_for(1, WITHIN);
    cluster.send("Suspend", 300).queue(1).batches_of(20).run();
    wait_until("the other queue", WITHIN, || member.record.count() >= 301);
    wait_until("the suspended message", WITHIN, || member.record.count() == 302);
    let deliveries = member.record.deliveries();
    let held: Vec<_> = deliveries.iter().filter(|d| d.queue == 0).collect();
    assert_eq!(held.iter().map(|d| d.times).collect::<Vec<_>>(), [0, 1]);
    let pause = held[1].at - held[0].at;
    assert!(pause >= Duration::from_millis(1500) && pause < Duration::from_millis(3000), "{pause:?}");
    let others: Vec<_> = deliveries.iter().filter(|d| d.queue == 1).collect();
    assert!(others.windows(2).all(|pair| pair[0].offset + 1 == pair[1].offset), "in order");
    assert!(others.iter().any(|d| d.at < held[1].at), "beside the rest");
    member.stop();
    assert_eq!(committed(cluster, "suspend", "Suspend", 2), 301);
}

fn a_callback_chooses_how_long_its_queue_rests(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("PerCall", 1);
    let member = orderly(cluster, "per-call", "PerCall")
        .set("suspend.queue.ms", "30000")
        .answer(|batch, context| {
            context.suspend = Some(Duration::from_millis(200));
            if batch.message(0).unwrap().reconsume_times() < 3 { Outcome::Later } else { Outcome::Success }
        })
        .start();
    cluster.send("PerCall", 1).run();
    member.record.wait_for(4, WITHIN);
    for pair in member.record.deliveries().windows(2) {
        let pause = pair[1].at - pair[0].at;
        assert!(pause >= Duration::from_millis(200) && pause < Duration::from_millis(2000), "{pause:?}");
    }
}

fn without_auto_commit_the_offset_moves_when_the_callback_says_so(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Manual", 1);
    let (rolled, go) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let may_end = Arc::clone(&go);
    let member = orderly(cluster, "manual", "Manual")
        .set("orderly.auto.commit", "false")
        .set("suspend.queue.ms", "20")
        .answer(move |batch, _| match batch.message(0).unwrap().queue_offset() {
            3 => Outcome::Commit,
            6 if rolled.fetch_add(1, Ordering::Relaxed) == 0 => Outcome::Rollback,
            9 if may_end.load(Ordering::Relaxed) => Outcome::Commit,
            _ => Outcome::Success,
        })
        .start();
    let offset = || cluster.committed_offset("manual", "Manual", 0);
    cluster.send("Manual", 3).run();
    member.record.wait_for(3, WITHIN);
    member.consumer.commit().unwrap();
    assert_eq!(offset().unwrap_or(0), 0);
    cluster.send("Manual", 6).starting_at(3).run();
    member.record.wait_for(12, WITHIN);
    let offsets: Vec<i64> = member.record.deliveries().iter().map(|d| d.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8]);
    assert!(member.record.deliveries().iter().all(|d| d.times == 0), "a roll-back is no failed try");
    wait_until("the first commit", WITHIN, || offset() == Some(4));
    member.stop();
    assert_eq!(offset(), Some(4), "what was held is not committed by leaving");
    go.store(true, Ordering::Relaxed);
    let next = orderly(cluster, "manual", "Manual").start();
    next.record.wait_for(5, WITHIN);
    assert_eq!(next.record.deliveries().iter().map(|d| d.offset).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    next.stop();
    assert_eq!(offset(), Some(9));
}

fn a_message_that_always_fails_ends_in_the_dead_letters_and_its_queue_goes_on(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("OrderlyDead", 1);
    // Before the broker makes it, for 4.9.7 makes it unreadable.
    cluster.create_topic("%DLQ%orderly-dead", 1);
    let member = orderly(cluster, "orderly-dead", "OrderlyDead")
        .set("orderly.reconsume.max", "2")
        .set("suspend.queue.ms", "20")
        .answer(|batch, _| match batch.message(0).unwrap().queue_offset() {
            1 => Outcome::Suspend,
            _ => Outcome::Success,
        })
        .start();
    cluster.send("OrderlyDead", 3).tags(&["A"]).property("colour", "red").run();
    wait_until("the commit", WITHIN, || {
        cluster.committed_offset("orderly-dead", "OrderlyDead", 0) == Some(3)
    });
    let seen: Vec<_> = member.record.deliveries().iter().map(|d| (d.offset, d.times)).collect();
    assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)]);
    assert_eq!(cluster.max_offset("%DLQ%orderly-dead", 0), 1);
    assert_eq!(cluster.max_offset("%RETRY%orderly-dead", 0), 0);
    assert!(member.record.events(EventKind::Error).is_empty());
    let reader = Setup::new(cluster, "orderly-dead-reader").subscribe("%DLQ%orderly-dead", "*").start();
    reader.record.wait_for(1, WITHIN);
    let dead = &reader.record.deliveries()[0];
    assert_eq!((dead.key.as_deref(), dead.tag.as_deref()), (Some("OrderlyDead-1"), Some("A")));
    assert_eq!(dead.property("colour"), Some("red"));
    assert_eq!(dead.property("RETRY_TOPIC"), Some("OrderlyDead"));
    assert!(dead.property("ORIGIN_MESSAGE_ID").is_some());
    // As in Java the tries were made here, so the stored count is the broker's own.
    assert_eq!(dead.times, 1);
}

fn without_a_limit_a_message_is_tried_until_it_succeeds(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Unlimited", 1);
    let member = orderly(cluster, "unlimited", "Unlimited")
        .set("suspend.queue.ms", "10")
        .set("reconsume.max", "2")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0..30 => Outcome::Suspend,
            _ => Outcome::Success,
        })
        .start();
    cluster.send("Unlimited", 2).run();
    member.record.wait_for(62, WITHIN);
    member.stop();
    let times: Vec<i32> = member.record.deliveries().iter().map(|d| d.times).collect();
    assert_eq!(times, (0..=30).chain(0..=30).collect::<Vec<_>>());
    assert_eq!(committed(cluster, "unlimited", "Unlimited", 1), 2);
}

fn a_lock_is_taken_over_within_a_second_when_a_member_leaves(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("TakeOver", 4);
    let record = Record::default();
    let stays = orderly(cluster, "take-over", "TakeOver").record(&record).start();
    for round in 0..loops() {
        let leaves = orderly(cluster, "take-over", "TakeOver").record(&record).start();
        wait_until("the queues to be divided", WITHIN, || {
            stays.queues("TakeOver").len() == 2 && leaves.queues("TakeOver").len() == 2
        });
        cluster.send("TakeOver", 40).starting_at(round * 80).run();
        record.wait_for((round * 80 + 40) as usize, WITHIN);
        leaves.stop();
        let left = Instant::now();
        wait_until("the queues to be taken", WITHIN, || {
            stays.queues("TakeOver").len() == 4 && locked(&stays, "TakeOver") == 4
        });
        let took = left.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        cluster.send("TakeOver", 40).starting_at(round * 80 + 40).run();
        record.wait_for((round * 80 + 80) as usize, WITHIN);
    }
    assert_eq!(record.count(), 80 * loops() as usize, "nothing twice");
}

/// How many queues of a topic have begun, which in order means that they are locked.
fn locked(member: &Member, topic: &str) -> usize {
    let json: serde_json::Value = serde_json::from_str(&member.consumer.assignment_json()).unwrap();
    let queues = json.as_array().unwrap().iter();
    queues.filter(|queue| queue["topic"] == topic && !queue["position"].is_null()).count()
}

fn a_restarted_broker_gives_the_lock_back_and_the_order_stays(version: Version) {
    let cluster = Cluster::start(version);
    cluster.create_topic("Restarted", 2);
    let record = Record::default();
    let member = || {
        orderly(&cluster, "restarted", "Restarted").record(&record).answer(|_, _| {
            thread::sleep(Duration::from_millis(5));
            Outcome::Success
        })
    };
    let (one, two) = (member().start(), member().start());
    wait_until("a queue for each", WITHIN, || {
        one.queues("Restarted").len() == 1 && two.queues("Restarted").len() == 1
    });
    cluster.send("Restarted", 400).run();
    record.wait_for(60, WITHIN);
    cluster.kill_broker();
    cluster.restart_broker();
    wait_until("all", WITHIN, || record.by_key().len() == 400);
    wait_until("a send after it", WITHIN, || cluster.send("Restarted", 1).keys("after").run().stored == 1);
    wait_until("what was sent after it", WITHIN, || record.by_key().contains_key("after-0"));
    for queue in 0..2 {
        let deliveries = record.deliveries();
        let mut known = BTreeSet::new();
        let offsets = deliveries.iter().filter(|d| d.queue == queue).map(|d| d.offset);
        let firsts: Vec<i64> = offsets.filter(|offset| known.insert(*offset)).collect();
        assert!(firsts.is_sorted(), "queue {queue}: {firsts:?}");
    }
    one.stop();
    two.stop();
}

static EXAMPLE: LazyLock<PathBuf> = LazyLock::new(|| compile_example("orderly.c"));

fn the_example_suspends_and_commits_by_hand(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("OrderlyExample", 2);
    cluster.send("OrderlyExample", 40).run();
    let example = |group: &str, more: &[&str]| {
        let mut command = program(&*EXAMPLE);
        command.args([group, "OrderlyExample", "40"]).args(more).env("NAMESRV_ADDR", cluster.namesrv());
        run(&mut command)
    };
    let printed = example("orderly-example", &[]);
    assert!(printed.contains("40 messages in order, 4 suspends, 0 commits\n"), "{printed}");
    assert_eq!(committed(cluster, "orderly-example", "OrderlyExample", 2), 40);
    let printed = example("orderly-example-manual", &["manual"]);
    assert!(printed.contains("40 messages in order, 4 suspends, 4 commits\n"), "{printed}");
    assert_eq!(committed(cluster, "orderly-example-manual", "OrderlyExample", 2), 40);
}

fn consumer_status_tells_that_queues_are_locked_and_in_order(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("OrderShown", 1);
    let member = orderly(cluster, "order-shown", "OrderShown").set("suspend.queue.ms", "700").start();
    cluster.send("OrderShown", 3).run();
    member.record.wait_for(3, WITHIN);
    wait_until("the retry queue's lock", WITHIN, || locked(&member, "%RETRY%order-shown") == 1);
    let id = member.consumer.client_id();
    let shown = cluster.admin(&format!("consumerStatus -g order-shown -i {id}"));
    for part in [
        "PROP_CONSUMEORDERLY                     : true",
        "suspendCurrentQueueTimeMillis           : 700",
        "maxReconsumeTimes                       : -1",
        "locked=true",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    assert!(!shown.contains("locked=false"), "{shown}");
}

/// Ended whatever becomes of the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have been killed and awaited before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn the_queue_of_a_killed_member_is_free_after_the_lock_life_of_the_broker(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("KilledOrder", 2);
    cluster.send("KilledOrder", 20).run();
    let mut command = program(&*EXAMPLE);
    command.args(["killed-order", "KilledOrder", "1000000"]).env("NAMESRV_ADDR", cluster.namesrv());
    let mut killed = Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_until("it to consume", WITHIN, || committed(cluster, "killed-order", "KilledOrder", 2) == 20);
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    let dead = Instant::now();
    cluster.send("KilledOrder", 20).starting_at(20).run();
    let next = orderly(cluster, "killed-order", "KilledOrder").start();
    next.record.wait_for(20, Duration::from_secs(90));
    assert!(dead.elapsed() > Duration::from_secs(30), "{:?}: its lock was respected", dead.elapsed());
    assert!(dead.elapsed() < Duration::from_secs(65), "{:?}", dead.elapsed());
    next.stop();
    assert_eq!(committed(cluster, "killed-order", "KilledOrder", 2), 40);
}
