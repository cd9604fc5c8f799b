//! The wire formats against what Java's own classes write: see `tests/wire/java/Vectors.java`, which made the
//! files in `tests/wire/`.

// A helper that cannot go on fails the test it is called from.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use rmq::message::{Message, MessageQueue, sys_flag};
use rmq::protocol::command::*;
use rmq::protocol::frame::{LENGTH_BYTES, frame_length};
use rmq::protocol::header::Encoding;
use rmq::protocol::java::string_hash;
use rmq::protocol::json::Json;
use rmq::protocol::message_id::{OffsetId, UniqueId};
use rmq::protocol::queue_json::{offsets_from_json, offsets_to_json};
use rmq::protocol::record::{DecodeOptions, Decoded, decode_records};
use rmq::protocol::{Fields, Frame, Header, ResponseCode};

/// The lines `name = value` of a file of vectors.
fn vectors(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let vectors: Vec<_> = lines.map(|line| line.split_once(" = ").unwrap()).collect();
    assert!(!vectors.is_empty());
    vectors
}

fn find(text: &'static str, name: &str) -> &'static str {
    vectors(text).into_iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no vector {name}")).1
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

// --- frames ----------------------------------------------------------------------------------------

const FRAMES: &str = include_str!("wire/frames.txt");
const ENCODINGS: [(&str, Encoding); 2] = [("json", Encoding::Json), ("rocketmq", Encoding::Binary)];

fn frame(name: &str) -> Frame {
    let bytes = unhex(find(FRAMES, name));
    let length = frame_length(*bytes.first_chunk::<LENGTH_BYTES>().unwrap()).unwrap();
    assert_eq!(length, bytes.len() - LENGTH_BYTES);
    Frame::decode(&Bytes::from(bytes).slice(LENGTH_BYTES..)).unwrap()
}

/// Java's order of fields is that of its hash map.
fn sorted(fields: &Fields) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Java's request reads as `ours`, and `ours` writes the fields and the body that Java wrote.
fn assert_request<R: Request + PartialEq + Debug>(name: &str, ours: &R) {
    for (suffix, encoding) in ENCODINGS {
        let java = frame(&format!("{name}.{suffix}"));
        assert_eq!(java.header.code, i32::from(R::CODE), "{name}");
        assert_eq!((java.header.opaque, java.header.version, java.header.language.name()), (77, 473, "RUST"));
        assert_eq!(&R::read_request(&java.header, &java.body).unwrap(), ours, "{name}");

        let mut fields = Fields::default();
        ours.write(&mut fields);
        assert_eq!(sorted(&fields), sorted(&java.header.fields), "{name}");
        let body = ours.body();
        if java.body.first() == Some(&b'{') {
            assert_same_json(name, &body, &java.body);
        } else {
            assert_eq!(body, java.body, "{name}");
        }

        // The frame we would send reads as Java's does.
        let mut header = Header::request(R::CODE.into(), fields);
        header.opaque = 77;
        let bytes = Bytes::from(Frame { header, body: Bytes::from(body) }.encode(encoding));
        let again = Frame::decode(&bytes.slice(LENGTH_BYTES..)).unwrap();
        assert_eq!(&R::read_request(&again.header, &again.body).unwrap(), ours, "{name}");
        assert_eq!(
            Header { fields: Fields::default(), ..again.header },
            Header { fields: Fields::default(), ..java.header }
        );
    }
}

/// Equal but for the order of members.
fn assert_same_json(name: &str, ours: &[u8], java: &[u8]) {
    let sort = |bytes| sort_members(Json::parse(bytes).unwrap());
    assert_eq!(sort(ours), sort(java), "{name}");
}

fn sort_members(json: Json) -> Json {
    match json {
        Json::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(key, value)| (sort_members(key), sort_members(value))).collect();
            members.sort_by_key(|(key, _)| key.to_string());
            Json::Object(members)
        }
        Json::Array(elements) => elements.into_iter().map(sort_members).collect(),
        scalar => scalar,
    }
}

