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
use super::queue::marks::now_ms;
use super::statistics::Statistics;
use super::status::Status;
use super::subscriptions::Subscriptions;
use super::subscriptions::sql_check::SqlChecks;
use crate::cluster::Cluster;
use crate::config::ConsumerConfig;
use crate::log::Log;
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
    topic_budgets: Mutex<HashMap<Arc<str>, Arc<Budget>>>,
}

/// The parts an engine is made of.
pub(crate) struct Parts {
    pub(crate) config: ConsumerConfig,
    pub(crate) client_id: Arc<str>,
    pub(crate) log: Log,
    pub(crate) cluster: Cluster,
    pub(crate) subscriptions: Arc<Subscriptions>,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) workers: Workers,
    pub(crate) direct: DirectCalls,
    pub(crate) custom: Custom,
    pub(crate) tasks: Tasks,
    pub(crate) status: Arc<Status>,
    pub(crate) store: Store,
    pub(crate) rebalance: Arc<Notify>,
}

impl Engine {
    /// Joins the parts.
    pub(crate) fn new(parts: Parts) -> Engine {
        Engine {
            all_budget: Arc::new(Budget::new(parts.config.all_limit)),
            topic_budgets: Mutex::default(),
            started_ms: now_ms(),
            statistics: Statistics::default(),
            members: watch::Sender::new(Arc::from([])),
            reroute: Notify::new(),
            resubscribed: Notify::new(),
            announced: Notify::new(),
            repattern: Notify::new(),
            compare: Notify::new(),
            sql: SqlChecks::default(),
            config: parts.config,
            client_id: parts.client_id,
            log: parts.log,
            cluster: parts.cluster,
            subscriptions: parts.subscriptions,
            heartbeat: parts.heartbeat,
            workers: parts.workers,
            direct: parts.direct,
            custom: parts.custom,
            tasks: parts.tasks,
            status: parts.status,
            store: parts.store,
            rebalance: parts.rebalance,
        }
    }

    /// True for a member that divides queues with others; false in broadcasting and for assigned queues.
    pub(crate) fn shares_queues(&self) -> bool {
        matches!(self.store, Store::Broker) && !self.subscriptions.is_assigned()
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
