//! Queues in bodies: `{"brokerName":"b","queueId":1,"topic":"T"}`, alone or as the key of an offset.

use std::sync::Arc;

use super::ProtocolError;
use super::json::Json;
use crate::message::MessageQueue;

/// A queue as Java's `MessageQueue` is written.
pub fn queue_to_json(queue: &MessageQueue) -> Json {
    Json::object([
        ("brokerName", Json::from(&*queue.broker)),
        ("queueId", Json::from(queue.id)),
        ("topic", Json::from(&*queue.topic)),
    ])
}

/// The queue an object names.
pub fn queue_from_json(json: &Json) -> Result<MessageQueue, ProtocolError> {
    let text = |name: &'static str| {
        json.get(name).and_then(Json::as_str).map(Arc::from).ok_or_else(|| missing(name))
    };
    Ok(MessageQueue {
        topic: text("topic")?,
        broker: text("brokerName")?,
        id: json.get("queueId").and_then(Json::as_i32).ok_or_else(|| missing("queueId"))?,
    })
}

/// The queues of an array; an absent one is empty.
pub(super) fn queues_from_json(json: Option<&Json>) -> Result<Vec<MessageQueue>, ProtocolError> {
    json.map_or(&[][..], Json::elements).iter().map(queue_from_json).collect()
}

/// Offsets by queue, each queue an object that is a key: `{{"topic":"T",..}:7}`.
pub fn offsets_to_json<'a>(offsets: impl IntoIterator<Item = (&'a MessageQueue, i64)>) -> Json {
    Json::Object(
        offsets.into_iter().map(|(queue, offset)| (queue_to_json(queue), Json::from(offset))).collect(),
    )
}

/// Reads offsets in each of the forms brokers and clients write: keys that are objects, keys that hold the
/// object as text, and the list a broker sends to what it takes for a C++ client.
pub fn offsets_from_json(json: &Json) -> Result<Vec<(MessageQueue, i64)>, ProtocolError> {
    let in_map = json.members().iter().map(|(key, offset)| {
        let queue = match key.as_str() {
            Some(text) => queue_from_json(&Json::parse(text.as_bytes())?)?,
            None => queue_from_json(key)?,
        };
        Ok((queue, offset.as_i64().ok_or_else(|| missing("offset"))?))
    });
    let in_list = json.elements().iter().map(|entry| {
        let offset = entry.get("offset").and_then(Json::as_i64).ok_or_else(|| missing("offset"))?;
        Ok((queue_from_json(entry)?, offset))
    });
    in_map.chain(in_list).collect()
}

fn missing(name: &'static str) -> ProtocolError {
    ProtocolError::Field { name, problem: "is missing in the body or not of its type".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(id: i32) -> MessageQueue {
        MessageQueue { topic: "T".into(), broker: "b".into(), id }
    }

    #[test]
    fn offsets_round_trip_with_objects_as_keys() {
        let json = offsets_to_json([(&queue(0), 5), (&queue(1), -1)]);
        let text =
            r#"{{"brokerName":"b","queueId":0,"topic":"T"}:5,{"brokerName":"b","queueId":1,"topic":"T"}:-1}"#;
        assert_eq!(json.to_string(), text);
        let read = offsets_from_json(&Json::parse(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(read, [(queue(0), 5), (queue(1), -1)]);
    }

    #[test]
    fn other_forms_of_offsets_are_read() {
        for text in [
            r#"[{"topic":"T","brokerName":"b","queueId":1,"offset":7}]"#,
            r#"{"{\"topic\":\"T\",\"brokerName\":\"b\",\"queueId\":1}":7}"#,
        ] {
            let read = offsets_from_json(&Json::parse(text.as_bytes()).unwrap()).unwrap();
            assert_eq!(read, [(queue(1), 7)], "{text}");
        }
        assert_eq!(offsets_from_json(&Json::Null), Ok(Vec::new()));
    }

    #[test]
    fn incomplete_queues_are_refused() {
        for text in [
            r#"{1:2}"#,
            r#"{"x":2}"#,
            r#"{{"topic":"T"}:1}"#,
            r#"[{"topic":"T","brokerName":"b","queueId":1}]"#,
        ] {
            assert!(offsets_from_json(&Json::parse(text.as_bytes()).unwrap()).is_err(), "{text}");
        }
    }
}
