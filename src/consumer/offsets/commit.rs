//! Brings a queue's progress to its broker.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::start::{committed_offset, held_offset};
use crate::cluster::ResponseCode;
use crate::cluster::command::{PullMessage, UpdateConsumerOffset, pull_message::pull_flag};
use crate::consumer::engine::Engine;
use crate::consumer::queue::Queue;
use crate::error::{ErrorKind, Result};

/// Commits as the queue makes progress, until `stop`; never more often than every
/// `offset.commit.interval.ms`, and after a failure not before `offset.persist.interval.ms`, but at once for
/// those who wait for it; without `auto.commit` for those only. Never cut off in the middle, so that no update is under way when the next one is
/// sent.
pub(super) async fn keep_committing(engine: &Engine, queue: &Queue, stop: &CancellationToken) {
    let mut not_before = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = ready_to_commit(engine, queue, not_before) => {}
            // After a failure it would rest for longer.
            () = queue.steps().told_to_commit() => {}
        }
        let asked = queue.commits().number();
        queue.steps().commits();
        let result = commit(engine, queue).await;
        queue.steps().committed(result.as_ref().err());
        queue.commits().answer(asked, &result);
        let wait = match result {
            Ok(()) => engine.config.offset_commit_interval,
            Err(error) => {
                let error_of_the_way = matches!(error.kind(), ErrorKind::Connect | ErrorKind::Disconnected);
                // Who asked was told, and asks again.
                if engine.config.auto_commit {
                    engine.log.warn("offsets", error);
                }
                queue.touch();
                match error_of_the_way {
                    // The next one waits for the connection, which is its pause.
                    true => engine.config.offset_commit_interval,
                    false => engine.config.offset_persist_interval,
                }
            }
        };
        not_before = Instant::now() + wait;
    }
}

/// Waits for something to commit, for its time, and for the connection: until there is one nothing is under
/// way, so all of this may be cut off.
async fn ready_to_commit(engine: &Engine, queue: &Queue, not_before: Instant) {
    tokio::select! {
        biased;
        () = queue.commits().asked() => {}
        () = async {
            queue.touched().await;
            sleep_until(not_before).await;
        }, if engine.config.auto_commit => {}
    }
    if let Ok(address) = engine.cluster.keeper(&queue.name.broker) {
        // Whatever is wrong, the commit meets it again and tells.
        let _ = engine.cluster.connect(&address).await;
    }
}

/// Commits what is complete, if the broker does not hold it yet. An offset goes back only when the broker
/// moved it: see [`Queue::forget_committed`].
async fn commit(engine: &Engine, queue: &Queue) -> Result<()> {
    let keeper = engine.cluster.keeper(&queue.name.broker)?;
    let keeper = engine.cluster.connect(&keeper).await?.id();
    if queue.meet_keeper(keeper) {
        queue.doubt_committed();
    }
    loop {
        // First, so that an offset from before a move is never noted as one from after it.
        let round = queue.commit_round();
        if queue.is_committed_doubted() {
            queue.learn_committed(round, held_offset(engine, &queue.name).await?);
        }
        if queue.commit_round() != round {
            // Moved, or doubted again, while the broker was asked.
            continue;
        }
        let offset = queue.committable();
        if queue.committed().is_some_and(|held| held >= offset) {
            return Ok(());
        }
        return update(engine, queue, round, offset).await;
    }
}

/// The last commit of a queue that is given up, tried until `deadline`. After a drain that outlasted the
/// barrier the queue may have a new owner who committed more: then the broker is asked first.
pub(super) async fn commit_final(
    engine: &Engine,
    queue: &Queue,
    outlasted: bool,
    deadline: Instant,
) -> Result<()> {
    // Nothing to say, and nobody need be there to hear it.
    if !outlasted && queue.is_committed() {
        return Ok(());
    }
    loop {
        let committed = match outlasted {
            true => refresh(engine, queue).await,
            false => Ok(()),
        };
        let failed = match committed {
            Ok(()) => match commit(engine, queue).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            Err(error) => error,
        };
        let again = Instant::now() + FINAL_PAUSE;
        if again >= deadline || !failed.kind().is_retriable() {
            return Err(failed);
        }
        sleep_until(again).await;
    }
}

/// Between two tries of the last commit; each try waits for the connection besides.
const FINAL_PAUSE: Duration = Duration::from_millis(100);

async fn update(engine: &Engine, queue: &Queue, round: u64, offset: i64) -> Result<()> {
    let request = UpdateConsumerOffset {
        consumer_group: engine.config.group.clone(),
        topic: queue.name.topic.to_string(),
        queue_id: queue.name.id,
        commit_offset: offset,
    };
    let updated = match engine.cluster.call_keeper(&queue.name, &request).await {
        Err(error) if engine.subscriptions.is_assigned() && error.kind() == UNKNOWN_GROUP => {
            make_group(engine, queue, offset).await?;
            engine.cluster.call_keeper(&queue.name, &request).await?
        }
        answer => answer?,
    };
    if updated.was_reset {
        // An administrator's offset stands; the next pull is told where to go on.
        return Ok(());
    }
    queue.learn_committed(round, Some(offset));
    engine.status.counters.commits.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// What 5.5.0 answers to the commit of a group that it has not heard of.
const UNKNOWN_GROUP: ErrorKind = ErrorKind::Broker(ResponseCode::SubscriptionGroupNotExist);

/// A group without members is made by its first pull. The first commit of an assigned queue may overtake that,
/// and a paused queue makes none: then one is made for its own sake, and its messages are left where they are.
async fn make_group(engine: &Engine, queue: &Queue, offset: i64) -> Result<()> {
    let request = PullMessage {
        consumer_group: engine.config.group.clone(),
        topic: queue.name.topic.to_string(),
        queue_id: queue.name.id,
        queue_offset: offset,
        max_messages: 1,
        sys_flag: pull_flag::SUBSCRIPTION,
        subscription: Some("*".to_owned()),
        expression_type: Some("TAG".to_owned()),
        ..PullMessage::default()
    };
    engine.cluster.call_keeper(&queue.name, &request).await.map(drop)
}

async fn refresh(engine: &Engine, queue: &Queue) -> Result<()> {
    queue.set_committed(committed_offset(engine, &queue.name).await?);
    Ok(())
}
