//! What a broker says of a queue: its ends, and the offset of a point in time.

use crate::cluster::command::{GetMaxOffset, GetMinOffset, SearchOffset};
use crate::consumer::engine::Engine;
use crate::error::Result;
use crate::message::MessageQueue;

/// The first offset of a queue, and the one after its last message.
pub(crate) async fn bounds(engine: &Engine, queue: &MessageQueue) -> Result<(i64, i64)> {
    let first = GetMinOffset { topic: queue.topic.to_string(), queue_id: queue.id };
    let last = GetMaxOffset { topic: queue.topic.to_string(), queue_id: queue.id, committed: true };
    let (first, last) = tokio::try_join!(
        engine.cluster.call_keeper(queue, &first),
        engine.cluster.call_keeper(queue, &last),
    )?;
    Ok((first.offset, last.offset))
}

/// The offset of the first message that was stored at `timestamp`, in milliseconds since 1970, or after it.
pub(crate) async fn offset_at(engine: &Engine, queue: &MessageQueue, timestamp: i64) -> Result<i64> {
    let topic = queue.topic.to_string();
    let request = SearchOffset { topic, queue_id: queue.id, timestamp, ..SearchOffset::default() };
    Ok(engine.cluster.call_keeper(queue, &request).await?.offset)
}
