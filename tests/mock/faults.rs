//! Faults under load: nothing is lost, so many messages come twice at most, and nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rmq_mock::{Fault, MockBroker, MockCluster, Options, Produced, RequestCode};
use rmq_testbed::wait_until;
use serde_json::Value;

use crate::alone::{Census, alone};
use crate::member::{Member, Record, Setup};
use crate::tools::{WITHIN, millis};

/// Queues of T at each broker.
const QUEUES: i32 = 4;

/// Sends to T, in turn to each queue of each broker, until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Load {
    fn begin(cluster: &MockCluster, every: Duration) -> Load {
        let (stop, brokers) = (Arc::new(AtomicBool::new(false)), cluster.brokers());
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut sent = 0;
            while !told.load(Ordering::Relaxed) {
                let broker = &brokers[sent % brokers.len()];
                let queue = i32::try_from(sent / brokers.len()).unwrap() % QUEUES;
                broker.produce("T", queue, Produced::new("m").key(&sent.to_string()));
                sent += 1;
                thread::sleep(every);
            }
            sent
        });
        Load { stop, thread }
    }

    /// Ends it and answers how many messages were sent.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Everything that was sent comes, and no more than `most` of it comes again.
fn all_came(record: &Record, sent: usize, most: usize) {
    wait_until("everything that was sent", Duration::from_secs(30), || record.by_key().len() == sent);
    let again = record.count() - sent;
    eprintln!("{sent} messages, {again} of them came again");
    assert!(again <= most, "{again} of {sent} messages came again");
}

/// Everything is committed after the end.
fn all_committed(cluster: &MockCluster) {
    for broker in cluster.brokers() {
        for queue in 0..QUEUES {
            let stored = i64::try_from(broker.stored("T", queue).len()).unwrap();
            assert_eq!(broker.committed("g", "T", queue), Some(stored), "{} {queue}", broker.name());
        }
    }
}

fn cluster(brokers: u8) -> MockCluster {
    let cluster = MockCluster::with(&Options { brokers, ..Options::default() });
    cluster.create_topic("T", QUEUES);
    cluster
}

fn member(cluster: &MockCluster) -> Setup {
    let setup = Setup::new(cluster, "g").set("namesrv.poll.interval.ms", "100").set("log.level", "info");
    setup.set("request.timeout.ms", "1000").set("offset.persist.interval.ms", "200").subscribe("T", "*")
}

/// One member under a load while `fault` goes on; it came to all queues before.
fn endures(test: &str, brokers: u8, most_again: usize, fault: impl FnOnce(&MockCluster, &Member)) {
    alone(test, || {
        let cluster = cluster(brokers);
        // A first life: what is made once stays.
        let first = member(&cluster).start();
        owns_all(&first, brokers);
        first.stop();
        drop(first);
        thread::sleep(millis(200)); // threads of its connections end
        let census = Census::take();
        {
            let member = member(&cluster).start();
            owns_all(&member, brokers);
            let load = Load::begin(&cluster, millis(5));
            fault(&cluster, &member);
            let sent = load.end();
            all_came(&member.record, sent, most_again);
            member.stop();
            all_committed(&cluster);
        }
        census.returns();
    });
}

fn owns_all(member: &Member, brokers: u8) {
    let all = usize::from(brokers) * usize::try_from(QUEUES).unwrap();
    wait_until("all queues", WITHIN, || member.queues("T").len() == all);
}

/// Sends messages to a broker one by one, each when the one before has come, and answers how long half of them took
/// at most: a busy machine delays some, a fault all.
fn one_by_one(broker: &MockBroker, record: &Record, count: usize) -> Duration {
    let one = |number: usize| {
        let (key, sent) = (format!("single {number}"), Instant::now());
        broker.produce("T", 0, Produced::new("m").key(&key));
        wait_until("a single message", WITHIN, || record.by_key().contains_key(&key));
        let deliveries = record.deliveries();
        deliveries.iter().find(|delivery| delivery.key.as_ref() == Some(&key)).unwrap().at - sent
    };
    let mut took: Vec<Duration> = (0..count).map(one).collect();
    took.sort_unstable();
    took[count / 2]
}