#[test]
fn requests_with_fields_are_those_of_java() {
    let (group, topic) = ("G".to_owned(), "T".to_owned());
    let pull = PullMessage {
        consumer_group: group.clone(),
        topic: topic.clone(),
        queue_id: 3,
        queue_offset: 1 << 40,
        max_messages: 32,
        sys_flag: 6,
        commit_offset: 0,
        suspend_timeout_ms: 15000,
        subscription: Some("a || ä".into()),
        sub_version: 1_700_000_000_000,
        expression_type: Some("TAG".into()),
        max_bytes: Some(262_144),
    };
    assert_request("pull", &pull);
    let query = QueryConsumerOffset {
        consumer_group: group.clone(),
        topic: "%RETRY%G".into(),
        queue_id: 0,
        set_zero_if_not_found: Some(false),
    };
    assert_request("query_consumer_offset", &query);
    let update = UpdateConsumerOffset {
        consumer_group: group.clone(),
        topic: topic.clone(),
        queue_id: 2,
        commit_offset: 12,
    };
    assert_request("update_consumer_offset", &update);
    let search =
        SearchOffset { topic: topic.clone(), queue_id: 1, timestamp: 1_700_000_000_000, boundary_type: None };
    assert_request("search_offset", &search);
    let max = GetMaxOffset { topic: topic.clone(), queue_id: 1, committed: true };
    assert_request("get_max_offset", &max);
    assert_request("get_min_offset", &GetMinOffset { topic: topic.clone(), queue_id: 1 });
    let unregister = UnregisterClient {
        client_id: "10.0.0.1@7#8".into(),
        producer_group: None,
        consumer_group: Some(group.clone()),
    };
    assert_request("unregister_client", &unregister);
    let back = ConsumerSendMessageBack {
        offset: 123_456_789_012,
        group: group.clone(),
        delay_level: 0,
        origin_message_id: Some("7F00000100002A9F0000000000001234".into()),
        origin_topic: Some(topic.clone()),
        unit_mode: false,
        max_reconsume_times: Some(16),
        broker_name: None,
    };
    assert_request("consumer_send_message_back", &back);
    assert_request("get_consumer_list", &GetConsumerList { consumer_group: group.clone() });
    assert_request("notify_consumer_ids_changed", &NotifyConsumerIdsChanged { consumer_group: group });
    let route = GetRouteInfo { topic, accept_standard_json_only: Some(true) };
    assert_request("get_route_info", &route);
}

fn queue() -> MessageQueue {
    MessageQueue { topic: "T".into(), broker: "broker-a".into(), id: 1 }
}

fn heartbeat() -> Heartbeat {
    Heartbeat {
        client_id: "10.0.0.1@7#8".into(),
        producer_groups: vec!["CLIENT_INNER_PRODUCER".into()],
        consumers: vec![ConsumerData {
            group: "G".into(),
            consume_type: ConsumeType::Passively,
            message_model: MessageModel::Clustering,
            consume_from: ConsumeFrom::LastOffset,
            subscriptions: vec![subscription("TagA", "TAG", &["TagA"])],
            unit_mode: false,
        }],
    }
}

