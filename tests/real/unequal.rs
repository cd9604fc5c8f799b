//! Members of one group that subscribe differently.

use std::time::Duration;

use rmq::EventKind;
use rmq_testbed::{Cluster, Version, wait_until};
use serde_json::Value;

use crate::member::{Member, Setup};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    both_of_two_members_are_warned_of_each_others_expression,
    a_member_with_fewer_and_one_with_more_topics_are_both_warned,
    ours_is_warned_of_an_older_and_of_a_newer_java_members_expression,
    who_stays_alone_is_filtered_by_its_own_expression_again,
}

/// The warning events about a topic, without those of other kinds.
fn warnings(member: &Member, topic: &str) -> Vec<Value> {
    let mut events = member.record.events(EventKind::Warning);
    events.retain(|event| event["warning"] == "unequal_subscriptions" && event["topic"] == topic);
    events
}

fn wait_for_warning(member: &Member, topic: &str) -> Value {
    wait_until("the warning", WITHIN, || !warnings(member, topic).is_empty());
    let [warning] = &warnings(member, topic)[..] else { panic!("more than one warning") };
    warning.clone()
}

fn setup(cluster: &Cluster, group: &str) -> Setup {
    Setup::new(cluster, group).set("rebalance.interval.ms", "1000").set("heartbeat.interval.ms", "1000")
}

fn both_of_two_members_are_warned_of_each_others_expression(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Unequal", 4);
    let older = setup(cluster, "unequal").subscribe("Unequal", "A || B").start();
    let newer = setup(cluster, "unequal").subscribe("Unequal", "A").start();
    let warning = wait_for_warning(&older, "Unequal");
    assert_eq!((&warning["ours"], &warning["theirs"]), (&"TAG \"A || B\"".into(), &"TAG \"A\"".into()));
    assert_eq!(warning["member"], newer.consumer.client_id());
    let text = warning["text"].as_str().unwrap();
    assert!(text.contains("group unequal") && text.contains("topic Unequal"), "{text}");
    // The newer one sees its own expression at the broker, and asks the other member for its own.
    let warning = wait_for_warning(&newer, "Unequal");
    assert_eq!((&warning["ours"], &warning["theirs"]), (&"TAG \"A\"".into(), &"TAG \"A || B\"".into()));
    assert_eq!(warning["member"], older.consumer.client_id());
    // What differs anew within the minute is not told at once.
    newer.consumer.subscribe("Unequal", "C").unwrap();
    wait_until("the broker to filter by it", WITHIN, || {
        cluster.admin("consumerConnection -g unequal").contains("C")
    });
    newer.consumer.subscribe("Unequal", "D").unwrap();
    assert_eq!(warnings(&older, "Unequal").len(), 1);
}

fn a_member_with_fewer_and_one_with_more_topics_are_both_warned(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Fewer", 2);
    cluster.create_topic("More", 2);
    let fewer = setup(cluster, "more").subscribe("Fewer", "*").start();
    let more = setup(cluster, "more").subscribe("Fewer", "*").subscribe("More", "*").start();
    let warning = wait_for_warning(&fewer, "More");
    assert_eq!((&warning["ours"], &warning["theirs"]), (&Value::Null, &"TAG \"*\"".into()));
    wait_until("its pull to be refused and the warning", WITHIN, || {
        cluster.send("More", 2).run();
        !warnings(&more, "More").is_empty()
    });
    let warning = wait_for_warning(&more, "More");
    assert_eq!((&warning["ours"], &warning["theirs"]), (&"TAG \"*\"".into(), &Value::Null));
    assert_eq!(warning["member"], fewer.consumer.client_id());
    assert!(warnings(&more, "Fewer").is_empty() && warnings(&fewer, "Fewer").is_empty());
}

fn ours_is_warned_of_an_older_and_of_a_newer_java_members_expression(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("UnequalJava", 4);
    let ours = setup(cluster, "java-newer").subscribe("UnequalJava", "A").start();
    let older = cluster.java_consumer("java-older", "UnequalJava").tags("A").start();
    let newer = cluster.java_consumer("java-newer", "UnequalJava").tags("B || C").start();
    let warning = wait_for_warning(&ours, "UnequalJava");
    assert_eq!((&warning["ours"], &warning["theirs"]), (&"TAG \"A\"".into(), &"TAG \"B || C\"".into()));
    assert_eq!(warning["member"], newer.client_id());
    // The table shows our own expression now; the Java member tells its own when it is asked.
    let ours = setup(cluster, "java-older").subscribe("UnequalJava", "B").start();
    let warning = wait_for_warning(&ours, "UnequalJava");
    assert_eq!((&warning["ours"], &warning["theirs"]), (&"TAG \"B\"".into(), &"TAG \"A\"".into()));
    assert_eq!(warning["member"], older.client_id());
}

fn who_stays_alone_is_filtered_by_its_own_expression_again(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Prevail", 2);
    let stays = setup(cluster, "prevail").subscribe("Prevail", "A").start();
    let goes = setup(cluster, "prevail").subscribe("Prevail", "B").start();
    wait_for_warning(&stays, "Prevail");
    goes.stop();
    // The broker keeps the newest expression, whoever gave it.
    wait_until("a message of ours", WITHIN, || {
        cluster.send("Prevail", 2).tags(&["A", "B"]).run();
        stays.record.count() > 0
    });
    assert!(stays.record.deliveries().iter().all(|d| d.tag.as_deref() == Some("A")));
    assert_eq!(stays.record.logged("announced anew"), 1);
}
