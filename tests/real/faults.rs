//! Networks and servers that fail under a steady load: nothing is lost, and how soon every queue delivers again.
//!
//! Each fault prints one line: `fault | lost | repeated | recovery`. The recovery is the longest time that a queue took,
//! from the end of the fault, to deliver a message that was sent after it. Producers go past the relays.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rmq_testbed::{
    Broker, BrokerSetup, Cluster, Cut, Driver, Relays, Sending, Version, loops, quote, spawn, wait_until,
};

use crate::member::{Delivery, Record, Setup, committed};
use crate::support::{Build, program, root};

const WITHIN: Duration = Duration::from_secs(60);
const QUEUES: u32 = 4;
/// Messages a second. With 50 in each queue there is always something to commit.
const RATE: u32 = 200;
/// In a test that shares two cores with others; where nothing has to be waited for, recoveries are some 10 ms.
const SOON: Duration = Duration::from_secs(5);
/// Unanswered requests are given up after 3 s, and then the connection. A new one may fall into the fault, too.
const AFTER_A_TIMEOUT: Duration = Duration::from_secs(8);

on_both_versions! {
    a_network_that_stalls_and_heals_loses_and_repeats_nothing,
    connections_that_are_half_open_are_given_up,
    a_half_open_connection_to_the_name_server_is_given_up,
    a_slow_network_is_put_up_with,
    connections_that_are_cut_all_the_time_lose_and_repeat_nothing,
    answers_that_arrive_damaged_are_asked_for_again,
    a_broker_that_is_frozen_or_killed_does_not_delay_another,
    members_that_come_and_go_at_random_lose_and_repeat_nothing,
    a_process_has_the_same_threads_and_descriptors_after_faults,
}

/// Messages that are sent at a steady rate until the value ends, also by a panic.
struct Load(String);

impl Load {
    fn start<'a>(scope: &'a thread::Scope<'a, '_>, sending: Sending, name: String) -> Load {
        let sending = sending.named(&name).stamped().size(300);
        scope.spawn(move || sending.run());
        Load(name)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Also when the test failed before it began.
        let _ = Driver::shared().call(&format!("halt {}", quote(&self.0)));
    }
}

/// The end of a fault, by both clocks.
#[derive(Clone, Copy)]
struct Moment(Instant, SystemTime);

impl Moment {
    fn now() -> Moment {
        Moment(Instant::now(), SystemTime::now())
    }

    /// For each queue, how long it took to deliver a message that was sent later.
    fn recoveries(self, record: &Record) -> BTreeMap<(String, i32), Duration> {
        record.look(|deliveries| {
            let since = deliveries.iter().rev().take_while(|delivery| delivery.at >= self.0);
            // Backwards: the first one of a queue stays.
            since
                .filter(|delivery| sent(delivery) > self.1)
                .map(|delivery| ((delivery.broker.clone(), delivery.queue), delivery.at - self.0))
                .collect()
        })
    }
}

fn sent(delivery: &Delivery) -> SystemTime {
    let stamp = std::str::from_utf8(&delivery.body).unwrap().split(' ').next().unwrap();
    UNIX_EPOCH + Duration::from_nanos(stamp.parse().unwrap())
}

/// What a fault may cost.
struct Bounds {
    recovery: Duration,
    /// Deliveries beyond the first of each message.
    repeats: usize,
}

/// A fault that is over.
struct Fault {
    name: String,
    recovery: Duration,
    /// Deliveries beyond the first of each message, from the beginning until then.
    repeated: usize,
}

impl Fault {
    /// Waits until each of so many queues delivers again.
    fn over(name: &str, end: Moment, record: &Record, queues: usize) -> Fault {
        wait_until(&format!("all queues after: {name}"), WITHIN, || end.recoveries(record).len() == queues);
        let recovery = end.recoveries(record).into_values().max().unwrap();
        Fault { name: name.to_owned(), recovery, repeated: repeated(record) }
    }
}