fn subscription(expression: &str, expression_type: &str, tags: &[&str]) -> SubscriptionData {
    SubscriptionData {
        topic: "T".into(),
        expression: expression.into(),
        expression_type: expression_type.into(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        codes: tags.iter().map(|tag| string_hash(tag)).collect(),
        version: 1_700_000_000_000,
    }
}

#[test]
fn requests_with_bodies_are_those_of_java() {
    let (consumer_group, client_id) = ("G".to_owned(), "10.0.0.1@7#8".to_owned());
    assert_request("heartbeat", &heartbeat());
    let lock = LockQueues {
        consumer_group: consumer_group.clone(),
        client_id: client_id.clone(),
        queues: vec![queue()],
    };
    assert_request("lock_queues", &lock);
    let unlock = UnlockQueues {
        consumer_group: consumer_group.clone(),
        client_id: client_id.clone(),
        queues: vec![queue()],
    };
    assert_request("unlock_queues", &unlock);
    let check = CheckClientConfig {
        client_id,
        group: consumer_group,
        namespace: None,
        subscription: subscription("a > 1 AND b = 'ä'", "SQL92", &[]),
    };
    assert_request("check_client_config", &check);
    let header = SendMessageHeader {
        producer_group: "CLIENT_INNER_PRODUCER".into(),
        topic: "%RETRY%G".into(),
        default_topic: "TBW102".into(),
        default_topic_queues: 4,
        queue_id: 0,
        sys_flag: 0,
        born_timestamp: 1_700_000_000_000,
        flag: 0,
        properties: Some("DELAY\u{1}3\u{2}KEYS\u{1}ä\u{2}".into()),
        reconsume_times: Some(1),
        unit_mode: Some(false),
        max_reconsume_times: Some(16),
        batch: false,
        broker_name: Some("broker-a".into()),
    };
    assert_request("send_message", &SendMessage { header, body: Bytes::from_static(b"body") });
}

#[test]
fn answers_of_java_are_read() {
    for (suffix, _) in ENCODINGS {
        let java = frame(&format!("pulled.{suffix}"));
        assert!(java.header.is_response());
        assert_eq!(java.header.remark.as_deref(), Some("FOUND"));
        let pulled = PullResult::read(&java.header, &java.body).unwrap();
        let position = PullPosition {
            suggest_broker_id: Some(1),
            next_begin_offset: 8,
            min_offset: 0,
            max_offset: 9,
            offset_delta: None,
        };
        assert_eq!((pulled.status, &pulled.position), (PullStatus::Found, &position));

        let java = frame(&format!("moved.{suffix}"));
        assert_eq!(java.header.remark.as_deref(), Some("OFFSET_MOVED_EVENT, \"ä\""));
        let moved = PullResult::read(&java.header, &java.body).unwrap();
        assert_eq!(moved.status, PullStatus::OffsetMoved);
        assert_eq!(moved.position, PullPosition { offset_delta: Some(-5), ..position });

        let java = frame(&format!("sent.{suffix}"));
        let sent = SendResult::read(&java.header, &java.body).unwrap();
        assert_eq!((sent.code, sent.header.queue_offset), (ResponseCode::Success, 3));
        assert_eq!(sent.header.message_id, "7F00000100002A9F0000000000001234");
    }
}

// --- records ---------------------------------------------------------------------------------------

const RECORDS: &str = include_str!("wire/records.txt");

/// A message as `Vectors#describe` writes it.
fn describe(m: &Message) -> String {
    // Java clears this bit when it inflates; and gives the messages of an inner batch no id of their own.
    let flags = m.sys_flag() & !sys_flag::COMPRESSED;
    let id = m.property("UNIQ_KEY").or_else(|| (flags & sys_flag::INNER_BATCH == 0).then(|| m.message_id()));
    let properties: BTreeMap<_, _> = m.properties().collect();
    let properties: String = properties.iter().map(|(k, v)| format!("{k}={v};")).collect();
    let host = |host: Option<std::net::SocketAddr>| {
        let host = host.unwrap();
        match host.ip() {
            std::net::IpAddr::V4(v4) => format!("{}:{}", hex(&v4.octets()), host.port()),
            std::net::IpAddr::V6(v6) => format!("{}:{}", hex(&v6.octets()), host.port()),
        }
    };
    [
        m.topic().to_owned(),
        m.queue_id().to_string(),
        m.queue_offset().to_string(),
        m.commit_log_offset().to_string(),
        flags.to_string(),
        m.flag().to_string(),
        m.born_timestamp().to_string(),
        host(m.born_host()),
        m.store_timestamp().to_string(),
        host(m.store_host()),
        id.unwrap_or("null").to_owned(),
        m.tags().unwrap_or("null").to_owned(),
        m.keys().unwrap_or("null").to_owned(),
        hex(m.body()),
        properties,
    ]
    .join("|")
}

fn decode(bytes: Vec<u8>, check_crc: bool) -> Decoded {
    let broker = Arc::from("broker-a");
    decode_records(&Bytes::from(bytes), &DecodeOptions { check_crc, ..DecodeOptions::new(&broker) })
}

#[test]
fn records_of_java_read_as_java_reads_them() {
    let names: BTreeSet<_> =
        vectors(RECORDS).iter().filter_map(|(n, _)| n.rsplit_once(".0")).map(|n| n.0).collect();
    assert_eq!(names.len(), 10);
    for name in names {
        let decoded = decode(unhex(find(RECORDS, name)), false);
        assert_eq!(decoded.broken, [], "{name}");
        let count = vectors(RECORDS).iter().filter(|(n, _)| n.starts_with(&format!("{name}."))).count();
        assert_eq!(decoded.messages.len(), count, "{name}");
        for (i, message) in decoded.messages.iter().enumerate() {
            let expected = find(RECORDS, &format!("{name}.{i}"));
            assert_eq!(describe(message), expected, "{name}");
            assert_eq!(describe(&message.detach()), expected, "{name}");
        }
    }
}

#[test]
fn checksum_of_java_is_ours() {
    let mut bytes = unhex(find(RECORDS, "v1"));
    assert_eq!(decode(bytes.clone(), true).messages.len(), 1);
    let at = bytes.windows(4).position(|w| w == b"body").unwrap();
    bytes[at] ^= 1;
    assert_eq!(decode(bytes, true).broken.len(), 1);
}

// --- bodies ----------------------------------------------------------------------------------------

const BODIES: &str = include_str!("wire/bodies.txt");

/// The vector of a body in every version it was made by.
fn bodies(name: &str) -> Vec<&'static str> {
    let of_name = |n: &str| n.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let found: Vec<_> =
        vectors(BODIES).into_iter().filter(|(n, _)| of_name(n)).map(|(_, body)| body).collect();
    assert!(found.len() >= 2, "{name}");
    found
}

