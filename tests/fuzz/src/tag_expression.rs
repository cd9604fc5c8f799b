//! A topic, a line break, and the expression of a subscription to it.

use std::sync::Arc;

use bytes::Bytes;
use rmq::consumer::fuzzing::Subscription;
use rmq::message::{Message, property};
use rmq::protocol::command::SubscriptionData;
use rmq::protocol::json::Json;
use rmq::protocol::record::{DecodeOptions, decode_records};
use rmq::protocol::record_builder::RecordBuilder;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (topic, expression) = text.split_once('\n').unwrap_or(("T", text));
    let subscription = match (Subscription::parse(topic, expression, 7), expected(topic, expression)) {
        (Ok(subscription), Some(tags)) => {
            assert_eq!(subscription.tags, tags);
            subscription
        }
        (Err(error), None) => return assert!(error.text().contains("topic"), "{error}"),
        (result, expected) => panic!("{result:?} and not {expected:?}"),
    };
    let data = subscription.data();
    assert_eq!(data.codes, subscription.tags.iter().map(|tag| hash(tag)).collect::<Vec<_>>());
    let json = Json::parse(data.to_json().to_string().as_bytes()).unwrap();
    assert_eq!(SubscriptionData::from_json(&json).as_ref(), Ok(&data));
    assert!(subscription.doubt().is_none_or(|text| text.contains(topic)));

    let all = subscription.tags.is_empty();
    assert_eq!(subscription.wants(&tagged(None)), all);
    // Tags are trimmed, so this is nobody's.
    assert_eq!(subscription.wants(&tagged(Some(" "))), all);
    // Properties end with these two bytes.
    for tag in subscription.tags.iter().take(4).filter(|tag| !tag.contains(['\u{1}', '\u{2}'])) {
        assert!(subscription.wants(&tagged(Some(tag))), "{tag:?}");
    }
}

/// The tags of an expression, read character by character; none for all, and `None` for what is refused.
fn expected(topic: &str, expression: &str) -> Option<Vec<String>> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"%|-_".contains(&b);
    if !(1..=127).contains(&topic.len()) || !topic.bytes().all(legal) {
        return None;
    }
    if ["", "*"].contains(&expression) {
        return Some(Vec::new());
    }
    let mut parts = vec![String::new()];
    let mut rest = expression.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '|' && rest.next_if_eq(&'|').is_some() {
            parts.push(String::new());
        } else {
            parts.last_mut()?.push(c);
        }
    }
    let mut tags: Vec<String> = Vec::new();
    for part in parts {
        let tag = part.trim().to_owned();
        if ["", "*"].contains(&tag.as_str()) {
            return None;
        }
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Some(tags)
}

/// Java's `String#hashCode` in the plainest way.
#[allow(clippy::cast_possible_truncation)]
fn hash(text: &str) -> i32 {
    let mut hash: i64 = 0;
    for unit in text.encode_utf16() {
        hash = (hash * 31 + i64::from(unit)) & 0xffff_ffff;
    }
    hash as i32
}

fn tagged(tag: Option<&str>) -> Message {
    let properties = property::encode(tag.map(|tag| (property::name::TAGS, tag)));
    let record =
        RecordBuilder { topic: "T".into(), properties: properties.into(), ..RecordBuilder::default() };
    let broker: Arc<str> = "b".into();
    decode_records(&Bytes::from(record.to_vec()), &DecodeOptions::new(&broker)).messages.remove(0)
}
