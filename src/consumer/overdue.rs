//! Looks after callbacks that take too long.

use std::ops::Range;
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
    for open in slow {
        tell_kept(engine, EventKind::SlowMessage, &open, open.unsettled());
    }
    for open in late {
        let verdict = match &open.pulled.queue.order {
            Some(order) => Verdict::Rest(order.rest),
            None => Verdict::Again(DELAY_LEVEL),
        };
        // What was settled since the look is not among it.
        let taken = engine.workers.take_back(&open, verdict);
        count(&engine.status.counters.timed_out, taken.iter().map(Range::len).sum());
        tell_kept(engine, EventKind::ConsumeTimeout, &open, taken);
    }
}

/// Tells of messages of a kept batch, if there are any.
fn tell_kept(engine: &Engine, kind: EventKind, open: &Open, ranges: Vec<Range<usize>>) {
    let part = |range: Range<usize>| Batch::new(Arc::clone(&open.pulled), range);
    let parts: Vec<Batch> = ranges.into_iter().map(part).collect();
    let Some(first) = parts.first() else { return };
    let messages: usize = parts.iter().map(Batch::len).sum();
    let offset = first.message(0).map_or(-1, Message::queue_offset);
    let took = u64::try_from(open.since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let end = match kind {
        EventKind::ConsumeTimeout => ", past consume.timeout.ms: nobody may settle them any more",
        _ => "",
    };
    let name = first.queue_name();
    let text =
        format!("{messages} messages of {name} from offset {offset} on are not settled after {took} ms{end}");
    engine.log.warn("poll", &text);
    engine.status.tell(Event::messages(kind, text, &parts, "kept", took));
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
            let (kind, end) = match overdue.taken {
                Some(_) => {
                    (EventKind::ConsumeTimeout, ", past consume.timeout.ms: its answer no longer counts")
                }
                None => (EventKind::SlowMessage, ""),
            };
            let what = format!(
                "{thread}: the callback for {} offset {first} runs for {took} ms{end}",
                batch.queue_name()
            );
            let millis = u64::try_from(took).unwrap_or(u64::MAX);
            let event = Event::messages(kind, what.clone(), std::slice::from_ref(&batch), &thread, millis);
            engine.status.tell(event);
            let Some(running) = overdue.taken else {
                engine.log.warn("workers", what);
                continue;
            };
            count(&engine.status.counters.timed_out, batch.len());
            if engine.config.model == MessageModel::Broadcasting {
                drop_failed(&engine, batch.pulled(), batch.range(), "its callback outran consume.timeout.ms");
                continue;
            }
            engine.log.warn("workers", format_args!("{what}; its messages go back"));
            let (pulled, range) = (Arc::clone(batch.pulled()), batch.range());
            let name = format!("retry {}", batch.queue_name());
            engine.tasks.spawn(name, give_back(Arc::clone(&engine), pulled, range, DELAY_LEVEL, running));
        }
    }
}
