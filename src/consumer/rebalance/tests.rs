//! What the strategies have in common, and that those of Java give what Java gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::{prop_assert, prop_assert_eq, prop_assume, proptest};
use proptest::strategy::Strategy as _;

use super::*;
use crate::config::{Nearby, Patterns};

pub(crate) fn queues(count: i32) -> Vec<MessageQueue> {
    at_brokers("T", &[("b", count)])
}

fn at_brokers(topic: &str, brokers: &[(&str, i32)]) -> Vec<MessageQueue> {
    let topic: Arc<str> = topic.into();
    let queue = |broker: &str, id| MessageQueue { topic: Arc::clone(&topic), broker: broker.into(), id };
    let mut queues: Vec<_> =
        brokers.iter().flat_map(|(broker, count)| (0..*count).map(|id| queue(broker, id))).collect();
    queues.sort();
    queues
}

fn no_map() -> Patterns<String> {
    Patterns::new([])
}

fn strict(rooms: &[&str]) -> Strategy {
    Strategy::MachineRoomStrict(Arc::new(rooms.iter().map(|room| (*room).to_owned()).collect()))
}

/// Those under which every queue has an owner.
fn complete() -> Vec<Strategy> {
    let weights = Patterns::new([("*1*".to_owned(), 3), ("*2".to_owned(), 0)]);
    vec![
        Strategy::Avg,
        Strategy::AvgByCircle,
        Strategy::ConsistentHash,
        Strategy::Hash,
        Strategy::Rendezvous,
        Strategy::Weighted(weights),
        Strategy::MachineRoom(no_map()),
        Strategy::MachineRoomNearby(no_map(), Nearby::Avg),
        Strategy::MachineRoomNearby(no_map(), Nearby::AvgByCircle),
        Strategy::MachineRoomNearby(no_map(), Nearby::ConsistentHash),
    ]
}

/// A line of tests/wire/allocations.txt: `strategy|topic|broker:queues,…|member,… = owner,…`.
fn golden() -> impl Iterator<Item = (&'static str, Vec<MessageQueue>, Vec<String>, Vec<Option<usize>>)> {
    let text = include_str!("../../../tests/wire/allocations.txt");
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, result) = line.split_once(" = ").unwrap();
        let [strategy, topic, brokers, members] = name.split('|').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let brokers: Vec<(&str, i32)> = brokers
            .split(',')
            .map(|broker| {
                let (broker, count) = broker.split_once(':').unwrap();
                (broker, count.parse().unwrap())
            })
            .collect();
        let owner = |text: &str| (text != "-").then(|| text.parse().unwrap());
        let members = members.split(',').map(str::to_owned).collect();
        (strategy, at_brokers(topic, &brokers), members, result.split(',').map(owner).collect())
    })
}

#[test]
fn queues_are_divided_as_javas_own_classes_do() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, queues, members, expected) in golden() {
        let strategy = match name {
            "AVG" => Strategy::Avg,
            "AVG_BY_CIRCLE" => Strategy::AvgByCircle,
            "CONSISTENT_HASH" => Strategy::ConsistentHash,
            "MACHINE_ROOM r1" => strict(&["r1"]),
            "MACHINE_ROOM r1 r3" => strict(&["r1", "r3"]),
            "MACHINE_ROOM_NEARBY-AVG" => Strategy::MachineRoomNearby(no_map(), Nearby::Avg),
            "MACHINE_ROOM_NEARBY-AVG_BY_CIRCLE" => Strategy::MachineRoomNearby(no_map(), Nearby::AvgByCircle),
            "MACHINE_ROOM_NEARBY-CONSISTENT_HASH" => {
                Strategy::MachineRoomNearby(no_map(), Nearby::ConsistentHash)
            }
            other => panic!("{other}"),
        };
        assert_eq!(owners(&strategy, &queues, &members), expected, "{name} {queues:?} {members:?}");
        *seen.entry(name).or_default() += 1;
    }
    assert!(seen.len() == 8 && seen.values().all(|count| *count >= 30), "{seen:?}");
}

#[test]
fn a_stranger_and_a_group_without_members_own_nothing() {
    let (queues, members) = (queues(8), vec!["m1".to_owned(), "m2".to_owned()]);
    for strategy in complete() {
        let owners_of_two = owners(&strategy, &queues, &members);
        assert!(share(&owners_of_two, "stranger", &queues, &members).is_empty(), "{strategy:?}");
        let nobody = owners(&strategy, &queues, &[]);
        assert!(nobody.iter().all(Option::is_none) && nobody.len() == 8, "{strategy:?}");
        assert!(share(&nobody, "m1", &queues, &[]).is_empty(), "{strategy:?}");
        assert!(owners(&strategy, &[], &members).is_empty(), "{strategy:?}");
    }
}

