//! Offsets that an administrator moves while the group runs. 4.9.7 tells the members (request 220), 5.5.0 tells
//! the next pull (answer 21) unless it is set up to do as 4.9.7.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rmq::Outcome;
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    a_reset_by_time_moves_a_running_group_back,
    skipped_messages_are_not_delivered_although_they_were_pulled,
    a_reset_that_is_left_to_the_members_is_done_at_once,
    a_callback_that_outlives_a_reset_does_not_undo_it,
    a_retry_topic_is_read_from_its_beginning_whatever_consume_from_says,
}

fn a_reset_by_time_moves_a_running_group_back(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Back", 2);
    let setup = Setup::new(cluster, "back").subscribe("Back", "*").set("pull.suspend.ms", "1000");
    let member = setup.start();
    cluster.send("Back", 10).keys("old").run();
    let between = a_later_millisecond();
    cluster.send("Back", 10).keys("new").run();
    member.record.wait_for(20, WITHIN);
    wait_until("the commit", WITHIN, || committed(cluster, "back", "Back", 2) == 20);
    let printed = cluster.admin(&format!("resetOffsetByTime -g back -t Back -s {between}"));
    assert!(printed.contains("Back"), "{printed}");
    member.record.wait_for(30, WITHIN);
    wait_until("the commit", WITHIN, || committed(cluster, "back", "Back", 2) == 20);
    member.stop();
    let keys = member.record.by_key();
    assert!((0..10).all(|i| keys[&format!("new-{i}")] == 2), "{keys:?}");
    // 4.9.7 takes the message that is nearest to the time: that may be the one before, in each queue.
    let repeated = (0..10).filter(|i| keys[&format!("old-{i}")] == 2).count();
    assert!(repeated <= if version == Version::V4_9_7 { 2 } else { 0 }, "{keys:?}");
}

/// A gate that callbacks wait at.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn pass(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

fn skipped_messages_are_not_delivered_although_they_were_pulled(version: Version) {
    let cluster = Cluster::shared(version);
    // Nothing ever comes to the second queue.
    cluster.create_topic("Skip", 2);
    let gate = Arc::new(Gate::default());
    let wait = Arc::clone(&gate);
    let setup = Setup::new(cluster, "skip").subscribe("Skip", "*").set("pull.suspend.ms", "1000");
    let setup = setup.set("consume.thread.max", "1").set("consume.thread.min", "1");
    let member = setup
        .answer(move |batch, _| {
            if batch.message(0).unwrap().queue_offset() == 1 {
                wait.pass();
            }
            Outcome::Success
        })
        .start();
    cluster.send("Skip", 1).queue(0).run();
    wait_until("the commit", WITHIN, || committed(cluster, "skip", "Skip", 1) == 1);
    cluster.send("Skip", 50).queue(0).starting_at(1).run();
    wait_until("all to be pulled", WITHIN, || member.total("pulled") == 51);
    member.record.wait_for(2, WITHIN);
    let printed = cluster.admin("skipAccumulatedMessage -g skip -t Skip -f true");
    wait_until("the move", WITHIN, || member.record.logged("moved the offset to 51") == 1);
    gate.open();
    wait_until("the commit", WITHIN, || committed(cluster, "skip", "Skip", 1) == 51);
    cluster.send("Skip", 1).queue(0).starting_at(51).run();
    member.record.wait_for(3, WITHIN);
    wait_until("the commit", WITHIN, || committed(cluster, "skip", "Skip", 1) == 52);
    member.stop();
    assert_eq!(member.record.count(), 3, "one before, one in its callback and one after the skip\n{printed}");
}

/// Runs with a cluster whose broker leaves resets to the members.
fn with_telling_broker(version: Version, test: impl FnOnce(&Cluster)) {
    match version {
        Version::V4_9_7 => test(Cluster::shared(version)),
        Version::V5_5_0 => {
            test(&Cluster::builder(version).broker_property("useServerSideResetOffset", "false").start());
        }
    }
}

