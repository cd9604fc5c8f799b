use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::message::{Text, property};
use crate::protocol::record_builder::{RecordBuilder, encode_child};

fn builder(offset: i64) -> RecordBuilder {
    RecordBuilder {
        topic: "T".to_owned(),
        body: b"body".to_vec(),
        properties: property::encode([("TAGS", "a"), ("KEYS", "k1 k2"), ("UNIQ_KEY", "0A")]).into_bytes(),
        queue_id: 3,
        queue_offset: offset,
        commit_log_offset: 0x1234,
        born_timestamp: 1_700_000_000_001,
        store_timestamp: 1_700_000_000_002,
        born_host: "10.1.2.3:5555".parse().unwrap(),
        flag: 7,
        reconsume_times: 2,
        prepared_transaction_offset: 9,
        ..RecordBuilder::default()
    }
}

fn decode_with(bytes: impl Into<Bytes>, change: impl FnOnce(&mut DecodeOptions<'_>)) -> Decoded {
    let broker = Arc::from("broker-a");
    let mut options = DecodeOptions::new(&broker);
    change(&mut options);
    decode_records(&bytes.into(), &options)
}

fn decode(bytes: impl Into<Bytes>) -> Decoded {
    decode_with(bytes, |_| {})
}

fn one(record: &RecordBuilder) -> Message {
    let mut decoded = decode(record.to_vec());
    assert_eq!(decoded.broken, []);
    assert_eq!(decoded.messages.len(), 1);
    decoded.messages.remove(0)
}

fn assert_fields(message: &Message) {
    assert_eq!((message.topic(), message.stored_topic(), message.broker_name()), ("T", "T", "broker-a"));
    assert_eq!(message.body(), b"body");
    assert_eq!((message.tags(), message.keys()), (Some("a"), Some("k1 k2")));
    assert_eq!(message.message_id(), "0A");
    assert_eq!(message.offset_message_id(), "7F00000100002A9F0000000000001234");
    assert_eq!((message.queue_id(), message.queue_offset(), message.commit_log_offset()), (3, 5, 0x1234));
    assert_eq!(message.born_timestamp(), 1_700_000_000_001);
    assert_eq!(message.store_timestamp(), 1_700_000_000_002);
    assert_eq!(message.born_host(), "10.1.2.3:5555".parse().ok());
    assert_eq!(message.store_host(), "127.0.0.1:10911".parse().ok());
    assert_eq!((message.flag(), message.reconsume_times(), message.sys_flag()), (7, 2, 0));
    assert_eq!((message.prepared_transaction_offset(), message.transaction_id()), (9, None));
    assert_eq!(message.properties().collect::<Vec<_>>().len(), 3);
    assert_eq!((message.property("TAGS"), message.property("none")), (Some("a"), None));
}

#[test]
fn every_field_is_read_and_survives_detaching() {
    let message = one(&builder(5));
    assert_fields(&message);
    assert_fields(&message.detach());
    assert_fields(&message.clone());
    let size = message.store_size();
    assert_eq!(usize::try_from(size).unwrap(), builder(5).to_vec().len());
}

#[test]
fn body_is_a_slice_of_the_frame() {
    let bytes = Bytes::from(builder(5).to_vec());
    let message = &decode(bytes.clone()).messages[0];
    assert!(bytes.as_ptr_range().contains(&message.body().as_ptr()));
    assert!(!bytes.as_ptr_range().contains(&message.detach().body().as_ptr()));
}

#[test]
fn version_2_and_ipv6_hosts_are_read() {
    let record = RecordBuilder {
        topic: "t".repeat(300),
        born_host: "[2001:db8::1]:1".parse().unwrap(),
        store_host: "[::1]:10911".parse().unwrap(),
        ..builder(5)
    };
    for message in [one(&record), one(&record).detach()] {
        assert_eq!(message.topic().len(), 300);
        assert_eq!(message.born_host(), Some(record.born_host));
        assert_eq!(message.store_host(), Some(record.store_host));
        assert_eq!(message.offset_message_id(), "0000000000000000000000000000000100002A9F0000000000001234");
        assert_eq!(message.c_text(Text::StoreHost).unwrap().as_bytes(), b"[::1]:10911");
        assert_eq!(message.property("TAGS"), Some("a"));
    }
}

#[test]
fn impossible_port_is_no_host_but_keeps_the_message() {
    let mut bytes = builder(5).to_vec();
    bytes[52..56].copy_from_slice(&70000i32.to_be_bytes());
    let message = &decode(bytes).messages[0];
    assert_eq!((message.born_host(), message.c_text(Text::BornHost)), (None, None));
    assert!(message.to_json().contains(r#""broker_name":"broker-a""#));
}

#[test]
fn retried_message_shows_the_topic_it_was_sent_to() {
    let retry = |properties: &str| RecordBuilder {
        topic: "%RETRY%G".to_owned(),
        properties: properties.as_bytes().to_vec(),
        ..builder(5)
    };
    let mut bytes = retry("RETRY_TOPIC\x01A\x02").to_vec();
    retry("RETRY_TOPIC\x01B\x02").encode(&mut bytes);
    retry("").encode(&mut bytes);
    RecordBuilder { topic: "C".into(), properties: b"RETRY_TOPIC\x01X\x02".to_vec(), ..builder(5) }
        .encode(&mut bytes);
    let topics: Vec<_> =
        decode(bytes).messages.iter().map(|m| (m.topic().to_owned(), m.stored_topic().to_owned())).collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        topics,
        [pair("A", "%RETRY%G"), pair("B", "%RETRY%G"), pair("%RETRY%G", "%RETRY%G"), pair("C", "C")]
    );
}

#[test]
fn a_dead_letter_is_its_topics_own_and_tells_where_it_came_from() {
    let of = |topic: &str, properties: &[(&str, &str)], namespace: &'static str| {
        let record = RecordBuilder {
            topic: topic.to_owned(),
            properties: property::encode(properties.iter().copied()).into_bytes(),
            ..builder(5)
        };
        decode_with(record.to_vec(), |options| options.namespace = namespace).messages.remove(0)
    };
    let origin = |message: &Message| {
        let (id, offset_id) = (message.origin_message_id(), message.origin_offset_message_id());
        let texts = [Text::OriginTopic, Text::OriginMessageId, Text::OriginOffsetMessageId].map(|which| {
            message.c_text(which).map(|text| String::from_utf8(text.as_bytes().to_vec()).unwrap())
        });
        let ours = [Some(message.origin_topic()), Some(id), offset_id].map(|text| text.map(str::to_owned));
        assert_eq!(texts, ours, "C is told the same");
        texts.map(Option::unwrap_or_default)
    };
    const HERE: &str = "7F00000100002A9F0000000000001234";
    let noted = [("RETRY_TOPIC", "T"), ("ORIGIN_MESSAGE_ID", "FF"), ("UNIQ_KEY", "0A")];
    for topic in ["%DLQ%g", "%RETRY%g"] {
        assert_eq!(origin(&of(topic, &noted, "")), ["T", "0A", "FF"]);
        assert_eq!(origin(&of(topic, &noted[..2], "")), ["T", "FF", "FF"], "no producer's id");
        assert_eq!(origin(&of(topic, &[], "")), [topic, HERE, ""], "nothing is noted");
        let republished = [("RETRY_TOPIC", "T"), ("ORIGIN_MESSAGE_ID", "0A"), ("UNIQ_KEY", "0A")];
        assert_eq!(origin(&of(topic, &republished, "")), ["T", "0A", ""], "by Java");
    }
    assert_eq!(of("%DLQ%g", &noted, "").topic(), "%DLQ%g");
    let other = [("DLQ_ORIGIN_TOPIC", "U"), ("DLQ_ORIGIN_MESSAGE_ID", "EE")];
    assert_eq!(origin(&of("%DLQ%g", &other, "")), ["U", "EE", "EE"]);
    assert_eq!(origin(&of("Again", &noted, "")), ["Again", "0A", HERE], "properties of another message");
    let wrapped = of("%DLQ%ns%g", &[("RETRY_TOPIC", "ns%T")], "ns");
    assert_eq!((wrapped.stored_topic(), wrapped.origin_topic()), ("%DLQ%g", "T"));
}

#[test]
fn dead_letters_of_two_topics_in_one_pull_keep_their_own() {
    let mut bytes = Vec::new();
    for topic in ["T", "U", "T"] {
        let properties = property::encode([("RETRY_TOPIC", topic)]).into_bytes();
        bytes.extend(RecordBuilder { topic: "%DLQ%g".to_owned(), properties, ..builder(5) }.to_vec());
    }
    let decoded = decode(bytes);
    let topics: Vec<&str> = decoded.messages.iter().map(Message::origin_topic).collect();
    assert_eq!(topics, ["T", "U", "T"]);
}

#[test]
fn offset_delta_is_added() {
    let decoded = decode_with(builder(5).to_vec(), |o| o.offset_delta = -3);
    assert_eq!(decoded.messages[0].queue_offset(), 2);
}

#[test]
fn message_without_properties_is_named_by_its_place() {
    let mut bytes = RecordBuilder { properties: Vec::new(), ..builder(5) }.to_vec();
    let length_at = bytes.len() - 2;
    for length in [0i16, -1] {
        bytes[length_at..].copy_from_slice(&length.to_be_bytes());
        let message = &decode(bytes.clone()).messages[0];
        assert_eq!(message.message_id(), "7F00000100002A9F0000000000001234");
        assert_eq!(message.c_text(Text::MessageId).unwrap().as_bytes(), message.message_id().as_bytes());
        assert_eq!((message.tags(), message.c_text(Text::Tags), message.property_count()), (None, None, 0));
    }
}

#[test]
fn c_texts_end_with_nul_and_keep_inner_ones() {
    let properties =
        b"TAGS\x01a\0b\x02K\x01\xff\x02K\x01last\x02TRAN_MSG\x01TRUE\x02UNIQ_KEY\x01U\x02".to_vec();
    let message = one(&RecordBuilder { properties, ..builder(5) });
    let tags = message.c_text(Text::Tags).unwrap();
    assert_eq!((tags.as_bytes(), tags.len(), tags.is_empty()), (&b"a\0b"[..], 3, false));
    assert_eq!(message.c_property("K").unwrap().as_bytes(), b"last");
    assert_eq!(message.c_property("missing"), None);
    assert_eq!(message.property_count(), 5);
    let (key, value) = message.c_property_at(1).unwrap();
    assert_eq!((key.as_bytes(), value.as_bytes()), (&b"K"[..], &b"\xff"[..]));
    assert_eq!(message.c_property_at(5), None);
    // What is not UTF-8 has no &str, and is not lost.
    assert_eq!(message.properties().count(), 4);
    assert_eq!(message.raw_properties().iter().count(), 5);
    for (which, text) in [
        (Text::Topic, "T"),
        (Text::StoredTopic, "T"),
        (Text::BrokerName, "broker-a"),
        (Text::TransactionId, "U"),
        (Text::MessageId, "U"),
        (Text::BornHost, "10.1.2.3:5555"),
        (Text::OffsetMessageId, "7F00000100002A9F0000000000001234"),
    ] {
        assert_eq!(message.c_text(which).unwrap().as_bytes(), text.as_bytes(), "{which:?}");
        assert_eq!(message.c_text(which).unwrap().as_ptr(), message.c_text(which).unwrap().as_ptr());
    }
}

#[test]
fn json_holds_all_but_the_body() {
    let properties = b"K\x01one\x02K\x01\"two\"\x02B\x01\xff\x02".to_vec();
    let json = one(&RecordBuilder { properties, ..builder(5) }).to_json();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["properties"], serde_json::json!({"K": "\"two\"", "B": "\u{fffd}"}));
    assert_eq!((&value["queue_offset"], &value["body_size"]), (&serde_json::json!(5), &serde_json::json!(4)));
    assert_eq!(value["store_host"], "127.0.0.1:10911");
}