#[test]
fn a_name_server_that_goes_and_comes_back_costs_no_message_and_repeats_none() {
    endures(
        "faults::a_name_server_that_goes_and_comes_back_costs_no_message_and_repeats_none",
        2,
        0,
        |cluster, member| {
            for turn in 1..=3 {
                cluster.name_server_down();
                wait_until("the loss", WITHIN, || member.record.logged("no name server answered") == turn);
                cluster.name_server_up();
                wait_until("the return", WITHIN, || {
                    member.record.logged("a name server answers again") == turn
                });
            }
        },
    );
}

#[test]
fn connections_that_are_all_cut_every_200_ms_cost_no_message_and_repeat_none() {
    endures(
        "faults::connections_that_are_all_cut_every_200_ms_cost_no_message_and_repeat_none",
        1,
        0,
        |cluster, _| {
            for _ in 0..20 {
                thread::sleep(millis(200));
                cluster.broker().drop_connections();
                cluster.name_server_down();
                cluster.name_server_up();
            }
        },
    );
}

#[test]
fn a_broker_whose_pulls_each_take_500_ms_does_not_delay_the_other() {
    endures(
        "faults::a_broker_whose_pulls_each_take_500_ms_does_not_delay_the_other",
        2,
        0,
        |cluster, member| {
            let [slow, quick] = [&cluster.brokers()[0], &cluster.brokers()[1]];
            cluster.on(RequestCode::PullMessage).at(slow).always(Fault::delay(millis(500)));
            let took = one_by_one(quick, &member.record, 50);
            assert!(took < millis(400), "{took:?}");
            forget_singles(member);
            cluster.behave();
        },
    );
}

#[test]
fn a_broker_that_is_frozen_does_not_delay_the_other_and_is_consumed_on_when_it_thaws() {
    alone(
        "faults::a_broker_that_is_frozen_does_not_delay_the_other_and_is_consumed_on_when_it_thaws",
        || {
            let cluster = cluster(2);
            let setup =
                || member(&cluster).set("heartbeat.interval.ms", "500").set("request.timeout.ms", "500");
            let first = setup().start();
            owns_all(&first, 2);
            first.stop();
            drop(first);
            thread::sleep(millis(200)); // threads of its connections end
            let census = Census::take();
            {
                let member = setup().start();
                owns_all(&member, 2);
                let load = Load::begin(&cluster, millis(5));
                let [frozen, other] = [&cluster.brokers()[0], &cluster.brokers()[1]];
                for code in RequestCode::KNOWN {
                    cluster.on(*code).at(frozen).always(Fault::silence());
                }
                let took = one_by_one(other, &member.record, 50);
                assert!(took < millis(400), "{took:?}");
                forget_singles(&member);
                wait_until("the silence to be noticed", WITHIN, || {
                    member.record.logged("no answer within 500 ms") > 0
                });
                let sent = load.end();
                cluster.behave();
                all_came(&member.record, sent, 0);
                member.stop();
                all_committed(&cluster);
            }
            census.returns();
        },
    );
}

/// What was sent beside the load does not count.
fn forget_singles(member: &Member) {
    member.record.forget(|key| key.starts_with("single"));
}

/// Route answers for T with so many queues at a broker; none means without it.
fn route_with(cluster: &MockCluster, broker: &str, queues: i32) {
    let broker = broker.to_owned();
    let edit = move |body: &mut Vec<u8>| {
        let mut route: Value = serde_json::from_slice(body).unwrap();
        let others = |entry: &Value| entry["brokerName"] != *broker;
        for list in ["brokerDatas", "queueDatas"] {
            let entries = route[list].as_array_mut().unwrap();
            if queues == 0 {
                entries.retain(others);
            } else if list == "queueDatas" {
                for entry in entries.iter_mut().filter(|entry| !others(entry)) {
                    entry["readQueueNums"] = queues.into();
                }
            }
        }
        *body = route.to_string().into_bytes();
    };
    cluster.behave();
    let on = cluster.on(RequestCode::GetRouteInfoByTopic).with("topic", "T");
    on.always(Fault::edit_body(edit));
}

