//! Control of single queues by the user: assign, pause, commit, seek, and what is known of their offsets.
//!
//! What has to ask a broker runs as a task and is waited for on the caller's thread, which may be one that
//! runs a callback, for at most `request.timeout.ms`.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::Consumer;
use super::assignment;
use super::engine::Engine;
use super::lifecycle::Inner;
use super::offsets::{bounds, committed_offset, offset_at};
use super::queue::Queue;
use super::queue::pauses::Selection;
use super::routing;
use super::state::{State, not_in};
use super::subscriptions::subscription::{Subscription, check_topic};
use crate::config::MessageModel;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{MessageQueue, namespace};

/// A slow machine may take this long beyond `request.timeout.ms`.
const MARGIN: Duration = Duration::from_secs(2);

/// Where to go on in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// At this offset, within what the queue has; its end is allowed.
    Offset(i64),
    /// At the first message the broker still has.
    Begin,
    /// Behind the last message.
    End,
    /// At the first message stored at this time or after it, in milliseconds since 1970.
    Timestamp(i64),
}

impl Consumer {
    /// Names the queues to consume, as JSON, in place of those before. Such a consumer is no member of its
    /// group. A running one waits until it owns them, as far as their routes are known.
    pub fn assign(&self, queues_json: &str) -> Result<()> {
        let mut wanted = assignment::parse(queues_json)?;
        wanted.iter_mut().for_each(|wanted| wanted.wrap(self.0.namespace_prefix()));
        for wanted in &wanted {
            self.0.check(Subscription::of(&wanted.topic, &wanted.selector, 0)?)?;
        }
        let Some(engine) = self.0.assign(wanted)? else { return Ok(()) };
        self.0.ask(&engine, "assign", apply(Arc::clone(&engine)))
    }

    /// Pauses queues: nothing more is pulled or handed out, and what no callback has is given back. `None` is any.
    /// Holds for queues that come later too.
    pub fn pause(&self, topic: Option<&str>, broker: Option<&str>, queue_id: Option<i32>) -> Result<()> {
        self.0.refuse_ended("pause")?;
        let selection = self.0.selection(topic, broker, queue_id)?;
        let paused = self.0.status().set_paused(selection, true);
        if let Some(engine) = self.0.engine() {
            for queue in paused {
                // After the mark: what is pushed from now on is refused.
                engine.workers.discard(&queue);
            }
        }
        Ok(())
    }

    /// Resumes queues; the latest call that covers a queue counts.
    pub fn resume(&self, topic: Option<&str>, broker: Option<&str>, queue_id: Option<i32>) -> Result<()> {
        self.0.refuse_ended("resume")?;
        let selection = self.0.selection(topic, broker, queue_id)?;
        self.0.status().set_paused(selection, false);
        Ok(())
    }

    /// Commits what is complete now in all owned queues, and waits for the brokers' answers.
    pub fn commit(&self) -> Result<()> {
        let engine = self.0.running("commit")?;
        let mut queues = engine.status.queues();
        // What has not begun has nothing to commit; what is being given up commits by itself.
        queues.retain(|queue| queue.has_begun() && !queue.stop().is_cancelled());
        self.0.ask(&engine, "commit", async move {
            let commits = queues.iter().map(|queue| async {
                match commit(queue).await {
                    Err(error) if error.kind() == ErrorKind::Revoked => Ok(()),
                    answer => answer,
                }
            });
            join_all(commits).await.into_iter().collect()
        })
    }

    /// The same for one queue.
    pub fn commit_queue(&self, topic: &str, broker: &str, queue_id: i32) -> Result<()> {
        let (engine, queue) = self.0.owned("commit", topic, broker, queue_id)?;
        self.0.ask(&engine, "commit", async move {
            queue.begun().await;
            commit(&queue).await
        })
    }

    /// The offset that the group has committed, as the queue's broker says.
    pub fn committed(&self, topic: &str, broker: &str, queue_id: i32) -> Result<i64> {
        let (engine, name) = self.0.routed("committed", topic, broker, queue_id)?;
        let asked = Arc::clone(&engine);
        self.0.ask(&engine, "committed", async move {
            committed_offset(&asked, &name).await?.ok_or_else(|| {
                let text = format!("committed: the group has committed nothing for {name}");
                Error::new(ErrorKind::NoOffset, text)
            })
        })
    }

