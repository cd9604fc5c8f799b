//! Queues that change their owner inside a group of ours: nothing lost, nothing twice.

use std::thread;
use std::time::Duration;

use rmq_testbed::{Cluster, Sending, Version, loops, wait_until};

use crate::member::{Record, Setup, committed};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    a_hundred_thousand_messages_arrive_once_while_a_member_leaves,
    queues_handed_to_and_fro_under_load_repeat_nothing,
}

fn a_hundred_thousand_messages_arrive_once_while_a_member_leaves(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Hundred", 8);
    let record = Record::default();
    let stays = Setup::new(cluster, "hundred").record(&record).subscribe("Hundred", "*").start();
    let leaves = Setup::new(cluster, "hundred").record(&record).subscribe("Hundred", "*").start();
    wait_until("the queues to be divided", WITHIN, || {
        stays.queues("Hundred").len() == 4 && leaves.queues("Hundred").len() == 4
    });
    thread::scope(|scope| {
        let sent = scope.spawn(|| cluster.send("Hundred", 100_000).batches_of(20).run());
        record.wait_for(30_000, WITHIN);
        leaves.stop();
        assert_eq!(sent.join().unwrap().stored, 100_000);
    });
    each_once(&record, 100_000);
    stays.stop();
    assert_eq!(committed(cluster, "hundred", "Hundred", 8), 100_000);
}

fn queues_handed_to_and_fro_under_load_repeat_nothing(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("ToAndFro", 8);
    let record = Record::default();
    let stays = Setup::new(cluster, "to-and-fro").record(&record).subscribe("ToAndFro", "*").start();
    let load = format!("load-{version}");
    let mut stored = 0;
    thread::scope(|scope| {
        let sending = cluster.send("ToAndFro", 1_000_000).rate(2000).named(&load);
        let sent = scope.spawn(move || sending.run());
        for _ in 0..loops().max(20) {
            let comes = Setup::new(cluster, "to-and-fro").record(&record).subscribe("ToAndFro", "*").start();
            wait_until("the joiner to consume", WITHIN, || comes.queues("ToAndFro").len() == 4);
            let before = record.count();
            record.wait_for(before + 50, WITHIN);
            comes.stop();
            wait_until("the other to own all", WITHIN, || stays.queues("ToAndFro").len() == 8);
        }
        Sending::halt(&load);
        stored = usize::try_from(sent.join().unwrap().stored).unwrap();
    });
    each_once(&record, stored);
    assert_eq!(record.logged("begins without the hand-over lock"), 0);
    stays.stop();
    let committed = committed(cluster, "to-and-fro", "ToAndFro", 8);
    assert_eq!(usize::try_from(committed).unwrap(), stored);
}

fn each_once(record: &Record, count: usize) {
    wait_until("every message to arrive", WITHIN, || record.by_key().len() >= count);
    let keys = record.by_key();
    let twice: Vec<_> = keys.iter().filter(|(_, times)| **times > 1).take(10).collect();
    assert!(twice.is_empty(), "delivered more than once: {twice:?}");
    assert_eq!(keys.len(), count);
}
