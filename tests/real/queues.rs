//! Control of single queues: seek, pause, commit, and what is said of their offsets.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rmq::{ErrorKind, Outcome, Seek};
use rmq_testbed::{Cluster, Sending, Version, wait_until};

use crate::gate::Gate;
use crate::member::{Member, Setup, committed};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    a_seek_goes_back_forward_and_to_both_ends,
    a_seek_to_a_time_goes_to_the_first_message_of_it,
    a_seek_outside_the_queue_is_refused_with_its_range,
    after_a_seek_nothing_from_before_begins_and_no_result_from_before_counts,
    a_callback_may_seek_commit_and_pause_its_own_queue,
    queues_paused_under_load_deliver_nothing_and_go_on_without_loss_or_repeat,
    a_pause_holds_for_queues_that_come_later_and_the_latest_call_counts,
    a_commit_is_at_the_broker_when_it_returns,
    position_watermarks_committed_and_lag_are_what_administrators_see,
    queues_of_others_are_not_controlled,
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A member that has consumed a topic of one queue, and the name of its broker.
fn consumed(cluster: &Cluster, topic: &str, group: &str, count: u32) -> (Member, String) {
    cluster.create_topic(topic, 1);
    cluster.send(topic, count).run();
    let member = Setup::new(cluster, group).subscribe(topic, "*").start();
    member.record.wait_for(count as usize, WITHIN);
    let broker = member.queue(topic, 0)["broker"].as_str().unwrap().to_owned();
    (member, broker)
}

/// The offsets delivered after the first `skip`, sorted.
fn offsets(member: &Member, skip: usize) -> Vec<i64> {
    let mut offsets: Vec<i64> = member.record.deliveries().iter().skip(skip).map(|d| d.offset).collect();
    offsets.sort_unstable();
    offsets
}

fn a_seek_goes_back_forward_and_to_both_ends(version: Version) {
    let cluster = Cluster::shared(version);
    let (member, broker) = consumed(cluster, "Seek", "seek", 20);
    let consumer = &member.consumer;
    let seek = |to| consumer.seek("Seek", &broker, 0, to).unwrap();
    let position = || consumer.position("Seek", &broker, 0).unwrap();
    consumer.commit().unwrap();
    assert_eq!(cluster.committed_offset("seek", "Seek", 0), Some(20));

    seek(Seek::Offset(5));
    member.record.wait_for(35, WITHIN);
    assert_eq!(offsets(&member, 20), (5..20).collect::<Vec<_>>());

    // While it is paused a queue is moved all the same, and its new place can be committed.
    consumer.pause(Some("Seek"), None, None).unwrap();
    seek(Seek::Offset(7));
    assert_eq!(position(), 7);
    consumer.commit_queue("Seek", &broker, 0).unwrap();
    assert_eq!(cluster.committed_offset("seek", "Seek", 0), Some(7), "a seek lowers the commit");
    seek(Seek::Begin);
    assert_eq!(position(), 0);
    seek(Seek::Offset(20));
    assert_eq!(position(), 20, "the end is a place to go to");
    seek(Seek::Offset(18));
    consumer.resume(Some("Seek"), None, None).unwrap();
    member.record.wait_for(37, WITHIN);
    assert_eq!(offsets(&member, 35), [18, 19]);

    seek(Seek::Begin);
    member.record.wait_for(57, WITHIN);
    seek(Seek::Offset(1));
    seek(Seek::End);
    let before = member.record.count();
    assert_eq!(position(), 20);
    cluster.send("Seek", 1).run();
    wait_until("the message behind the end", WITHIN, || offsets(&member, before).contains(&20));
    consumer.commit().unwrap();
    assert_eq!(cluster.committed_offset("seek", "Seek", 0), Some(21));
}

