//! How queues are divided: with Java members from both sides alike, by our own strategies to one owner each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rmq::{Allocator, Division, EventKind, Share};
use rmq_testbed::{BrokerSetup, Cluster, JavaConsumer, Sending, Version, wait_until};

use crate::member::{Member, Record, Setup};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    a_group_with_java_divides_by_avg_alike,
    a_group_with_java_divides_by_circle_alike,
    a_group_with_java_divides_by_consistent_hash_alike,
    rooms_are_divided_as_java_does_and_ours_leaves_none_unowned,
    our_own_strategies_give_each_queue_one_owner_while_members_come_and_go,
    a_configuration_is_followed_and_queues_nobody_names_are_reported,
    a_custom_strategy_divides_while_members_come_and_go,
}

/// A queue: topic, broker, number.
type Name = (String, String, i32);

fn of_java(java: &JavaConsumer) -> BTreeSet<Name> {
    java.queues().into_iter().map(|queue| (queue.topic, queue.broker, queue.queue)).collect()
}

/// What a member of ours owns and is not about to lose.
fn of_ours(ours: &Member) -> BTreeSet<Name> {
    let json: serde_json::Value = serde_json::from_str(&ours.consumer.assignment_json()).unwrap();
    let text = |queue: &serde_json::Value, key: &str| queue[key].as_str().unwrap().to_owned();
    let queues = json.as_array().unwrap().iter().filter(|queue| queue["revoking"] == false);
    let id = |queue: &serde_json::Value| i32::try_from(queue["queue_id"].as_i64().unwrap()).unwrap();
    queues.map(|queue| (text(queue, "topic"), text(queue, "broker"), id(queue))).collect()
}

/// True when the shares have no queue in common and are all of `expected`.
fn one_owner_each(shares: &[BTreeSet<Name>], expected: &BTreeSet<Name>) -> bool {
    let all: BTreeSet<Name> = shares.iter().flatten().cloned().collect();
    shares.iter().map(BTreeSet::len).sum::<usize>() == all.len() && all == *expected
}

fn queues(topic: &str, broker: &str, count: i32) -> BTreeSet<Name> {
    (0..count).map(|id| (topic.to_owned(), broker.to_owned(), id)).collect()
}

fn a_group_with_java_divides_by_avg_alike(version: Version) {
    divides_alike(version, "avg", "avg");
}

fn a_group_with_java_divides_by_circle_alike(version: Version) {
    divides_alike(version, "circle", "avg_by_circle");
}

fn a_group_with_java_divides_by_consistent_hash_alike(version: Version) {
    divides_alike(version, "hash", "consistent_hash");
}

/// Two members of each kind on two topics, one with fewer queues than members, and the retry topic: every queue has
/// one owner, and it is the one that the strategy says by the order of the client ids.
fn divides_alike(version: Version, in_java: &str, name: &str) {
    let cluster = Cluster::shared(version);
    let group = format!("alike-{in_java}");
    let (many, few) = (format!("Many-{in_java}"), format!("Few-{in_java}"));
    cluster.create_topic(&many, 9);
    cluster.create_topic(&few, 2);
    let java = || cluster.java_consumer(&group, &format!("{many},{few}")).strategy(in_java).start();
    let record = Record::default();
    let ours = || {
        let setup = Setup::new(cluster, &group).set("allocate.strategy", name).record(&record);
        setup.subscribe(&many, "*").subscribe(&few, "*").start()
    };
    let (first, second, third, fourth) = (java(), ours(), java(), ours());
    let broker = cluster.broker_name();
    let retry = format!("%RETRY%{group}");
    let expected: BTreeSet<Name> =
        [queues(&many, broker, 9), queues(&few, broker, 2), queues(&retry, broker, 1)]
            .into_iter()
            .flatten()
            .collect();
    let shares = || [of_java(&first), of_ours(&second), of_java(&third), of_ours(&fourth)];
    wait_until("each queue to have one owner", WITHIN, || one_owner_each(&shares(), &expected));
    if in_java != "hash" {
        let ids =
            [first.client_id(), second.consumer.client_id(), third.client_id(), fourth.consumer.client_id()];
        let mut sorted = ids;
        sorted.sort_unstable();
        for (id, share) in ids.iter().zip(shares()) {
            let place = sorted.iter().position(|other| other == id).unwrap();
            let of_many: Vec<i32> =
                share.iter().filter(|(topic, ..)| *topic == many).map(|(.., id)| *id).collect();
            let due: Vec<i32> = match in_java {
                "circle" => (0..9).skip(place).step_by(4).collect(),
                _ => [&[0, 1, 2][..], &[3, 4], &[5, 6], &[7, 8]][place].to_vec(),
            };
            assert_eq!(of_many, due, "the share of member {place}");
            let of_few = share.iter().filter(|(topic, ..)| *topic == few).count();
            assert_eq!(of_few, usize::from(place < 2), "more members than queues");
        }
    }
    cluster.send(&many, 180).run();
    cluster.send(&few, 20).run();
    wait_until("all messages", WITHIN, || {
        first.count() + third.count() + u64::try_from(record.count()).unwrap() >= 200
    });
    assert!(one_owner_each(&shares(), &expected), "it stays so");
}