/// Compares what was delivered with what the brokers hold, offset by offset, and prints the line of the fault.
fn judge(
    faults: &[Fault],
    version: Version,
    record: &Record,
    topic: &str,
    ends: &[(&Broker, u32)],
    bounds: &Bounds,
) {
    wait_for_all(record, topic, ends);
    let times = times(record);
    let mut lost = Vec::new();
    for (broker, queues) in ends {
        for queue in 0..*queues {
            for offset in 0..broker.max_offset(topic, queue) {
                let queue = i32::try_from(queue).unwrap();
                let key = (broker.name().to_owned(), queue, offset);
                if !times.contains_key(&key) {
                    lost.push(key);
                }
            }
        }
    }
    for Fault { name, recovery, repeated } in faults {
        let (lost, ms) = (lost.len(), recovery.as_millis());
        eprintln!("{version}: {name} | {lost} lost | {repeated} repeated | {ms} ms");
        assert!(*recovery <= bounds.recovery, "{name}: recovered after {recovery:?}");
    }
    assert!(lost.is_empty(), "of {}: {lost:?}", times.len());
    assert!(repeated(record) <= bounds.repeats, "{} repeats", repeated(record));
}

fn repeated(record: &Record) -> usize {
    times(record).values().map(|times| times - 1).sum()
}

/// How often each message was delivered, by broker, queue and offset.
fn times(record: &Record) -> BTreeMap<(String, i32, i64), usize> {
    let mut times = BTreeMap::new();
    record.look(|deliveries| {
        for delivery in deliveries {
            let key = (delivery.broker.clone(), delivery.queue, delivery.offset);
            *times.entry(key).or_default() += 1;
        }
    });
    times
}

fn wait_for_all(record: &Record, topic: &str, ends: &[(&Broker, u32)]) {
    let of =
        |(broker, queues): &(&Broker, u32)| (0..*queues).map(|q| broker.max_offset(topic, q)).sum::<i64>();
    let held = usize::try_from(ends.iter().map(of).sum::<i64>()).unwrap();
    wait_until("every message", WITHIN, || record.count() >= held && times(record).len() >= held);
}

/// One member behind relays, under a steady load; `happens` makes faults, one after the other, each with its name and end.
fn survive(
    version: Version,
    topic: &str,
    bounds: &Bounds,
    set: impl FnOnce(Setup) -> Setup,
    happens: impl FnOnce(&Relays, &mut dyn FnMut(&str, Moment)),
) {
    let cluster = Cluster::shared(version);
    cluster.create_topic(topic, QUEUES);
    let relays = cluster.relays();
    let group = format!("faults-{topic}");
    let member = set(Setup::new(&relays, &group)).subscribe(topic, "*").start();
    let ends = [(cluster.master(), QUEUES)];
    let mut faults = Vec::new();
    thread::scope(|scope| {
        let load =
            Load::start(scope, cluster.send(topic, 1_000_000).rate(RATE), format!("{topic}-{version}"));
        member.record.wait_for(100, WITHIN);
        happens(&relays, &mut |fault, end| {
            faults.push(Fault::over(fault, end, &member.record, QUEUES as usize));
        });
        drop(load);
    });
    judge(&faults, version, &member.record, topic, &ends, bounds);
    member.stop();
    let end: i64 = (0..QUEUES).map(|queue| cluster.max_offset(topic, queue)).sum();
    assert_eq!(committed(cluster, &group, topic, QUEUES), end, "what was delivered is committed");
}

fn a_network_that_stalls_and_heals_loses_and_repeats_nothing(version: Version) {
    let stall = Duration::from_secs(if loops() > 5 { 30 } else { 8 });
    // A member alone keeps its queues, and each goes on where it was: no fault of the network repeats anything.
    let bounds = Bounds { recovery: SOON, repeats: 0 };
    survive(
        version,
        "Stalled",
        &bounds,
        |setup| setup,
        |relays, ended| {
            for relay in [&relays.broker, &relays.name_server] {
                relay.stall();
            }
            thread::sleep(stall);
            for relay in [&relays.broker, &relays.name_server] {
                relay.heal();
            }
            ended(&format!("network stalled for {} s", stall.as_secs()), Moment::now());
        },
    );
}

fn connections_that_are_half_open_are_given_up(version: Version) {
    let bounds = Bounds { recovery: AFTER_A_TIMEOUT, repeats: 0 };
    survive(
        version,
        "HalfOpen",
        &bounds,
        |setup| setup,
        |relays, ended| {
            relays.broker.cut(Cut::HalfOpen);
            ended("half-open connections", Moment::now());
            wait_until("the end of the old connection", WITHIN, || relays.broker.open() == 1);
        },
    );
}

