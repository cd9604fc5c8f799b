//! Tells every broker that we are here and what we subscribe to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::engine::Engine;
use super::subscriptions::Subscriptions;
use crate::cluster::command::{self, ConsumeType, ConsumerData, MessageModel};
use crate::config;
use crate::error::{Error, Result};

/// The content of our heartbeats.
pub(crate) struct Heartbeat {
    client_id: Arc<str>,
    group: String,
    model: config::MessageModel,
    consume_from: config::ConsumeFrom,
    subscriptions: Arc<Subscriptions>,
    /// False once the consumer leaves: a heartbeat would sign it up again.
    sounding: AtomicBool,
}

impl Heartbeat {
    /// A heartbeat that is not sent yet.
    pub(crate) fn new(
        client_id: Arc<str>,
        config: &config::ConsumerConfig,
        subscriptions: Arc<Subscriptions>,
    ) -> Heartbeat {
        Heartbeat {
            client_id,
            group: config.group.clone(),
            model: config.model,
            consume_from: config.consume_from,
            subscriptions,
            sounding: AtomicBool::new(true),
        }
    }

    /// From now on no connection is greeted any more.
    pub(crate) fn fall_silent(&self) {
        self.sounding.store(false, Ordering::Release);
    }

    /// What is sent now, `None` once silent.
    pub(crate) fn message(&self) -> Option<command::Heartbeat> {
        if !self.sounding.load(Ordering::Acquire) {
            return None;
        }
        let client_id = self.client_id.to_string();
        if self.subscriptions.is_assigned() {
            // No member of any group: it only shows that the connection is alive.
            let (producer_groups, consumers) = Default::default();
            return Some(command::Heartbeat { client_id, producer_groups, consumers });
        }
        let subscriptions = self.subscriptions.all();
        Some(command::Heartbeat {
            client_id,
            producer_groups: Vec::new(),
            consumers: vec![ConsumerData {
                group: self.group.clone(),
                consume_type: ConsumeType::Passively,
                message_model: match self.model {
                    config::MessageModel::Clustering => MessageModel::Clustering,
                    config::MessageModel::Broadcasting => MessageModel::Broadcasting,
                },
                consume_from: from_where(self.consume_from),
                subscriptions: subscriptions.iter().map(|subscription| subscription.data()).collect(),
                unit_mode: false,
            }],
        })
    }
}

/// For the broker this is information only. Java has no names for MIN and MAX that it does not deprecate.
fn from_where(from: config::ConsumeFrom) -> command::ConsumeFrom {
    use config::ConsumeFrom;
    match from {
        ConsumeFrom::LastOffset | ConsumeFrom::MaxOffset => command::ConsumeFrom::LastOffset,
        ConsumeFrom::FirstOffset | ConsumeFrom::MinOffset => command::ConsumeFrom::FirstOffset,
        ConsumeFrom::Timestamp => command::ConsumeFrom::Timestamp,
    }
}

/// Sends a heartbeat to one broker, on the connection there is or as the greeting of a new one.
pub(crate) async fn beat(engine: &Engine, address: &str) -> Result<()> {
    if engine.cluster.established(address).is_none() {
        return engine.cluster.connect(address).await.map(drop);
    }
    let Some(message) = engine.heartbeat.message() else { return Ok(()) };
    engine.cluster.call(address, &message).await.map(drop)
}

/// The same as a task of its own. Who waits for it here may be cut off, the heartbeat is not: it must not be
/// under way when the consumer signs off.
pub(crate) async fn beat_apart(engine: &Arc<Engine>, address: &str) -> Result<()> {
    let (sender, answer) = oneshot::channel();
    let (own, to) = (Arc::clone(engine), address.to_owned());
    engine.tasks.spawn(format!("heartbeat {address}"), async move {
        // Who was cut off does not listen.
        let _ = sender.send(beat(&own, &to).await);
    });
    answer.await.unwrap_or(Ok(()))
}

/// Sends a heartbeat to every broker of the present routes, all at once, so that a dead one delays nobody.
/// Answers the failures.
pub(crate) async fn beat_all(engine: &Engine) -> Vec<Error> {
    let addresses = engine.cluster.routes().all_addresses();
    let beats = addresses.iter().map(|address| beat(engine, address));
    join_all(beats).await.into_iter().filter_map(Result::err).collect()
}

/// Brokers must know us, and what we want, before they are asked for anything; then the queues are divided anew.
pub(crate) async fn announce(engine: &Engine) {
    for error in beat_all(engine).await {
        engine.log.warn("heartbeat", error);
    }
    engine.rebalance.notify_one();
}

/// Announces what the user changes: as often as brokers answer, however many changes come meanwhile. Brokers
/// learn of it first: a pull with a version that they have not heard of is refused.
pub(crate) async fn keep_announcing(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = engine.resubscribed.notified() => {}
        }
        announce(&engine).await;
        engine.announced.notify_waiters();
        engine.reroute.notify_one();
    }
}

/// Keeps the consumer known to its brokers until it stops.
pub(crate) async fn keep_beating(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = sleep(engine.config.heartbeat_interval) => {}
        }
        // Not cut off by the stop: a heartbeat must not be under way when the consumer signs off.
        for error in beat_all(&engine).await {
            engine.log.warn("heartbeat", error);
        }
    }
}
