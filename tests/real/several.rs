//! Several consumers in one process.

use std::collections::BTreeSet;
use std::time::Duration;

use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Record, Setup, committed};
use crate::support::{compile_example, program, run};

const WITHIN: Duration = Duration::from_secs(40);

#[test]
fn consumers_of_two_clusters_share_a_process_and_nothing_else() {
    let clusters = [Cluster::shared(Version::V5_5_0), Cluster::shared(Version::V4_9_7)];
    let mut members = Vec::new();
    for cluster in clusters {
        cluster.create_topic("Both", 4);
        let keys = format!("at-{}", cluster.version());
        assert_eq!(cluster.send("Both", 100).keys(&keys).run().stored, 100);
        // The same group and the same client id: another cluster is another world.
        let setup = || Setup::new(cluster, "both").subscribe("Both", "*").set("instance.name", "both");
        members.push((cluster, keys, setup().start()));
    }
    for (cluster, keys, member) in &members {
        member.record.wait_for(100, WITHIN);
        assert!(member.record.by_key().keys().all(|key| key.starts_with(keys)));
        wait_until("the commit", WITHIN, || committed(cluster, "both", "Both", 4) == 100);
    }
    let (_, _, first) = members.remove(0);
    first.stop();
    let (cluster, _, second) = &members[0];
    cluster.send("Both", 100).keys("more").run();
    second.record.wait_for(200, WITHIN);
    assert_eq!(first.record.count(), 100);
}

on_both_versions! {
    groups_of_one_process_each_get_everything_and_members_of_one_share,
}

fn groups_of_one_process_each_get_everything_and_members_of_one_share(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Many", 6);
    let shared = Record::default();
    let member = |group: &str, record: &Record| {
        Setup::new(cluster, group).record(record).subscribe("Many", "*").start()
    };
    let sharing = [member("many-a", &shared), member("many-a", &shared), member("many-a", &shared)];
    let alone = member("many-b", &Record::default());
    wait_until("the queues to be divided", WITHIN, || sharing.iter().all(|m| m.queues("Many").len() == 2));
    let ids: BTreeSet<&str> = sharing.iter().chain([&alone]).map(|m| m.consumer.client_id()).collect();
    assert_eq!(ids.len(), 4, "each has a client id of its own");
    cluster.send("Many", 300).run();
    shared.wait_for(300, WITHIN);
    alone.record.wait_for(300, WITHIN);
    sharing.iter().chain([&alone]).for_each(|member| member.stop());
    assert_eq!((shared.by_key().len(), shared.count()), (300, 300));
    assert_eq!(alone.record.count(), 300);
    assert_eq!(committed(cluster, "many-a", "Many", 6), 300);
}

#[test]
fn the_example_consumes_from_two_clusters_in_one_process() {
    let clusters = [Cluster::shared(Version::V5_5_0), Cluster::shared(Version::V4_9_7)];
    for cluster in clusters {
        cluster.create_topic("SeveralExample", 2);
        cluster.send("SeveralExample", 10).run();
    }
    let servers = clusters.map(Cluster::namesrv);
    let output = run(program(compile_example("several.c")).args([
        &servers[0],
        "several",
        "SeveralExample",
        &servers[1],
        "several",
        "SeveralExample",
        "10",
        "40",
    ]));
    assert!(output.contains("first: SeveralExample of broker broker-a, key SeveralExample-9"), "{output}");
    assert!(output.contains("first 10, second 10"), "{output}");
}
