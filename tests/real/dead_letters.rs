//! What a group has given up, and how it is read.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rmq::{MessageSelector, Outcome, dead_letter_topic, message::Message};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};
use crate::support::{compile_example, program, run, under_valgrind};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    a_hopeless_message_is_a_dead_letter_at_once,
    a_dead_letter_tells_its_first_topic_and_ids_to_subscribers_and_assigned_readers,
    in_a_namespace_dead_letters_have_the_names_the_user_knows,
    a_subscriber_who_fails_on_a_dead_letter_makes_it_one_of_its_own,
    an_assigned_reader_who_fails_gets_the_dead_letter_again,
    no_pattern_takes_dead_letters,
    the_example_shows_what_dead_letters_were_and_stops_at_the_end,
}

/// What is told of a message's first delivery: topic, id, offset id.
type Origin = [String; 3];

fn origin(message: &Message) -> Origin {
    let offset_id = message.origin_offset_message_id().unwrap_or_default();
    [message.origin_topic(), message.origin_message_id(), offset_id].map(str::to_owned)
}

/// A group that gives up what it gets at once, and what it was given.
fn giving_up(
    cluster: &Cluster,
    group: &str,
    topic: &str,
    change: impl FnOnce(Setup) -> Setup,
) -> Vec<Origin> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let given = Arc::clone(&seen);
    let setup = Setup::new(cluster, group).subscribe(topic, "*").answer(move |batch, context| {
        given.lock().unwrap().push(origin(batch.message(0).unwrap()));
        context.delay_level = -1;
        Outcome::Later
    });
    let member = change(setup).start();
    member.record.wait_for(3, WITHIN);
    wait_until("three to be given up", WITHIN, || member.total("failed") == 3);
    member.stop();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 3);
    seen
}

/// A reader of dead letters that notes what they were.
fn reader(setup: Setup) -> (Setup, Arc<Mutex<Vec<Origin>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let read = Arc::clone(&seen);
    let setup = setup.answer(move |batch, _| {
        read.lock().unwrap().push(origin(batch.message(0).unwrap()));
        Outcome::Success
    });
    (setup, seen)
}

fn sorted(mut origins: Vec<Origin>) -> Vec<Origin> {
    origins.sort();
    origins
}