#[test]
fn one_bad_record_does_not_cost_the_others() {
    let mut bytes = builder(1).to_vec();
    let bad_at = bytes.len();
    builder(2).encode(&mut bytes);
    bytes[bad_at + 4] ^= 0xff;
    let size = bytes.len() - bad_at;
    builder(3).encode(&mut bytes);
    let decoded = decode(bytes);
    assert_eq!(decoded.messages.iter().map(Message::queue_offset).collect::<Vec<_>>(), [1, 3]);
    let [broken] = &decoded.broken[..] else { panic!("{:?}", decoded.broken) };
    assert_eq!((broken.at, broken.size), (bad_at, size));
    assert_eq!((broken.queue_offset, broken.commit_log_offset), (Some(2), Some(0x1234)));
    assert!(matches!(broken.error, ProtocolError::Unknown { .. }));
}

#[test]
fn lengths_inside_a_record_cannot_leave_it() {
    let good = builder(1).to_vec();
    // Body length, then topic length, then properties length.
    for (at, bytes) in
        [(84, &[0x7f, 0xff, 0xff, 0xff][..]), (84, &[0xff; 4]), (92, &[0xff]), (94, &[0x7f, 0xff])]
    {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        bad.extend_from_slice(&builder(2).to_vec());
        let decoded = decode(bad);
        assert_eq!((decoded.messages.len(), decoded.broken.len()), (1, 1), "{at}");
        assert_eq!(decoded.messages[0].queue_offset(), 2);
    }
}

