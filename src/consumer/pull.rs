//! One queue's pull loop: wait for room, long-poll, decode, filter, hand over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::dispatch::PulledBatch;
use super::engine::Engine;
use super::heartbeat;
use super::next_pull::{self, BRIEF, Then};
use super::orderly;
use super::queue::Queue;
use super::status::count;
use super::subscription::Subscription;
use crate::cluster::command::{PullMessage, PullResult, PullStatus, pull_message::pull_flag};
use crate::cluster::record::{DecodeOptions, Decoded, decode_records};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::runtime::{Backoff, random};

/// What a pull may take beyond the time the broker holds it: a broker looks for overdue pulls only every 5 s.
const PULL_GRACE: Duration = Duration::from_secs(15);

/// Pulls until `stop`. A pull that waits at the broker then is abandoned; its answer is thrown away.
pub(crate) async fn keep_pulling(engine: &Arc<Engine>, queue: &Arc<Queue>, stop: &CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = Puller::new(engine, queue).run() => {}
    }
}

struct Puller<'a> {
    engine: &'a Arc<Engine>,
    queue: &'a Arc<Queue>,
    pause: Backoff,
    /// The broker id that the last answer told us to read from.
    read_from: i64,
    /// The connection of the last pull: a new one means that the broker may have forgotten offsets.
    connection: Option<u64>,
    /// The last failure that was logged, so that one that lasts is told once.
    told: Option<ErrorKind>,
}