fn a_seek_to_a_time_goes_to_the_first_message_of_it(version: Version) {
    let cluster = Cluster::shared(version);
    let (member, broker) = consumed(cluster, "SeekTime", "seek-time", 5);
    thread::sleep(Duration::from_millis(20)); // so that the time lies between the messages
    let between = now_ms();
    thread::sleep(Duration::from_millis(20));
    cluster.send("SeekTime", 5).run();
    member.record.wait_for(10, WITHIN);
    member.consumer.pause(Some("SeekTime"), Some(&broker), Some(0)).unwrap();
    let sought = |ms| {
        member.consumer.seek("SeekTime", &broker, 0, Seek::Timestamp(ms)).unwrap();
        member.consumer.position("SeekTime", &broker, 0).unwrap()
    };
    assert_eq!(sought(between), 5);
    assert_eq!(sought(0), 0);
    let behind = sought(now_ms() + 60_000);
    assert_eq!(behind, if version == Version::V4_9_7 { 9 } else { 10 });
    assert_eq!(sought(between), 5);
    member.consumer.resume(None, None, None).unwrap();
    member.record.wait_for(15, WITHIN);
    assert_eq!(offsets(&member, 10), [5, 6, 7, 8, 9]);
    let error = member.consumer.seek("SeekTime", &broker, 0, Seek::Timestamp(-1)).unwrap_err();
    assert_eq!(error.text(), "seek: timestamp_ms is -1, allowed is 0 and more, milliseconds since 1970");
}