#[test]
fn bodies_we_send_are_those_of_java() {
    let lock =
        LockQueues { consumer_group: "G".into(), client_id: "10.0.0.1@7#8".into(), queues: vec![queue()] };
    for java in bodies("heartbeat") {
        assert_same_json("heartbeat", heartbeat().to_json().to_string().as_bytes(), java.as_bytes());
    }
    for java in bodies("lock") {
        assert_same_json("lock", &lock.body(), java.as_bytes());
    }
}

fn read_body<A: Answer>(body: &'static str) -> A {
    A::read(&Header::request(0, Fields::default()), &Bytes::from_static(body.as_bytes())).unwrap()
}

#[test]
fn bodies_of_answers_are_read() {
    for java in bodies("locked") {
        assert_eq!(read_body::<LockedQueues>(java).queues, [queue()]);
    }
    for java in bodies("members") {
        assert_eq!(read_body::<ConsumerList>(java).ids, ["10.0.0.1@7#8", "ä"]);
    }
    let route = RouteData {
        brokers: vec![BrokerData {
            name: "broker-a".into(),
            cluster: "Clüster".into(),
            addresses: [(0, "127.0.0.1:10911".into()), (1, "127.0.0.1:10921".into())].into(),
            enable_acting_master: true,
        }],
        queues: vec![QueueData {
            broker: "broker-a".into(),
            read_queues: 8,
            write_queues: 4,
            permission: 6,
            topic_sys_flag: 0,
        }],
        order_conf: Some("broker-a:8".into()),
    };
    for java in bodies("route") {
        assert_eq!(read_body::<RouteData>(java), route);
        let quoted = java.contains("{\"0\"");
        assert_same_json("route", route.to_json(quoted).to_string().as_bytes(), java.as_bytes());
    }
}

#[test]
fn offsets_by_queue_are_read_and_written() {
    for java in bodies("offsets") {
        let json = Json::parse(java.as_bytes()).unwrap();
        assert_eq!(offsets_from_json(json.get("offsetTable").unwrap()), Ok(vec![(queue(), 200)]));
        let ours = Json::object([("offsetTable", offsets_to_json([(&queue(), 200)]))]);
        assert_eq!(ours.to_string(), java);
    }
}

#[test]
fn odd_texts_are_read() {
    for java in bodies("odd") {
        let json = Json::parse(java.as_bytes()).unwrap();
        let text = "\"\\/\u{8}\u{c}\n\r\t\u{b}\u{1}\u{7f}\u{2028}äü😀'<>";
        assert_eq!(json.get("text").unwrap().as_str(), Some(text));
        let numbers = json.get("numbers").unwrap().elements();
        assert_eq!((numbers[0].as_i64(), numbers[1].as_i64()), (Some(-1), Some(i64::MAX)));
        assert_eq!(numbers[2..], [Json::Float(1.5), Json::Float(1e300), Json::Bool(true)]);
    }
}

#[test]
fn subscriptions_of_java_round_trip() {
    for (expression, java) in vectors(include_str!("wire/subscriptions.txt")) {
        let data = SubscriptionData::from_json(&Json::parse(java.as_bytes()).unwrap()).unwrap();
        assert_same_json(expression, data.to_json().to_string().as_bytes(), java.as_bytes());
        let codes: BTreeSet<_> = data.tags.iter().map(|tag| string_hash(tag)).collect();
        assert_eq!(codes, data.codes.iter().copied().collect(), "{expression}");
    }
}

// --- hashes and ids --------------------------------------------------------------------------------

