//! Queues that the user assigns: no part in any group, and nothing lost.

use std::time::{Duration, Instant};

use rmq::{ErrorKind, Outcome, Seek};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    assigned_queues_are_consumed_and_committed_without_membership,
    a_java_group_neither_sees_an_assigned_consumer_nor_loses_queues_to_it,
    an_assignment_replaces_the_one_before_while_running,
    an_assignment_of_a_whole_topic_follows_its_route,
    an_assigned_topics_expression_filters_and_can_be_changed,
    what_fails_without_membership_is_delivered_again_here_and_not_committed_before,
    a_consumer_assigns_or_subscribes_and_never_both,
}

/// A member with these queues.
fn assigned(setup: Setup, queues_json: &str) -> Member {
    let member = setup.build();
    member.consumer.assign(queues_json).unwrap();
    member.consumer.start().unwrap();
    member
}

fn assigned_queues_are_consumed_and_committed_without_membership(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Assign", 4);
    cluster.send("Assign", 400).run();
    let broker = cluster.broker_name();
    let queues = format!(
        r#"[{{"topic":"Assign","broker":"{broker}","queue_id":1}},{{"topic":"Assign","queue_id":3}}]"#
    );
    let member = assigned(Setup::new(cluster, "assign"), &queues);
    // Right after the start the queues are there, and know where they begin.
    member.consumer.position("Assign", broker, 1).unwrap();
    let error = member.consumer.position("Assign", broker, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAssigned);
    member.record.wait_for(200, WITHIN);
    member.consumer.commit().unwrap();
    let of = |queue| cluster.committed_offset("assign", "Assign", queue).unwrap_or(0);
    assert_eq!((of(0), of(1), of(2), of(3)), (0, 100, 0, 100));
    match (version, member.consumer.committed("Assign", broker, 0)) {
        (Version::V4_9_7, answer) => assert_eq!(answer, Ok(0), "it knows no difference"),
        (_, answer) => assert_eq!(answer.unwrap_err().kind(), ErrorKind::NoOffset),
    }
    assert_eq!((member.queues("Assign"), member.queues("%RETRY%assign")), (vec![1, 3], vec![]));
    let connection = cluster.admin("consumerConnection -g assign");
    assert!(!connection.contains(member.consumer.client_id()), "{connection}");
    assert_eq!(member.record.logged("begins without the hand-over lock"), 0);
    member.stop();

    // The next one goes on there.
    cluster.send("Assign", 40).run();
    let member = assigned(Setup::new(cluster, "assign"), &queues);
    member.record.wait_for(20, WITHIN);
    member.stop();
    assert_eq!((member.record.count(), of(1), of(3)), (20, 110, 110));
}