#[test]
fn impossible_size_makes_the_rest_one_broken_record() {
    for size in [0i32, 4, 90, -1, i32::MIN, i32::MAX, 1 << 20] {
        let mut bytes = builder(1).to_vec();
        let at = bytes.len();
        builder(2).encode(&mut bytes);
        builder(3).encode(&mut bytes);
        bytes[at..at + 4].copy_from_slice(&size.to_be_bytes());
        let decoded = decode(bytes.clone());
        assert_eq!(decoded.messages.len(), 1);
        assert_eq!(decoded.broken.len(), 1);
        assert_eq!((decoded.broken[0].at, decoded.broken[0].size), (at, bytes.len() - at));
        assert_eq!(decoded.broken[0].queue_offset, Some(2));
    }
}

#[test]
fn record_cut_at_the_end_is_reported() {
    let whole = builder(1).to_vec();
    for cut in 1..whole.len() {
        let decoded = decode(whole[..cut].to_vec());
        assert_eq!((decoded.messages.len(), decoded.broken.len()), (0, 1));
        assert!(matches!(decoded.broken[0].error, ProtocolError::Truncated { .. }));
        assert_eq!(decoded.broken[0].queue_offset.is_some(), cut >= HEAD);
    }
    assert_eq!(decode(Vec::new()).broken, []);
}

