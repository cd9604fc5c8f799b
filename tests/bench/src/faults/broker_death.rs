//! The broker is killed and started again, under one member of each client.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rmq_testbed::{Cluster, Sending, wait_until};

use super::group::{Group, now};
use super::ledger::Moment;
use crate::bench::{Bench, QUEUES};
use crate::client::Client;

/// How long all goes well at first, and once all does so again.
const CALM: Duration = Duration::from_secs(3);
/// How long the broker is dead.
const DEAD: Duration = Duration::from_secs(6);
/// How often the probe pulls and sends.
const TICK: Duration = Duration::from_millis(20);
/// The producer is halted long before.
const LONGEST_SECONDS: u32 = 600;
/// A broker that returns may tell the name server 10 s later only, and once more 30 s later.
const REGISTRATION: Duration = Duration::from_secs(60);

const SEND_MESSAGE: i32 = 10;
const PULL_MESSAGE: i32 = 11;
/// Found, nothing new, pull again, pull from elsewhere.
const PULL_ANSWERS: [i32; 4] = [0, 19, 20, 21];
/// The pull brings its subscription: the probe is in no group.
const SUBSCRIPTION: &str = "4";

/// What one death showed.
pub(super) struct Death {
    /// The first pull of the probe that was answered, in seconds after the new process was started.
    pub(super) answered: f64,
    /// Each client, in the order given.
    pub(super) clients: Vec<Recovery>,
}

/// How a client took it.
#[derive(Clone, Copy)]
pub(super) struct Recovery {
    /// Its first delivery, in seconds after the new process was started.
    pub(super) first: f64,
    /// Until each queue had given it something.
    pub(super) all_queues: f64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
}

/// Plays it once, on a new topic; every client is in a group of its own.
pub(super) fn run(
    bench: &Bench,
    topic: &str,
    clients: &[Client],
    rate: u32,
    callback: Duration,
) -> Result<Death, String> {
    bench.cluster.create_topic(topic, QUEUES);
    let mut groups: Vec<Group<'_>> = clients.iter().map(|_| Group::new(bench, topic, callback)).collect();
    for (group, client) in groups.iter_mut().zip(clients) {
        group.join(*client)?;
    }
    let (killed, started, answered) = thread::scope(|scope| {
        let sending = bench.cluster.send(topic, rate * LONGEST_SECONDS).rate(rate).named(topic);
        let producer = scope.spawn(move || sending.run());
        let flowing = groups.iter_mut().try_for_each(|group| group.wait_for_all_queues(now()));
        if flowing.is_ok() {
            thread::sleep(CALM);
            bench.cluster.kill_broker();
        }
        let killed = now();
        while !producer.is_finished() {
            Sending::halt(topic);
            thread::sleep(TICK);
        }
        flowing?;
        let _ = producer.join().map_err(|_| "the producer failed")?;
        let dead = Duration::from_nanos(u64::try_from(now() - killed).unwrap_or(0));
        thread::sleep(DEAD.saturating_sub(dead));
        let started = now();
        bench.cluster.master().restart_process();
        let answered = probe(&bench.cluster, topic, || {
            groups.iter_mut().try_for_each(|group| group.wait_for_all_queues(started))?;
            thread::sleep(CALM);
            Ok(())
        })?;
        Ok::<_, String>((killed, started, answered))
    })?;
    // Who creates the next topic waits for its route.
    wait_until("the broker's registration", REGISTRATION, || bench.cluster.master().is_registered());
    let seconds = |moment: Moment| (moment - started) as f64 / 1e9;
    let recovery = |group: &mut Group<'_>| {
        let lost = group.wait_for_the_rest()?;
        let firsts = group.ledger.firsts_since(started);
        let first = firsts.iter().min().copied().map_or(f64::INFINITY, seconds);
        let all_queues = firsts.iter().max().copied().map_or(f64::INFINITY, seconds);
        let repeated = group.ledger.account(killed..Moment::MAX).repeated;
        Ok(Recovery { first, all_queues, lost, repeated })
    };
    let clients = groups.iter_mut().map(recovery).collect::<Result<_, String>>()?;
    Ok(Death { answered: seconds(answered), clients })
}

/// While `state` is awaited, pulls and stores a message every 20 ms, each over a connection of its own, so that none waits
/// for another. The messages are what the clients can be given: a client's producer takes its time to come back, and no
/// consumer shall look slow for that. Answers when the first pull was answered.
fn probe(
    cluster: &Cluster,
    topic: &str,
    state: impl FnOnce() -> Result<(), String>,
) -> Result<Moment, String> {
    let (first, over) = (Mutex::new(None::<Moment>), AtomicBool::new(false));
    let pull = || {
        if pull_is_answered(cluster, topic) {
            let mut first = first.lock().expect("nobody panics");
            *first = Some(first.map_or(now(), |first| first.min(now())));
        }
    };
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            for tick in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                scope.spawn(pull);
                scope.spawn(move || store(cluster, topic, tick % QUEUES));
                thread::sleep(TICK);
            }
        });
        let outcome = state();
        over.store(true, Ordering::Relaxed);
        outcome
    });
    outcome?;
    first.into_inner().expect("nobody panics").ok_or_else(|| "no pull of the probe was answered".to_owned())
}

fn pull_is_answered(cluster: &Cluster, topic: &str) -> bool {
    let fields = [
        ("consumerGroup", "bench-probe"),
        ("topic", topic),
        ("queueId", "0"),
        ("queueOffset", "0"),
        ("maxMsgNums", "1"),
        ("sysFlag", SUBSCRIPTION),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subscription", "*"),
        ("subVersion", "0"),
    ];
    cluster.request(PULL_MESSAGE, &fields, &[]).is_ok_and(|answer| PULL_ANSWERS.contains(&answer.code))
}

/// It does not matter whether it succeeds: what is stored is counted at the broker.
fn store(cluster: &Cluster, topic: &str, queue: u32) {
    let (queue, born) = (queue.to_string(), (now() / 1_000_000).to_string());
    let fields = [
        ("producerGroup", "bench-probe"),
        ("topic", topic),
        ("defaultTopic", "TBW102"),
        ("defaultTopicQueueNums", "4"),
        ("queueId", queue.as_str()),
        ("sysFlag", "0"),
        ("bornTimestamp", born.as_str()),
        ("flag", "0"),
        ("properties", ""),
        ("reconsumeTimes", "0"),
        ("unitMode", "false"),
        ("batch", "false"),
    ];
    let _ = cluster.request(SEND_MESSAGE, &fields, b"probe");
}
