//! An event loop in C that waits for the wake-up descriptor, while messages come in.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread;

use rmq_testbed::{Cluster, Version, loops};

use crate::member::committed;
use crate::support::{compile, program, run, under_valgrind};

on_both_versions! {
    an_event_loop_finds_every_message_by_its_descriptor,
    a_wakeup_program_loses_no_memory,
}

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| compile("wakeup.c"));

const WAYS: [&str; 5] = ["leave", "eat", "select", "dup", "callback"];

fn an_event_loop_finds_every_message_by_its_descriptor(version: Version) {
    let cluster = Cluster::shared(version);
    for round in 0..loops().div_ceil(5) {
        let topic = format!("Wakeup{round}");
        cluster.create_topic(&topic, 4);
        thread::scope(|scope| {
            // Bursts and single messages, so that the loop runs dry again and again.
            let sent = scope.spawn(|| cluster.send(&topic, 3000).rate(3000).run());
            let readers = WAYS.map(|way| {
                let (group, namesrv, topic) = (format!("wakeup-{way}-{round}"), cluster.namesrv(), &topic);
                scope.spawn(move || {
                    let printed = run(program(&*PROGRAM).args([&namesrv, &group, topic, "3000", way]));
                    let rounds: u32 = printed.split(' ').next().unwrap().parse().unwrap();
                    assert!(rounds > 10, "{way}: it never ran dry: {rounds} rounds");
                    group
                })
            });
            assert_eq!(sent.join().unwrap().stored, 3000);
            for reader in readers {
                assert_eq!(committed(cluster, &reader.join().unwrap(), &topic, 4), 3000);
            }
        });
    }
}

fn a_wakeup_program_loses_no_memory(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("WakeupClean", 1);
    cluster.send("WakeupClean", 20).run();
    for way in ["dup", "callback"] {
        let group = format!("wakeup-clean-{way}");
        run(under_valgrind(&*PROGRAM).args([&cluster.namesrv(), &group, "WakeupClean", "20", way]));
    }
}