#[test]
fn bytes_behind_the_properties_are_left_alone() {
    let mut bytes = builder(1).to_vec();
    bytes.extend_from_slice(b"from a later version");
    let size = i32::try_from(bytes.len()).unwrap();
    bytes[..4].copy_from_slice(&size.to_be_bytes());
    builder(2).encode(&mut bytes);
    let decoded = decode(bytes);
    assert_eq!((decoded.messages.len(), decoded.broken.len()), (2, 0));
    assert_eq!(decoded.messages[0].property("KEYS"), Some("k1 k2"));
}

#[test]
fn checksum_is_compared_only_when_asked() {
    let mut bytes = builder(1).to_vec();
    bytes[88] ^= 1;
    assert_eq!(decode(bytes.clone()).messages.len(), 1);
    let decoded = decode_with(bytes, |o| o.check_crc = true);
    assert!(matches!(decoded.broken[0].error, ProtocolError::Checksum { .. }));
    let empty = RecordBuilder { body: Vec::new(), ..builder(1) };
    assert_eq!(decode_with(empty.to_vec(), |o| o.check_crc = true).messages.len(), 1);
    assert_eq!(decode_with(builder(1).to_vec(), |o| o.check_crc = true).messages.len(), 1);
}

#[test]
fn topic_that_is_no_text_is_broken() {
    let mut bytes = builder(1).to_vec();
    bytes[93] = 0xff;
    assert_eq!(decode(bytes).broken[0].error, ProtocolError::Utf8("topic"));
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_body_is_inflated_or_broken() {
    let text = b"hello ".repeat(100);
    let record = RecordBuilder { body: zlib(&text), sys_flag: 0x301, ..builder(1) };
    for message in [one(&record), one(&record).detach()] {
        assert_eq!((message.body(), message.sys_flag()), (&text[..], 0x301));
        assert_eq!(message.tags(), Some("a"));
    }
    for bad in [b"no zlib".to_vec(), record.body[..20].to_vec()] {
        let decoded = decode(RecordBuilder { body: bad, sys_flag: 0x301, ..builder(1) }.to_vec());
        assert!(matches!(decoded.broken[0].error, ProtocolError::Compression { .. }));
    }
    let bomb = decode_with(record.to_vec(), |o| o.max_body = 599);
    assert!(matches!(bomb.broken[0].error, ProtocolError::Compression { .. }));
    let empty = RecordBuilder { body: Vec::new(), sys_flag: 0x301, ..builder(1) };
    assert_eq!(one(&empty).body(), b"");
}

fn batch(children: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for i in 0..children {
        encode_child(&mut body, 40, format!("child {i}").as_bytes(), format!("TAGS\x01t{i}\x02").as_bytes());
    }
    body
}

#[test]
fn inner_batch_is_taken_apart() {
    let plain = RecordBuilder { body: batch(3), sys_flag: 0xc0, ..builder(10) };
    let packed = RecordBuilder { body: zlib(&batch(3)), sys_flag: 0x3c1, ..builder(10) };
    for record in [plain, packed] {
        let decoded = decode(record.to_vec());
        assert_eq!((decoded.messages.len(), decoded.broken.len()), (3, 0));
        for (i, message) in decoded.messages.iter().enumerate() {
            for message in [message, &message.detach()] {
                assert_eq!(message.body(), format!("child {i}").as_bytes());
                assert_eq!(message.tags(), Some(format!("t{i}").as_str()));
                assert_eq!((message.queue_offset(), message.flag()), (10 + i as i64, 40));
                assert_eq!((message.keys(), message.born_timestamp()), (None, 1_700_000_000_001));
                assert_eq!(
                    (message.sys_flag(), message.store_host()),
                    (record.sys_flag, Some(record.store_host))
                );
            }
        }
        let rest = decode_with(record.to_vec(), |o| o.from_offset = 12);
        assert_eq!(rest.messages.iter().map(Message::queue_offset).collect::<Vec<_>>(), [12]);
    }
}

#[test]
fn batch_not_to_be_unwrapped_stays_one_message() {
    let record = RecordBuilder { body: batch(2), sys_flag: sys_flag::INNER_BATCH, ..builder(10) };
    assert_eq!(one(&record).body(), batch(2));
}

#[test]
fn damaged_batch_is_broken_as_a_whole() {
    let mut cut = batch(3);
    cut.pop();
    let mut negative = batch(2);
    negative[16..20].copy_from_slice(&[0xff; 4]);
    for body in [cut, negative, vec![0; 40], batch(MAX_CHILDREN + 1)] {
        let mut bytes = RecordBuilder { body, sys_flag: 0xc0, ..builder(10) }.to_vec();
        builder(20).encode(&mut bytes);
        let decoded = decode(bytes);
        assert_eq!((decoded.messages.len(), decoded.broken.len()), (1, 1));
        assert_eq!(decoded.messages[0].queue_offset(), 20);
    }
    assert_eq!(
        decode(RecordBuilder { body: batch(MAX_CHILDREN), sys_flag: 0xc0, ..builder(1) }.to_vec())
            .messages
            .len(),
        MAX_CHILDREN
    );
}

/// Touches everything of a message that is found on demand.
fn touch(message: &Message) {
    let _ =
        (message.body().len(), message.message_id().len(), message.to_json().len(), message.delay_level());
    for which in [Text::Tags, Text::BornHost, Text::StoreHost, Text::OffsetMessageId, Text::TransactionId] {
        let _ = message.c_text(which).map(CTextLen::length);
    }
    for index in 0..message.property_count() {
        let _ = message.c_property_at(index);
    }
    assert_eq!(message.detach().body(), message.body());
    assert_eq!(message.detach().raw_properties(), message.raw_properties());
}

trait CTextLen {
    fn length(self) -> usize;
}
impl CTextLen for crate::message::CText<'_> {
    fn length(self) -> usize {
        self.len()
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let length = bytes.len();
        let decoded = decode(bytes);
        let skipped: usize = decoded.broken.iter().map(|b| b.size).sum();
        prop_assert!(skipped <= length);
        decoded.messages.iter().for_each(touch);
    }

    #[test]
    fn flipped_bits_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..6),
        kind in 0usize..4,
    ) {
        let body = [b"body".to_vec(), zlib(b"some text"), batch(3), zlib(&batch(3))][kind].clone();
        let sys_flag = [0, 0x301, 0xc0, 0x3c1][kind];
        let mut bytes = RecordBuilder { body, sys_flag, ..builder(1) }.to_vec();
        builder(2).encode(&mut bytes);
        for (index, bit) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let decoded = decode_with(bytes, |o| { o.check_crc = kind == 1; o.max_body = 1 << 16; });
        prop_assert!(decoded.messages.iter().all(|m| m.body().len() <= 1 << 16));
        decoded.messages.iter().for_each(touch);
    }
}