fn a_half_open_connection_to_the_name_server_is_given_up(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Deaf", 2);
    let relays = cluster.relays();
    let setup = Setup::new(&relays, "deaf").set("namesrv.poll.interval.ms", "1000");
    let member = setup.subscribe("Deaf", "*").start();
    wait_until("two queues", WITHIN, || member.queues("Deaf").len() == 2);
    relays.name_server.cut(Cut::HalfOpen);
    let begun = Instant::now();
    cluster.create_topic("Deaf", 4);
    wait_until("the queues that are new", WITHIN, || member.queues("Deaf").len() == 4);
    let took = begun.elapsed();
    eprintln!("{version}: half-open to the name server | 0 lost | 0 repeated | {} ms", took.as_millis());
    assert!(took < AFTER_A_TIMEOUT, "{took:?}");
    wait_until("the end of the old connection", WITHIN, || relays.name_server.open() == 1);
}

/// So slow that an answer takes longer than a request may: the connection is kept all the same.
fn a_slow_network_is_put_up_with(version: Version) {
    let bounds = Bounds { recovery: SOON, repeats: 0 };
    // Each of the four pulls brings 32 messages, which take the better part of a second.
    let set = |setup: Setup| setup.set("heartbeat.interval.ms", "500").set("request.timeout.ms", "1000");
    survive(version, "Slow", &bounds, set, |relays, ended| {
        let made = relays.broker.made();
        relays.broker.slow(20_000);
        relays.broker.delay(Duration::from_millis(20));
        thread::sleep(Duration::from_secs(8));
        relays.broker.heal();
        let healed = Moment::now();
        ended("20 kB/s for 8 s", healed);
        assert_eq!(relays.broker.made(), made, "the connection is kept");
    });
}

fn connections_that_are_cut_all_the_time_lose_and_repeat_nothing(version: Version) {
    let bounds = Bounds { recovery: SOON, repeats: 0 };
    survive(
        version,
        "CutOften",
        &bounds,
        |setup| setup,
        |relays, ended| {
            for turn in 0..25 {
                let how = if turn % 2 == 0 { Cut::Reset } else { Cut::End };
                relays.broker.cut(how);
                relays.name_server.cut(how);
                thread::sleep(Duration::from_millis(200));
            }
            ended("cut every 200 ms for 5 s", Moment::now());
            assert!(relays.broker.made() > 15, "{} connections", relays.broker.made());
        },
    );
}

/// What is done to a frame.
type Damage = fn(&mut [u8]);

/// Where an answer to a pull begins in a chunk, and its bytes from there.
fn pulled(chunk: &mut [u8]) -> Option<&mut [u8]> {
    let position = |chunk: &[u8], part: &[u8]| chunk.windows(part.len()).position(|bytes| bytes == part);
    // Only answers with messages have such bodies. The header stands behind two lengths.
    position(chunk, b" .....")?;
    let header = position(chunk, b"{\"code\"")?;
    chunk.get_mut(header.checked_sub(8)?..)
}

fn answers_that_arrive_damaged_are_asked_for_again(version: Version) {
    let mut damages: Vec<(&str, Damage)> = vec![
        ("length beyond all limits", |frame| frame[0] ^= 0x7f),
        ("header no JSON", |frame| frame[8] ^= 0xff),
        ("body of a message", |frame| {
            let body = frame.windows(6).position(|bytes| bytes == b" .....").unwrap();
            frame[body + 3] ^= 0xff;
        }),
    ];
    let mut bounds = Bounds { recovery: AFTER_A_TIMEOUT, repeats: 0 };
    if loops() > 5 {
        // Such a frame swallows what comes behind it, so there are signs of life until a pull takes too long, 30 s.
        damages.push(("length 64 KiB too long", |frame| frame[1] ^= 1));
        bounds.recovery += Duration::from_secs(30);
    }
    let set = |setup: Setup| setup.set("check.crc", "true");
    survive(version, "Damaged", &bounds, set, |relays, ended| {
        for (what, damage) in damages {
            relays.broker.damage(move |chunk| pulled(chunk).map(damage).is_some());
            wait_until("an answer to be damaged", WITHIN, || relays.broker.has_damaged());
            ended(&format!("damaged: {what}"), Moment::now());
        }
    });
}

