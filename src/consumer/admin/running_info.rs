//! What `mqadmin consumerStatus` shows of a running consumer.

use super::properties::properties;
use super::threads::threads;
use crate::cluster::command::{QueueInfo, RunningInfo};
use crate::consumer::engine::Engine;
use crate::consumer::queue::Queue;

const MIB: usize = 1024 * 1024;

/// A look at everything as it is now; `None` once the consumer leaves. Locks one queue after the other, each
/// for a moment.
pub(super) fn running_info(engine: &Engine, with_threads: bool) -> Option<RunningInfo> {
    let heartbeat = engine.heartbeat.message()?;
    let announced = heartbeat.consumers.into_iter().next()?;
    let topics = announced.subscriptions.iter().map(|subscription| &subscription.topic);
    let status = topics.map(|topic| (topic.clone(), engine.statistics.rates(topic))).collect();
    let totals = engine.status.counters.each().into_iter();
    Some(RunningInfo {
        properties: properties(engine, &announced),
        status,
        queues: engine.status.queues().iter().map(|queue| (queue.name.clone(), look_at(queue))).collect(),
        user_info: totals.map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
        threads: with_threads.then(|| threads(engine)),
        subscriptions: announced.subscriptions,
    })
}

fn look_at(queue: &Queue) -> QueueInfo {
    let (held, marks) = (queue.cached(), queue.marks());
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    QueueInfo {
        // -1 is Java's word for unknown.
        commit_offset: if marks.has_begun() { queue.committable() } else { -1 },
        cached_min_offset: held.first,
        cached_max_offset: held.last,
        cached_messages: number(held.messages),
        cached_mib: number(held.bytes / MIB),
        // As in Java, a queue that needs no lock counts as locked.
        locked: queue.may_hand_out(),
        locked_at_ms: marks.taken_at(),
        dropped: queue.stop().is_cancelled(),
        pulled_at_ms: marks.pulled_at(),
        consumed_at_ms: marks.consumed_at(),
    }
}
