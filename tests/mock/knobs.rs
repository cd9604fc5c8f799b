//! Properties of the deeper kind, and views of messages that no client of Java sent.

use std::mem::MaybeUninit;
use std::ptr;

use rmq::capi::view::{rmq_batch_views, rmq_message_view};
use rmq::{ErrorKind, Outcome};
use rmq_mock::{MockCluster, Produced};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::WITHIN;

/// Where the checksum of the body stands in a record.
const CRC: std::ops::Range<usize> = 8..12;

fn with_a_wrong_checksum(check: &str) -> (MockCluster, Member) {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    for key in ["a", "b", "c"] {
        cluster.produce("T", 0, Produced::new(key).key(key));
    }
    cluster.broker().edit_record("T", 0, 1, |record| record[CRC].copy_from_slice(&[1, 2, 3, 4]));
    let member = Setup::new(&cluster, "g").set("check.crc", check).subscribe("T", "*").start();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    (cluster, member)
}

#[test]
fn a_wrong_checksum_is_told_when_it_is_asked_for() {
    let (_cluster, member) = with_a_wrong_checksum("true");
    assert_eq!((member.record.count(), member.total("broken")), (2, 1));
    assert_eq!(member.consumer.last_error().unwrap().kind(), ErrorKind::Checksum);
}

#[test]
fn by_default_checksums_are_not_looked_at() {
    let (_cluster, member) = with_a_wrong_checksum("false");
    assert_eq!((member.record.count(), member.total("broken")), (3, 0));
}

/// The usual stack of a thread is far smaller.
#[test]
fn a_callback_has_the_stack_that_was_asked_for() {
    const NEED: usize = 12 << 20;
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    let member = Setup::new(&cluster, "g")
        .set("thread.stack.kib", "16384")
        .subscribe("T", "*")
        .answer(|_, _| {
            let mut deep = MaybeUninit::<[u8; NEED]>::uninit();
            // The far end of it, which lies beyond a smaller stack.
            // SAFETY: the first byte of an array of bytes.
            unsafe { deep.as_mut_ptr().cast::<u8>().write_volatile(1) };
            std::hint::black_box(&mut deep);
            Outcome::Success
        })
        .start();
    member.record.wait_for(1, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
}

#[test]
fn a_view_of_a_message_without_a_clients_id_has_the_brokers() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, Produced::new("").property("k", "v"));
    let member = Setup::new(&cluster, "g").subscribe("T", "*").polling().start();
    let batch = member.consumer.poll(1, Some(WITHIN)).unwrap();
    let mut view = MaybeUninit::<rmq_message_view>::uninit();
    let handle = ptr::from_ref(&batch).cast();
    // SAFETY: a handle of C's is the address of a batch; there is room for one view, which is filled then.
    let (count, view, id) = unsafe {
        let count = rmq_batch_views(handle, view.as_mut_ptr(), size_of::<rmq_message_view>(), 9);
        let view = view.assume_init();
        (count, view, std::slice::from_raw_parts(view.msg_id.cast::<u8>(), view.msg_id_len))
    };
    assert_eq!(count, 1);
    assert_eq!(id, batch.message(0).unwrap().offset_message_id().as_bytes());
    assert!(view.tags.is_null() && view.keys.is_null() && !view.body.is_null());
    assert_eq!((view.tags_len, view.keys_len, view.body_len), (0, 0, 0));
    batch.ack().unwrap();
}
