//! Broadcasting: every member gets everything, and keeps its offsets in a file of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rmq::{ErrorKind, EventKind, Outcome};
use rmq_testbed::{Cluster, TempDir, Version, temp_dir, wait_until};

use crate::member::{Member, Record, Setup};

const WITHIN: Duration = Duration::from_secs(30);

on_both_versions! {
    every_member_gets_everything_java_members_too,
    a_restart_goes_on_where_it_stopped_and_a_new_member_begins_by_consume_from,
    progress_is_saved_while_running_for_a_member_that_is_killed,
    a_reset_by_time_moves_one_member_on_5_5_0_and_is_refused_by_4_9_7,
    java_goes_on_from_our_file_and_we_go_on_from_javas,
    a_corrupt_file_gives_way_to_its_backup,
    two_corrupt_files_are_told_and_consume_from_decides,
    failures_are_told_and_do_not_come_again,
    a_callback_that_outruns_its_time_is_told_and_its_message_counts_as_done,
    in_order_a_failure_comes_again_in_its_place_until_its_tries_are_spent,
    a_folder_that_cannot_be_written_holds_nothing_up_and_is_told_once,
    new_queues_of_a_topic_are_taken_up,
    a_second_consumer_with_the_same_file_is_refused,
}

/// A member that keeps its offsets below `store`, under the client id `127.0.0.1@<instance>`.
fn broadcasting(cluster: &Cluster, store: &TempDir, group: &str, topic: &str, instance: &str) -> Setup {
    Setup::new(cluster, group)
        .set("message.model", "broadcasting")
        .set("offset.store.path", store.path().to_str().unwrap())
        .set("client.ip", "127.0.0.1")
        .set("instance.name", instance)
        .set("offset.persist.interval.ms", "200")
        .subscribe(topic, "*")
}

fn file(store: &TempDir, group: &str, instance: &str) -> PathBuf {
    store.path().join(format!("127.0.0.1@{instance}")).join(group).join("offsets.json")
}

/// The sum of the offsets in a file.
fn saved(path: &PathBuf) -> i64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let offsets = text.split("}:").skip(1).filter_map(|rest| rest.split([',', '}', '\n']).next());
    offsets.map(|offset| offset.trim().parse::<i64>().unwrap()).sum()
}

/// Queue and offset of each delivery, none twice.
fn places(record: &Record) -> BTreeSet<(i32, i64)> {
    let deliveries = record.deliveries();
    let places: BTreeSet<(i32, i64)> = deliveries.iter().map(|d| (d.queue, d.offset)).collect();
    assert_eq!(places.len(), deliveries.len(), "something came twice");
    places
}

/// The warnings so far; the first one is awaited.
fn warnings(member: &Member) -> Vec<serde_json::Value> {
    wait_until("a warning", WITHIN, || !member.record.events(EventKind::Warning).is_empty());
    member.record.events(EventKind::Warning)
}

/// Consumes `count` messages, from the file or the first on, and stops.
fn consume(setup: Setup, count: usize) -> Member {
    let member = setup.start();
    member.record.wait_for(count, WITHIN);
    member.stop();
    assert_eq!(places(&member.record).len(), count);
    member
}

fn every_member_gets_everything_java_members_too(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("ToAll", 4);
    let java = cluster.java_consumer("to-all", "ToAll").option("model", "broadcasting").start();
    let ours: Vec<Member> =
        ["one", "two"].map(|name| broadcasting(cluster, &store, "to-all", "ToAll", name).start()).into();
    cluster.send("ToAll", 200).run();
    java.wait_for(200, WITHIN);
    for member in &ours {
        member.record.wait_for(200, WITHIN);
        assert_eq!(member.queues("ToAll"), [0, 1, 2, 3]);
    }
    let connection = cluster.admin("consumerConnection -g to-all");
    assert!(connection.contains("BROADCASTING") && !connection.contains("CLUSTERING"), "{connection}");
    assert!(ours.iter().all(|member| connection.contains(member.consumer.client_id())), "{connection}");
    assert!(!connection.contains("%RETRY%"), "{connection}");
    for member in &ours {
        member.stop();
        assert_eq!(places(&member.record).len(), 200);
        // 4.9.7 answers 0 for a group that it has never seen.
        let committed = cluster.committed_offset("to-all", "ToAll", 0).unwrap_or(0);
        assert_eq!(committed, 0, "brokers keep no offset of it");
    }
    assert_eq!(java.count(), 200);
}

