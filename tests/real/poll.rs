//! Polling: messages that are taken, kept and settled one by one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use rmq::{Batch, ErrorKind, EventKind};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};
use crate::settling;
use crate::support::{both, compile, compile_example, program, run, under_valgrind};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    polled_messages_are_settled_in_random_order_from_four_threads,
    a_process_that_polls_and_is_killed_loses_nothing,
    the_committed_offset_never_passes_the_first_message_that_is_not_settled,
    what_is_not_settled_comes_again_from_the_retry_topic,
    one_message_of_a_batch_is_retried_and_some_are_acknowledged,
    what_is_kept_too_long_comes_again_and_is_named,
    destroying_acknowledges_when_it_is_said_to,
    a_polling_member_and_a_java_member_share_the_queues,
    two_threads_poll_and_each_message_comes_once,
    what_is_kept_of_a_queue_that_goes_is_settled_before_the_next_member_begins,
    what_is_kept_when_an_administrator_moves_the_offset_is_revoked,
    orderly_polling_keeps_the_order_of_each_queue,
    a_c_program_that_polls_and_defers_is_held_to_every_promise,
    the_example_polls_and_ends_when_it_is_told_to,
}

fn polled_messages_are_settled_in_random_order_from_four_threads(version: Version) {
    settling::settles_all(Cluster::shared(version), "PollRandom", "poll");
}

fn a_process_that_polls_and_is_killed_loses_nothing(version: Version) {
    settling::loses_nothing_when_killed(Cluster::shared(version), "PollKilled", "poll");
}

fn the_committed_offset_never_passes_the_first_message_that_is_not_settled(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollOffset", 1, 100).start();
    let mut open: BTreeMap<i64, (usize, usize)> = BTreeMap::new();
    let mut batches = Vec::new();
    while open.len() < 100 {
        let batch = poll(&member, 7);
        for index in 0..batch.len() {
            open.insert(batch.message(index).unwrap().queue_offset(), (batches.len(), index));
        }
        batches.push(batch);
    }
    let mut random = 1_u64;
    let committed = || cluster.committed_offset("PollOffset", "PollOffset", 0).unwrap_or(0);
    while open.len() > 1 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(random >> 33).unwrap() % open.len();
        let offset = *open.keys().nth(at).unwrap();
        if offset == 37 {
            continue;
        }
        // Asked before, so that it may only have fallen behind.
        let (first, now) = (*open.keys().next().unwrap(), committed());
        assert!(now <= first, "{now} is committed, {first} is open");
        let (batch, index) = open.remove(&offset).unwrap();
        batches[batch].ack_at(index).unwrap();
    }
    wait_until("the commit up to the one that is open", WITHIN, || committed() == 37);
    let (batch, index) = open[&37];
    assert_eq!(batches.iter().map(Batch::unsettled).sum::<usize>(), 1);
    batches[batch].ack_at(index).unwrap();
    wait_until("the commit of all", WITHIN, || committed() == 100);
}

fn what_is_not_settled_comes_again_from_the_retry_topic(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollAgain", 1, 4).start();
    let batch = poll(&member, 4);
    assert_eq!(batch.len(), 4);
    batch.ack_at(1).unwrap();
    drop(batch);
    let mut keys = Vec::new();
    while keys.len() < 3 {
        let again = poll(&member, 4);
        for message in (0..again.len()).map(|index| again.message(index).unwrap()) {
            assert_eq!((again.topic(), message.topic()), ("%RETRY%PollAgain", "PollAgain"));
            assert_eq!(message.reconsume_times(), 1);
            keys.push(message.keys().unwrap().to_owned());
        }
        again.ack().unwrap();
    }
    keys.sort();
    assert_eq!(keys, ["k-0", "k-2", "k-3"]);
    member.stop();
    assert_eq!(committed(cluster, "PollAgain", "PollAgain", 1), 4);
    assert_eq!(committed(cluster, "PollAgain", "%RETRY%PollAgain", 1), 3);
}

fn one_message_of_a_batch_is_retried_and_some_are_acknowledged(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollSome", 1, 5).start();
    let batch = poll(&member, 5);
    batch.ack_until(2).unwrap();
    assert_eq!(batch.unsettled(), 2);
    wait_until("the commit", WITHIN, || committed(cluster, "PollSome", "PollSome", 1) == 3);
    batch.retry_at(4, 1).unwrap();
    assert_eq!(batch.retry_at(4, 1).unwrap_err().kind(), ErrorKind::State);
    batch.ack().unwrap();
    assert_eq!(batch.ack().unwrap_err().kind(), ErrorKind::State);
    let again = poll(&member, 5);
    assert_eq!((again.len(), again.message(0).unwrap().keys()), (1, Some("k-4")));
    again.retry(-1).unwrap();
    wait_until("the dead letter", WITHIN, || cluster.max_offset("%DLQ%PollSome", 0) == 1);
}

