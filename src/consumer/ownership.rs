//! The life of an owned queue, from the barrier to the last commit.
//!
//! ```text
//! lock ─► start offset ─► pull and commit ─► (stop) ─► drain ─► last commit ─► unlock
//!                              └─ (lock taken by another) ─► nothing is committed any more
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::handover::{Lease, PreviousOwner};
use super::offsets::{commit_final, keep_committing, start_offset};
use super::pull::keep_pulling;
use super::queue::Queue;
use super::queue::steps::{Step, Trouble};
use crate::runtime::{Backoff, random};

/// First and longest wait between two questions for the start offset.
const START_RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// How long the last commit is tried when its broker does not answer.
const FINAL_COMMIT: Duration = Duration::from_secs(5);

/// Owns a queue until `stop`, and ends when the next owner may begin.
pub(crate) async fn own(engine: Arc<Engine>, queue: Arc<Queue>, previous_owner: PreviousOwner) {
    let stop = queue.stop().clone();
    let lease = match engine.shares_queues() {
        true => Lease::acquire(&engine, &queue, &previous_owner, &stop).await,
        false => Some(Lease::unneeded(&engine, &queue)),
    };
    let Some(lease) = lease else { return };
    queue.steps().enter(Step::Offset);
    let begun = tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = begin(&engine, &queue) => true,
    };
    if begun {
        consume(&engine, &queue, &lease, &stop).await;
    }
    if let Some(order) = &queue.order {
        // What it may still hold belongs to batches, and those to the queue: together they would stay forever.
        order.lane().clear(false);
    }
    lease.release().await;
}

/// Finds out where to begin; asks again until there is an answer.
async fn begin(engine: &Engine, queue: &Queue) {
    let mut backoff = Backoff::new(START_RETRY.0, START_RETRY.1);
    loop {
        let asked = tokio::select! {
            asked = start_offset(engine, &queue.name) => asked,
            () = queue.steps().told_to_begin_anew() => continue,
        };
        match asked {
            Ok(start) => {
                // A 4.9.7 broker answers 0 for a group that committed nothing, and refuses to reset such a group.
                let committed = start.committed && start.offset > 0;
                queue.begin(start.offset, committed);
                queue.marks().begin();
                if !committed {
                    // What was chosen is committed, so that a restart goes on from here.
                    queue.touch();
                }
                let why = if committed { "committed" } else { "consume.from" };
                let text = format_args!("{} begins at {}: {why}", queue.name, start.offset);
                return engine.log.info("ownership", text);
            }
            Err(error) => {
                queue.steps().meets(Trouble::Failed(error.clone()));
                engine.log.warn("ownership", error.context("start offset"));
            }
        }
        sleep(backoff.next_wait(random::fraction())).await;
    }
}

async fn consume(engine: &Arc<Engine>, queue: &Arc<Queue>, lease: &Lease<'_>, stop: &CancellationToken) {
    queue.steps().enter(Step::Pull);
    let taken = tokio::select! {
        biased;
        () = lease.keep() => true,
        _ = async { tokio::join!(
            keep_pulling(engine, queue, stop),
            keep_committing(engine, queue, stop),
        ) } => false,
    };
    queue.steps().enter(Step::Leave);
    queue.close();
    engine.workers.discard(queue);
    if taken {
        return lost(engine, queue).await;
    }
    let drain_begun = Instant::now();
    // The user may settle what it holds when it hears of this, so the news is awaited too.
    let heard = timeout(engine.config.handover_timeout, queue.heard().cancelled());
    let taken = tokio::select! {
        biased;
        _ = async { tokio::join!(queue.drained(), heard) } => false,
        () = lease.keep() => true,
    };
    if taken {
        return lost(engine, queue).await;
    }
    // One that the pull loop did not live to see: nobody else is told of it.
    if let Some(offset) = queue.steering().take_move() {
        queue.reset(offset);
        queue.forget_committed();
    }
    let outlasted = drain_begun.elapsed() >= engine.config.handover_timeout;
    let deadline = Instant::now() + FINAL_COMMIT;
    if let Err(error) = commit_final(engine, queue, outlasted, deadline).await {
        engine.status.report("offsets", error.context(format_args!("last commit of {}", queue.name)));
    }
    // Gives back to the shared budgets what was pulled and not handed out.
    queue.reset(queue.position());
}

/// Lets go of a queue that somebody else has by now.
async fn lost(engine: &Engine, queue: &Queue) {
    let text = format!("{}: another member took it; nothing of it is committed", queue.name);
    engine.log.warn("ownership", text);
    queue.reset(queue.position());
    if queue.order.is_some() {
        // Else this member could have two callbacks of the queue at once when it gets it back.
        queue.drained().await;
    }
}
