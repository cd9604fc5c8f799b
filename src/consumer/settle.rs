//! What an answer means for its messages: of a callback, or of whoever keeps a batch.

use std::ops::Range;
use std::sync::{Arc, Weak};

use super::dispatch::{Batch, Context, Decided, Open, Outcome, PulledBatch, Settler, Verdict};
use super::dropped::drop_failed;
use super::engine::Engine;
use super::orderly;
use super::retry::give_back;
use super::status::count;
use crate::config::MessageModel;

/// Takes answers for as long as there is an engine.
pub(super) struct Settlement(pub(super) Weak<Engine>);

impl Settler for Settlement {
    fn answered(&self, batch: &Batch, outcome: Outcome, context: &Context) {
        let Some(engine) = self.0.upgrade() else { return };
        match &batch.pulled().queue.order {
            Some(order) => orderly::answered(&engine, order, batch, outcome, context),
            None => answered(&engine, batch, outcome, context),
        }
    }

    fn unwanted(&self, pulled: &PulledBatch, start: usize) {
        if let (Some(engine), Some(order)) = (self.0.upgrade(), &pulled.queue.order) {
            orderly::unwanted(&engine, order, pulled, start);
        }
    }

    fn decided(&self, open: &Arc<Open>, decided: Decided, verdict: Verdict) {
        let Some(engine) = self.0.upgrade().filter(|_| !open.pulled.direct) else { return };
        if let Verdict::Done = verdict {
            decided.ranges.iter().for_each(|range| complete(&engine, &open.pulled, range.clone()));
        }
        match &open.pulled.queue.order {
            Some(order) if decided.last => orderly::decided(&engine, order, open),
            Some(_) => {}
            None => {
                let level = match verdict {
                    Verdict::Done => return,
                    Verdict::Again(level) => level,
                    Verdict::Rest(_) => 0,
                };
                let broadcasting = engine.config.model == MessageModel::Broadcasting;
                if broadcasting && open.pulled.queue.stop().is_cancelled() {
                    // Left by somebody who stops, not failed: it comes again at the next start.
                    return;
                }
                for range in decided.ranges {
                    return_later(&engine, &open.pulled, range, level);
                }
            }
        }
    }
}

/// Completes what is done and gives back the rest.
fn answered(engine: &Arc<Engine>, batch: &Batch, outcome: Outcome, context: &Context) {
    let Range { start, end } = batch.range();
    let done = match outcome {
        Outcome::Success => batch.done(context),
        Outcome::Later => start..start,
        odd => {
            engine.status.odd_outcome(odd, false);
            start..start
        }
    };
    let failed = done.end..end;
    if !done.is_empty() {
        complete(engine, batch.pulled(), done);
    }
    if !failed.is_empty() {
        return_later(engine, batch.pulled(), failed, context.delay_level);
    }
}

/// Counts messages as consumed, so that the offset may pass them.
pub(super) fn complete(engine: &Engine, pulled: &PulledBatch, range: Range<usize>) {
    count(&engine.status.counters.consumed, range.len());
    pulled.queue.complete(pulled.id, range);
}

/// Gives messages back, to come again; in broadcasting they do not.
fn return_later(engine: &Arc<Engine>, pulled: &Arc<PulledBatch>, range: Range<usize>, delay_level: i32) {
    if engine.config.model == MessageModel::Broadcasting {
        return drop_failed(engine, pulled, range, "it is wanted later");
    }
    let name = format!("retry {}", pulled.queue.name);
    let running = pulled.queue.enter();
    engine.tasks.spawn(name, give_back(Arc::clone(engine), Arc::clone(pulled), range, delay_level, running));
}