/// Two brokers in two rooms. Java's MACHINE_ROOM is our strict one; Java's nearby is ours.
fn rooms_are_divided_as_java_does_and_ours_leaves_none_unowned(version: Version) {
    let cluster = Cluster::builder(version).broker_name("east@broker-a").start();
    let west = cluster.add_broker(BrokerSetup::new("west@broker-b"));
    cluster.create_topic("Rooms", 6);
    west.create_topic("Rooms", 5);
    let probe =
        Setup::new(&cluster, "probe").set("namesrv.poll.interval.ms", "200").subscribe("Rooms", "*").start();
    wait_until("both brokers", WITHIN, || probe.queues("Rooms").len() == 11);
    probe.stop();
    let in_east: BTreeSet<Name> = queues("Rooms", "east@broker-a", 6);
    let in_west: BTreeSet<Name> = queues("Rooms", "west@broker-b", 5);
    let all: BTreeSet<Name> = in_east.union(&in_west).cloned().collect();
    let of_topic = |queues: BTreeSet<Name>| -> BTreeSet<Name> {
        queues.into_iter().filter(|(topic, ..)| topic == "Rooms").collect()
    };

    // Strict: the queues of the room that is named, and no other; also with more members than queues.
    let java = || cluster.java_consumer("strict", "Rooms").strategy("room").option("rooms", "east").start();
    let ours = || {
        let setup = Setup::new(&cluster, "strict").set("allocate.strategy", "machine_room_strict");
        setup.set("allocate.machine.rooms", "east").subscribe("Rooms", "*").start()
    };
    let (first, second, third) = (java(), ours(), ours());
    let shares = || [of_java(&first), of_ours(&second), of_ours(&third)];
    let strict = || shares().map(of_topic);
    wait_until("two queues for each of three", WITHIN, || {
        one_owner_each(&strict(), &in_east) && strict().iter().all(|share| share.len() == 2)
    });
    // Nobody but ours takes the retry queues of other rooms, and nobody takes one twice.
    let east_retry = ("%RETRY%strict".to_owned(), "east@broker-a".to_owned(), 0);
    wait_until("one owner of the retry queue", WITHIN, || {
        shares().iter().filter(|share| share.contains(&east_retry)).count() == 1
    });
    let more: Vec<Member> = (0..5).map(|_| ours()).collect();
    wait_until("one queue for the first six of eight", WITHIN, || {
        let mut shares = strict().to_vec();
        shares.extend(more.iter().map(of_ours).map(of_topic));
        one_owner_each(&shares, &in_east) && shares.iter().all(|share| share.len() <= 1)
    });
    drop((first, second, third, more));

    // Nearby: each room by its own members; Java's and ours agree.
    let java = |ip| cluster.java_consumer("nearby", "Rooms").strategy("nearby").option("ip", ip).start();
    let ours = |strategy, group: &str, room| {
        let setup = Setup::new(&cluster, group).set("allocate.strategy", strategy).set("client.ip", room);
        setup.subscribe("Rooms", "*").start()
    };
    let (first, second) = (java("east"), ours("machine_room_nearby", "nearby", "east"));
    let both = || [of_topic(of_java(&first)), of_topic(of_ours(&second))];
    wait_until("both to share both rooms", WITHIN, || {
        one_owner_each(&both(), &all) && both().iter().all(|share| share.intersection(&in_east).count() == 3)
    });
    let third = ours("machine_room_nearby", "nearby", "west");
    wait_until("the west to be the third's", WITHIN, || {
        of_topic(of_ours(&third)) == in_west && one_owner_each(&both(), &in_east)
    });
    drop((first, second, third));

    // Ours: own room first, what nobody lives beside for all.
    let (first, second) = (ours("machine_room", "room", "east"), ours("machine_room", "room", "north"));
    wait_until("the north to help with the west", WITHIN, || {
        let shares = [of_topic(of_ours(&first)), of_topic(of_ours(&second))];
        one_owner_each(&shares, &all)
            && shares[0].is_superset(&in_east)
            && shares[1].is_subset(&in_west)
            && shares[1].len() == 2
    });
}

