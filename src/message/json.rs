//! A message without its body as JSON, for logs and for languages that rather parse than call.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::Message;

/// The members are named as the C functions that give them.
#[derive(Serialize)]
struct View<'a> {
    topic: &'a str,
    stored_topic: &'a str,
    broker_name: &'a str,
    queue_id: i32,
    queue_offset: i64,
    commit_log_offset: i64,
    message_id: &'a str,
    offset_message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'a str>,
    born_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    born_host: Option<String>,
    store_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_host: Option<String>,
    reconsume_times: i32,
    delay_level: i32,
    flag: i32,
    sys_flag: i32,
    store_size: i32,
    body_size: usize,
    body_crc: i32,
    prepared_transaction_offset: i64,
    #[serde(serialize_with = "properties")]
    properties: &'a Message,
}

pub(super) fn to_json(message: &Message) -> String {
    let view = View {
        topic: message.topic(),
        stored_topic: message.stored_topic(),
        broker_name: message.broker_name(),
        queue_id: message.queue_id(),
        queue_offset: message.queue_offset(),
        commit_log_offset: message.commit_log_offset(),
        message_id: message.message_id(),
        offset_message_id: message.offset_message_id(),
        transaction_id: message.transaction_id(),
        tags: message.tags(),
        keys: message.keys(),
        born_timestamp: message.born_timestamp(),
        born_host: message.born_host().map(|host| host.to_string()),
        store_timestamp: message.store_timestamp(),
        store_host: message.store_host().map(|host| host.to_string()),
        reconsume_times: message.reconsume_times(),
        delay_level: message.delay_level(),
        flag: message.flag(),
        sys_flag: message.sys_flag(),
        store_size: message.store_size(),
        body_size: message.body().len(),
        body_crc: message.body_crc(),
        prepared_transaction_offset: message.prepared_transaction_offset(),
        properties: message,
    };
    // Writing strings and numbers to memory has no way to fail.
    serde_json::to_string(&view).unwrap_or_default()
}

/// JSON allows a key once and only Unicode: the last value of a key counts, bad bytes are replaced.
fn properties<S: Serializer>(message: &&Message, serializer: S) -> Result<S::Ok, S::Error> {
    let properties = message.raw_properties();
    let last: HashMap<&[u8], usize> = properties.iter().enumerate().map(|(i, (key, _))| (key, i)).collect();
    let mut map = serializer.serialize_map(None)?;
    for (i, (key, value)) in properties.iter().enumerate() {
        if last.get(key) == Some(&i) {
            let text: (Cow<'_, str>, Cow<'_, str>) =
                (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
            map.serialize_entry(&text.0, &text.1)?;
        }
    }
    map.end()
}
