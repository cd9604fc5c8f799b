//! Orderly consumption: one piece of a queue at a time, and what fails comes again in its place.
//!
//! The queue's [`Lane`](super::dispatch::Lane) says whose turn it is. Its lock is held while a piece goes to the
//! workers, so that nothing slips through when the queue is moved or given up at the same moment.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::dispatch::{Batch, Context, Lane, Open, Outcome, Piece, PulledBatch, Verdict, ranges};
use super::engine::Engine;
use super::queue::{Order, Queue, Running};
use super::retry::return_one;
use super::settle::complete;
use super::status::count;
use crate::config::MessageModel;

/// The delay level that means the dead letters.
const DEAD_LETTERS: i32 = -1;

/// What of a piece was not done, and what follows.
struct Failed {
    ranges: Vec<Range<usize>>,
    /// Messages that go to the dead letters whatever their number of tries.
    hopeless: Vec<usize>,
    rest: Duration,
}

/// What a queue rests for.
enum Rest {
    For(Duration),
    UntilLocked,
}

/// Adds a pulled batch to its queue's lane.
pub(super) fn add(engine: &Engine, order: &Order, batch: PulledBatch) {
    let range = 0..batch.messages.len();
    let mut lane = order.lane();
    lane.add(Piece { batch: Arc::new(batch), range });
    hand_out(engine, &mut lane);
}

/// Hands out the next piece, if it may leave. One that may not leave now stays in its place: whoever holds the queue
/// back clears the lane.
fn hand_out(engine: &Engine, lane: &mut Lane<PulledBatch>) {
    if let Some(Piece { batch, range }) = lane.next()
        && !engine.workers.push(batch, range.clone())
    {
        lane.settled(range.start, Vec::new());
    }
}

/// Messages were claimed from `start` on and left alone: the queue was moved or paused meanwhile, or the lock may be
/// another's by now. For the lock they wait.
pub(super) fn unwanted(engine: &Arc<Engine>, order: &Order, pulled: &PulledBatch, start: usize) {
    let mut lane = order.lane();
    match lane.settled(start, Vec::new()) && !order.is_locked() {
        true => rest(engine, &pulled.queue, &mut lane, Rest::UntilLocked),
        false => hand_out(engine, &mut lane),
    }
}

/// A callback answered.
pub(super) fn answered(
    engine: &Arc<Engine>,
    order: &Order,
    batch: &Batch,
    outcome: Outcome,
    context: &Context,
) {
    let (pulled, all) = (batch.pulled(), batch.range());
    let auto_commit = context.auto_commit.unwrap_or(engine.config.orderly_auto_commit);
    let done = match outcome {
        Outcome::Success | Outcome::Commit => batch.done(context),
        Outcome::Rollback if !auto_commit => return roll_back(engine, order, batch, context),
        Outcome::Later | Outcome::Suspend => all.start..all.start,
        odd => {
            engine.status.odd_outcome(odd, true);
            all.start..all.start
        }
    };
    match outcome {
        _ if done.is_empty() => {}
        Outcome::Commit => commit(engine, order, pulled, done.clone()),
        _ if auto_commit => commit(engine, order, pulled, done.clone()),
        _ => order.lane().hold(Piece { batch: Arc::clone(pulled), range: done.clone() }),
    }
    let failed = done.end..all.end;
    let hopeless = if context.delay_level == DEAD_LETTERS { failed.clone().collect() } else { Vec::new() };
    let ranges = if failed.is_empty() { Vec::new() } else { vec![failed] };
    let rest = context.suspend.unwrap_or(order.rest);
    finish(engine, pulled, all.end, Failed { ranges, hopeless, rest });
}

/// The last message of a kept batch was settled.
pub(super) fn decided(engine: &Arc<Engine>, order: &Order, open: &Open) {
    let (mut again, mut hopeless, mut pause) = (Vec::new(), Vec::new(), Duration::ZERO);
    for (index, verdict) in open.range.clone().zip(open.verdicts()) {
        pause = pause.max(match verdict {
            None | Some(Verdict::Done) => continue,
            Some(Verdict::Rest(rest)) => rest,
            Some(Verdict::Again(_)) => order.rest,
        });
        if verdict == Some(Verdict::Again(DEAD_LETTERS)) {
            hopeless.push(index);
        }
        again.push(index);
    }
    finish(engine, &open.pulled, open.range.end, Failed { ranges: ranges(again), hopeless, rest: pause });
}

/// Completes a piece, and everything that was held before it.
fn commit(engine: &Engine, order: &Order, pulled: &Arc<PulledBatch>, range: Range<usize>) {
    let held = order.lane().take_uncommitted();
    for piece in held {
        complete(engine, &piece.batch, piece.range);
    }
    complete(engine, pulled, range);
}

/// Brings back everything since the last commit, as Java without counting a try.
fn roll_back(engine: &Arc<Engine>, order: &Order, batch: &Batch, context: &Context) {
    let (pulled, range) = (Arc::clone(batch.pulled()), batch.range());
    let pause = context.suspend.unwrap_or(order.rest);
    let queue = Arc::clone(&pulled.queue);
    let mut lane = order.lane();
    let mut again = lane.take_uncommitted();
    again.push(Piece { batch: pulled, range: range.clone() });
    match lane.settled(range.end, again) {
        true => rest(engine, &queue, &mut lane, Rest::For(pause)),
        false => hand_out(engine, &mut lane),
    }
}

