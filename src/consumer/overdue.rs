//! Looks after callbacks that take too long.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::engine::Engine;
use super::event::{Event, EventKind};
use super::retry::give_back;
use super::status::count;

/// The delay level at which an overdue message comes again, as in Java.
const DELAY_LEVEL: i32 = 3;

/// Bounds of the time between two looks.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(60));

/// After `consume.timeout.ms` the messages of a callback go back to the broker; its result no longer
/// counts. One that runs longer than `slow.message.ms` is told once.
pub(crate) async fn watch_callbacks(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    let timeout = engine.config.consume_timeout;
    // 0 means that no callback is called slow.
    let slow = Some(engine.config.slow_message).filter(|slow| !slow.is_zero()).unwrap_or(Duration::MAX);
    let look = (timeout.min(slow) / 10).clamp(LOOK.0, LOOK.1);
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = sleep(look) => {}
        }
        for overdue in engine.workers.overdue(timeout, slow) {
            let (batch, thread) = (overdue.batch, overdue.thread);
            let first = batch.message(0).map_or(-1, crate::message::Message::queue_offset);
            let took = overdue.since.as_millis();
            let what = format!(
                "{thread}: the callback for {} offset {first} runs for {took} ms",
                batch.queue_name()
            );
            let kind = match overdue.taken {
                Some(_) => EventKind::ConsumeTimeout,
                None => EventKind::SlowMessage,
            };
            let millis = u64::try_from(took).unwrap_or(u64::MAX);
            engine.status.events().raise(Event::messages(kind, what.clone(), &batch, &thread, millis));
            let Some(running) = overdue.taken else {
                engine.log.warn("workers", what);
                continue;
            };
            count(&engine.status.counters.timed_out, batch.len());
            engine.log.warn("workers", format_args!("{what}, past consume.timeout.ms: its messages go back"));
            let (pulled, range) = (Arc::clone(batch.pulled()), batch.range());
            let name = format!("retry {}", batch.queue_name());
            engine.tasks.spawn(name, give_back(Arc::clone(&engine), pulled, range, DELAY_LEVEL, running));
        }
    }
}
