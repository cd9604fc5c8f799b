//! What a broker says of a queue: its ends, and the offset of a point in time.

use crate::cluster::command::{GetMaxOffset, GetMinOffset, SearchOffset};
use crate::consumer::engine::Engine;
use crate::error::Result;
use crate::message::MessageQueue;

/// The first offset of a queue, and the one after its last message.
pub(crate) async fn bounds(engine: &Engine, queue: &MessageQueue) -> Result<(i64, i64)> {
    tokio::try_join!(first(engine, queue), last(engine, queue))
}

/// The first offset of a queue.
pub(crate) async fn first(engine: &Engine, queue: &MessageQueue) -> Result<i64> {
    let request = GetMinOffset { topic: queue.topic.to_string(), queue_id: queue.id };
    Ok(engine.cluster.call_keeper(queue, &request).await?.offset)
}

/// The offset after the last message of a queue.
pub(crate) async fn last(engine: &Engine, queue: &MessageQueue) -> Result<i64> {
    let request = GetMaxOffset { topic: queue.topic.to_string(), queue_id: queue.id, committed: true };
    Ok(engine.cluster.call_keeper(queue, &request).await?.offset)
}

/// The offset of the first message that was stored at `timestamp`, in milliseconds since 1970, or after it.
pub(crate) async fn offset_at(engine: &Engine, queue: &MessageQueue, timestamp: i64) -> Result<i64> {
    let topic = queue.topic.to_string();
    let request = SearchOffset { topic, queue_id: queue.id, timestamp, ..SearchOffset::default() };
    Ok(engine.cluster.call_keeper(queue, &request).await?.offset)
}