/// Ends a piece's time outside, once its hopeless messages are with the dead letters.
fn finish(engine: &Arc<Engine>, pulled: &Arc<PulledBatch>, end: usize, mut failed: Failed) {
    let tries = engine.config.orderly_reconsume_max;
    let indexes = failed.ranges.iter().cloned().flatten();
    let spent =
        indexes.filter(|index| tries.is_some_and(|tries| pulled.messages[*index].reconsume_times() >= tries));
    failed.hopeless.extend(spent.collect::<Vec<_>>());
    failed.hopeless.sort_unstable();
    failed.hopeless.dedup();
    let count_failed = failed.ranges.iter().map(Range::len).sum();
    count(&engine.status.counters.failed, count_failed);
    pulled.queue.marks().failed(count_failed);
    if failed.hopeless.is_empty() {
        return put_back(engine, pulled, end, failed);
    }
    let (engine, pulled, running) = (Arc::clone(engine), Arc::clone(pulled), pulled.queue.enter());
    let name = format!("dead letters {}", pulled.queue.name);
    engine.clone().tasks.spawn(name, bury(engine, pulled, end, failed, running));
}

/// Sends hopeless messages to the dead letters; one that no broker takes comes again like the others.
async fn bury(
    engine: Arc<Engine>,
    pulled: Arc<PulledBatch>,
    end: usize,
    mut failed: Failed,
    running: Running,
) {
    for index in std::mem::take(&mut failed.hopeless) {
        // Whoever gets the queue next meets these again, so a stop need not wait for a broker that keeps silent.
        if pulled.queue.stop().is_cancelled() || !pulled.queue.holds(pulled.id) {
            break;
        }
        let message = &pulled.messages[index];
        match return_one(&engine, &pulled, message, DEAD_LETTERS).await {
            Ok(()) => {
                pulled.queue.marks().returned(1);
                pulled.queue.marks().retried(usize::from(engine.config.model == MessageModel::Clustering));
                pulled.queue.complete(pulled.id, index..index + 1);
                failed.ranges = failed.ranges.into_iter().flat_map(|range| without(range, index)).collect();
            }
            Err(error) => {
                let what = format!("{} offset {}", pulled.queue.name, message.queue_offset());
                engine.log.warn("orderly", error.context(what));
            }
        }
    }
    put_back(&engine, &pulled, end, failed);
    drop(running);
}

/// A range without one of its indexes.
fn without(range: Range<usize>, index: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = match range.contains(&index) {
        true => [range.start..index, index + 1..range.end],
        false => [range, 0..0],
    };
    parts.into_iter().filter(|part| !part.is_empty())
}

fn put_back(engine: &Arc<Engine>, pulled: &Arc<PulledBatch>, end: usize, failed: Failed) {
    let Some(order) = &pulled.queue.order else { return };
    pulled.queue.marks().retried(failed.ranges.iter().map(Range::len).sum());
    let again: Vec<Piece<PulledBatch>> = match failed.ranges.is_empty() {
        true => Vec::new(),
        false => {
            let tried = Arc::new(tried_again(pulled, &failed.ranges));
            failed.ranges.into_iter().map(|range| Piece { batch: Arc::clone(&tried), range }).collect()
        }
    };
    let failed_some = !again.is_empty();
    // Held until it rests, else a batch that comes from the broker just now would set it off again.
    let mut lane = order.lane();
    let counts = lane.settled(end, again);
    if counts && failed_some {
        return rest(engine, &pulled.queue, &mut lane, Rest::For(failed.rest));
    }
    hand_out(engine, &mut lane);
    if lane.waits_for_commit() && !pulled.queue.has_room() {
        let text = format_args!(
            "{}: nothing more is pulled before the callback answers commit or rollback: {} messages are held",
            pulled.queue.name,
            pulled.queue.pending()
        );
        engine.log.warn("orderly", text);
    }
}

/// The same batch, with one more try counted for these messages.
fn tried_again(pulled: &PulledBatch, ranges: &[Range<usize>]) -> PulledBatch {
    let mut messages = pulled.messages.clone();
    for index in ranges.iter().cloned().flatten() {
        messages[index].count_try();
    }
    PulledBatch { messages, queue: Arc::clone(&pulled.queue), workers: pulled.workers.clone(), ..*pulled }
}

/// Lets the queue rest; the others go on meanwhile.
fn rest(engine: &Arc<Engine>, queue: &Arc<Queue>, lane: &mut Lane<PulledBatch>, rest: Rest) {
    let Some(number) = lane.rest() else { return };
    let (owner, queue) = (Arc::clone(engine), Arc::clone(queue));
    engine.tasks.spawn(format!("rest {}", queue.name), async move {
        let Some(order) = &queue.order else { return };
        let over = async {
            match rest {
                Rest::For(time) => sleep(time).await,
                Rest::UntilLocked => order.lock_renewed().await,
            }
        };
        tokio::select! {
            biased;
            () = queue.stop().cancelled() => return,
            () = queue.closed() => return,
            () = over => {}
        }
        let mut lane = order.lane();
        lane.resume(number);
        hand_out(&owner, &mut lane);
    });
}
