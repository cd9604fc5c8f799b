//! One queue's pull loop: wait for room, long-poll, decode, filter, hand over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::dispatch::PulledBatch;
use super::engine::Engine;
use super::heartbeat;
use super::next_pull::{self, BRIEF, Then};
use super::orderly;
use super::queue::Queue;
use super::queue::steering::Next;
use super::queue::steps::Trouble;
use super::status::count;
use super::subscriptions::subscription::Subscription;
use crate::cluster::ResponseCode;
use crate::cluster::command::{PullMessage, PullResult, PullStatus, pull_message::pull_flag};
use crate::cluster::record::{BrokenRecord, DecodeOptions, Decoded, decode_records};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::runtime::{Backoff, random};

/// What a pull may take beyond the time the broker holds it: a broker looks for overdue pulls only every 5 s.
const PULL_GRACE: Duration = Duration::from_secs(15);

/// How often the first message of an answer that breaks off is asked for alone before it is passed.
const TRIES_ALONE: u32 = 5;

/// Pulls until `stop`. A pull that waits at the broker then is abandoned; its answer is thrown away.
pub(crate) async fn keep_pulling(engine: &Arc<Engine>, queue: &Arc<Queue>, stop: &CancellationToken) {
    let mut puller = Puller::new(engine, queue);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = queue.steps().told_to_begin_anew() => {}
            () = puller.run() => {}
        }
    }
}

struct Puller<'a> {
    engine: &'a Arc<Engine>,
    queue: &'a Arc<Queue>,
    pause: Backoff,
    /// The broker id that the last answer told us to read from.
    read_from: i64,
    /// The connection of the last pull: over a new one the broker may have forgotten locks.
    connection: Option<u64>,
    /// The offset at which records came broken: they may be whole where they are stored.
    doubted: Option<i64>,
    /// How often in a row nothing of an answer could be read, not even where its first record ends.
    unreadable: u32,
    /// The last failure that was logged, so that one that lasts is told once.
    told: Option<ErrorKind>,
}

