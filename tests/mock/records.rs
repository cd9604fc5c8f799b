//! Records that cannot be read: each is told, the others are delivered, and the offset passes it.

use rmq::message::sys_flag;
use rmq::{ErrorKind, Level};
use rmq_mock::{Fault, MockCluster, Produced, RequestCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{WITHIN, fill};

/// Five messages of which the one in the middle is edited.
fn consume_with(edit: impl FnOnce(&MockCluster)) -> (MockCluster, Member) {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    for key in ["a", "b", "c", "d", "e"] {
        cluster.produce("T", 0, Produced::new(key).key(key));
    }
    edit(&cluster);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    (cluster, member)
}

fn skips_the_middle(cluster: &MockCluster, member: &Member, kind: ErrorKind) {
    member.record.wait_for(4, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    let mut keys: Vec<String> = member.record.by_key().into_keys().collect();
    keys.sort();
    assert_eq!(keys, ["a", "b", "d", "e"]);
    assert_eq!(member.total("broken"), 1);
    let error = member.consumer.last_error().unwrap();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.text().contains("T/broker-a/0: the record at offset 2 is skipped"), "{error}");
    let errors = member.record.logs().into_iter().filter(|(level, _)| *level == Level::Error).count();
    assert_eq!(errors, 1);
}

#[test]
fn an_unknown_magic_between_two_good_records_is_told_and_passed() {
    let (cluster, member) = consume_with(|cluster| {
        cluster.broker().edit_record("T", 0, 2, |record| record[4..8].copy_from_slice(&[1, 2, 3, 4]));
    });
    skips_the_middle(&cluster, &member, ErrorKind::Protocol);
}

#[test]
fn a_body_longer_than_its_record_is_told_and_passed() {
    let (cluster, member) = consume_with(|cluster| {
        // The body's length stands 84 bytes into a record with IPv4 hosts.
        cluster.broker().edit_record("T", 0, 2, |record| record[84..88].copy_from_slice(&[0, 1, 0, 0]));
    });
    skips_the_middle(&cluster, &member, ErrorKind::Protocol);
}

#[test]
fn a_body_that_cannot_be_decompressed_is_told_and_passed() {
    for compression in [0, sys_flag::ZLIB, sys_flag::LZ4, sys_flag::ZSTD] {
        let cluster = MockCluster::start();
        cluster.create_topic("T", 1);
        for key in ["a", "b", "c", "d", "e"] {
            let flags = if key == "c" { sys_flag::COMPRESSED | compression } else { 0 };
            cluster.produce("T", 0, Produced::new("no compressed bytes").key(key).sys_flag(flags));
        }
        let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
        skips_the_middle(&cluster, &member, ErrorKind::Decompress);
    }
}

#[test]
fn a_record_that_breaks_off_at_the_end_is_told_and_passed() {
    let (cluster, member) = consume_with(|cluster| {
        cluster.broker().edit_record("T", 0, 4, |record| record.truncate(60));
    });
    member.record.wait_for(4, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    assert_eq!(member.total("broken"), 1);
    assert!(member.consumer.last_error().unwrap().text().contains("offset 4 is skipped"));
}

#[test]
fn a_damaged_body_is_only_noticed_when_checksums_are_asked_for() {
    for (check, delivered) in [("false", 5), ("true", 4)] {
        let cluster = MockCluster::start();
        cluster.create_topic("T", 1);
        for key in ["a", "b", "c", "d", "e"] {
            cluster.produce("T", 0, Produced::new("body").key(key));
        }
        cluster.broker().edit_record("T", 0, 2, |record| record[88] ^= 1);
        let member = Setup::new(&cluster, "g").set("checkCRC", check).subscribe("T", "*").start();
        wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
        assert_eq!(member.record.count(), delivered);
        assert_eq!(member.total("broken"), 5 - delivered as u64);
    }
}

#[test]
fn a_record_that_is_damaged_on_its_way_is_pulled_again_and_delivered() {
    let (cluster, member) = consume_with(|cluster| damage_the_middle(cluster, 1));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(5));
    assert_eq!((member.record.count(), member.record.by_key().len()), (5, 5));
    assert_eq!(member.total("broken"), 0);
    assert!(member.consumer.last_error().is_none());
}

#[test]
fn a_record_that_is_damaged_on_its_way_each_time_is_told_and_passed() {
    let (cluster, member) = consume_with(|cluster| damage_the_middle(cluster, 2));
    skips_the_middle(&cluster, &member, ErrorKind::Protocol);
}

/// In the answers to the next pulls, while the stored record stays whole.
fn damage_the_middle(cluster: &MockCluster, times: usize) {
    let damage = Fault::edit_record(2, |record| record[4..8].copy_from_slice(&[1, 2, 3, 4]));
    cluster.on(RequestCode::PullMessage).with("topic", "T").times(times, damage);
}

#[test]
fn an_answer_that_breaks_off_loses_nothing_of_what_was_behind_the_break() {
    for left in [0, 20, 150] {
        let cluster = MockCluster::start();
        cluster.create_topic("T", 1);
        fill(&cluster, "T", 0, 30);
        let cut = Fault::edit_body(move |body| body.truncate(left));
        cluster.on(RequestCode::PullMessage).with("topic", "T").times(4, cut);
        let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
        wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(30));
        assert_eq!((member.record.count(), member.record.by_key().len()), (30, 30), "{left}");
        assert_eq!(member.total("broken"), 0);
    }
}

#[test]
fn a_record_without_a_readable_end_is_passed_alone() {
    let (cluster, member) = consume_with(|cluster| {
        cluster.broker().edit_record("T", 0, 2, |record| record[..4].copy_from_slice(&[0x7f, 0, 0, 0]));
    });
    skips_the_middle(&cluster, &member, ErrorKind::Protocol);
}
