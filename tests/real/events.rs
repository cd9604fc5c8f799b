//! What a consumer tells its user while its group changes.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rmq::EventKind;
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Record, Setup};
use crate::support::{compile_example, program, run};

on_both_versions! {
    queues_come_and_go_with_a_reason_and_are_told_before_they_go,
    the_example_prints_what_happens,
}

const WITHIN: Duration = Duration::from_secs(30);

/// The reasons of a kind's events, with how many queues of `topic` were told of; queues that go one by one count as
/// one event.
fn reasons(record: &Record, kind: EventKind, topic: &str) -> Vec<(String, usize)> {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for event in record.events(kind) {
        let queues = event["queues"].as_array().unwrap().iter();
        let queues = queues.filter(|queue| queue["topic"] == topic).count();
        match reasons.last_mut() {
            _ if queues == 0 => {}
            Some((reason, count)) if event["reason"] == **reason => *count += queues,
            _ => reasons.push((event["reason"].as_str().unwrap().to_owned(), queues)),
        }
    }
    reasons
}

fn queues_come_and_go_with_a_reason_and_are_told_before_they_go(version: Version) {
    let cluster = Cluster::shared(version);
    let topic = "EventsTold";
    cluster.create_topic(topic, 4);
    let setup =
        || Setup::new(cluster, "events-told").set("namesrv.poll.interval.ms", "500").subscribe(topic, "*");
    let first = setup().start();
    let told = |kind| reasons(&first.record, kind, topic);
    wait_until("all queues", WITHIN, || told(EventKind::Assigned) == [("subscription".to_owned(), 4)]);

    let second = setup().start();
    wait_until("its half", WITHIN, || told(EventKind::Released) == [("members".to_owned(), 2)]);
    assert_eq!(told(EventKind::Revoking), [("members".to_owned(), 2)]);
    let kinds = first.record.event_kinds();
    let at = |kind| kinds.iter().position(|of| *of == kind).unwrap();
    assert!(at(EventKind::Revoking) < at(EventKind::Released));
    second.stop();
    wait_until("the other half", WITHIN, || {
        told(EventKind::Assigned).last() == Some(&("members".to_owned(), 2))
    });

    cluster.create_topic(topic, 6);
    wait_until("new queues", WITHIN, || told(EventKind::Assigned).last() == Some(&("route".to_owned(), 2)));
    first.consumer.unsubscribe(topic).unwrap();
    wait_until("none", WITHIN, || told(EventKind::Released).last() == Some(&("subscription".to_owned(), 6)));
    first.stop();
}

fn the_example_prints_what_happens(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("EventsShown", 2);
    static EVENTS: LazyLock<PathBuf> = LazyLock::new(|| compile_example("events.c"));
    let printed = run(program(&*EVENTS)
        .args(["events-shown", "EventsShown", "2"])
        .env("NAMESRV_ADDR", cluster.namesrv()));
    let line = |kind: &str, reason: &str| {
        printed
            .lines()
            .any(|line| line.starts_with(kind) && line.contains(&format!(r#""reason":"{reason}""#)))
    };
    assert!(line("assigned", "subscription"), "{printed}");
    assert!(line("revoking", "shutdown") && line("released", "shutdown"), "{printed}");
}