impl<'a> Puller<'a> {
    fn new(engine: &'a Arc<Engine>, queue: &'a Arc<Queue>) -> Puller<'a> {
        let pause = Backoff::new(BRIEF.0, BRIEF.1);
        let (connection, doubted, told) = (None, None, None);
        Puller { engine, queue, pause, read_from: 0, connection, doubted, unreadable: 0, told }
    }

    async fn run(&mut self) {
        let steering = self.queue.steering();
        loop {
            self.obey().await;
            // Whatever a round waits for, a wish ends it: the answer of its pull is thrown away.
            tokio::select! {
                biased;
                () = steering.told() => {}
                () = self.round() => {}
            }
        }
    }

    /// Does what others asked for, until it is to pull.
    async fn obey(&self) {
        let (queue, steering) = (self.queue, self.queue.steering());
        loop {
            match steering.next() {
                Next::Pull => return,
                Next::Move(offset, number) => {
                    let text = format_args!("{}: a request moved the offset to {offset}", queue.name);
                    self.engine.log.info("pull", text);
                    self.move_to(offset);
                    steering.note_move(number);
                }
                Next::Wait => steering.changed().await,
                // What callbacks have is awaited, so that none of it comes twice.
                Next::PullAgain => tokio::select! {
                    biased;
                    () = queue.drained() => {
                        queue.rewind();
                        self.engine.workers.discard(queue);
                        steering.note_pulled_again();
                    }
                    () = steering.changed() => {}
                },
            }
        }
    }

    /// One pull and what follows from it. Between its waits it may be cut off.
    async fn round(&mut self) {
        self.queue.room().await;
        let engine = self.engine;
        // Before the look at the subscription, so that no change after it is missed.
        let announced = engine.announced.notified();
        let Some(subscription) = engine.subscriptions.topic(&self.queue.name.topic) else {
            // Unsubscribed: either the coordinator takes the queue away now, or the topic comes back.
            return announced.await;
        };
        let asked = self.queue.position();
        let begun = Instant::now();
        self.queue.marks().pulled();
        let outcome = tokio::select! {
            outcome = self.pull(asked, &subscription) => outcome,
            // The broker holds it with the old filter and would not wake it for the new one.
            () = announced => return,
        };
        // A held pull is filtered by what the broker knows when it wakes, which may be newer than ours was.
        let asked_for = subscription.version;
        let Some(subscription) = engine.subscriptions.topic(&self.queue.name.topic) else { return };
        if engine.subscriptions.is_assigned() && subscription.version != asked_for {
            // The pull carried the old expression, so it passed over what only the new one wants.
            return;
        }
        match &outcome {
            Ok(result) => {
                self.queue.steps().goes_on();
                self.accept(asked, result, &subscription, begun.elapsed());
            }
            Err(error) => {
                self.queue.steps().meets(Trouble::Failed(error.clone()));
                self.read_from = self.reader_after(error);
            }
        }
        self.tell(outcome.as_ref().err());
        match outcome.is_ok() && self.unreadable > 0 {
            true => self.pause_briefly().await,
            false => self.act(next_pull::after(outcome.as_ref(), asked)).await,
        }
    }

    async fn pull(&mut self, asked: i64, subscription: &Subscription) -> Result<PullResult> {
        let config = &self.engine.config;
        let name = &self.queue.name;
        // Whoever is no member of the group has announced nothing: its pulls say themselves what they want.
        let assigned = self.engine.subscriptions.is_assigned();
        let request = PullMessage {
            consumer_group: config.group.clone(),
            topic: name.topic.to_string(),
            queue_id: name.id,
            queue_offset: asked,
            max_messages: if self.unreadable > 0 { 1 } else { config.pull_batch_size },
            sys_flag: if assigned {
                pull_flag::SUSPEND | pull_flag::SUBSCRIPTION
            } else {
                pull_flag::SUSPEND
            },
            commit_offset: 0,
            suspend_timeout_ms: i64::try_from(config.pull_suspend.as_millis()).unwrap_or(i64::MAX),
            subscription: assigned.then(|| subscription.expression.clone()),
            sub_version: if assigned { 0 } else { subscription.version },
            expression_type: Some(subscription.kind.name().to_owned()),
            max_bytes: Some(config.pull_batch_bytes),
        };
        let address = self.engine.cluster.routes().read_address(&name.broker, self.read_from);
        let address = address.ok_or_else(|| {
            Error::new(ErrorKind::NoRoute, format!("{name}: its broker is in no route now"))
        })?;
        let connection = self.engine.cluster.connect(&address).await?;
        let before = self.connection.replace(connection.id());
        if before != Some(connection.id())
            && self.engine.cluster.keeper(&name.broker).is_ok_and(|keeper| keeper == address)
            && self.queue.meet_keeper(connection.id())
        {
            self.queue.doubt_committed();
        }
        if before.is_some_and(|before| before != connection.id()) {
            self.engine.log.info("pull", format_args!("{name}: is read from {address} now"));
            if let Some(order) = &self.queue.order
                && self.engine.cluster.master(&name.broker).is_ok_and(|master| master == address)
            {
                // It does not keep locks either.
                order.doubt_lock();
            }
        }
        self.queue.steps().pulls(&connection);
        let mut result =
            crate::cluster::call(&connection, &request, config.pull_suspend + PULL_GRACE).await?;
        next_pull::mind_the_lag(
            &mut result,
            asked,
            self.engine.cluster.master(&name.broker).ok() != Some(address),
        );
        Ok(result)
    }

    /// Takes what came into the books and hands it to the workers.
    fn accept(&mut self, asked: i64, result: &PullResult, subscription: &Subscription, took: Duration) {
        let position = &result.position;
        self.read_from = position.suggest_broker_id.unwrap_or(0);
        self.queue.note_max(position.max_offset);
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
            namespace: &self.engine.config.namespace_prefix,
            ..DecodeOptions::new(&self.queue.name.broker)
        };
        let Some((Decoded { messages, broken, .. }, next)) = self.readable(asked, result, &options) else {
            return;
        };
        let counters = &self.engine.status.counters;
        count(&counters.pulled, messages.len());
        count(&counters.broken, broken.len());
        for record in broken {
            let at = record.queue_offset.map_or_else(|| "unknown".to_owned(), |o| o.to_string());
            let what = format!("{}: the record at offset {at} is skipped", self.queue.name);
            self.engine.status.report("pull", Error::from(record.error).context(what));
        }
        let pulled = messages.len();
        let mut messages: Vec<Message> = messages;
        if !subscription.tags.is_empty() {
            messages.retain(|message| subscription.wants(message));
        }
        // By the queue's topic: what comes back in the retry topic has passed once, and its callback wants it.
        if let Some(filters) = self.engine.subscriptions.filters().topic(&self.queue.name.topic) {
            messages.retain(|message| filters.want(message));
        }
        let filtered = pulled - messages.len();
        count(&counters.filtered, filtered);
        self.queue.marks().brought(pulled, filtered, took);
        self.queue.leave_out_done(&mut messages);
        if messages.is_empty() {
            return self.queue.advance(next);
        }
        let offsets = messages.iter().map(Message::queue_offset).collect();
        // Inflated bodies are held beside the frame.
        let bodies: usize = messages.iter().map(|message| message.body().len()).sum();
        let bytes = result.body.len().max(bodies);
        let id = self.queue.insert(offsets, bytes, next);
        let all = 0..messages.len();
        let workers = self.engine.workers.downgrade();
        let batch = PulledBatch { queue: Arc::clone(self.queue), id, messages, workers, direct: false };
        match &self.queue.order {
            Some(order) => orderly::add(self.engine, order, batch),
            None => {
                // What is refused stays in the books and is pulled again, or goes with them.
                self.engine.workers.push(Arc::new(batch), all);
            }
        }
    }

    /// What there is to take of an answer, and the offset behind it. `None` to ask again: records that came broken may be
    /// whole where they are stored. What cannot be read the second time either is passed, but nothing else: where an
    /// answer breaks off, the rest is asked for, and its first message alone before that is passed.
    fn readable(
        &mut self,
        asked: i64,
        result: &PullResult,
        options: &DecodeOptions<'_>,
    ) -> Option<(Decoded, i64)> {
        let mut decoded = decode_records(&result.body, options);
        let cut = decoded.cut || result.body.is_empty();
        let tried_alone = std::mem::take(&mut self.unreadable);
        if !cut && decoded.broken.is_empty() {
            return Some((decoded, result.position.next_begin_offset));
        }
        let name = &self.queue.name;
        if self.doubted.replace(asked) != Some(asked) {
            let text = format_args!("{name}: {} broken, asked for again", decoded.broken.len().max(1));
            self.engine.log.warn("pull", text);
            return None;
        }
        let end = result.position.next_begin_offset;
        if !cut {
            return Some((decoded, end));
        }
        let without_end = decoded.broken.pop();
        let read = decoded.messages.iter().map(Message::queue_offset);
        let read = read.chain(decoded.broken.iter().filter_map(|record| record.queue_offset));
        // A damaged record may claim any offset.
        if let Some(last) = read.filter(|offset| (asked..end).contains(offset)).max() {
            return Some((decoded, last + 1));
        }
        if tried_alone < TRIES_ALONE {
            self.unreadable = tried_alone + 1;
            let text = format_args!("{name}: the answer breaks off at offset {asked}, asked for alone");
            self.engine.log.warn("pull", text);
            return None;
        }
        let lost = without_end.unwrap_or_else(BrokenRecord::nothing);
        decoded.broken.push(BrokenRecord { queue_offset: Some(asked), ..lost });
        Some((decoded, asked.saturating_add(1)))
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
                self.engine.subscriptions.note_forgotten(&self.queue.name.topic);
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
                self.engine.reroute.notify_one();
                self.pause_briefly().await;
            }
            Then::Reconnect => self.engine.reroute.notify_one(),
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

    /// The broker id to read from after a failure.
    fn reader_after(&self, error: &Error) -> i64 {
        match error.kind() {
            // It has to hear of us, and is asked again.
            ErrorKind::Broker(ResponseCode::SubscriptionNotExist | ResponseCode::SubscriptionNotLatest) => {
                self.read_from
            }
            // The name server may take a master for alive for a while; its slave has the messages, too.
            ErrorKind::Connect => {
                let routes = self.engine.cluster.routes();
                routes.another(&self.queue.name.broker, self.read_from).unwrap_or(0)
            }
            // A slave that cannot serve; without a master it is asked again all the same.
            _ => 0,
        }
    }

    /// The broker moved the offset, by a reset or because it lies outside the queue.
    fn rewind(&self, offset: i64) {
        let text = format!("{}: the broker moved the offset to {offset}", self.queue.name);
        self.engine.log.warn("pull", text);
        self.move_to(offset);
    }

    /// Nothing that was pulled counts any more, and the new offset is committed in its turn, also when it is
    /// lower.
    fn move_to(&self, offset: i64) {
        // The books first: what is still pushed finds its batch gone, what was pushed is discarded.
        self.queue.reset(offset);
        self.engine.workers.discard(self.queue);
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