/// Three members on eight queues, one leaves: each queue has one owner, and no message is missed or repeated.
fn our_own_strategies_give_each_queue_one_owner_while_members_come_and_go(version: Version) {
    let cluster = Cluster::shared(version);
    for (strategy, weights) in
        [("hash", ""), ("rendezvous", ""), ("weighted", r#"{"*@big":6}"#), ("machine_room", "")]
    {
        let (group, topic) = (format!("own-{strategy}"), format!("Own-{strategy}"));
        cluster.create_topic(&topic, 8);
        let expected = queues(&topic, cluster.broker_name(), 8);
        let record = Record::default();
        let start = |name: &str| {
            let setup = Setup::new(cluster, &group).record(&record).set("instance.name", name);
            let setup = setup.set("allocate.strategy", strategy).set("allocate.weights", weights);
            setup.subscribe(&topic, "*").start()
        };
        let shares = |members: &[&Member]| -> Vec<BTreeSet<Name>> {
            let of_topic =
                |member: &&Member| of_ours(member).into_iter().filter(|(t, ..)| *t == topic).collect();
            members.iter().map(of_topic).collect()
        };
        let (big, small, other) = (start("big"), start("small"), start("other"));
        let members = [&big, &small, &other];
        wait_until("each queue to have one owner", WITHIN, || one_owner_each(&shares(&members), &expected));
        if strategy == "weighted" {
            wait_until("shares of 6, 1 and 1", WITHIN, || {
                shares(&members).iter().map(BTreeSet::len).eq([6, 1, 1])
            });
        }
        let load = format!("own-{strategy}-{version}");
        let sending = cluster.send(&topic, 1_000_000).rate(1000).named(&load);
        let stored = std::thread::scope(|scope| {
            let sent = scope.spawn(move || sending.run());
            record.wait_for(100, WITHIN);
            small.stop();
            wait_until("the rest to own all", WITHIN, || one_owner_each(&shares(&[&big, &other]), &expected));
            let again = start("small");
            let members = [&big, &again, &other];
            wait_until("the old division", WITHIN, || one_owner_each(&shares(&members), &expected));
            let before = record.count();
            record.wait_for(before + 100, WITHIN);
            Sending::halt(&load);
            let stored = usize::try_from(sent.join().unwrap().stored).unwrap();
            wait_until("every message", WITHIN, || record.by_key().len() == stored);
            stored
        });
        assert_eq!(record.count(), stored, "{strategy}: nothing twice");
    }
}

fn a_configuration_is_followed_and_queues_nobody_names_are_reported(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Configured", 4);
    let broker = cluster.broker_name();
    let file = std::env::temp_dir().join(format!("rmq-configured-{version}-{}.json", std::process::id()));
    let json = format!(
        r#"{{"*@one": ["Configured/{broker}/0", "Configured/{broker}/3"], "*@two": ["Configured/{broker}/1"]}}"#
    );
    std::fs::write(&file, &json).unwrap();
    let start = |name: &str, configuration: &str| {
        let setup = Setup::new(cluster, "configured").set("instance.name", name);
        let setup =
            setup.set("allocate.strategy", "configuration").set("allocate.configuration", configuration);
        setup.subscribe("Configured", "*").start()
    };
    let one = start("one", file.to_str().unwrap());
    let two = start("two", &json);
    wait_until("the queues that are named", WITHIN, || {
        one.queues("Configured") == [0, 3] && two.queues("Configured") == [1]
    });
    std::fs::remove_file(&file).unwrap();
    let warned = |member: &Member| {
        let warnings = member.record.events(EventKind::Warning);
        let last = warnings.iter().rfind(|warning| warning["topic"] == "Configured");
        last.map(|warning| warning["text"].as_str().unwrap().to_owned())
    };
    let text = format!("allocate.configuration: nobody consumes Configured/{broker}/2 (nobody is named)");
    wait_until("the news", WITHIN, || {
        [&one, &two].iter().all(|member| warned(member).as_ref() == Some(&text))
    });
    let retry = format!("%RETRY%configured/{broker}/0");
    wait_until("one owner of the retry queue", WITHIN, || {
        let owners = [&one, &two].into_iter().filter(|member| member.queues("%RETRY%configured") == [0]);
        owners.count() == 1
    });
    assert!(warned(&one).is_some_and(|text| !text.contains(&retry)));
    two.stop();
    let text = format!(
        "allocate.configuration: nobody consumes Configured/{broker}/1 (*@two is not in the group), Configured/{broker}/2 (nobody is named)"
    );
    wait_until("the news of the other", WITHIN, || warned(&one).as_ref() == Some(&text));
    assert_eq!(one.queues("Configured"), [0, 3]);
}

/// Gives all queues to the members in turn, the last member first.
struct Backwards;

impl Allocator for Backwards {
    fn allocate(&self, division: &Division) -> rmq::Result<Share> {
        if division.topic.starts_with("%RETRY%") {
            return Ok(Share::Avg);
        }
        let count = division.members.len();
        let owner = |queue: usize| &division.members[count - 1 - queue % count];
        let mine = (0..division.queues.len()).filter(|queue| *owner(*queue) == division.client_id);
        Ok(Share::Queues(mine.collect()))
    }
}

fn a_custom_strategy_divides_while_members_come_and_go(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Custom", 6);
    let record = Record::default();
    let start = |name: &str| {
        let setup =
            Setup::new(cluster, "custom").record(&record).set("client.ip", "h").set("instance.name", name);
        let member = setup.set("allocate.strategy", "custom").subscribe("Custom", "*").build();
        member.consumer.set_allocator(Some(Arc::new(Backwards))).unwrap();
        member.consumer.start().unwrap();
        member
    };
    let load = format!("custom-{version}");
    let (a, b) = (start("a"), start("b"));
    wait_until("the last first", WITHIN, || {
        a.queues("Custom") == [1, 3, 5] && b.queues("Custom") == [0, 2, 4]
    });
    let sending = cluster.send("Custom", 1_000_000).rate(1000).named(&load);
    std::thread::scope(|scope| {
        let sent = scope.spawn(move || sending.run());
        record.wait_for(100, WITHIN);
        let c = start("c");
        wait_until("three in turn", WITHIN, || {
            let shares: BTreeMap<&str, Vec<i32>> = [("a", &a), ("b", &b), ("c", &c)]
                .map(|(name, member)| (name, member.queues("Custom")))
                .into();
            shares == BTreeMap::from([("a", vec![2, 5]), ("b", vec![1, 4]), ("c", vec![0, 3])])
        });
        let before = record.count();
        record.wait_for(before + 100, WITHIN);
        c.stop();
        wait_until("two again", WITHIN, || {
            a.queues("Custom") == [1, 3, 5] && b.queues("Custom") == [0, 2, 4]
        });
        Sending::halt(&load);
        let stored = usize::try_from(sent.join().unwrap().stored).unwrap();
        wait_until("every message", WITHIN, || record.by_key().len() == stored);
        assert_eq!(record.count(), stored, "nothing twice");
    });
    assert_eq!(record.logged("begins without the hand-over lock"), 0);
}