fn a_restart_goes_on_where_it_stopped_and_a_new_member_begins_by_consume_from(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Resumed", 4);
    cluster.send("Resumed", 100).run();
    let member = |name: &str, from| {
        broadcasting(cluster, &store, "resumed", "Resumed", name).set("consume.from", from)
    };
    consume(member("old", "first_offset"), 100);
    let path = file(&store, "resumed", "old");
    assert_eq!(saved(&path), 100);
    cluster.send("Resumed", 60).run();
    let latecomer = member("new", "last_offset").start();
    wait_until("its first offsets to be saved", WITHIN, || saved(&file(&store, "resumed", "new")) == 160);
    consume(member("old", "last_offset"), 60);
    assert_eq!(saved(&path), 160);
    cluster.send("Resumed", 40).run();
    latecomer.record.wait_for(40, WITHIN);
    latecomer.stop();
    assert_eq!(latecomer.record.count(), 40);
}

fn progress_is_saved_while_running_for_a_member_that_is_killed(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Killed", 2);
    cluster.send("Killed", 50).run();
    let member = broadcasting(cluster, &store, "killed", "Killed", "one").start();
    let left = file(&store, "killed", "one");
    wait_until("the interval to save it", WITHIN, || saved(&left) == 50);
    // What a killed member would leave: its file as it is while it runs.
    let found = file(&store, "killed", "two");
    fs::create_dir_all(found.parent().unwrap()).unwrap();
    fs::copy(left, found).unwrap();
    cluster.send("Killed", 20).run();
    consume(broadcasting(cluster, &store, "killed", "Killed", "two"), 20);
    member.record.wait_for(70, WITHIN);
}

/// Brokers keep no offset of the group, so all they can do is to move whoever pulls first.
fn a_reset_by_time_moves_one_member_on_5_5_0_and_is_refused_by_4_9_7(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Reset", 1);
    let members =
        ["one", "two"].map(|name| broadcasting(cluster, &store, "reset-all", "Reset", name).start());
    cluster.send("Reset", 10).run();
    members.iter().for_each(|member| member.record.wait_for(10, WITHIN));
    let answer = cluster.admin("resetOffsetByTime -g reset-all -t Reset -s 0");
    cluster.send("Reset", 10).run();
    let count = || members.iter().map(|member| member.record.count()).sum::<usize>();
    let wanted = match version {
        Version::V5_5_0 => 50,
        Version::V4_9_7 => 40,
    };
    wait_until("both to be done", WITHIN, || count() >= wanted);
    for (name, member) in ["one", "two"].into_iter().zip(&members) {
        member.stop();
        assert_eq!(saved(&file(&store, "reset-all", name)), 20);
    }
    assert_eq!(count(), wanted, "{answer}");
    assert_eq!(answer.contains("<reset-all> not exist"), version == Version::V4_9_7, "{answer}");
}

fn java_goes_on_from_our_file_and_we_go_on_from_javas(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Shared", 3);
    let store = cluster.java_offset_store();
    let path = store.join("127.0.0.1@shared/shared/offsets.json");
    let ours = || {
        Setup::new(cluster, "shared")
            .set("message.model", "broadcasting")
            .set("offset.store.path", store.to_str().unwrap())
            .set("client.ip", "127.0.0.1")
            .set("instance.name", "shared")
            .subscribe("Shared", "*")
    };
    let javas = |count: usize| {
        let java = cluster.java_broadcast("shared", "Shared", "shared");
        // It looks for a route it did not get every 30 s.
        wait_until("Java's messages", 2 * WITHIN, || java.heard().len() >= count);
        let heard = java.heard();
        java.stop();
        assert_eq!(heard.len(), count, "{heard:?}");
        heard
    };
    cluster.send("Shared", 30).run();
    let mut all: Vec<(i32, i64)> = javas(30);
    assert_eq!(saved(&path), 30);
    cluster.send("Shared", 31).run();
    all.extend(places(&consume(ours(), 31).record));
    assert_eq!(saved(&path), 61);
    cluster.send("Shared", 32).run();
    all.extend(javas(32));
    assert_eq!(saved(&path), 93);
    cluster.send("Shared", 33).run();
    all.extend(places(&consume(ours(), 33).record));
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 126, "each message once");
}