/// A cluster of its own, with two brokers of which one fails; each has a steady load.
fn a_broker_that_is_frozen_or_killed_does_not_delay_another(version: Version) {
    let cluster = Cluster::start(version);
    cluster.create_topic("Faulty", 2);
    let other = cluster.add_broker(BrokerSetup::new("broker-b"));
    other.create_topic("Faulty", 2);
    let setup = Setup::new(&cluster, "faulty").set("namesrv.poll.interval.ms", "1000");
    let member = setup.subscribe("Faulty", "*").start();
    let all = || member.queues("Faulty").len() == 4;
    wait_until("the queues of both", WITHIN, all);
    let ends = [(cluster.master(), 2), (&other, 2)];
    let mut ended = Vec::new();
    thread::scope(|scope| {
        // Each load is a thread of its own, so that sends to the one do not wait for those to the other.
        let _loads = [0, 1, 2, 3].map(|queue| {
            let sending = cluster.send("Faulty", 1_000_000).queue(queue).rate(RATE / 4);
            Load::start(scope, sending, format!("faulty-{queue}-{version}"))
        });
        let recovered = |fault: &str, end| Fault::over(fault, end, &member.record, 4);
        recovered("the beginning", Moment::now());

        let before = Moment::now();
        thread::sleep(Duration::from_secs(2));
        let begun = Moment::now();
        other.freeze();
        thread::sleep(Duration::from_secs(8));
        let thawed = Moment::now();
        other.thaw();
        ended.push(recovered("frozen broker for 8 s", thawed));
        let usual = delays(&member.record, cluster.broker_name(), before, begun);
        let meanwhile = delays(&member.record, cluster.broker_name(), begun, thawed);
        eprintln!("delivery of the other broker, {version}: {usual}, with one frozen {meanwhile}");
        // Whatever waited for the frozen one would wait for 3 s.
        assert!(meanwhile.longest < Duration::from_secs(2), "{meanwhile}");
        assert!(meanwhile.count > 300, "{meanwhile}");

        other.kill();
        thread::sleep(Duration::from_secs(2));
        other.restart();
        ended.push(recovered("broker killed and started again", Moment::now()));
    });
    // A dead broker is in no route, so its queues are given up, and begin again where it has them. It writes offsets to
    // its disk every 5 s: of two queues with 50 messages a second.
    let bounds = Bounds { recovery: 2 * AFTER_A_TIMEOUT, repeats: 600 };
    judge(&ended, version, &member.record, "Faulty", &ends, &bounds);
    member.stop();
}

/// How long messages took from their sending to their delivery.
struct Delays {
    count: usize,
    median: Duration,
    longest: Duration,
}

impl std::fmt::Display for Delays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} messages, median {:?}, longest {:?}", self.count, self.median, self.longest)
    }
}

/// Of one broker's messages that were sent between two moments.
fn delays(record: &Record, broker: &str, from: Moment, to: Moment) -> Delays {
    let deliveries = record.deliveries().into_iter();
    let mut delays: Vec<Duration> = deliveries
        .filter(|d| d.broker == broker && sent(d) > from.1 && sent(d) < to.1)
        .map(|d| (from.1 + d.at.duration_since(from.0)).duration_since(sent(&d)).unwrap_or_default())
        .collect();
    delays.sort();
    let at = |index: usize| delays.get(index).copied().unwrap_or_default();
    Delays {
        count: delays.len(),
        median: at(delays.len() / 2),
        longest: delays.last().copied().unwrap_or_default(),
    }
}

