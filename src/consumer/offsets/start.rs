//! The offset a newly assigned queue is read from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Store, bounds};
use crate::cluster::command::QueryConsumerOffset;
use crate::config::ConsumeFrom;
use crate::consumer::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;

/// With `consume.timestamp` 0, how far before now a TIMESTAMP consumer begins, as in Java.
const TIMESTAMP_BACK: Duration = Duration::from_secs(30 * 60);

/// Where to begin, and whether that is what the broker holds as committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// The first offset to pull.
    pub(crate) offset: i64,
    /// True when it came from the group's committed offset.
    pub(crate) committed: bool,
}

/// What to ask the broker for when the group has committed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Min,
    Max,
    At(i64),
}

/// Asks the broker where to begin. A failed question is an error and never taken for an offset; only
/// QUERY_NOT_FOUND means that nothing is committed.
pub(crate) async fn start_offset(engine: &Engine, queue: &MessageQueue) -> Result<Start> {
    let committed = match &engine.store {
        Store::Broker => committed_offset(engine, queue).await?,
        // What a queue left in the table counts, also while the disk cannot be written.
        Store::File(store) => store.offset(queue),
    };
    if let Some(offset) = committed {
        return Ok(Start { offset, committed: true });
    }
    let retry = *queue.topic == *engine.subscriptions.retry_topic();
    let offset = match origin(engine.config.consume_from, engine.config.consume_timestamp_ms, retry) {
        Origin::Min => bounds::first(engine, queue).await?,
        Origin::Max => bounds::last(engine, queue).await?,
        Origin::At(timestamp) => bounds::offset_at(engine, queue, timestamp).await?,
    };
    Ok(Start { offset, committed: false })
}

/// What the broker, or in broadcasting the file, holds as committed; `None` when that is nothing.
pub(crate) async fn committed_offset(engine: &Engine, queue: &MessageQueue) -> Result<Option<i64>> {
    if let Store::File(store) = &engine.store {
        return Ok(store.saved(queue));
    }
    let offset = held_offset(engine, queue).await?;
    if offset.is_none() && engine.cluster.routes().has_only_slaves(&queue.broker) {
        // It copies offsets once a minute. Whoever took this for a new group might skip messages.
        let text = format!("{queue}: its slave knows no offset of the group, and its master is away");
        return Err(Error::new(ErrorKind::NoRoute, text));
    }
    Ok(offset)
}

/// What the broker that takes commits now holds.
pub(super) async fn held_offset(engine: &Engine, queue: &MessageQueue) -> Result<Option<i64>> {
    let query = QueryConsumerOffset {
        consumer_group: engine.config.group.clone(),
        topic: queue.topic.to_string(),
        queue_id: queue.id,
        // Else a young queue answers 0 for a group it has never seen. 4.9.7 does not know the field and
        // does just that: there a new group reads such a queue from its beginning whatever it asked for.
        set_zero_if_not_found: Some(false),
    };
    Ok(engine.cluster.call_keeper(queue, &query).await?.offset)
}

/// A retry topic holds messages that this group failed to consume: none of them may be skipped, so it is
/// always read from its beginning. Java skips those that another member sent back before the group's
/// first commit when it starts by timestamp.
fn origin(from: ConsumeFrom, timestamp_ms: i64, retry: bool) -> Origin {
    match from {
        _ if retry => Origin::Min,
        ConsumeFrom::FirstOffset | ConsumeFrom::MinOffset => Origin::Min,
        ConsumeFrom::LastOffset | ConsumeFrom::MaxOffset => Origin::Max,
        ConsumeFrom::Timestamp if timestamp_ms == 0 => {
            let back = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let back = back.saturating_sub(TIMESTAMP_BACK).as_millis();
            Origin::At(i64::try_from(back).unwrap_or(i64::MAX))
        }
        ConsumeFrom::Timestamp => Origin::At(timestamp_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_consume_from_has_its_origin_and_retry_topics_lose_nothing() {
        assert_eq!(origin(ConsumeFrom::FirstOffset, 0, false), Origin::Min);
        assert_eq!(origin(ConsumeFrom::MinOffset, 0, false), Origin::Min);
        assert_eq!(origin(ConsumeFrom::LastOffset, 0, false), Origin::Max);
        assert_eq!(origin(ConsumeFrom::MaxOffset, 0, false), Origin::Max);
        assert_eq!(origin(ConsumeFrom::Timestamp, 1234, false), Origin::At(1234));
        assert!(matches!(origin(ConsumeFrom::Timestamp, 0, false), Origin::At(ms) if ms > 1_600_000_000_000));
        for from in [ConsumeFrom::LastOffset, ConsumeFrom::MaxOffset, ConsumeFrom::Timestamp] {
            assert_eq!(origin(from, 1, true), Origin::Min);
        }
    }
}
