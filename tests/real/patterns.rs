//! Topics by a pattern.

use std::time::{Duration, Instant};

use rmq::{EventKind, MessageSelector};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};

const WITHIN: Duration = Duration::from_secs(30);

on_both_versions! {
    a_pattern_follows_topics_as_they_appear_and_go,
    a_pattern_ends_while_running_and_named_topics_stay,
    members_that_find_a_topic_at_different_times_agree_without_a_warning,
}

/// The topics a member subscribes to, without its retry topic.
pub fn topics(member: &Member) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&member.consumer.subscriptions_json()).unwrap();
    let names = json.as_array().unwrap().iter().filter_map(|one| one["topic"].as_str());
    names.filter(|name| !name.starts_with('%')).map(str::to_owned).collect()
}

fn all() -> MessageSelector {
    MessageSelector::by_tag("*")
}

fn a_pattern_follows_topics_as_they_appear_and_go(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Follow-1", 2);
    cluster.create_topic("NotFollow-1", 2);
    cluster.send("Follow-1", 4).run();
    let member = Setup::new(cluster, "follow").set("namesrv.poll.interval.ms", "300").build();
    member.consumer.subscribe_pattern("Follow-[0-9]+", &all()).unwrap();
    member.consumer.start().unwrap();
    assert_eq!(topics(&member), ["Follow-1"], "found by the start");
    member.record.wait_for(4, WITHIN);
    cluster.create_topic("Follow-2", 2);
    cluster.create_topic("Follow-x", 2);
    cluster.send("Follow-2", 4).run();
    member.record.wait_for(8, WITHIN);
    assert_eq!(topics(&member), ["Follow-1", "Follow-2"]);
    wait_until("the commit", WITHIN, || committed(cluster, "follow", "Follow-1", 2) == 4);
    cluster.admin("deleteTopic -c DefaultCluster -t Follow-1");
    wait_until("Follow-1 to be let go", WITHIN, || {
        topics(&member) == ["Follow-2"] && member.has_given_up("Follow-1")
    });
    cluster.send("Follow-2", 4).run();
    member.record.wait_for(12, WITHIN);
}

fn a_pattern_ends_while_running_and_named_topics_stay(version: Version) {
    let cluster = Cluster::shared(version);
    for topic in ["Ending-1", "Ending-2"] {
        cluster.create_topic(topic, 2);
    }
    let member = Setup::new(cluster, "ending").subscribe("Ending-1", "A").start();
    member.consumer.subscribe_pattern("Ending-.*", &all()).unwrap();
    wait_until("both", WITHIN, || {
        !member.queues("Ending-1").is_empty() && !member.queues("Ending-2").is_empty()
    });
    cluster.send("Ending-1", 4).tags(&["A", "B"]).run();
    cluster.send("Ending-2", 4).tags(&["A", "B"]).run();
    member.record.wait_for(6, WITHIN);
    let error = member.consumer.unsubscribe("Ending-2").unwrap_err();
    assert!(error.text().contains("the pattern \"Ending-.*\" found"), "{error}");
    let begun = Instant::now();
    member.consumer.unsubscribe_pattern("Ending-.*").unwrap();
    wait_until("Ending-2 to be given up", WITHIN, || member.has_given_up("Ending-2"));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(committed(cluster, "ending", "Ending-2", 2), 4);
    cluster.send("Ending-2", 2).run();
    cluster.send("Ending-1", 2).tags(&["A"]).run();
    member.record.wait_for(8, WITHIN);
    assert!(member.record.deliveries()[6..].iter().all(|d| d.topic == "Ending-1"));
}

fn members_that_find_a_topic_at_different_times_agree_without_a_warning(version: Version) {
    let cluster = Cluster::shared(version);
    let member = |interval: &str| {
        let member = Setup::new(cluster, "agreeing").set("namesrv.poll.interval.ms", interval).build();
        member.consumer.subscribe_pattern("Agreeing-.*", &all()).unwrap();
        member.consumer.start().unwrap();
        member
    };
    let (early, late) = (member("200"), member("3600000"));
    cluster.create_topic("Agreeing-1", 4);
    // The second one would not look for an hour; it hears of the topic by the group's table.
    wait_until("two queues each", WITHIN, || {
        early.queues("Agreeing-1").len() == 2 && late.queues("Agreeing-1").len() == 2
    });
    cluster.send("Agreeing-1", 40).run();
    wait_until("40 in both", WITHIN, || early.record.count() + late.record.count() == 40);
    for member in [&early, &late] {
        assert_eq!(member.record.events(EventKind::Warning), Vec::<serde_json::Value>::new());
    }
}