fn a_corrupt_file_gives_way_to_its_backup(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Backup", 2);
    cluster.send("Backup", 40).run();
    let setup =
        || broadcasting(cluster, &store, "backup", "Backup", "one").set("consume.from", "last_offset");
    consume(setup().set("consume.from", "first_offset"), 40);
    let path = file(&store, "backup", "one");
    fs::copy(&path, path.with_extension("json.bak")).unwrap();
    fs::write(&path, "{\"offsetTable\":{{\"brokerName\":\"bro").unwrap();
    cluster.send("Backup", 20).run();
    let member = consume(setup(), 20);
    let warnings = member.record.events(EventKind::Warning);
    assert!(warnings[0]["text"].as_str().unwrap().contains("offsets.json.bak are taken"), "{warnings:?}");
    assert_eq!(warnings[0]["path"], path.to_str().unwrap());
    assert_eq!(saved(&path), 60);
}

fn two_corrupt_files_are_told_and_consume_from_decides(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Corrupt", 2);
    cluster.send("Corrupt", 40).run();
    let path = file(&store, "corrupt", "one");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{\"offsetTable\":7}").unwrap();
    fs::write(path.with_extension("json.bak"), "").unwrap();
    let member = consume(broadcasting(cluster, &store, "corrupt", "Corrupt", "one"), 40);
    let error = member.consumer.last_error().unwrap();
    assert_eq!(error.kind(), ErrorKind::OffsetFile);
    let path_text = path.to_str().unwrap();
    let text = format!(
        "{path_text}: has no offsetTable; {path_text}.bak: is empty; every queue begins by consume.from"
    );
    assert_eq!(error.text(), text);
    assert_eq!(member.record.events(EventKind::Error)[0]["text"], text.as_str());
    assert_eq!(saved(&path), 40);
    assert_eq!(fs::read_to_string(path.with_extension("json.corrupt")).unwrap(), "{\"offsetTable\":7}");
}

fn failures_are_told_and_do_not_come_again(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Failing", 1);
    let setup = broadcasting(cluster, &store, "failing", "Failing", "one");
    let member = setup.answer(|_, _| Outcome::Later).start();
    cluster.send("Failing", 50).run();
    member.record.wait_for(50, WITHIN);
    wait_until("the file to pass them", WITHIN, || saved(&file(&store, "failing", "one")) == 50);
    let first = warnings(&member).remove(0);
    assert_eq!((&first["topic"], &first["queue_id"]), (&"Failing".into(), &0.into()));
    let id = first["message_ids"][0].as_str().unwrap();
    let text = first["text"].as_str().unwrap();
    let offset = &first["queue_offset"];
    assert!(text.contains(&format!("Failing/broker-a/0 offset {offset}, message {id}: ")), "{text}");
    member.stop();
    assert_eq!(places(&member.record).len(), 50);
    assert_eq!(member.total("failed"), 50);
    assert_eq!(member.total("consumed"), 0);
    let told = member.record.events(EventKind::Warning).len();
    assert!(told < 50, "told once a second: {told}");
    assert_eq!(cluster.max_offset("%RETRY%failing", 0), 0, "nothing was sent back");
}

fn a_callback_that_outruns_its_time_is_told_and_its_message_counts_as_done(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Overdue", 1);
    cluster.send("Overdue", 2).run();
    let member = broadcasting(cluster, &store, "overdue", "Overdue", "one")
        .set("consume.timeout.ms", "200")
        .answer(|batch, _| {
            if batch.message(0).unwrap().queue_offset() == 0 {
                std::thread::sleep(Duration::from_secs(2));
            }
            Outcome::Success
        })
        .start();
    wait_until("the file to pass it", WITHIN, || saved(&file(&store, "overdue", "one")) == 2);
    let warnings = warnings(&member);
    assert!(warnings[0]["text"].as_str().unwrap().contains("its callback outran consume.timeout.ms"));
    assert_eq!((member.total("timed_out"), member.total("failed")), (1, 1));
    member.stop();
    assert_eq!(places(&member.record).len(), 2);
}

