//! Messages that failed in broadcasting: nobody gets them again, as in Java, so somebody has to be told.

use std::ops::Range;

use serde_json::{Map, json};

use super::dispatch::PulledBatch;
use super::engine::Engine;
use super::event::Event;
use super::status::count;
use crate::message::{Message, MessageQueue, namespace};

/// At most so many ids stand in one event.
const IDS: usize = 32;

/// Completes messages that failed, counts and tells them.
pub(super) fn drop_failed(engine: &Engine, pulled: &PulledBatch, indexes: Range<usize>, why: &str) {
    let failed = &pulled.messages[indexes.clone()];
    count(&engine.status.counters.failed, failed.len());
    pulled.queue.marks().failed(failed.len());
    pulled.queue.marks().returned(failed.len());
    tell_dropped(engine, &pulled.queue.name, failed, why);
    pulled.queue.complete(pulled.id, indexes);
}

/// Tells of messages of one queue that failed and do not come again: once a second, with the number since the last
/// time.
pub(super) fn tell_dropped(engine: &Engine, queue: &MessageQueue, failed: &[Message], why: &str) {
    let Some(first) = failed.first() else { return };
    let text = format!(
        "{queue} offset {}, message {}: {why}; in broadcasting it does not come again",
        first.queue_offset(),
        first.message_id()
    );
    engine.log.warn("broadcast", &text);
    let ids: Vec<&str> = failed.iter().take(IDS).map(Message::message_id).collect();
    let details = Map::from_iter([
        ("topic".to_owned(), json!(namespace::unwrap(&engine.config.namespace_prefix, &queue.topic))),
        ("broker".to_owned(), json!(&*queue.broker)),
        ("queue_id".to_owned(), json!(queue.id)),
        ("queue_offset".to_owned(), json!(first.queue_offset())),
        ("message_ids".to_owned(), json!(ids)),
    ]);
    engine.status.tell_times(Event::warning("failed_messages", text, details), failed.len());
}
