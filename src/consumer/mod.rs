//! The consumer: what it is to its user. The files follow a message's way: `subscriptions`, `routing`,
//! `coordinator` (`rebalance` by `allocation`, or the user's own `assignment`), `ownership` (`handover`, `offsets`),
//! `pull` into a `queue`, `dispatch`, `settle` (`orderly`), `retry` or `dropped`.
//!
//! The user comes in by `fronts` and `control`, administrators by `incoming` and `admin`. Around it stand `lifecycle`
//! with `assembling`, `opening` and `leaving`; what keeps it alive: `heartbeat`, `lost`, `overdue`, `watchdog`; and
//! what it tells: `event`, `floods`, `status`, `statistics`, `report`. `tuning` is what may be changed while it runs.

mod admin;
mod allocation;
mod allocator;
mod assembling;
mod assignment;
mod callback_thread;
mod control;
mod coordinator;
mod dead_letters;
mod dispatch;
mod dropped;
mod engine;
mod event;
mod events;
mod floods;
mod fronts;
mod handover;
mod heartbeat;
mod identity;
mod incoming;
mod leaving;
mod lifecycle;
mod lost;
mod next_pull;
mod offsets;
mod opening;
mod orderly;
mod overdue;
mod ownership;
mod pull;
mod queue;
mod rebalance;
mod report;
mod retry;
mod routing;
mod seldom;
mod settle;
mod state;
mod statistics;
mod status;
mod subscriptions;
mod tuning;
mod wakeup;
mod watchdog;

use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

pub use allocator::{Allocator, Division, Share};
pub use control::Seek;
pub use dead_letters::dead_letter_topic;
pub use dispatch::{Abandoned, Batch, Context, MessageHandler, Outcome};
pub use event::{Event, EventKind};
pub use events::EventHandler;
pub use state::State;
pub use subscriptions::selector::{MessageSelector, is_tag_type};
pub use wakeup::WakeupHandler;

/// Pure parts that `tests/fuzz` drives by themselves; no part of the interface. They are always there, not behind a
/// cfg: `tests/fuzz_corpus.rs` drives them in the very library that is tested.
#[doc(hidden)]
pub mod fuzzing {
    pub use super::offsets::local_file::{Found, Offsets, Read, choose, parse, text};
    pub use super::queue::process_queue::{BatchId, Cached, Freed, ProcessQueue};
    pub use super::subscriptions::subscription::Subscription;
}

use crate::config::ConsumerConfig;
use crate::error::{Error, Result};
use crate::log::Log;
use lifecycle::Inner;

/// A consumer. Clones are handles to the same one; all calls are allowed from any thread.
#[derive(Clone)]
pub struct Consumer(Arc<Inner>);

impl Consumer {
    /// A consumer that does nothing yet.
    pub fn new(config: &ConsumerConfig, log: Log) -> Result<Consumer> {
        Inner::new(config.clone(), log).map(|inner| Consumer(Arc::new(inner)))
    }

    /// Sets who consumes, before the start. Answers who was set before.
    pub fn set_handler(
        &self,
        handler: Option<Arc<dyn MessageHandler>>,
    ) -> Result<Option<Arc<dyn MessageHandler>>> {
        self.0.set_handler(handler)
    }

    /// Sets who divides the queues, before the start and for `allocate.strategy=custom` only. Answers who was set
    /// before.
    pub fn set_allocator(&self, allocator: Option<Arc<dyn Allocator>>) -> Result<Option<Arc<dyn Allocator>>> {
        self.0.set_allocator(allocator)
    }

    /// Sets who gets events of the kinds in `mask`, before the start; without one they wait for
    /// [`Consumer::poll_event`]. Answers who was set before.
    pub fn set_event_handler(
        &self,
        handler: Option<Arc<dyn EventHandler>>,
        mask: i32,
    ) -> Result<Option<Arc<dyn EventHandler>>> {
        self.0.set_event_handler(handler, mask)
    }

    /// Takes up to `most` messages of one queue, to be kept and settled; for a consumer that was started without a
    /// message handler. `None` waits without a bound.
    pub fn poll(&self, most: usize, within: Option<Duration>) -> Result<Batch> {
        self.0.poll(most, within)
    }

    /// Ends one [`Consumer::poll`] with [`ErrorKind::Woken`](crate::error::ErrorKind::Woken): one that waits, else
    /// the next to come. Calls add up.
    pub fn wake_up(&self) -> Result<()> {
        self.0.wake_up()
    }

    /// Sets who is called when there may be something to poll, before the start. Answers who was set before.
    pub fn set_wakeup_handler(
        &self,
        handler: Option<Arc<dyn WakeupHandler>>,
    ) -> Result<Option<Arc<dyn WakeupHandler>>> {
        self.0.set_wakeup_handler(handler)
    }

