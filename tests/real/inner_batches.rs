//! Batches that a broker stores as one record (topics with `queue.type=BatchCQ`, 5.5.0 only).

use std::time::Duration;

use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Setup, committed};

const WITHIN: Duration = Duration::from_secs(30);

fn batch_topic(topic: &str) -> &'static Cluster {
    let cluster = Cluster::shared(Version::V5_5_0);
    cluster.create_topic_with(topic, 1, &[("attributes", "+queue.type=BatchCQ")]);
    cluster
}

#[test]
fn a_pull_from_the_middle_of_a_batch_delivers_the_rest_of_it_only() {
    let cluster = batch_topic("InnerMiddle");
    cluster.create_group("inner-middle", 16);
    cluster.send("InnerMiddle", 30).batches_of(10).run();
    wait_until("the index of the queue", WITHIN, || cluster.max_offset("InnerMiddle", 0) == 30);
    cluster.commit_offset("inner-middle", "InnerMiddle", 0, 17);
    let member = Setup::new(cluster, "inner-middle").subscribe("InnerMiddle", "*").start();
    member.record.wait_for(13, WITHIN);
    cluster.send("InnerMiddle", 1).starting_at(30).run();
    member.record.wait_for(14, WITHIN);
    let mut deliveries = member.record.deliveries();
    // Several threads consume: they need not note their messages in order.
    deliveries.sort_by_key(|delivery| delivery.offset);
    let offsets: Vec<i64> = deliveries.iter().map(|delivery| delivery.offset).collect();
    assert_eq!(offsets, (17..31).collect::<Vec<i64>>());
    assert!(deliveries.iter().all(|d| d.key == Some(format!("InnerMiddle-{}", d.offset))));
    member.stop();
    assert_eq!(committed(cluster, "inner-middle", "InnerMiddle", 1), 31);
}

#[test]
fn a_restart_within_a_batch_goes_on_with_its_next_message() {
    let cluster = batch_topic("InnerRestart");
    cluster.send("InnerRestart", 10).batches_of(10).run();
    let setup = || Setup::new(cluster, "inner-restart").subscribe("InnerRestart", "*");
    let first = setup()
        .set("consume.thread.max", "1")
        .answer(|batch, _| {
            // The rest of the batch is not begun when the stop comes.
            std::thread::sleep(Duration::from_millis(if batch.message(0).unwrap().queue_offset() < 5 {
                0
            } else {
                500
            }));
            rmq::Outcome::Success
        })
        .start();
    first.record.wait_for(6, WITHIN);
    first.stop();
    let done = i64::try_from(first.record.count()).unwrap();
    assert!(done < 10, "stopped within the batch, after {done}");
    assert_eq!(committed(cluster, "inner-restart", "InnerRestart", 1), done);
    let second = setup().start();
    second.record.wait_for(usize::try_from(10 - done).unwrap(), WITHIN);
    second.stop();
    let offsets: Vec<i64> = second.record.deliveries().iter().map(|delivery| delivery.offset).collect();
    assert_eq!(offsets, (done..10).collect::<Vec<i64>>(), "neither again nor skipped");
}

/// The broker looks at the tag of the record, the client at those of the messages in it. A producer that
/// gathers batches by itself makes one for each tag, and gives it to the record, too.
#[test]
fn batches_gathered_by_tag_arrive_for_those_who_want_the_tag() {
    let cluster = batch_topic("InnerTags");
    assert_eq!(cluster.send("InnerTags", 40).tags(&["A", "B"]).gathered().run().stored, 40);
    let member = Setup::new(cluster, "inner-tags").subscribe("InnerTags", "A").start();
    wait_until("everything to be passed", WITHIN, || committed(cluster, "inner-tags", "InnerTags", 1) == 40);
    let deliveries = member.record.deliveries();
    assert!(deliveries.iter().all(|d| d.tag.as_deref() == Some("A")), "{deliveries:?}");
    assert_eq!(member.record.by_key().len(), 20);
    assert!(deliveries.iter().any(|d| d.property("INNER_NUM").is_none()), "taken apart: {deliveries:?}");
}

/// `send(List)` gives the record no tag, whatever its messages have: the broker lets none of them through to a
/// consumer of tags, only to one of all messages.
#[test]
fn batches_without_a_tag_of_their_own_arrive_for_those_who_want_everything() {
    let cluster = batch_topic("InnerNoTag");
    cluster.send("InnerNoTag", 20).tags(&["A", "B"]).batches_of(10).run();
    cluster.send("InnerNoTag", 4).starting_at(20).tags(&["A", "B"]).run();
    let all = Setup::new(cluster, "inner-all").subscribe("InnerNoTag", "*").start();
    all.record.wait_for(24, WITHIN);
    let mut deliveries = all.record.deliveries();
    deliveries.sort_by_key(|delivery| delivery.offset);
    let tags: String = deliveries.into_iter().filter_map(|d| d.tag).collect();
    assert_eq!(tags, "AB".repeat(12), "each message has its own tag");
    let some = Setup::new(cluster, "inner-some").subscribe("InnerNoTag", "A").start();
    wait_until("everything to be passed", WITHIN, || committed(cluster, "inner-some", "InnerNoTag", 1) == 24);
    let mut offsets: Vec<i64> = some.record.deliveries().iter().map(|d| d.offset).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [20, 22], "those that were sent alone");
}