    /// The offset that is pulled next in an owned queue.
    pub fn position(&self, topic: &str, broker: &str, queue_id: i32) -> Result<i64> {
        let (engine, queue) = self.0.owned("position", topic, broker, queue_id)?;
        if queue.has_begun() {
            return Ok(queue.position());
        }
        self.0.ask(&engine, "position", async move {
            queue.begun().await;
            Ok(queue.position())
        })
    }

    /// The first offset of a queue and the one after its last message, as its broker says.
    pub fn watermarks(&self, topic: &str, broker: &str, queue_id: i32) -> Result<(i64, i64)> {
        let (engine, name) = self.0.routed("watermarks", topic, broker, queue_id)?;
        let asked = Arc::clone(&engine);
        self.0.ask(&engine, "watermarks", async move { bounds(&asked, &name).await })
    }

    /// Goes on elsewhere in an owned queue. What no callback has is discarded, results of callbacks from before
    /// are ignored, and the next commit may be lower.
    pub fn seek(&self, topic: &str, broker: &str, queue_id: i32, to: Seek) -> Result<()> {
        if let Seek::Timestamp(ms @ ..0) = to {
            let text = format!("seek: timestamp_ms is {ms}, allowed is 0 and more, milliseconds since 1970");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        let (engine, queue) = self.0.owned("seek", topic, broker, queue_id)?;
        let asked = Arc::clone(&engine);
        self.0.ask(&engine, "seek", async move { seek(&asked, &queue, to).await })
    }
}

impl Inner {
    /// Takes an assignment; answers the engine that has to apply it, if there is one.
    fn assign(&self, wanted: Vec<assignment::Wanted>) -> Result<Option<Arc<Engine>>> {
        // No start in between: what it is at its start it stays.
        let _starting = self.starting();
        self.refuse_ended("assign")?;
        if self.config().model != MessageModel::Clustering {
            let text = "assign: message.model is broadcasting, where every member has every queue";
            return Err(Error::new(ErrorKind::State, text));
        }
        if self.state() != State::Created && !self.subscriptions().is_assigned() {
            let text = "assign: the consumer was started as a member of its group; assign before the start";
            return Err(Error::new(ErrorKind::State, text));
        }
        self.subscriptions().assign(wanted)?;
        Ok(self.engine())
    }

    fn running(&self, what: &str) -> Result<Arc<Engine>> {
        match (self.state(), self.engine()) {
            (State::Starting | State::Running, Some(engine)) => Ok(engine),
            (State::Starting, None) => Err(not_in(State::Created, what)),
            (state, _) => Err(not_in(state, what)),
        }
    }

    /// A queue by its name, as far as the route is known.
    fn routed(
        &self,
        what: &str,
        topic: &str,
        broker: &str,
        queue_id: i32,
    ) -> Result<(Arc<Engine>, MessageQueue)> {
        let engine = self.running(what)?;
        let name = self.name(topic, broker, queue_id)?;
        let route = engine.cluster.route(&name.topic);
        if !route.is_some_and(|route| route.queues.contains(&name)) {
            let text = format!("{what}: {name} is in no route of this consumer");
            return Err(Error::new(ErrorKind::NoRoute, text));
        }
        Ok((engine, name))
    }

    /// An owned queue. Right after the start an assignment is waited for.
    fn owned(
        &self,
        what: &'static str,
        topic: &str,
        broker: &str,
        queue_id: i32,
    ) -> Result<(Arc<Engine>, Arc<Queue>)> {
        let engine = self.running(what)?;
        let name = self.name(topic, broker, queue_id)?;
        let mut queue = engine.status.queue(&name);
        if queue.is_none() && engine.subscriptions.is_assigned() {
            let asked = Arc::clone(&engine);
            self.ask(&engine, what, async move {
                asked.subscriptions.applied(1).await;
                Ok(())
            })?;
            queue = engine.status.queue(&name);
        }
        let queue = queue.ok_or_else(|| {
            let text = format!("{what}: {name} is not assigned to this consumer");
            Error::new(ErrorKind::NotAssigned, text)
        })?;
        Ok((engine, queue))
    }

