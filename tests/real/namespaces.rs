//! Both kinds of namespaces, with Java on the other side.

use std::time::Duration;

use rmq::Outcome;
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    a_prefix_namespace_is_shared_with_java_and_hidden_from_the_user,
    a_named_namespace_goes_with_every_request_and_changes_no_name,
}

fn a_prefix_namespace_is_shared_with_java_and_hidden_from_the_user(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("shop%Spaced", 4);
    cluster.create_topic("Spaced", 4);
    let java = cluster.java_consumer("spaced", "Spaced").option("nsv1", "shop").start();
    let member = Setup::new(cluster, "spaced")
        .set("namespace.prefix", "shop")
        .subscribe("Spaced", "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    wait_until("the queues to be divided with Java", WITHIN, || {
        let theirs = java.queues();
        let theirs = theirs.iter().filter(|queue| queue.topic == "shop%Spaced").count();
        theirs == 2 && member.queues("Spaced").len() == 2
    });
    assert_eq!(cluster.send("Spaced", 40).option("nsv1", "shop").run().stored, 40);
    // Outside of the namespace.
    assert_eq!(cluster.send("Spaced", 40).keys("outside").run().stored, 40);
    java.wait_for(20, WITHIN);
    // Each of ours fails once and comes back, to Java or to us.
    wait_until("every message and every retry", WITHIN, || java.count() + member.record.count() as u64 >= 60);
    let ours = member.record.deliveries();
    assert!(ours.iter().all(|d| d.topic == "Spaced"), "the user's name: {ours:?}");
    assert!(ours.iter().all(|d| d.queue_topic == "Spaced" || d.queue_topic == "%RETRY%spaced"));
    assert!(ours.iter().all(|d| !d.key.as_deref().unwrap_or_default().starts_with("outside")));
    assert!(java.deliveries().iter().all(|d| d.topic == "Spaced"), "as Java shows it");
    let subscriptions = member.consumer.subscriptions_json();
    assert!(subscriptions.contains("\"Spaced\"") && subscriptions.contains("\"%RETRY%spaced\""));
    assert!(!subscriptions.contains("shop"), "{subscriptions}");
    assert!(!member.consumer.assignment_json().contains("shop"));
    java.stop();
    member.consumer.unsubscribe("Spaced").unwrap();
    wait_until("it to be given up", WITHIN, || member.has_given_up("Spaced"));
    member.stop();
    assert_eq!(committed(cluster, "shop%spaced", "shop%Spaced", 4), 40);
    assert_eq!(committed(cluster, "spaced", "Spaced", 4), 0);
}

/// Neither broker does anything with it: messages from without the namespace come, too.
fn a_named_namespace_goes_with_every_request_and_changes_no_name(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Named", 4);
    let java = cluster.java_consumer("named", "Named").option("nsv2", "shop").start();
    let member = Setup::new(cluster, "named").set("namespace", "shop").subscribe("Named", "*").start();
    wait_until("the queues to be divided with Java", WITHIN, || {
        java.queues().iter().filter(|queue| queue.topic == "Named").count() == 2
            && member.queues("Named").len() == 2
    });
    assert_eq!(cluster.send("Named", 40).option("nsv2", "shop").run().stored, 40);
    assert_eq!(cluster.send("Named", 40).option("nsv2", "another").keys("another").run().stored, 40);
    assert_eq!(cluster.send("Named", 40).keys("outside").run().stored, 40);
    member.record.wait_for(60, WITHIN);
    java.wait_for(60, WITHIN);
    assert!(member.record.deliveries().iter().all(|d| d.topic == "Named"));
    java.stop();
    member.stop();
    assert_eq!(committed(cluster, "named", "Named", 4), 120);
}