fn assigned(setup: Setup, topic: &str) -> Member {
    let member = setup.build();
    member.consumer.assign(&format!(r#"[{{"topic":"{topic}"}}]"#)).unwrap();
    member.consumer.start().unwrap();
    member
}

fn a_hopeless_message_is_a_dead_letter_at_once(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Hopeless", 1);
    cluster.send("Hopeless", 3).run();
    giving_up(cluster, "hopeless", "Hopeless", |setup| setup);
    wait_until("the dead letters", WITHIN, || cluster.max_offset("%DLQ%hopeless", 0) == 3);
    assert_eq!(committed(cluster, "hopeless", "Hopeless", 1), 3);
    assert_eq!(cluster.max_offset("%RETRY%hopeless", 0), 0);
}

fn a_dead_letter_tells_its_first_topic_and_ids_to_subscribers_and_assigned_readers(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Buried", 1);
    cluster.send("Buried", 3).tags(&["A"]).property("color", "red").run();
    let first = Arc::new(Mutex::new(Vec::new()));
    let given = Arc::clone(&first);
    let member = Setup::new(cluster, "buried")
        .set("reconsume.max", "1")
        .subscribe("Buried", "*")
        .answer(move |batch, _| {
            given.lock().unwrap().push(origin(batch.message(0).unwrap()));
            Outcome::Later
        })
        .start();
    member.record.wait_for(6, WITHIN);
    wait_until("the dead letters", WITHIN, || cluster.max_offset("%DLQ%buried", 0) == 3);
    member.stop();
    let mut first = sorted(first.lock().unwrap().clone());
    first.dedup();
    assert_eq!(first.len(), 3, "a retry tells the same as the first delivery: {first:?}");
    assert!(first.iter().all(|origin| origin[0] == "Buried"));

    let topic = dead_letter_topic("buried").unwrap();
    let (setup, subscribed) = reader(Setup::new(cluster, "buried-subscribed").subscribe(&topic, "*"));
    let by_subscription = setup.start();
    let (setup, other) = reader(Setup::new(cluster, "buried-assigned"));
    let by_assignment = assigned(setup, &topic);
    for (member, seen) in [(by_subscription, subscribed), (by_assignment, other)] {
        member.record.wait_for(3, WITHIN);
        member.stop();
        assert_eq!(sorted(seen.lock().unwrap().clone()), first);
        for letter in member.record.deliveries() {
            assert_eq!((letter.topic.as_str(), letter.queue_topic.as_str()), (&*topic, &*topic));
            // The first delivery, one retry, and being given up.
            assert_eq!((letter.times, letter.tag.as_deref()), (2, Some("A")));
            assert_eq!(
                (letter.property("RETRY_TOPIC"), letter.property("color")),
                (Some("Buried"), Some("red"))
            );
            assert_eq!(letter.property("DLQ_ORIGIN_TOPIC"), None, "no broker writes it");
        }
    }
    // For the administrator: the id leads to the first copy.
    let topic = if version == Version::V5_5_0 { " -t Buried" } else { "" };
    let found = cluster.admin(&format!("queryMsgById -i {}{topic}", first[0][2]));
    assert!(found.contains("Buried"), "{found}");
}

fn in_a_namespace_dead_letters_have_the_names_the_user_knows(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("ward%Burial", 1);
    assert_eq!(cluster.send("Burial", 3).option("nsv1", "ward").run().stored, 3);
    let first = giving_up(cluster, "burial", "Burial", |setup| setup.set("namespace.prefix", "ward"));
    let topic = dead_letter_topic("burial").unwrap();
    let (setup, seen) = reader(Setup::new(cluster, "burial-reader").set("namespace.prefix", "ward"));
    let member = assigned(setup, &topic);
    member.record.wait_for(3, WITHIN);
    member.stop();
    assert_eq!(sorted(seen.lock().unwrap().clone()), sorted(first));
    assert!(seen.lock().unwrap().iter().all(|origin| origin[0] == "Burial"));
    assert!(member.record.deliveries().iter().all(|letter| letter.topic == topic));
    assert_eq!(cluster.max_offset("%DLQ%ward%burial", 0), 3);
}

/// A dead letter keeps its tries, and they are spent.
fn a_subscriber_who_fails_on_a_dead_letter_makes_it_one_of_its_own(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Twice", 1);
    cluster.send("Twice", 3).run();
    giving_up(cluster, "twice", "Twice", |setup| setup);
    let member = Setup::new(cluster, "twice-reader")
        .set("reconsume.max", "1")
        .subscribe("%DLQ%twice", "*")
        .answer(|_, _| Outcome::Later)
        .start();
    member.record.wait_for(3, WITHIN);
    wait_until("the next dead letters", WITHIN, || cluster.max_offset("%DLQ%twice-reader", 0) == 3);
    member.stop();
    assert_eq!((member.record.count(), cluster.max_offset("%RETRY%twice-reader", 0)), (3, 0));
    let (setup, seen) = reader(Setup::new(cluster, "twice-last"));
    let last = assigned(setup, "%DLQ%twice-reader");
    last.record.wait_for(3, WITHIN);
    last.stop();
    assert!(seen.lock().unwrap().iter().all(|origin| origin[0] == "Twice"));
    assert!(last.record.deliveries().iter().all(|letter| letter.times == 2));
}

fn an_assigned_reader_who_fails_gets_the_dead_letter_again(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Thrice", 1);
    cluster.send("Thrice", 3).run();
    giving_up(cluster, "thrice", "Thrice", |setup| setup);
    let failed = Arc::new(Mutex::new(0));
    let setup = Setup::new(cluster, "thrice-reader").answer(move |_, _| {
        let mut failed = failed.lock().unwrap();
        *failed += 1;
        if *failed == 1 { Outcome::Later } else { Outcome::Success }
    });
    let member = assigned(setup, "%DLQ%thrice");
    member.record.wait_for(4, WITHIN);
    wait_until("the commit", WITHIN, || committed(cluster, "thrice-reader", "%DLQ%thrice", 1) == 3);
    assert_eq!(member.total("failed"), 1);
    member.stop();
    assert_eq!(member.record.count(), 4);
    assert_eq!(cluster.max_offset("%DLQ%thrice", 0), 3);
}

fn no_pattern_takes_dead_letters(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Unseen", 1);
    cluster.send("Unseen", 3).run();
    giving_up(cluster, "unseen", "Unseen", |setup| setup);
    wait_until("the dead letters", WITHIN, || cluster.max_offset("%DLQ%unseen", 0) == 3);
    let member = Setup::new(cluster, "unseen-reader").build();
    member.consumer.subscribe_pattern(".*[Uu]nseen", &MessageSelector::by_tag("*")).unwrap();
    member.consumer.start().unwrap();
    member.record.wait_for(3, WITHIN);
    member.stop();
    assert!(member.record.deliveries().iter().all(|d| d.topic == "Unseen"));
    assert!(!member.consumer.subscriptions_json().contains("%DLQ%"));
}

fn the_example_shows_what_dead_letters_were_and_stops_at_the_end(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("DeadShown", 1);
    cluster.send("DeadShown", 3).run();
    let first = giving_up(cluster, "dead-shown", "DeadShown", |setup| setup);
    static DEAD_LETTERS: LazyLock<PathBuf> = LazyLock::new(|| compile_example("dead_letters"));
    let namesrv = cluster.namesrv();
    let printed = run(program(&*DEAD_LETTERS).args(["dead-shown", "end"]).env("NAMESRV_ADDR", &namesrv));
    assert_eq!(printed.lines().count(), 3, "{printed}");
    for [topic, id, offset_id] in &first {
        let line = format!("{topic} {id} (stored as {offset_id}) given back 1 times: DeadShown-");
        assert!(printed.contains(&line), "{printed}");
    }
    assert_eq!(committed(cluster, "dead-shown-dead-letters", "%DLQ%dead-shown", 1), 3);
    let printed = run(program(&*DEAD_LETTERS).args(["dead-shown", "end"]).env("NAMESRV_ADDR", &namesrv));
    assert_eq!(printed, "", "they were shown");
    let mut again = under_valgrind(&*DEAD_LETTERS);
    let printed = run(again.args(["dead-shown", "another", "end"]).env("NAMESRV_ADDR", &namesrv));
    assert_eq!(printed.lines().count(), 3, "{printed}");
}
