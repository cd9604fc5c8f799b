//! Masters and slaves, brokers that come, go and move, and name servers that go.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rmq::{Batch, Context, Outcome};
use rmq_testbed::{Broker, BrokerSetup, Cluster, Sending, Version, wait_until};

use crate::member::{Member, Record, Setup, committed};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    a_slave_is_read_while_its_master_is_dead_and_the_master_again_when_it_is_back,
    brokers_that_join_die_return_and_move_are_followed,
    without_its_name_server_a_consumer_goes_on_and_rebalances,
    a_topic_that_gets_more_queues_is_consumed_from_all,
}

fn a_slave_is_read_while_its_master_is_dead_and_the_master_again_when_it_is_back(version: Version) {
    let cluster = Cluster::builder(version).broker_property("slaveReadEnable", "true").start();
    cluster.create_topic("Slave", 4);
    cluster.create_group("slave", 16);
    // A batch may fail on a busy machine.
    let count = cluster.send("Slave", 6000).batches_of(20).run().stored;
    let (whole, count) = (i64::try_from(count).unwrap(), usize::try_from(count).unwrap());
    let slave = cluster.add_slave();
    // Slow and with few messages held, so that the master dies with most of them still to come. One of each
    // queue is wanted again once, most of them while nobody takes it back.
    let again = Arc::new(Mutex::new(BTreeSet::new()));
    let answer = || {
        let again = Arc::clone(&again);
        move |batch: &Batch, _: &mut Context| {
            thread::sleep(Duration::from_millis(1));
            let key = batch.message(0).unwrap().keys().unwrap_or_default();
            let number = key.strip_prefix("Slave-").and_then(|number| number.parse::<u32>().ok());
            let chosen = number.is_some_and(|number| number % 1501 == 0);
            match chosen && again.lock().unwrap().insert(key.to_owned()) {
                true => Outcome::Later,
                false => Outcome::Success,
            }
        }
    };
    let record = Record::default();
    let setup = || {
        Setup::new(&cluster, "slave")
            .record(&record)
            .subscribe("Slave", "*")
            .set("pull.threshold.queue", "40")
            .set("consume.thread.max", "2")
    };
    let member = setup().answer(answer()).start();
    record.wait_for(500, WITHIN);
    cluster.kill_broker();
    // What was held at the kill is at most 160; more can only come from the slave.
    let held = record.count() + 4 * 40 + 100;
    record.wait_for(held, Duration::from_secs(3));
    record.wait_for(2500, WITHIN);
    // A member that joins and leaves now gets its queues and offsets from the slave.
    let joiner = setup().answer(answer()).start();
    wait_until("the joiner to consume", WITHIN, || joiner.queues("Slave").len() == 2);
    let joined = record.count();
    record.wait_for(joined + 200, WITHIN);
    joiner.stop();
    wait_until("all messages from the slave", WITHIN, || record.by_key().len() == count);
    wait_until("the commits at the slave", WITHIN, || committed_at(&slave, "slave", "Slave", 4) == whole);
    let at_master = format!("is read from {} now", cluster.broker());
    let before = record.logged(&at_master);
    cluster.restart_broker();
    wait_until("the commits at the master", WITHIN, || committed(&cluster, "slave", "Slave", 4) == whole);
    // It may have copied the old offsets of its master in between, which it does every 10 s (4.9.7) or 60 s (5.5.0).
    wait_until("the commits at the slave again", Duration::from_secs(80), || {
        committed_at(&slave, "slave", "Slave", 4) == whole
    });
    wait_until("all queues to be read from the master", Duration::from_secs(10), || {
        record.logged(&at_master) >= before + 4
    });
    slave.kill();
    wait_until("the master to take messages", WITHIN, || {
        cluster.send("Slave", 1).keys("probe").run().stored == 1
    });
    cluster.send("Slave", 100).keys("after").run();
    wait_until("what was sent after the return", WITHIN, || {
        record.by_key().keys().filter(|key| key.starts_with("after-")).count() == 100
    });
    let again = again.lock().unwrap().clone();
    assert!(again.len() >= 2, "{again:?}");
    wait_until("what was wanted again", WITHIN, || again.iter().all(|key| record.by_key()[key] >= 2));
    member.stop();
    let end: i64 = (0..4).map(|queue| cluster.max_offset("Slave", queue)).sum();
    assert_eq!(committed(&cluster, "slave", "Slave", 4), end);
}

