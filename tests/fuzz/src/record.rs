//! Stored records as a pull brings them: with inner batches and compressed bodies.

use std::sync::Arc;

use bytes::Bytes;
use rmq::message::{Message, sys_flag};
use rmq::protocol::record::{DecodeOptions, Decoded, decode_records};
use rmq::protocol::record_builder::RecordBuilder;

const MAX_BODY: usize = 1 << 16;
/// Bytes of the smallest message of an inner batch.
const MIN_CHILD: usize = 22;

/// The first byte chooses the options.
pub fn run(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    let broker: Arc<str> = "broker-a".into();
    let options = DecodeOptions {
        check_crc: first & 1 != 0,
        offset_delta: if first & 2 != 0 { i64::MAX } else { 0 },
        from_offset: if first & 4 != 0 { 1 << 40 } else { 0 },
        namespace: if first & 8 != 0 { "ns" } else { "" },
        max_body: MAX_BODY,
        ..DecodeOptions::new(&broker)
    };
    let body = Bytes::copy_from_slice(data);
    let decoded = decode_records(&body, &options);
    is_within(&decoded, data);
    for message in decoded.messages.iter().take(8) {
        reads(message, data.len());
    }
    if let Some(message) = decoded.messages.first() {
        round_trips(message, &broker);
    }
}

/// No more came out than can have been in it, and what is broken lies in the body, in order.
fn is_within(decoded: &Decoded, data: &[u8]) {
    let records = data.len() / 91 + 1;
    assert!(decoded.messages.len() <= records * (MAX_BODY.max(data.len()) / MIN_CHILD + 1));
    let mut at = 0;
    for broken in &decoded.broken {
        assert!(broken.at >= at && broken.size > 0 && broken.at + broken.size <= data.len());
        at = broken.at + broken.size;
    }
}

/// Every member can be asked for, of the message and of a copy that stands alone.
fn reads(message: &Message, size: usize) {
    assert!(message.body().len() <= MAX_BODY.max(size));
    assert!(message.raw_properties().0.len() < 1 << 15);
    let properties: Vec<(&str, &str)> = message.properties().collect();
    for (key, _) in &properties {
        let last = properties.iter().rev().find(|(other, _)| other == key).map(|(_, value)| *value);
        // A value that is no UTF-8 is found by its bytes only.
        if message.property_bytes(key).is_some_and(|value| std::str::from_utf8(value).is_ok()) {
            assert_eq!(message.property(key), last);
        }
    }
    let copy = message.detach();
    assert_eq!(describe(&copy), describe(message));
    assert_eq!(copy.to_json(), message.to_json());
}

/// A record that is written from a message reads as that message.
fn round_trips(message: &Message, broker: &Arc<str>) {
    let (Some(born_host), Some(store_host)) = (message.born_host(), message.store_host()) else { return };
    const REST: i32 =
        !(sys_flag::COMPRESSED | sys_flag::COMPRESSION_TYPE | sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP);
    let record = RecordBuilder {
        topic: message.stored_topic().to_owned(),
        body: message.body().to_vec(),
        properties: message.raw_properties().0.to_vec(),
        queue_id: message.queue_id(),
        queue_offset: message.queue_offset(),
        commit_log_offset: message.commit_log_offset(),
        sys_flag: message.sys_flag() & REST,
        flag: message.flag(),
        born_timestamp: message.born_timestamp(),
        born_host,
        store_timestamp: message.store_timestamp(),
        store_host,
        reconsume_times: message.reconsume_times(),
        prepared_transaction_offset: message.prepared_transaction_offset(),
    };
    let options = DecodeOptions { check_crc: true, ..DecodeOptions::new(broker) };
    let again = decode_records(&Bytes::from(record.to_vec()), &options);
    assert_eq!((again.messages.len(), again.broken.len()), (1, 0), "{:?}", again.broken);
    assert_eq!(describe(&again.messages[0]), describe(message));
}

/// What does not depend on how the message is stored.
fn describe(message: &Message) -> impl PartialEq + std::fmt::Debug + '_ {
    let numbers = [
        message.queue_offset(),
        message.commit_log_offset(),
        message.born_timestamp(),
        message.store_timestamp(),
        message.prepared_transaction_offset(),
        i64::from(message.queue_id()),
        i64::from(message.flag()),
        i64::from(message.reconsume_times()),
    ];
    let names = [Some(message.stored_topic()), message.tags(), message.keys()];
    let hosts = (message.born_host(), message.store_host());
    (numbers, names, hosts, message.body(), message.raw_properties().0)
}
