//! Callbacks that keep their messages and settle them later.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rmq::{Batch, ErrorKind, EventKind, Outcome};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};
use crate::settling;
use crate::support::{compile_example, program, run, under_valgrind};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    deferred_messages_are_settled_in_random_order_from_four_threads,
    a_process_that_defers_and_is_killed_loses_nothing,
    a_deferred_batch_whose_handle_ends_comes_again,
    a_shutdown_waits_for_deferred_messages_and_commits_them,
    a_deferred_batch_past_its_time_comes_again,
    the_example_settles_on_threads_of_its_own,
}

fn deferred_messages_are_settled_in_random_order_from_four_threads(version: Version) {
    settling::settles_all(Cluster::shared(version), "DeferRandom", "defer");
}

fn a_process_that_defers_and_is_killed_loses_nothing(version: Version) {
    settling::loses_nothing_when_killed(Cluster::shared(version), "DeferKilled", "defer");
}

fn a_deferred_batch_whose_handle_ends_comes_again(version: Version) {
    let cluster = Cluster::shared(version);
    let (member, kept) = deferring(filled(cluster, "DeferAgain", 2));
    wait_until("both", WITHIN, || kept.lock().unwrap().len() == 2);
    let last = kept.lock().unwrap().pop().unwrap();
    // Of several handles the last one counts.
    let other = last.retain().unwrap();
    drop(last);
    assert_eq!(other.unsettled(), 1);
    let key = other.message(0).unwrap().keys().unwrap().to_owned();
    drop(other);
    member.record.wait_for(3, WITHIN);
    let again = &member.record.deliveries()[2];
    assert_eq!((again.queue_topic.as_str(), again.times), ("%RETRY%DeferAgain", 1));
    assert_eq!(again.key.as_deref(), Some(key.as_str()));
    kept.lock().unwrap().iter().for_each(|batch| batch.ack().unwrap());
    member.stop();
    assert_eq!(committed(cluster, "DeferAgain", "DeferAgain", 1), 2);
}

fn a_shutdown_waits_for_deferred_messages_and_commits_them(version: Version) {
    let cluster = Cluster::shared(version);
    let (member, kept) = deferring(filled(cluster, "DeferStop", 3));
    wait_until("all", WITHIN, || kept.lock().unwrap().len() == 3);
    let refused = member.consumer.shutdown(Some(Duration::from_millis(300))).unwrap_err();
    assert!(refused.text().contains("3 messages are not settled"), "{refused}");
    let kept: Vec<Batch> = std::mem::take(&mut *kept.lock().unwrap());
    assert_eq!(committed(cluster, "DeferStop", "DeferStop", 1), 0);
    let offset = |batch: &&Batch| batch.message(0).unwrap().queue_offset();
    // The last one is given up, as a program does with what it cannot finish.
    kept.iter().filter(|batch| offset(batch) < 2).for_each(|batch| batch.ack().unwrap());
    kept.iter().filter(|batch| offset(batch) == 2).for_each(|batch| batch.retry(0).unwrap());
    member.stop();
    assert_eq!(committed(cluster, "DeferStop", "DeferStop", 1), 2, "the next member gets it");
    assert_eq!(kept[0].ack().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(kept[0].message(0).unwrap().topic(), "DeferStop", "it may still be read");
}

fn a_deferred_batch_past_its_time_comes_again(version: Version) {
    let cluster = Cluster::shared(version);
    let (member, kept) = deferring(filled(cluster, "DeferLate", 1).set("consume.timeout.ms", "500"));
    member.record.wait_for(2, WITHIN);
    assert_eq!(member.record.events(EventKind::ConsumeTimeout)[0]["holder"], "kept");
    let kept: Vec<Batch> = std::mem::take(&mut *kept.lock().unwrap());
    assert_eq!(kept[0].ack().unwrap_err().kind(), ErrorKind::State);
    kept[1].ack().unwrap();
    assert_eq!(kept[1].topic(), "%RETRY%DeferLate");
}

fn the_example_settles_on_threads_of_its_own(version: Version) {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| compile_example("async.c"));
    let (cluster, path) = (Cluster::shared(version), &*PROGRAM);
    cluster.create_topic("DeferExample", 2);
    cluster.send("DeferExample", 100).keys("k").run();
    for (group, mut command) in [("DeferExample", program(path)), ("DeferValgrind", under_valgrind(path))] {
        let command = command.args([group, "DeferExample", "100"]).env("NAMESRV_ADDR", cluster.namesrv());
        let printed = run(command);
        assert!(printed.contains("k-99\n") && printed.contains("100 settled"), "{printed}");
        assert_eq!(committed(cluster, group, "DeferExample", 2), 100);
    }
}

type Kept = Arc<Mutex<Vec<Batch>>>;

/// A member whose callback keeps everything.
fn deferring(setup: Setup) -> (Member, Kept) {
    let kept = Kept::default();
    let keep = Arc::clone(&kept);
    let member = setup
        .answer(move |batch, _| {
            keep.lock().unwrap().push(batch.retain().unwrap());
            Outcome::Deferred
        })
        .start();
    (member, kept)
}

fn filled(cluster: &Cluster, topic: &str, messages: u32) -> Setup {
    cluster.create_topic(topic, 1);
    cluster.send(topic, messages).keys("k").run();
    Setup::new(cluster, topic).subscribe(topic, "*")
}