impl<'a> Puller<'a> {
    fn new(engine: &'a Arc<Engine>, queue: &'a Arc<Queue>) -> Puller<'a> {
        let pause = Backoff::new(BRIEF.0, BRIEF.1);
        Puller { engine, queue, pause, read_from: 0, connection: None, told: None }
    }

    async fn run(mut self) {
        loop {
            self.queue.room().await;
            let engine = self.engine;
            // Before the look at the subscription, so that no change after it is missed.
            let announced = engine.announced.notified();
            let Some(subscription) = engine.subscriptions.topic(&self.queue.name.topic) else {
                // Unsubscribed: either the coordinator takes the queue away now, or the topic comes back.
                announced.await;
                continue;
            };
            let asked = self.queue.position();
            let outcome = tokio::select! {
                outcome = self.pull(asked, &subscription) => outcome,
                // The broker holds it with the old filter and would not wake it for the new one.
                () = announced => continue,
            };
            // A held pull is filtered by what the broker knows when it wakes, which may be newer than ours was.
            let Some(subscription) = engine.subscriptions.topic(&self.queue.name.topic) else { continue };
            if let Ok(result) = &outcome {
                self.accept(asked, result, &subscription);
            }
            self.tell(outcome.as_ref().err());
            self.act(next_pull::after(outcome.as_ref(), asked)).await;
        }
    }

    async fn pull(&mut self, asked: i64, subscription: &Subscription) -> Result<PullResult> {
        let config = &self.engine.config;
        let name = &self.queue.name;
        let request = PullMessage {
            consumer_group: config.group.clone(),
            topic: name.topic.to_string(),
            queue_id: name.id,
            queue_offset: asked,
            max_messages: config.pull_batch_size,
            sys_flag: pull_flag::SUSPEND,
            commit_offset: 0,
            suspend_timeout_ms: i64::try_from(config.pull_suspend.as_millis()).unwrap_or(i64::MAX),
            subscription: None,
            sub_version: subscription.version,
            expression_type: Some("TAG".to_owned()),
            max_bytes: Some(config.pull_batch_bytes),
        };
        let address = self.engine.cluster.routes().read_address(&name.broker, self.read_from);
        let address = address.ok_or_else(|| {
            Error::new(ErrorKind::NoRoute, format!("{name}: its broker is in no route now"))
        })?;
        let connection = self.engine.cluster.connect(&address).await?;
        if self.connection.replace(connection.id()).is_some_and(|before| before != connection.id()) {
            // A broker that came back may hold older offsets than those it acknowledged.
            self.queue.forget_committed();
            if let Some(order) = &self.queue.order
                && self.engine.cluster.master(&name.broker).is_ok_and(|master| master == address)
            {
                // It does not keep locks either.
                order.doubt_lock();
            }
        }
        crate::cluster::call(&connection, &request, config.pull_suspend + PULL_GRACE).await
    }

    /// Takes what came into the books and hands it to the workers.
    fn accept(&mut self, asked: i64, result: &PullResult, subscription: &Subscription) {
        let position = &result.position;
        self.read_from = position.suggest_broker_id.unwrap_or(0);
        match result.status {
            PullStatus::Found => {}
            PullStatus::OffsetMoved => return,
            PullStatus::NoNewMessage | PullStatus::NoMatchedMessage => {
                return self.queue.advance(position.next_begin_offset);
            }
        }
        let options = DecodeOptions {
            offset_delta: position.offset_delta.unwrap_or(0),
            check_crc: self.engine.config.check_crc,
            from_offset: asked,
            ..DecodeOptions::new(&self.queue.name.broker)
        };
        let Decoded { messages, broken } = decode_records(&result.body, &options);
        let counters = &self.engine.status.counters;
        count(&counters.pulled, messages.len());
        count(&counters.broken, broken.len());
        for record in broken {
            let at = record.queue_offset.map_or_else(|| "unknown".to_owned(), |o| o.to_string());
            let what = format!("{}: the record at offset {at} is skipped", self.queue.name);
            self.engine.status.report("pull", Error::from(record.error).context(what));
        }
        let pulled = messages.len();
        let messages: Vec<Message> = match subscription.tags.is_empty() {
            true => messages,
            false => messages.into_iter().filter(|message| subscription.wants(message)).collect(),
        };
        count(&counters.filtered, pulled - messages.len());
        if messages.is_empty() {
            return self.queue.advance(position.next_begin_offset);
        }
        let offsets = messages.iter().map(Message::queue_offset).collect();
        // Inflated bodies are held beside the frame.
        let bodies: usize = messages.iter().map(|message| message.body().len()).sum();
        let bytes = result.body.len().max(bodies);
        let id = self.queue.insert(offsets, bytes, position.next_begin_offset);
        let all = 0..messages.len();
        let workers = self.engine.workers.downgrade();
        let batch = PulledBatch { queue: Arc::clone(self.queue), id, messages, workers };
        match &self.queue.order {
            Some(order) => orderly::add(self.engine, order, batch),
            None => self.engine.workers.push(Arc::new(batch), all),
        }
    }

    async fn act(&mut self, then: Then) {
        match then {
            Then::Pull => {
                self.pause.reset();
                if !self.engine.config.pull_interval.is_zero() {
                    sleep(self.engine.config.pull_interval).await;
                }
            }
            Then::PauseBriefly => self.pause_briefly().await,
            Then::PauseAfterError => sleep(self.engine.config.pull_error_backoff).await,
            Then::Announce => {
                let address = {
                    let routes = self.engine.cluster.routes();
                    routes.read_address(&self.queue.name.broker, self.read_from)
                };
                if let Some(address) = address
                    && let Err(error) = heartbeat::beat_apart(self.engine, &address).await
                {
                    self.engine.log.warn("heartbeat", error);
                }
                self.pause_briefly().await;
            }
            Then::Reroute => {
                self.reroute();
                self.pause_briefly().await;
            }
            Then::Reconnect => self.reroute(),
            Then::Rewind(offset) => {
                self.rewind(offset);
                // A broker that says the same again shall not be asked without a pause.
                self.pause_briefly().await;
            }
        }
    }

    async fn pause_briefly(&mut self) {
        sleep(self.pause.next_wait(random::fraction())).await;
    }

    fn reroute(&mut self) {
        self.read_from = 0;
        self.engine.reroute.notify_one();
    }

    /// The broker moved the offset, by a reset or because it lies outside the queue: nothing that was
    /// pulled counts any more, and the new offset is committed in its turn, also when it is lower.
    fn rewind(&mut self, offset: i64) {
        let text = format!("{}: the broker moved the offset to {offset}", self.queue.name);
        self.engine.log.warn("pull", text);
        self.engine.workers.discard(self.queue);
        self.queue.reset(offset);
        self.queue.forget_committed();
    }

    /// Logs a failure when it begins and its end; one that lasts is told once.
    fn tell(&mut self, error: Option<&Error>) {
        match error {
            Some(error) if self.told != Some(error.kind()) => {
                self.told = Some(error.kind());
                let error = error.clone().context(format_args!("pull {}", self.queue.name));
                if error.kind().is_retriable() {
                    self.engine.log.warn("pull", error);
                } else {
                    self.engine.status.report("pull", error);
                }
            }
            None if self.told.take().is_some() => {
                self.engine.log.info("pull", format_args!("{}: pulling again", self.queue.name));
            }
            _ => {}
        }
    }
}