fn members_that_come_and_go_at_random_lose_and_repeat_nothing(version: Version) {
    const MOST: usize = 5;
    let lasts = Duration::from_secs(u64::from(3 * loops()).clamp(15, 180));
    let cluster = Cluster::shared(version);
    cluster.create_topic("Storm", 8);
    let record = Record::default();
    let join = || Setup::new(cluster, "storm").record(&record).subscribe("Storm", "*").start();
    let mut members = vec![join()];
    let mut random = Random((u64::from(std::process::id()) << 8) | 1);
    eprintln!("the storm begins with {}", random.0);
    let (mut joined, mut left) = (0, 0);
    let fault = thread::scope(|scope| {
        let sending = cluster.send("Storm", 1_000_000).rate(1000);
        let _load = Load::start(scope, sending, format!("storm-{version}"));
        record.wait_for(100, WITHIN);
        let begun = Instant::now();
        while begun.elapsed() < lasts {
            let full = members.len() == MOST;
            if members.len() == 1 || (!full && random.below(2) == 0) {
                members.push(join());
                joined += 1;
            } else {
                let at = random.below(members.len());
                members.swap_remove(at).stop();
                left += 1;
            }
            thread::sleep(Duration::from_millis(u64::try_from(random.below(400)).unwrap()));
        }
        let name = format!("{joined} members joined, {left} left, in {} s", lasts.as_secs());
        Fault::over(&name, Moment::now(), &record, 8)
    });
    let ends = [(cluster.master(), 8)];
    // Members of ours hand queues over one after the other; all of them left in order.
    let bounds = Bounds { recovery: AFTER_A_TIMEOUT, repeats: 0 };
    judge(&[fault], version, &record, "Storm", &ends, &bounds);
    for member in members {
        member.stop();
    }
    let end: i64 = (0..8).map(|queue| cluster.max_offset("Storm", queue)).sum();
    assert_eq!(committed(cluster, "storm", "Storm", 8), end);
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// A program of its own: what this process has belongs to many tests.
fn a_process_has_the_same_threads_and_descriptors_after_faults(version: Version) {
    static PUSH: LazyLock<PathBuf> =
        LazyLock::new(|| Build::new(&root().join("c-examples/push.c"), "faults-push").run());
    let cluster = Cluster::shared(version);
    cluster.create_topic("Counted", QUEUES);
    let relays = cluster.relays();
    let mut command = program(&*PUSH);
    command.env("NAMESRV_ADDR", relays.name_server.addr().to_string());
    command.args(["counted", "Counted", "*", "0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut program = Program(spawn(command).unwrap());
    let committed = || committed(cluster, "counted", "Counted", QUEUES);
    let goes_on = || {
        let before = committed();
        wait_until("the program to go on", WITHIN, || committed() > before + i64::from(RATE));
    };
    thread::scope(|scope| {
        let sending = cluster.send("Counted", 1_000_000).rate(RATE);
        let _load = Load::start(scope, sending, format!("counted-{version}"));
        goes_on();
        let (threads, descriptors) = (program.threads(), program.descriptors());
        for turn in 0..10 {
            relays.broker.cut(if turn % 2 == 0 { Cut::Reset } else { Cut::End });
            thread::sleep(Duration::from_millis(100));
        }
        goes_on();
        for _ in 0..2 {
            relays.broker.cut(Cut::HalfOpen);
            goes_on();
        }
        wait_until(&format!("{threads:?} and {descriptors} descriptors"), WITHIN, || {
            program.threads() == threads && program.descriptors() <= descriptors
        });
        eprintln!("after 12 faults, {version}: {descriptors} descriptors, {threads:?}");
    });
    let held = || (0..QUEUES).map(|queue| cluster.max_offset("Counted", queue)).sum::<i64>();
    wait_until("all to be committed", WITHIN, || committed() == held());
    kill(Pid::from_raw(i32::try_from(program.0.id()).unwrap()), Signal::SIGINT).unwrap();
    wait_until("its end", WITHIN, || program.0.try_wait().unwrap().is_some());
    let mut printed = String::new();
    program.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("{} messages in ", held())), "nothing lost, nothing twice: {last}");
}

/// Ended with the value.
struct Program(Child);

impl Program {
    /// Without those for callbacks: they come with a backlog, and go when they were idle for 30 s.
    fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap();
        // One may end between the two looks.
        let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let mut names: Vec<String> = tasks.map(|task| name(task.unwrap()).trim_end().to_owned()).collect();
        names.retain(|name| !name.starts_with("rmq-work"));
        names.sort();
        names
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0.id())).unwrap().count()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
