//! Looks after callbacks that take too long.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::dispatch::{Batch, Open, Verdict};
use super::dropped::drop_failed;
use super::engine::Engine;
use super::event::{Event, EventKind};
use super::retry::give_back;
use super::status::count;
use crate::config::MessageModel;
use crate::message::Message;

/// The delay level at which an overdue message comes again, as in Java.
const DELAY_LEVEL: i32 = 3;

/// Bounds of the time between two looks.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(60));

/// Batches that somebody keeps: past their time, what is not settled comes again.
fn watch_kept(engine: &Engine, timeout: Duration, slow: Duration) {
    let (late, slow) = engine.workers.overdue_open(timeout, slow);
    let tell = |kind: EventKind, open: &Open| {
        let left = open.left();
        let batch = Batch::new(Arc::clone(&open.pulled), open.range.clone());
        let first = batch.message(0).map_or(-1, Message::queue_offset);
        let name = batch.queue_name();
        let text = format!("{left} messages of {name} from offset {first} on are not settled");
        engine.log.warn("poll", &text);
        let took = u64::try_from(open.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        engine.status.events().raise(Event::messages(kind, text, &batch, "kept", took));
        left
    };
    for open in slow {
        tell(EventKind::SlowMessage, &open);
    }
    for open in late {
        count(&engine.status.counters.timed_out, tell(EventKind::ConsumeTimeout, &open));
        let verdict = match &open.pulled.queue.order {
            Some(order) => Verdict::Rest(order.rest),
            None => Verdict::Again(DELAY_LEVEL),
        };
        engine.workers.settle(&open, 0..open.range.len(), verdict);
    }
}

/// After `consume.timeout.ms` the messages of a callback go back to the broker, in broadcasting nowhere; its result
/// no longer counts. One that runs longer than `slow.message.ms` is told once.
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
        watch_kept(&engine, timeout, slow);
        for overdue in engine.workers.overdue(timeout, slow) {
            let (batch, thread) = (overdue.batch, overdue.thread);
            let first = batch.message(0).map_or(-1, Message::queue_offset);
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
            if engine.config.model == MessageModel::Broadcasting {
                drop_failed(&engine, batch.pulled(), batch.range(), "its callback outran consume.timeout.ms");
                continue;
            }
            engine.log.warn("workers", format_args!("{what}, past consume.timeout.ms: its messages go back"));
            let (pulled, range) = (Arc::clone(batch.pulled()), batch.range());
            let name = format!("retry {}", batch.queue_name());
            engine.tasks.spawn(name, give_back(Arc::clone(&engine), pulled, range, DELAY_LEVEL, running));
        }
    }
}
