//! What a callback's answer means for its messages.

use std::sync::Arc;

use super::dispatch::{Batch, Context, Outcome};
use super::dropped::drop_failed;
use super::engine::Engine;
use super::retry::give_back;
use super::status::count;
use crate::config::MessageModel;

/// Completes what is done and gives back the rest, which in broadcasting does not come again.
pub(super) fn settle(engine: &Arc<Engine>, batch: &Batch, outcome: Outcome, context: &Context) {
    let range = batch.range();
    let done = match outcome {
        Outcome::Success => context
            .ack_index
            .map_or(range.end, |i| range.end.min(range.start.saturating_add(i).saturating_add(1))),
        Outcome::Later => range.start,
        Outcome::Unknown(value) => {
            engine.status.odd_outcome(value);
            range.start
        }
    };
    let pulled = batch.pulled();
    if done > range.start {
        count(&engine.status.counters.consumed, done - range.start);
        pulled.queue.complete(pulled.id, range.start..done);
    }
    if done < range.end && engine.config.model == MessageModel::Broadcasting {
        drop_failed(engine, pulled, done..range.end, "the callback wants it later");
    } else if done < range.end {
        let name = format!("retry {}", batch.queue_name());
        let level = context.delay_level;
        let running = pulled.queue.enter();
        let work = give_back(Arc::clone(engine), Arc::clone(pulled), done..range.end, level, running);
        engine.tasks.spawn(name, work);
    }
}