fn a_java_group_neither_sees_an_assigned_consumer_nor_loses_queues_to_it(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Beside", 4);
    cluster.send("Beside", 40).run();
    let java = cluster.java_consumer("beside", "Beside").start();
    let java_queues = || java.queues().iter().filter(|queue| queue.topic == "Beside").count();
    wait_until("Java to own all", WITHIN, || java_queues() == 4);
    java.wait_for(40, WITHIN);
    let ours = assigned(Setup::new(cluster, "beside"), r#"[{"topic":"Beside","queue_id":2}]"#);
    ours.consumer.seek("Beside", cluster.broker_name(), 2, Seek::Begin).unwrap();
    ours.record.wait_for(10, WITHIN);
    cluster.send("Beside", 40).run();
    java.wait_for(80, WITHIN);
    ours.record.wait_for(20, WITHIN);
    assert_eq!(java_queues(), 4);
    let connection = cluster.admin("consumerConnection -g beside");
    assert!(connection.contains(java.client_id()), "{connection}");
    assert!(!connection.contains(ours.consumer.client_id()), "{connection}");
    ours.stop();
    cluster.send("Beside", 4).run();
    java.wait_for(84, WITHIN);
    assert_eq!(java_queues(), 4, "our leaving is nothing to it either");
}

fn an_assignment_replaces_the_one_before_while_running(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Replace", 2);
    cluster.create_topic("Replacement", 1);
    cluster.send("Replace", 20).run();
    cluster.send("Replacement", 5).run();
    let member = assigned(Setup::new(cluster, "replace"), "[]");
    assert!(member.queues("Replace").is_empty());
    member.consumer.assign(r#"[{"topic":"Replace","queue_id":0}]"#).unwrap();
    assert_eq!(member.queues("Replace"), [0], "it owns them when the call returns");
    member.record.wait_for(10, WITHIN);
    member.consumer.assign(r#"[{"topic":"Replace","queue_id":1},{"topic":"Replacement"}]"#).unwrap();
    assert_eq!((member.queues("Replacement"), member.queues("Replace").contains(&1)), (vec![0], true));
    member.record.wait_for(25, WITHIN);
    wait_until("the first to be given up", WITHIN, || member.queues("Replace") == [1]);
    assert_eq!(cluster.committed_offset("replace", "Replace", 0), Some(10), "after its commit");
    member.consumer.assign("[]").unwrap();
    wait_until("all to be given up", WITHIN, || {
        member.has_given_up("Replace") && member.has_given_up("Replacement")
    });
    assert_eq!(committed(cluster, "replace", "Replace", 2), 20);
    cluster.send("Replace", 2).starting_at(20).run();
    member.consumer.assign(r#"[{"topic":"Replace"}]"#).unwrap();
    member.record.wait_for(27, WITHIN);
    assert!(member.record.by_key().values().all(|times| *times == 1), "nothing came twice");
}

fn an_assignment_of_a_whole_topic_follows_its_route(version: Version) {
    let cluster = Cluster::shared(version);
    let setup = Setup::new(cluster, "whole").set("namesrv.poll.interval.ms", "1000");
    let member = assigned(setup, r#"[{"topic":"Whole"}]"#);
    wait_until("the warning", WITHIN, || member.record.logged("topic Whole has no route yet") == 1);
    cluster.create_topic("Whole", 2);
    cluster.send("Whole", 20).run();
    member.record.wait_for(20, WITHIN);
    cluster.create_topic("Whole", 4);
    wait_until("the new queues", WITHIN, || member.queues("Whole") == [0, 1, 2, 3]);
    cluster.send("Whole", 40).run();
    member.record.wait_for(60, WITHIN);
}

fn an_assigned_topics_expression_filters_and_can_be_changed(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Tagged", 1);
    cluster.send("Tagged", 30).tags(&["A", "B", "C"]).run();
    let member = assigned(Setup::new(cluster, "tagged"), r#"[{"topic":"Tagged","expression":"A || B"}]"#);
    member.record.wait_for(20, WITHIN);
    wait_until("the end", WITHIN, || cluster.committed_offset("tagged", "Tagged", 0) == Some(30));
    member.consumer.assign(r#"[{"topic":"Tagged","expression":"C"}]"#).unwrap();
    cluster.send("Tagged", 30).tags(&["A", "B", "C"]).run();
    member.record.wait_for(30, WITHIN);
    wait_until("the end", WITHIN, || cluster.committed_offset("tagged", "Tagged", 0) == Some(60));
    let tags: Vec<_> = member.record.deliveries().into_iter().map(|d| d.tag.unwrap()).collect();
    assert!(tags[..20].iter().all(|tag| tag != "C") && tags[20..].iter().all(|tag| tag == "C"), "{tags:?}");
}

fn what_fails_without_membership_is_delivered_again_here_and_not_committed_before(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("AssignAgain", 1);
    cluster.send("AssignAgain", 10).run();
    let fresh = std::sync::atomic::AtomicBool::new(true);
    let setup = Setup::new(cluster, "assign-again").answer(move |batch, context| {
        match batch.message(0).unwrap().queue_offset() {
            3 if fresh.swap(false, std::sync::atomic::Ordering::Relaxed) => Outcome::Later,
            // The dead letters are the one place to send to, and only when asked for.
            5 => {
                context.delay_level = -1;
                Outcome::Later
            }
            _ => Outcome::Success,
        }
    });
    let begun = Instant::now();
    let member = assigned(setup, r#"[{"topic":"AssignAgain"}]"#);
    member.record.wait_for(10, WITHIN);
    member.consumer.commit().unwrap();
    if begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(cluster.committed_offset("assign-again", "AssignAgain", 0), Some(3));
    }
    member.record.wait_for(11, WITHIN);
    assert_eq!(member.record.deliveries()[10].offset, 3);
    wait_until("the commit", WITHIN, || {
        cluster.committed_offset("assign-again", "AssignAgain", 0) == Some(10)
    });
    assert_eq!(cluster.max_offset("%DLQ%assign-again", 0), 1);
    member.stop();

    // Until then it is not committed: whoever comes next gets it.
    cluster.send("AssignAgain", 2).run();
    let setup = Setup::new(cluster, "assign-again").answer(|_, _| Outcome::Later);
    let fails = assigned(setup, r#"[{"topic":"AssignAgain"}]"#);
    fails.record.wait_for(2, WITHIN);
    fails.stop();
    assert_eq!(cluster.committed_offset("assign-again", "AssignAgain", 0), Some(10));
}

fn a_consumer_assigns_or_subscribes_and_never_both(version: Version) {
    let cluster = Cluster::shared(version);
    let subscribed = Setup::new(cluster, "either").subscribe("Either", "*").build();
    let error = subscribed.consumer.assign("[]").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert_eq!(error.text(), "assign: topics were subscribed to, and one consumer does one of both");
    subscribed.consumer.unsubscribe("Either").unwrap();
    subscribed.consumer.start().unwrap();
    let error = subscribed.consumer.assign("[]").unwrap_err();
    assert!(error.text().starts_with("assign: the consumer was started as a member"), "{error}");
    subscribed.stop();
    let error = subscribed.consumer.assign("[]").unwrap_err();
    assert!(error.text().starts_with("assign: the consumer is stopped"), "{error}");

    let member = assigned(Setup::new(cluster, "either"), "[]");
    let error = member.consumer.subscribe("Either", "*").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.text().starts_with("subscribe: queues were assigned"), "{error}");
}