fn brokers_that_join_die_return_and_move_are_followed(version: Version) {
    let cluster = Cluster::start(version);
    cluster.create_topic("Two", 2);
    // The interval of the name server only counts for what nobody could know of: a broker that is new.
    let setup = || Setup::new(&cluster, "two").subscribe("Two", "*").set("namesrv.poll.interval.ms", "1000");
    let (member, other) = (setup().start(), setup().start());
    let all = || queues(&member, "Two") + queues(&other, "Two");
    wait_until("the first broker's queues", WITHIN, || all() == 2);
    let second = cluster.add_broker(BrokerSetup::new("broker-b"));
    second.create_topic("Two", 4);
    wait_until("the second broker's queues", WITHIN, || all() == 6 && queues(&other, "Two") == 3);
    arrive(&cluster, [&member, &other], "joined");
    second.kill();
    wait_until("the queues of the dead broker to go", Duration::from_secs(5), || all() == 2);
    second.restart();
    wait_until("the queues of the broker that is back", Duration::from_secs(10), || all() == 6);
    arrive(&cluster, [&member, &other], "back");
    second.restart_elsewhere();
    arrive(&cluster, [&member, &other], "moved");
    wait_until("the queues of the broker that moved", Duration::from_secs(10), || all() == 6);
    member.stop();
    other.stop();
    let end =
        |broker: &Broker, count: u32| (0..count).map(|queue| broker.max_offset("Two", queue)).sum::<i64>();
    assert_eq!(committed_at(cluster.master(), "two", "Two", 2), end(cluster.master(), 2));
    assert_eq!(committed_at(&second, "two", "Two", 4), end(&second, 4));
}

fn without_its_name_server_a_consumer_goes_on_and_rebalances(version: Version) {
    let cluster = Cluster::start(version);
    cluster.create_topic("Orphan", 4);
    let record = Record::default();
    let setup =
        || Setup::new(&cluster, "orphan").record(&record).subscribe("Orphan", "*").subscribe("Born", "*");
    let (stays, leaves) = (setup().start(), setup().start());
    wait_until("the queues to be divided", WITHIN, || {
        queues(&stays, "Orphan") == 2 && queues(&leaves, "Orphan") == 2
    });
    let load = format!("orphan-{version}");
    thread::scope(|scope| {
        let sending = cluster.send("Orphan", 1_000_000).rate(500).named(&load);
        let sent = scope.spawn(move || sending.run());
        record.wait_for(100, WITHIN);
        cluster.kill_name_server();
        let before = record.count();
        record.wait_for(before + 500, WITHIN);
        leaves.stop();
        wait_until("the queues of the member that left", WITHIN, || queues(&stays, "Orphan") == 4);
        let before = record.count();
        record.wait_for(before + 500, WITHIN);
        Sending::halt(&load);
        let stored = usize::try_from(sent.join().unwrap().stored).unwrap();
        wait_until("every message", WITHIN, || record.by_key().len() == stored);
        assert_eq!(record.count(), stored, "nothing twice");
    });
    cluster.restart_name_server();
    let begun = Instant::now();
    cluster.create_topic("Born", 2);
    cluster.send("Born", 20).keys("born").run();
    wait_until("the topic that is new", WITHIN, || record.by_key().contains_key("born-19"));
    eprintln!(
        "{version}: name server killed and back | 0 lost | 0 repeated | {} ms",
        begun.elapsed().as_millis()
    );
    stays.stop();
}

fn a_topic_that_gets_more_queues_is_consumed_from_all(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Grows", 2);
    let member =
        Setup::new(cluster, "grows").subscribe("Grows", "*").set("namesrv.poll.interval.ms", "1000").start();
    wait_until("two queues", WITHIN, || queues(&member, "Grows") == 2);
    cluster.create_topic("Grows", 6);
    wait_until("six queues", WITHIN, || queues(&member, "Grows") == 6);
    wait_until("every message of six queues", WITHIN, || {
        cluster.send("Grows", 60).run();
        member.record.deliveries().iter().any(|delivery| delivery.queue == 5)
    });
    member.stop();
}

/// The number of queues that a member consumes, of all brokers.
fn queues(member: &Member, topic: &str) -> usize {
    member.queues(topic).len()
}

fn committed_at(broker: &Broker, group: &str, topic: &str, queues: u32) -> i64 {
    (0..queues).filter_map(|queue| broker.committed_offset(group, topic, queue)).sum()
}

/// Sends to every queue until each of them brought something new.
fn arrive(cluster: &Cluster, members: [&Member; 2], keys: &str) {
    let arrived = || {
        let found = members.iter().flat_map(|member| member.record.deliveries());
        let found = found.filter(|d| d.key.as_deref().is_some_and(|key| key.starts_with(keys)));
        found.map(|d| (d.broker, d.queue)).collect::<BTreeSet<_>>()
    };
    wait_until(&format!("messages of all queues, {keys}"), WITHIN, || {
        cluster.send("Two", 60).keys(keys).run();
        arrived().len() == 6
    });
}