fn a_reset_that_is_left_to_the_members_is_done_at_once(version: Version) {
    with_telling_broker(version, |cluster| {
        cluster.create_topic("Told", 4);
        let member = Setup::new(cluster, "told").subscribe("Told", "*").start();
        cluster.send("Told", 40).run();
        member.record.wait_for(40, WITHIN);
        wait_until("the commit", WITHIN, || committed(cluster, "told", "Told", 4) == 40);
        let begun = Instant::now();
        let printed = cluster.admin("resetOffsetByTime -g told -t Told -s 0");
        member.record.wait_for(80, WITHIN);
        // A pull held at the broker is given up: it would be answered after 15 s. Most of this is mqadmin's.
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}\n{printed}", begun.elapsed());
        assert_eq!(member.record.logged("a request moved the offset to 0"), 4, "by request 220");
        wait_until("the commit", WITHIN, || committed(cluster, "told", "Told", 4) == 40);
        member.stop();
        assert!(member.record.by_key().values().all(|times| *times == 2), "{:?}", member.record.by_key());
    });
}

fn a_callback_that_outlives_a_reset_does_not_undo_it(version: Version) {
    with_telling_broker(version, |cluster| {
        cluster.create_topic("Undo", 1);
        let (old, new, reset) =
            (Arc::new(Gate::default()), Arc::new(Gate::default()), Arc::new(AtomicBool::new(false)));
        let ended = Arc::new(AtomicUsize::new(0));
        let (old_gate, new_gate, after, done) =
            (Arc::clone(&old), Arc::clone(&new), Arc::clone(&reset), Arc::clone(&ended));
        let setup = Setup::new(cluster, "undo").subscribe("Undo", "*");
        let member = setup
            .answer(move |batch, _| {
                let offset = batch.message(0).unwrap().queue_offset();
                match (after.load(Ordering::SeqCst), offset) {
                    (false, 9) => old_gate.pass(),
                    (true, 0) => new_gate.pass(),
                    _ => {}
                }
                done.fetch_add(1, Ordering::SeqCst);
                Outcome::Success
            })
            .start();
        cluster.send("Undo", 10).run();
        member.record.wait_for(10, WITHIN);
        wait_until("all but the last", WITHIN, || committed(cluster, "undo", "Undo", 1) == 9);
        reset.store(true, Ordering::SeqCst);
        cluster.admin("resetOffsetByTime -g undo -t Undo -s 0");
        wait_until("the lower offset to be committed", WITHIN, || committed(cluster, "undo", "Undo", 1) == 0);
        wait_until("all to come again, the first to stay", WITHIN, || ended.load(Ordering::SeqCst) == 18);
        old.open();
        wait_until("the callback from before the reset to end", WITHIN, || {
            ended.load(Ordering::SeqCst) == 19
        });
        // Whatever its end causes is in this.
        member.consumer.commit().unwrap();
        assert_eq!(committed(cluster, "undo", "Undo", 1), 0);
        new.open();
        wait_until("the commit of all", WITHIN, || committed(cluster, "undo", "Undo", 1) == 10);
        member.stop();
        assert!(member.record.by_key().values().all(|times| *times == 2), "{:?}", member.record.by_key());
    });
}

/// A message that failed before the group's first commit on its retry topic is not skipped, whatever a new
/// member was told of where to begin.
fn a_retry_topic_is_read_from_its_beginning_whatever_consume_from_says(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Anything", 1);
    let future =
        (SystemTime::now() + Duration::from_secs(60)).duration_since(UNIX_EPOCH).unwrap().as_millis();
    let members: Vec<_> = ["first_offset", "min_offset", "last_offset", "max_offset", "timestamp"]
        .into_iter()
        .map(|from| {
            let group = format!("retried-{}", from.replace('_', "-"));
            let retry = format!("%RETRY%{group}");
            cluster.create_topic(&retry, 1);
            cluster.send(&retry, 3).keys("failed").run();
            let setup = Setup::new(cluster, &group).subscribe("Anything", "*").set("consume.from", from);
            setup.set("consume.timestamp", &future.to_string()).start()
        })
        .collect();
    for member in members {
        member.record.wait_for(3, WITHIN);
        member.stop();
        assert_eq!(member.record.count(), 3);
    }
}

fn a_later_millisecond() -> u128 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let (begun, mut last) = (now(), 0);
    wait_until("the clock to move on", WITHIN, || {
        last = now();
        last > begun + 1
    });
    last
}