    /// A queue's name as brokers know it.
    fn name(&self, topic: &str, broker: &str, queue_id: i32) -> Result<MessageQueue> {
        check_topic(topic)?;
        if queue_id < 0 {
            let text = format!("queue_id is {queue_id}, a queue's number is 0 or more");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        let topic = namespace::wrap(self.namespace_prefix(), topic).into();
        Ok(MessageQueue { topic, broker: broker.into(), id: queue_id })
    }

    fn selection(
        &self,
        topic: Option<&str>,
        broker: Option<&str>,
        queue_id: Option<i32>,
    ) -> Result<Selection> {
        if let Some(id @ ..0) = queue_id {
            let text = format!("queue_id is {id}: allowed is a queue's number from 0 on, or -1 for any");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        let name = self.name(topic.unwrap_or("any"), broker.unwrap_or("any"), queue_id.unwrap_or(0))?;
        let topic = topic.map(|_| name.topic.to_string());
        Ok(Selection { topic, broker: broker.map(str::to_owned), queue_id })
    }

    /// Waits for an answer, on a thread that is none of the I/O threads.
    fn ask<T, F>(&self, engine: &Arc<Engine>, what: &'static str, question: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let within = engine.config.request_timeout;
        let late = move |_| {
            let text = format!("{what}: no answer within {} ms", within.as_millis());
            Error::new(ErrorKind::RequestTimeout, text)
        };
        let answer = engine.tasks.ask(what, async move { timeout(within, question).await });
        let stopped = || Error::new(ErrorKind::Closed, format!("{what}: the consumer was stopped meanwhile"));
        answer.wait(within + MARGIN).flatten().ok_or_else(stopped)?.map_err(late)?
    }
}

/// Brings a new assignment into effect: routes first, then queues.
async fn apply(engine: Arc<Engine>) -> Result<()> {
    let unknown: BTreeSet<String> = routing::subscribed(&engine)
        .into_iter()
        .filter(|topic| engine.cluster.route(topic).is_none())
        .collect();
    if let Some(error) = routing::refresh(&engine, &unknown).await.failed {
        engine.log.warn("assignment", error);
    }
    let round = engine.subscriptions.next_round();
    engine.rebalance.notify_one();
    // Held pulls have the old expressions, and the routes of what is missing are looked for.
    engine.resubscribed.notify_one();
    engine.subscriptions.applied(round).await;
    Ok(())
}

async fn commit(queue: &Queue) -> Result<()> {
    tokio::select! {
        biased;
        answer = queue.commits().request() => answer.map_err(|error| error.context("commit")),
        () = queue.stop().cancelled() => Err(revoked("commit", queue)),
    }
}

async fn seek(engine: &Engine, queue: &Queue, to: Seek) -> Result<()> {
    let offset = match to {
        Seek::Timestamp(ms) => offset_at(engine, &queue.name, ms).await?,
        Seek::Offset(offset) => offset,
        Seek::Begin | Seek::End => 0,
    };
    let (first, last) = bounds(engine, &queue.name).await?;
    let offset = match to {
        Seek::Offset(offset) if offset < first || offset > last => {
            let name = &queue.name;
            let text = format!("seek: offset is {offset}: the queue {name} has {first} to {last}");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        Seek::Begin => first,
        Seek::End => last,
        // Messages may have come or gone since the question for the time.
        Seek::Offset(_) | Seek::Timestamp(_) => offset.clamp(first, last),
    };
    let wish = Wish { queue, asked: queue.request_move(offset) };
    tokio::select! {
        biased;
        () = queue.steering().made(wish.asked) => Ok(()),
        () = queue.stop().cancelled() => Err(revoked("seek", queue)),
    }
}

/// A move that is waited for. Who stops to wait takes it back: a call that failed has done nothing.
struct Wish<'a> {
    queue: &'a Queue,
    asked: super::queue::steering::Asked,
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        self.queue.steering().withdraw(self.asked);
    }
}

fn revoked(what: &str, queue: &Queue) -> Error {
    Error::new(ErrorKind::Revoked, format!("{what}: {} was taken away meanwhile", queue.name))
}