#[test]
fn a_member_that_is_listed_twice_has_both_shares_and_nobody_elses() {
    let members: Vec<String> = ["a", "b", "b", "c"].iter().map(|m| (*m).to_owned()).collect();
    let queues = queues(8);
    let owners = owners(&Strategy::Avg, &queues, &members);
    let ids = |me: &str| share(&owners, me, &queues, &members).iter().map(|q| q.id).collect::<Vec<_>>();
    assert_eq!((ids("a"), ids("b"), ids("c")), (vec![0, 1], vec![2, 3, 4, 5], vec![6, 7]));
}

#[test]
fn a_configuration_gives_what_it_names_and_complains_of_the_rest() {
    let mut config = crate::config::Config::new();
    for (key, value) in [
        ("consumer.group", "g"),
        ("allocate.strategy", "configuration"),
        ("allocate.configuration", r#"{"*@one":["T/b/0","T/b/2"],"*@gone":["T/b/1"],"*@two":["T/b/9"]}"#),
    ] {
        config.set(key, value).unwrap();
    }
    let strategy = config.snapshot_with(Some("n:1")).unwrap().strategy;
    let Strategy::Configuration(named) = &strategy else { panic!() };
    let (queues, members) = (queues(4), ["1@one", "2@one", "1@two"].map(str::to_owned));
    let owners = owners(&strategy, &queues, &members);
    assert_eq!(owners, [Some(0), None, Some(0), None]);
    assert_eq!(
        configuration::complaint("T", &queues, &owners, named).unwrap(),
        "allocate.configuration: nobody consumes T/b/1 (*@gone is not in the group), T/b/3 (nobody is named); \
         it names T/b/9, which the topic does not have"
    );
    let mut owners = owners;
    leave_none(&mut owners, members.len());
    assert_eq!(owners, [Some(0), Some(0), Some(0), Some(1)]);
    assert_eq!(configuration::complaint("other", &[], &[], named), None);
}

#[test]
fn rooms_keep_their_queues_and_share_what_nobody_lives_beside() {
    let queues = at_brokers("T", &[("r1@b", 4), ("r2@b", 1), ("r3@b", 1), ("plain", 2)]);
    let members = ["r1@a", "r1@b", "r9@c", "r9@d"].map(str::to_owned);
    let by_broker = |strategy: &Strategy| {
        let mut all: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (queue, owner) in queues.iter().zip(owners(strategy, &queues, &members)) {
            all.entry(queue.broker.to_string()).or_default().push(owner.unwrap());
        }
        all
    };
    let ours = by_broker(&Strategy::MachineRoom(no_map()));
    assert_eq!((&ours["r1@b"][..], &ours["plain"][..]), (&[0, 0, 1, 1][..], &[0, 1][..]));
    assert_eq!((&ours["r2@b"][..], &ours["r3@b"][..]), (&[2][..], &[3][..]), "evenly over all");
    let nearby = by_broker(&Strategy::MachineRoomNearby(no_map(), Nearby::Avg));
    assert_eq!((&nearby["r2@b"][..], &nearby["r3@b"][..]), (&[0][..], &[0][..]), "each room by itself");
    let map = Patterns::new([("plain".to_owned(), "r9".to_owned())]);
    assert_eq!(by_broker(&Strategy::MachineRoom(map))["plain"], [2, 3]);
}

#[test]
fn a_delta_names_what_comes_and_what_goes() {
    let all = queues(3);
    let owned = BTreeSet::from([all[0].clone(), all[1].clone()]);
    let due = BTreeSet::from([all[1].clone(), all[2].clone()]);
    let delta = Delta::between(&owned, &due);
    assert_eq!((delta.added, delta.removed), (vec![all[2].clone()], vec![all[0].clone()]));
}

/// The owners by name.
fn named(strategy: &Strategy, queues: &[MessageQueue], members: &[String]) -> Vec<String> {
    owners(strategy, queues, members).into_iter().map(|owner| members[owner.unwrap()].clone()).collect()
}

/// How many queues have another owner without member number `gone`, and how many it had.
fn moved(strategy: &Strategy, queues: &[MessageQueue], members: &[String], gone: usize) -> (usize, usize) {
    let mut rest = members.to_vec();
    let gone = rest.remove(gone);
    let (before, after) = (named(strategy, queues, members), named(strategy, queues, &rest));
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    (moved, before.iter().filter(|owner| **owner == gone).count())
}

#[test]
fn rendezvous_moves_little_more_than_it_must() {
    let mut total = (0, 0, 0);
    for queue_count in [8, 16, 64, 100] {
        for member_count in [2, 3, 5, 8, 13] {
            let queues = queues(queue_count);
            let members: Vec<String> = (0..member_count).map(|i| format!("10.0.0.{i}@worker-{i}")).collect();
            for gone in 0..member_count {
                let (least, avg) = (
                    moved(&Strategy::Rendezvous, &queues, &members, gone),
                    moved(&Strategy::Avg, &queues, &members, gone),
                );
                total = (total.0 + least.0, total.1 + least.1, total.2 + avg.0);
            }
        }
    }
    let (rendezvous, least, avg) = total;
    assert!(rendezvous * 2 <= least * 3 && avg * 5 >= rendezvous * 9, "{total:?}");
}

fn any_members() -> impl proptest::strategy::Strategy<Value = Vec<String>> {
    proptest::collection::btree_set("(r[1-4]|10\\.0\\.0\\.[1-4])@[a-c][0-9]{1,2}", 1..12)
        .prop_map(|set| set.into_iter().collect())
}

fn any_queues() -> impl proptest::strategy::Strategy<Value = Vec<MessageQueue>> {
    proptest::collection::btree_map("(r[1-4]@)?broker-[a-c]", 0..12_i32, 1..5).prop_map(|brokers| {
        let brokers: Vec<(&str, i32)> = brokers.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        at_brokers("T", &brokers)
    })
}

proptest! {
    #[test]
    fn every_queue_has_exactly_one_owner_and_always_the_same(queues in any_queues(), members in any_members()) {
        for strategy in complete() {
            let owners_once = owners(&strategy, &queues, &members);
            let mut all: Vec<MessageQueue> =
                members.iter().flat_map(|m| share(&owners_once, m, &queues, &members)).collect();
            all.sort();
            prop_assert_eq!(&all, &queues, "{:?}", strategy);
            prop_assert_eq!(owners_once, owners(&strategy, &queues, &members));
        }
    }

    #[test]
    fn shares_differ_by_no_more_than_the_strategy_says(queues in any_queues(), members in any_members()) {
        let average = queues.len() / members.len();
        let room = queues.len().div_ceil(members.len());
        for strategy in [Strategy::Avg, Strategy::AvgByCircle, Strategy::Hash, Strategy::Rendezvous] {
            let owners = owners(&strategy, &queues, &members);
            for index in 0..members.len() {
                let share = owners.iter().filter(|owner| **owner == Some(index)).count();
                prop_assert!(share <= room, "{:?} {}", strategy, share);
                prop_assert!(strategy == Strategy::Rendezvous || share >= average, "{:?} {}", strategy, share);
            }
        }
    }

    #[test]
    fn strict_rooms_give_each_of_their_queues_one_owner_and_the_others_none(
        queues in any_queues(), members in any_members(),
    ) {
        let owners = owners(&strict(&["r1", "r2"]), &queues, &members);
        for (queue, owner) in queues.iter().zip(&owners) {
            let inside = queue.broker.starts_with("r1@") || queue.broker.starts_with("r2@");
            prop_assert_eq!(owner.is_some(), inside);
        }
        let mut retry = owners;
        leave_none(&mut retry, members.len());
        prop_assert!(retry.iter().all(Option::is_some));
    }

    #[test]
    fn who_leaves_a_ring_moves_its_own_queues_only(queues in any_queues(), members in any_members(), gone in 0..12_usize) {
        prop_assume!(members.len() > 1);
        let (moved, had) = moved(&Strategy::ConsistentHash, &queues, &members, gone % members.len());
        prop_assert_eq!(moved, had);
    }

    #[test]
    fn who_leaves_a_room_with_others_moves_no_queue_of_another_room(
        queues in any_queues(), members in any_members(), gone in 0..12_usize,
    ) {
        let gone = gone % members.len();
        let room = |name: &str| name.split_once('@').map(|(room, _)| room.to_owned());
        let mut rest = members.clone();
        let left = rest.remove(gone);
        prop_assume!(rest.iter().any(|member| room(member) == room(&left)));
        for strategy in [Strategy::MachineRoom(no_map()), Strategy::MachineRoomNearby(no_map(), Nearby::Avg)] {
            let (before, after) = (named(&strategy, &queues, &members), named(&strategy, &queues, &rest));
            for ((queue, before), after) in queues.iter().zip(before).zip(after) {
                let lived_in = members.iter().any(|member| room(member) == room(&queue.broker));
                prop_assert!(!lived_in || room(&queue.broker) == room(&left) || before == after);
            }
        }
    }
}