#[test]
fn hashes_are_those_of_java() {
    for (text, hash) in vectors(include_str!("wire/hashes.txt")) {
        let text = String::from_utf8(unhex(text)).unwrap();
        assert_eq!(string_hash(&text).to_string(), hash, "{text}");
    }
}

#[test]
fn ids_are_those_of_java() {
    for (parts, id) in vectors(include_str!("wire/ids.txt")) {
        let [kind, host, number] = parts.split(' ').collect::<Vec<_>>()[..] else { panic!("{parts}") };
        if kind == "offset" {
            let expected =
                OffsetId { host: host.parse().unwrap(), commit_log_offset: number.parse().unwrap() };
            assert_eq!(OffsetId::parse(id), Ok(expected));
            assert_eq!(expected.to_string(), id);
        } else {
            let unique = UniqueId::parse(id).unwrap();
            assert_eq!(unique.ip, host.parse::<std::net::IpAddr>().unwrap());
            assert_eq!(unique.pid.to_string(), number);
            assert_eq!((unique.millis_in_month, unique.counter), (0x0011_2233, 7));
        }
    }
}

// --- hostile bytes ---------------------------------------------------------------------------------

/// Reads a frame as each kind of request and answer; what they make of it does not matter here.
fn read_as_everything(frame: &Frame) {
    fn request<R: Request>(frame: &Frame) {
        if let Ok(request) = R::read_request(&frame.header, &frame.body) {
            request.write(&mut Fields::default());
            let _ = request.body();
        }
    }
    fn answer<A: Reply>(frame: &Frame) {
        if let Ok(answer) = A::read(&frame.header, &frame.body) {
            let _ = answer.write_reply(&mut Fields::default());
        }
    }
    request::<PullMessage>(frame);
    request::<SendMessage>(frame);
    request::<Heartbeat>(frame);
    request::<LockQueues>(frame);
    request::<UnlockQueues>(frame);
    request::<CheckClientConfig>(frame);
    request::<ConsumerSendMessageBack>(frame);
    answer::<PullResult>(frame);
    answer::<SendResult>(frame);
    answer::<CommittedOffset>(frame);
    answer::<LockedQueues>(frame);
    answer::<ConsumerList>(frame);
    answer::<RouteData>(frame);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn frames_with_flipped_bits_never_panic(
        which in any::<Index>(),
        flips in prop::collection::vec((any::<Index>(), 0u8..8), 1..4),
        cut in any::<Index>(),
    ) {
        let frames = vectors(FRAMES);
        let mut bytes = unhex(frames[which.index(frames.len())].1).split_off(LENGTH_BYTES);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        // Half of them whole, half of them cut.
        bytes.truncate(cut.index(2 * bytes.len()) + 1);
        if let Ok(frame) = Frame::decode(&Bytes::from(bytes)) {
            read_as_everything(&frame);
        }
    }

    #[test]
    fn bodies_with_flipped_bits_never_panic(which in any::<Index>(), at in any::<Index>(), byte in any::<u8>()) {
        let bodies = vectors(BODIES);
        let mut body = bodies[which.index(bodies.len())].1.as_bytes().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(json) = Json::parse(&body) {
            let _ = offsets_from_json(json.get("offsetTable").unwrap_or(&json));
            read_as_everything(&Frame { header: Header::request(0, Fields::default()), body: Bytes::from(body) });
        }
    }

    #[test]
    fn records_with_flipped_bits_keep_their_neighbours(which in any::<Index>(), at in any::<Index>(), bit in 0u8..8) {
        let names = ["v1", "v6", "v2", "compressed.lz4", "compressed.zstd", "compressed.zlib", "inner_batch"];
        let good = unhex(find(RECORDS, "v1"));
        let mut bad = unhex(find(RECORDS, names[which.index(names.len())]));
        // Behind the size: without it nobody could tell where the next record begins.
        let at = 4 + at.index(bad.len() - 4);
        bad[at] ^= 1 << bit;
        let decoded = decode([&good[..], &bad, &good].concat(), false);
        let (first, last) = (&decoded.messages[0], &decoded.messages[decoded.messages.len() - 1]);
        prop_assert!(decoded.messages.len() >= 2 && decoded.broken.len() <= 1);
        prop_assert_eq!(describe(first), find(RECORDS, "v1.0"));
        prop_assert_eq!(describe(last), find(RECORDS, "v1.0"));
    }
}