    /// A descriptor that is readable while there may be something to poll. It lives as long as the consumer.
    pub fn wakeup_fd(&self) -> Result<RawFd> {
        self.0.status().wakeup().fd()
    }

    /// The same for one who closes it. Duplicates share what they say: only one of them may be waited for.
    pub fn wakeup_fd_dup(&self) -> Result<OwnedFd> {
        self.0.status().wakeup().duplicate()
    }

    /// Takes the oldest event; `None` waits without a bound.
    pub fn poll_event(&self, within: Option<Duration>) -> Result<Event> {
        self.0.poll_event(within)
    }

    /// Subscribes to a topic by a tag expression: `*`, nothing, or `a || b`. Replaces the expression before.
    /// A running consumer tells its brokers and takes its share of the topic's queues.
    pub fn subscribe(&self, topic: &str, expression: &str) -> Result<()> {
        self.0.subscribe(topic, &MessageSelector::by_tag(expression))
    }

    /// Subscribes to a topic by a selector. On a running consumer brokers check an SQL condition first, for at
    /// most `request.timeout.ms` each, and their refusal is the answer.
    pub fn subscribe_selector(&self, topic: &str, selector: &MessageSelector) -> Result<()> {
        self.0.subscribe(topic, selector)
    }

    /// Subscribes to every topic whose whole name the regular expression matches, now and later, by one
    /// selector. Replaces the selector of the same pattern.
    pub fn subscribe_pattern(&self, topic_regex: &str, selector: &MessageSelector) -> Result<()> {
        self.0.subscribe_pattern(topic_regex, selector)
    }

    /// Ends a pattern and gives the queues of its topics up.
    pub fn unsubscribe_pattern(&self, topic_regex: &str) -> Result<()> {
        self.0.unsubscribe_pattern(topic_regex)
    }

    /// Sets the client's own filter of a topic's messages: `field` is `tag`, `keys` or `property:NAME`; messages in
    /// which the regular expression is not found are dropped and acknowledged. An empty one takes the filter away.
    pub fn filter_regex(&self, topic: &str, field: &str, regex: &str) -> Result<()> {
        self.0.filter_regex(topic, field, regex)
    }

    /// Ends a subscription; a running consumer gives the topic's queues up.
    pub fn unsubscribe(&self, topic: &str) -> Result<()> {
        self.0.unsubscribe(topic)
    }

    /// Connects and begins to consume. Waits at most `start.timeout.ms` for a name server and the topics'
    /// brokers; on failure nothing is left behind and it may be called again.
    pub fn start(&self) -> Result<()> {
        self.0.start()
    }

    /// Stops: no new callbacks, running ones are awaited, offsets committed, queues let go. `None` waits for
    /// `shutdown.timeout.ms`. After a timeout it goes on by itself; call again to wait on.
    pub fn shutdown(&self, timeout: Option<Duration>) -> Result<()> {
        self.0.shutdown(timeout)
    }

    /// Begins to stop and does not wait; also from a callback.
    pub fn request_stop(&self) -> Result<()> {
        self.0.request_stop()
    }

    /// Waits until somebody asks for a stop, then for its end. `None` waits without a bound.
    pub fn wait_stopped(&self, timeout: Option<Duration>) -> Result<()> {
        self.0.wait_stopped(timeout)
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// The name under which brokers know it.
    pub fn client_id(&self) -> &str {
        self.0.client_id()
    }

    /// The last failure that was not the direct answer to a call.
    pub fn last_error(&self) -> Option<Error> {
        self.0.last_error()
    }

    /// The bug that ended it.
    pub fn fatal_error(&self) -> Option<Error> {
        self.0.fatal_error()
    }

    /// The owned queues as JSON: topic, broker, queue, position, committed offset, messages held.
    pub fn assignment_json(&self) -> String {
        report::assignment(self.0.namespace_prefix(), &self.0.status().queues())
    }

    /// The route of a subscribed topic as JSON, as last heard from a name server: its brokers with their
    /// addresses by broker id (0 is the master), and the queues that may be read.
    pub fn route_json(&self, topic: &str) -> Result<String> {
        self.0.route(topic).map(|route| report::route(topic, &route))
    }

    /// The subscriptions as JSON: topics with type, expression, pattern and filters, then the patterns.
    pub fn subscriptions_json(&self) -> String {
        report::subscriptions(self.0.namespace_prefix(), self.0.subscriptions())
    }

    /// What it counted and how it stands as JSON; docs/STATISTICS.md has every member.
    pub fn stats_json(&self) -> String {
        self.0.stats_json()
    }

    /// True on a thread that runs a callback of this consumer.
    pub fn is_callback_thread(&self) -> bool {
        self.0.is_callback_thread()
    }

    /// Gives the consumer up after a bug: it may only be dropped.
    pub fn mark_fatal(&self, why: &str) {
        self.0.mark_fatal(why);
    }
}