fn a_seek_outside_the_queue_is_refused_with_its_range(version: Version) {
    let cluster = Cluster::shared(version);
    let (member, broker) = consumed(cluster, "SeekRange", "seek-range", 4);
    for offset in [5, -1, i64::MAX] {
        let error = member.consumer.seek("SeekRange", &broker, 0, Seek::Offset(offset)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        let text = format!("seek: offset is {offset}: the queue SeekRange/{broker}/0 has 0 to 4");
        assert_eq!(error.text(), text);
    }
    assert_eq!(member.consumer.position("SeekRange", &broker, 0).unwrap(), 4);
    assert_eq!(member.record.count(), 4, "a seek that failed changes nothing");
}

fn after_a_seek_nothing_from_before_begins_and_no_result_from_before_counts(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("SeekLoad", 1);
    cluster.send("SeekLoad", 500).run();
    let gate = Gate::default();
    let member = Setup::new(cluster, "seek-load")
        .set("consume.thread.min", "4")
        .set("consume.thread.max", "4")
        .subscribe("SeekLoad", "*")
        .held_at(&gate)
        .start();
    wait_until("4 callbacks", WITHIN, || gate.inside() == 4);
    let broker = member.queue("SeekLoad", 0)["broker"].as_str().unwrap().to_owned();
    member.consumer.seek("SeekLoad", &broker, 0, Seek::Offset(490)).unwrap();
    gate.open();
    member.record.wait_for(14, WITHIN);
    member.consumer.commit().unwrap();
    assert_eq!(cluster.committed_offset("seek-load", "SeekLoad", 0), Some(500));
    assert_eq!(offsets(&member, 0), [0, 1, 2, 3].into_iter().chain(490..500).collect::<Vec<_>>());
}

fn a_callback_may_seek_commit_and_pause_its_own_queue(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("SeekInside", 1);
    cluster.send("SeekInside", 10).run();
    let own: std::sync::Arc<std::sync::OnceLock<rmq::Consumer>> = std::sync::Arc::default();
    let inside = std::sync::Arc::clone(&own);
    let member = Setup::new(cluster, "seek-inside")
        .set("consume.thread.max", "1")
        .set("consume.thread.min", "1")
        .subscribe("SeekInside", "*")
        .answer(move |batch, _| {
            let consumer = inside.wait();
            let queue = || (batch.topic(), batch.broker(), batch.queue_id());
            let (topic, broker, id) = queue();
            if batch.message(0).unwrap().queue_offset() == 4 {
                consumer.commit_queue(topic, broker, id).unwrap();
                assert_eq!(consumer.committed(topic, broker, id).unwrap(), 4, "its own message is not done");
                consumer.pause(Some(topic), Some(broker), Some(id)).unwrap();
                consumer.seek(topic, broker, id, Seek::Offset(8)).unwrap();
                consumer.resume(Some(topic), Some(broker), Some(id)).unwrap();
            }
            Outcome::Success
        })
        .build();
    own.set(member.consumer.clone()).ok().unwrap();
    member.consumer.start().unwrap();
    wait_until("the end", WITHIN, || cluster.committed_offset("seek-inside", "SeekInside", 0) == Some(10));
    assert_eq!(offsets(&member, 0), [0, 1, 2, 3, 4, 8, 9]);
}

fn queues_paused_under_load_deliver_nothing_and_go_on_without_loss_or_repeat(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Pause", 4);
    let running = Gate::default();
    let count = running.clone();
    let member = Setup::new(cluster, "pause")
        .subscribe("Pause", "*")
        .answer(move |_, _| {
            count.through(|| thread::sleep(Duration::from_millis(2)));
            Outcome::Success
        })
        .start();
    let load = format!("pause-{version}");
    let end = || (0..4).map(|queue| cluster.max_offset("Pause", queue)).sum::<i64>();
    let mut stored = 0;
    thread::scope(|scope| {
        let sending = cluster.send("Pause", 1_000_000).rate(3000).named(&load);
        let sent = scope.spawn(move || sending.run());
        for round in 0..5 {
            let before = member.record.count();
            member.record.wait_for(before + 200, WITHIN);
            match round % 2 {
                0 => member.consumer.pause(None, None, None).unwrap(),
                _ => member.consumer.pause(Some("Pause"), None, None).unwrap(),
            }
            wait_until("running callbacks to end", WITHIN, || running.inside() == 0);
            let sent = end();
            wait_until("more to come", WITHIN, || end() > sent + 100);
            let paused = member.record.count();
            wait_until("more to come", WITHIN, || end() > sent + 300);
            assert_eq!(member.record.count(), paused, "nothing is delivered while it is paused");
            assert_eq!(member.queue("Pause", 0)["paused"], true);
            member.consumer.resume(None, None, None).unwrap();
        }
        Sending::halt(&load);
        stored = usize::try_from(sent.join().unwrap().stored).unwrap();
    });
    member.record.wait_for(stored, WITHIN);
    member.stop();
    let keys = member.record.by_key();
    assert_eq!(keys.len(), stored, "nothing is lost");
    let twice: Vec<_> = keys.iter().filter(|(_, times)| **times > 1).take(10).collect();
    assert!(twice.is_empty(), "delivered more than once: {twice:?}");
    assert_eq!(usize::try_from(committed(cluster, "pause", "Pause", 4)).unwrap(), stored);
}

fn a_pause_holds_for_queues_that_come_later_and_the_latest_call_counts(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("PauseLater", 4);
    cluster.send("PauseLater", 40).run();
    let member = Setup::new(cluster, "pause-later").subscribe("PauseLater", "*").build();
    member.consumer.pause(None, None, None).unwrap();
    member.consumer.start().unwrap();
    wait_until("the queues", WITHIN, || member.queues("PauseLater").len() == 4);
    member.consumer.resume(Some("PauseLater"), None, Some(2)).unwrap();
    member.record.wait_for(10, WITHIN);
    wait_until("the other queues to have begun", WITHIN, || {
        (0..4).all(|queue| member.queue("PauseLater", queue)["position"].is_i64())
    });
    assert!(member.record.deliveries().iter().all(|delivery| delivery.queue == 2));
    let paused = |queue| member.queue("PauseLater", queue)["paused"] == true;
    assert!(paused(0) && paused(1) && !paused(2) && paused(3));
    member.consumer.resume(Some("PauseLater"), None, None).unwrap();
    member.record.wait_for(40, WITHIN);
    assert!((0..4).all(|queue| !paused(queue)));
}

fn a_commit_is_at_the_broker_when_it_returns(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Commit", 2);
    let member = Setup::new(cluster, "commit")
        .set("offset.commit.interval.ms", "60000")
        .set("offset.persist.interval.ms", "60000")
        .subscribe("Commit", "*")
        .start();
    wait_until("the queues to begin", WITHIN, || {
        (0..2).all(|queue| cluster.committed_offset("commit", "Commit", queue) == Some(0))
            && member.queues("Commit").len() == 2
    });
    let broker = member.queue("Commit", 0)["broker"].as_str().unwrap().to_owned();
    for round in 1..=3_i64 {
        cluster.send("Commit", 20).run();
        member.record.wait_for(usize::try_from(20 * round).unwrap(), WITHIN);
        wait_until("all to be complete", WITHIN, || {
            (0..2).all(|queue| member.queue("Commit", queue)["pending"] == 0)
        });
        match round {
            1 => member.consumer.commit().unwrap(),
            _ => (0..2).for_each(|queue| member.consumer.commit_queue("Commit", &broker, queue).unwrap()),
        }
        for queue in 0..2_u32 {
            assert_eq!(cluster.committed_offset("commit", "Commit", queue), Some(10 * round));
            let queue = i32::try_from(queue).unwrap();
            assert_eq!(member.consumer.committed("Commit", &broker, queue).unwrap(), 10 * round);
        }
    }
}

fn position_watermarks_committed_and_lag_are_what_administrators_see(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Marks", 2);
    cluster.send("Marks", 60).run();
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(cluster, "marks")
        .set("consume.thread.min", "2")
        .set("consume.thread.max", "2")
        .subscribe("Marks", "*")
        .answer(move |batch, _| {
            if batch.message(0).unwrap().queue_offset() >= 7 {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    wait_until("2 callbacks to wait", WITHIN, || gate.inside() == 2);
    let consumer = &member.consumer;
    consumer.commit().unwrap();
    let progress = cluster.admin("consumerProgress -g marks");
    let rows = progress.lines().filter(|line| line.starts_with("Marks"));
    let mut seen = 0;
    for row in rows {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let number = |at: usize| columns[at].parse::<i64>().unwrap();
        let (broker, queue) = (columns[1], i32::try_from(number(2)).unwrap());
        assert_eq!(consumer.watermarks("Marks", broker, queue).unwrap(), (0, number(3)), "{progress}");
        assert_eq!(consumer.committed("Marks", broker, queue).unwrap(), number(4), "{progress}");
        assert_eq!(consumer.position("Marks", broker, queue).unwrap(), 30);
        // The time of the last message stands between, and is two words.
        let diff = columns.iter().filter_map(|c| c.parse::<i64>().ok()).nth(3).unwrap();
        assert_eq!(diff, number(3) - number(4), "{progress}");
        let told = member.queue("Marks", queue);
        assert_eq!(told["lag"], diff, "{told}");
        assert_eq!((&told["committed"], &told["position"]), (&number(4).into(), &30.into()), "{told}");
        seen += 1;
    }
    assert_eq!(seen, 2, "{progress}");
    gate.open();
    member.record.wait_for(60, WITHIN);
    wait_until("no lag", WITHIN, || (0..2).all(|queue| member.queue("Marks", queue)["lag"] == 0));
}

fn queues_of_others_are_not_controlled(version: Version) {
    let cluster = Cluster::shared(version);
    let (member, broker) = consumed(cluster, "Others", "others", 1);
    let consumer = &member.consumer;
    let kind = |result: rmq::Result<()>| result.unwrap_err().kind();
    let error = consumer.seek("Others", &broker, 1, Seek::Begin).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAssigned);
    assert_eq!(error.text(), format!("seek: Others/{broker}/1 is not assigned to this consumer"));
    assert_eq!(kind(consumer.commit_queue("Others", "nobody", 0)), ErrorKind::NotAssigned);
    assert_eq!(kind(consumer.position("Never", &broker, 0).map(drop)), ErrorKind::NotAssigned);
    assert_eq!(kind(consumer.watermarks("Others", &broker, 1).map(drop)), ErrorKind::NoRoute);
    assert_eq!(kind(consumer.committed("Others", &broker, -1).map(drop)), ErrorKind::InvalidArgument);
    member.stop();
    let error = consumer.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.text().starts_with("commit: the consumer is stopped"), "{error}");
}