fn in_order_a_failure_comes_again_in_its_place_until_its_tries_are_spent(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("InOrder", 1);
    cluster.send("InOrder", 6).run();
    let members = ["one", "two"].map(|name| {
        broadcasting(cluster, &store, "in-order", "InOrder", name)
            .set("consume.mode", "orderly")
            .set("orderly.reconsume.max", "2")
            .set("suspend.queue.ms", "10")
            .answer(|batch, _| match batch.message(0).unwrap().queue_offset() {
                3 => Outcome::Suspend,
                _ => Outcome::Success,
            })
            .start()
    });
    for (name, member) in ["one", "two"].into_iter().zip(&members) {
        member.record.wait_for(8, WITHIN);
        wait_until("the file to pass it", WITHIN, || saved(&file(&store, "in-order", name)) == 6);
        let told = warnings(member).remove(0);
        assert!(told["text"].as_str().unwrap().contains("its tries are spent"), "{told}");
        member.stop();
        let offsets: Vec<i64> = member.record.deliveries().iter().map(|d| d.offset).collect();
        assert_eq!(offsets, [0, 1, 2, 3, 3, 3, 4, 5]);
    }
}

fn a_folder_that_cannot_be_written_holds_nothing_up_and_is_told_once(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Unwritable", 2);
    // Rights would not stop a test that runs as root.
    let path = file(&store, "unwritable", "one");
    let obstacle = path.with_extension("json.tmp");
    fs::create_dir_all(&obstacle).unwrap();
    let member = broadcasting(cluster, &store, "unwritable", "Unwritable", "one").start();
    cluster.send("Unwritable", 40).run();
    member.record.wait_for(40, WITHIN);
    wait_until("the report", WITHIN, || !member.record.events(EventKind::Error).is_empty());
    cluster.send("Unwritable", 20).run();
    member.record.wait_for(60, WITHIN);
    std::thread::sleep(Duration::from_millis(600)); // three intervals
    let errors = member.record.events(EventKind::Error);
    assert_eq!(errors.len(), 1, "{errors:?}");
    let text = errors[0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("the offsets cannot be saved") && text.contains(path.to_str().unwrap()),
        "{text}"
    );
    assert_eq!(errors[0]["code"], ErrorKind::Io.number());
    fs::remove_dir(&obstacle).unwrap();
    wait_until("the next interval to save it", WITHIN, || saved(&path) == 60);
    fs::create_dir(&obstacle).unwrap();
    cluster.send("Unwritable", 10).run();
    member.record.wait_for(70, WITHIN);
    member.stop();
    let last = member.consumer.last_error().unwrap();
    assert!(last.text().contains("queues are not saved"), "{last}");
    assert_eq!(saved(&path), 60);
}

fn new_queues_of_a_topic_are_taken_up(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Growing", 2);
    let setup = broadcasting(cluster, &store, "growing", "Growing", "one");
    let member = setup.set("namesrv.poll.interval.ms", "300").start();
    wait_until("two queues", WITHIN, || member.queues("Growing") == [0, 1]);
    cluster.create_topic("Growing", 4);
    wait_until("four queues", WITHIN, || member.queues("Growing") == [0, 1, 2, 3]);
    cluster.send("Growing", 40).run();
    member.record.wait_for(40, WITHIN);
    member.stop();
    assert_eq!(saved(&file(&store, "growing", "one")), 40);
}

fn a_second_consumer_with_the_same_file_is_refused(version: Version) {
    let (cluster, store) = (Cluster::shared(version), temp_dir("broadcast"));
    cluster.create_topic("Taken", 1);
    let setup = || broadcasting(cluster, &store, "taken", "Taken", "one");
    let first = setup().start();
    let second = setup().build();
    let error = second.consumer.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateClient);
    assert!(error.text().contains(file(&store, "taken", "one").to_str().unwrap()), "{error}");
    first.stop();
    second.consumer.start().unwrap();
}