fn what_is_kept_too_long_comes_again_and_is_named(version: Version) {
    let cluster = Cluster::shared(version);
    let setup = filled(cluster, "PollLate", 1, 2);
    let member = setup.set("consume.timeout.ms", "500").set("slow.message.ms", "100").start();
    let batch = poll(&member, 2);
    batch.ack_at(0).unwrap();
    wait_until("the event", WITHIN, || !member.record.events(EventKind::ConsumeTimeout).is_empty());
    let id = batch.message(1).unwrap().message_id();
    for kind in [EventKind::SlowMessage, EventKind::ConsumeTimeout] {
        let events = member.record.events(kind);
        assert_eq!(events[0]["message_ids"], serde_json::json!([id]), "{kind:?}");
        assert_eq!((&events[0]["holder"], events.len()), (&"kept".into(), 1), "{kind:?}");
    }
    assert_eq!(batch.ack().unwrap_err().kind(), ErrorKind::State);
    let again = poll(&member, 2);
    assert_eq!((again.message(0).unwrap().message_id(), again.len()), (id, 1));
    again.ack().unwrap();
}

fn destroying_acknowledges_when_it_is_said_to(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollAuto", 2, 20).set("poll.ack", "on_destroy").start();
    let mut seen = 0;
    while seen < 20 {
        let batch = poll(&member, 6);
        seen += batch.len();
        if seen == batch.len() {
            // What is settled by hand stays so.
            batch.retry_at(0, 0).unwrap();
        }
    }
    let again = poll(&member, 1);
    assert_eq!(again.topic(), "%RETRY%PollAuto");
    drop(again);
    member.stop();
    assert_eq!(committed(cluster, "PollAuto", "PollAuto", 2), 20);
    assert_eq!(committed(cluster, "PollAuto", "%RETRY%PollAuto", 1), 1);
}

fn a_polling_member_and_a_java_member_share_the_queues(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("PollJava", 8);
    let member = polling(cluster, "PollJava").start();
    let java = cluster.java_consumer("PollJava", "PollJava").start();
    let javas = || java.queues().iter().filter(|queue| queue.topic == "PollJava").count();
    wait_until("half and half", WITHIN, || member.queues("PollJava").len() == 4 && javas() == 4);
    cluster.send("PollJava", 400).run();
    let mut ours = 0;
    while ours < 200 {
        let batch = poll(&member, 32);
        ours += batch.len();
        batch.ack().unwrap();
    }
    java.wait_for(200, WITHIN);
    assert_eq!((ours, java.count()), (200, 200));
    java.stop();
    wait_until("all of them", WITHIN, || member.queues("PollJava").len() == 8);
}

fn two_threads_poll_and_each_message_comes_once(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollTwo", 4, 400).start();
    let seen = Mutex::new(BTreeMap::<String, usize>::new());
    let ended = std::thread::scope(|scope| {
        let pollers = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut mine = 0;
                loop {
                    let batch = match member.consumer.poll(3, None) {
                        Ok(batch) => batch,
                        Err(end) => break (end.kind(), mine, Instant::now()),
                    };
                    for message in (0..batch.len()).map(|index| batch.message(index).unwrap()) {
                        *seen.lock().unwrap().entry(message.keys().unwrap().to_owned()).or_default() += 1;
                    }
                    std::thread::sleep(Duration::from_micros(500)); // so that both have some
                    mine += batch.len();
                    batch.ack().unwrap();
                }
            })
        });
        wait_until("all", WITHIN, || seen.lock().unwrap().len() == 400);
        wait_until("the commits", WITHIN, || committed(cluster, "PollTwo", "PollTwo", 4) == 400);
        let begun = Instant::now();
        member.stop();
        pollers.map(|poller| {
            let (end, mine, at) = poller.join().unwrap();
            assert!(at < begun + Duration::from_secs(1), "they are told at once");
            (end, mine > 0)
        })
    });
    assert_eq!(ended, [(ErrorKind::Closed, true); 2]);
    assert!(seen.lock().unwrap().values().all(|times| *times == 1));
}

fn what_is_kept_of_a_queue_that_goes_is_settled_before_the_next_member_begins(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollGoes", 2, 20).start();
    let mut kept = Vec::new();
    while kept.iter().map(Batch::len).sum::<usize>() < 20 {
        kept.push(poll(&member, 20));
    }
    let next = Setup::new(cluster, "PollGoes").subscribe("PollGoes", "*").start();
    wait_until("the news", WITHIN, || !member.record.events(EventKind::Revoking).is_empty());
    assert!(next.queues("PollGoes").is_empty() || next.record.count() == 0);
    for batch in &kept {
        batch.ack().unwrap();
    }
    wait_until("both to have one", WITHIN, || {
        member.queues("PollGoes").len() == 1 && next.queues("PollGoes").len() == 1
    });
    cluster.send("PollGoes", 20).keys("later").run();
    next.record.wait_for(10, WITHIN);
    assert!(next.record.by_key().keys().all(|key| key.starts_with("later")), "nothing came twice");
}

