//! Messages that failed in broadcasting: nobody gets them again, as in Java, so somebody has to be told.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::dispatch::PulledBatch;
use super::engine::Engine;
use super::event::Event;
use super::status::count;
use crate::message::Message;

/// At most so many ids stand in one event.
const IDS: usize = 32;

/// Completes messages that failed, counts and tells them: once a second, with the number since the last time.
pub(crate) fn drop_failed(engine: &Engine, pulled: &PulledBatch, indexes: Range<usize>, why: &str) {
    let failed = &pulled.messages[indexes.clone()];
    count(&engine.status.counters.failed, failed.len());
    if let Some(first) = failed.first()
        && let Some(since) = engine.status.dropped(failed.len())
    {
        let queue = &pulled.queue.name;
        let text = format!(
            "{queue} offset {}, message {}: {why}; in broadcasting it does not come again ({since} messages since the last report)",
            first.queue_offset(),
            first.message_id()
        );
        engine.log.warn("broadcast", &text);
        let ids: Vec<&str> = failed.iter().take(IDS).map(Message::message_id).collect();
        let details = json!({
            "topic": &*queue.topic,
            "broker": &*queue.broker,
            "queue_id": queue.id,
            "queue_offset": first.queue_offset(),
            "message_ids": ids,
            "failed": since,
        });
        let details = if let Value::Object(details) = details { details } else { Map::new() };
        engine.status.events().raise(Event::warning(text, details));
    }
    pulled.queue.complete(pulled.id, indexes);
}