#[test]
fn a_route_that_flaps_costs_no_message_and_repeats_what_was_not_committed_at_most() {
    const FLAPS: usize = 8;
    // Each takes up to four queues away. A broker that stands in no route cannot be told, so what comes again is what
    // came within a commit interval of 100 ms, should the route stay away for longer than a last commit is tried.
    const MOST: usize = FLAPS * 4 * 4;
    endures(
        "faults::a_route_that_flaps_costs_no_message_and_repeats_what_was_not_committed_at_most",
        2,
        MOST,
        |cluster, member| {
            for flap in 0..FLAPS {
                let queues = if flap % 2 == 0 { 0 } else { 2 };
                route_with(cluster, "broker-b", queues);
                let left = usize::try_from(QUEUES + queues).unwrap();
                wait_until("the queues to go", WITHIN, || member.queues("T").len() == left);
                cluster.behave();
                owns_all(member, 2);
            }
        },
    );
}

/// Chance that can be had again.
struct Chance(u64);

impl Chance {
    /// The seed in `RMQ_SEED`, else a new one; printed, so that a failure shows it.
    fn new() -> Chance {
        let clock = || u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap();
        let seed = std::env::var("RMQ_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
        eprintln!("RMQ_SEED={seed}");
        Chance(seed)
    }

    /// Another one for each of several threads.
    fn branch(&mut self) -> Chance {
        Chance(self.next())
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        millis(range.start + self.next() % (range.end - range.start))
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// 15 s in `make test`, 3 minutes in `make test-long`.
fn storm_time() -> Duration {
    Duration::from_secs(u64::from(rmq_testbed::loops()) * 3).min(Duration::from_secs(180))
}

#[test]
fn ten_members_that_join_and_leave_at_random_lose_nothing_and_repeat_nothing_behind_the_barrier() {
    let test = "faults::ten_members_that_join_and_leave_at_random_lose_nothing_and_repeat_nothing_behind_the_barrier";
    alone(test, || {
        let cluster = cluster(2);
        let first = member(&cluster).start();
        owns_all(&first, 2);
        first.stop();
        drop(first);
        thread::sleep(millis(200)); // threads of its connections end
        let census = Census::take();
        storm(&cluster);
        census.returns();
    });
}

/// What a queue holds at most: so much can come again when a queue is begun without the barrier.
const HELD: usize = 64;

fn storm(cluster: &MockCluster) {
    let (record, mut chance) = (Record::default(), Chance::new());
    let setup = || {
        let setup = member(cluster).set("pull.threshold.queue", "32").set("log.level", "warn");
        setup.record(&record)
    };
    let stays = setup().start();
    let load = Load::begin(cluster, millis(2));
    let end = Instant::now() + storm_time();
    let counts: Vec<(usize, u64)> = thread::scope(|scope| {
        let members: Vec<_> = (1..10)
            .map(|_| {
                let (mut chance, setup) = (chance.branch(), &setup);
                scope.spawn(move || {
                    let (mut lives, mut unbarred) = (0, 0);
                    while Instant::now() < end {
                        let member = setup().start();
                        thread::sleep(chance.millis(50..1500));
                        member.stop();
                        lives += 1;
                        unbarred += member.total("without_barrier");
                        thread::sleep(chance.millis(0..500));
                    }
                    (lives, unbarred)
                })
            })
            .collect();
        members.into_iter().map(|member| member.join().unwrap()).collect()
    });
    let sent = load.end();
    let unbarred = counts.iter().map(|(_, unbarred)| unbarred).sum::<u64>() + stays.total("without_barrier");
    eprintln!(
        "{} lives, {unbarred} queues begun without the barrier",
        counts.iter().map(|c| c.0).sum::<usize>()
    );
    all_came(&record, sent, usize::try_from(unbarred).unwrap() * HELD);
    stays.stop();
    all_committed(cluster);
    let brokers: BTreeMap<String, BTreeSet<i32>> =
        record.deliveries().iter().fold(BTreeMap::new(), |mut all, d| {
            all.entry(d.broker.clone()).or_insert_with(BTreeSet::new).insert(d.queue);
            all
        });
    assert!(brokers.values().all(|queues| queues.len() == 4), "{brokers:?}");
}
