//! What the parts of a running consumer share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::admin::DirectCalls;
use super::allocator::Custom;
use super::dispatch::Workers;
use super::heartbeat::Heartbeat;
use super::offsets::Store;
use super::queue::budget::Budget;
use super::state::Progress;
use super::statistics::Statistics;
use super::status::Status;
use super::subscriptions::Subscriptions;
use super::subscriptions::sql_check::SqlChecks;
use crate::cluster::Cluster;
use crate::config::ConsumerConfig;
use crate::log::Log;
use crate::message::{MessageQueue, namespace};
use crate::runtime::Tasks;

/// Shared by all tasks of one running consumer.
pub(crate) struct Engine {
    pub(crate) config: ConsumerConfig,
    pub(crate) client_id: Arc<str>,
    pub(crate) log: Log,
    pub(crate) cluster: Cluster,
    pub(crate) subscriptions: Arc<Subscriptions>,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) workers: Workers,
    /// Callbacks that an administrator asked for.
    pub(crate) direct: DirectCalls,
    /// Asks who divides the queues by `allocate.strategy=custom`.
    pub(crate) custom: Custom,
    pub(crate) tasks: Tasks,
    pub(crate) status: Arc<Status>,
    /// What the consumer is doing.
    pub(super) state: Arc<Progress>,
    pub(crate) store: Store,
    /// Told when the assignment must be computed anew.
    pub(crate) rebalance: Arc<Notify>,
    /// Told when a route must be fetched anew.
    pub(crate) reroute: Notify,
    /// Told when the user changed the subscriptions.
    pub(crate) resubscribed: Notify,
    /// Told when changed subscriptions have reached the brokers: a pull held there has the old filter.
    pub(crate) announced: Notify,
    /// Told when patterns may have more or fewer topics.
    pub(crate) repattern: Notify,
    /// Told when the group's subscriptions shall be compared with ours.
    pub(crate) compare: Notify,
    /// The SQL conditions that brokers have accepted.
    pub(crate) sql: SqlChecks,
    /// The group's members as last heard, for those who wait for one of them to go.
    pub(crate) members: watch::Sender<Arc<[String]>>,
    pub(crate) all_budget: Arc<Budget>,
    /// When it was made, in milliseconds since 1970.
    pub(crate) started_ms: i64,
    /// Counters by topic.
    pub(crate) statistics: Statistics,
    pub(super) topic_budgets: Mutex<HashMap<Arc<str>, Arc<Budget>>>,
}

impl Engine {
    /// True for a member that divides queues with others; false in broadcasting and for assigned queues.
    pub(crate) fn shares_queues(&self) -> bool {
        matches!(self.store, Store::Broker) && !self.subscriptions.is_assigned()
    }

    /// A queue by the name that the user gave its topic.
    pub(crate) fn shown(&self, queue: &MessageQueue) -> MessageQueue {
        let topic = namespace::unwrap(&self.config.namespace_prefix, &queue.topic).into();
        MessageQueue { topic, ..queue.clone() }
    }

    /// The budget that all queues of a topic share.
    pub(crate) fn topic_budget(&self, topic: &Arc<str>) -> Arc<Budget> {
        let mut budgets = self.topic_budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry(Arc::clone(topic))
            .or_insert_with(|| Arc::new(Budget::new(self.config.topic_limit)));
        Arc::clone(budget)
    }
}