fn what_is_kept_when_an_administrator_moves_the_offset_is_revoked(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollMoved", 1, 10).set("pull.suspend.ms", "1000").start();
    let batch = poll(&member, 10);
    batch.ack_until(4).unwrap();
    wait_until("the commit", WITHIN, || committed(cluster, "PollMoved", "PollMoved", 1) == 5);
    cluster.admin("resetOffsetByTime -g PollMoved -t PollMoved -s 1000");
    wait_until("the news", WITHIN, || member.record.logged("moved the offset to 0") > 0);
    assert_eq!(batch.ack_at(5).unwrap_err().kind(), ErrorKind::Revoked);
    assert_eq!(batch.retry(0).unwrap_err().kind(), ErrorKind::Revoked);
    assert_eq!(batch.ack().unwrap_err().kind(), ErrorKind::State);
    let again = poll(&member, 10);
    assert_eq!((again.message(0).unwrap().queue_offset(), again.len()), (0, 10));
    again.ack().unwrap();
    member.stop();
    assert_eq!(committed(cluster, "PollMoved", "PollMoved", 1), 10);
    assert!(cluster.max_offset("%RETRY%PollMoved", 0) == 0, "nothing was sent back");
}

fn orderly_polling_keeps_the_order_of_each_queue(version: Version) {
    let cluster = Cluster::shared(version);
    let member = filled(cluster, "PollOrder", 2, 40).set("consume.mode", "orderly").start();
    let mut next = [0_i64; 2];
    let mut suspended = false;
    while next.iter().sum::<i64>() < 40 {
        let batch = poll(&member, 4);
        let at = &mut next[usize::try_from(batch.queue_id()).unwrap()];
        assert_eq!(batch.message(0).unwrap().queue_offset(), *at);
        if *at == 8 && !std::mem::replace(&mut suspended, true) {
            batch.suspend(Some(Duration::from_millis(20))).unwrap();
            continue;
        }
        *at += i64::try_from(batch.len()).unwrap();
        batch.ack().unwrap();
    }
    assert!(suspended);
    member.stop();
    assert_eq!(committed(cluster, "PollOrder", "PollOrder", 2), 40);
}

fn a_c_program_that_polls_and_defers_is_held_to_every_promise(version: Version) {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| compile("poll.c"));
    let (cluster, path) = (Cluster::shared(version), &*PROGRAM);
    cluster.create_topic("PollC", 1);
    cluster.send("PollC", 6).run();
    run(program(path).args([&cluster.namesrv(), "PollC", "PollC", "fork"]));
    // Without the fork: what the child leaves alone on purpose would count as lost.
    run(under_valgrind(path).args([&cluster.namesrv(), "PollC-valgrind", "PollC"]));
}

fn the_example_polls_and_ends_when_it_is_told_to(version: Version) {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| compile_example("poll.c"));
    let (cluster, path) = (Cluster::shared(version), &*PROGRAM);
    cluster.create_topic("PollExample", 2);
    cluster.send("PollExample", 20).body("hello").run();
    let namesrv = cluster.namesrv();
    let printed = run(program(path).args(["PollExample", "PollExample", "20"]).env("NAMESRV_ADDR", &namesrv));
    assert_eq!(printed.matches(": hello").count(), 20, "{printed}");
    let mut waiting = under_valgrind(path);
    waiting.args(["PollExample", "PollExample"]).env("NAMESRV_ADDR", &namesrv).stdout(Stdio::piped());
    let child = waiting.spawn().unwrap();
    let members = || cluster.admin("consumerConnection -g PollExample");
    wait_until("it to be a member", WITHIN, || members().contains("CLUSTERING"));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
    assert!(both(&output).contains("0 messages"), "{}", both(&output));
}

/// A polling member of a group that is named as its topic.
fn polling(cluster: &Cluster, topic: &str) -> Setup {
    Setup::new(cluster, topic).subscribe(topic, "*").polling()
}

/// The same, with messages of the keys `k-0`, `k-1`, ….
fn filled(cluster: &Cluster, topic: &str, queues: u32, messages: u32) -> Setup {
    cluster.create_topic(topic, queues);
    cluster.send(topic, messages).keys("k").run();
    polling(cluster, topic)
}

fn poll(member: &Member, most: usize) -> Batch {
    member.consumer.poll(most, Some(WITHIN)).unwrap()
}
