//! Puts the parts of a running consumer together.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use tokio::sync::{Notify, watch};

use super::admin::DirectCalls;
use super::allocator::Custom;
use super::dispatch::{Bounds, MessageHandler, WeakWorkers, Workers};
use super::engine::Engine;
use super::heartbeat::Heartbeat;
use super::incoming;
use super::lifecycle::{Inner, lock};
use super::offsets::Store;
use super::queue::budget::Budget;
use super::queue::marks::now_ms;
use super::settle::Settlement;
use super::state::State;
use super::statistics::Statistics;
use super::subscriptions::sql_check::SqlChecks;
use crate::cluster::{self, Cluster};
use crate::config::MessageModel;
use crate::error::{Error, ErrorKind};
use crate::runtime::{IoThreads, Tasks};

impl Inner {
    /// Builds the parts and joins them; the tasks are those of its connections, which outlive the others.
    pub(super) fn assemble(
        &self,
        io: &IoThreads,
        handler: Option<Arc<dyn MessageHandler>>,
    ) -> (Arc<Engine>, Tasks) {
        let config = &self.config;
        let polled: Arc<OnceLock<WeakWorkers>> = Arc::default();
        let fatal = {
            let (state, status) = (Arc::clone(&self.state), Arc::clone(&self.status));
            let polled = Arc::clone(&polled);
            Arc::new(move |task: &str| {
                let text = format!("bug: the task {task} panicked");
                status.report_fatal("tasks", Error::new(ErrorKind::Panic, text));
                state.enter(State::Fatal);
                if let Some(workers) = polled.get().and_then(WeakWorkers::upgrade) {
                    workers.refuse_polls();
                }
            })
        };
        let tasks = Tasks::new(io.handle().clone(), fatal.clone());
        let connections = Tasks::new(io.handle().clone(), fatal);
        let rebalance = Arc::new(Notify::new());
        let heartbeat =
            Arc::new(Heartbeat::new(Arc::clone(&self.client_id), config, Arc::clone(&self.subscriptions)));
        let greeting = Arc::clone(&heartbeat);
        let bounds = Bounds {
            thread_min: config.thread_min,
            thread_max: config.thread_max,
            batch_size: config.batch_size,
            stack: config.thread_stack_bytes,
            unsettled: config.unsettled_max,
        };
        let engine = Arc::new_cyclic(|engine: &Weak<Engine>| {
            let cluster = Cluster::new(
                cluster::Setup {
                    name_servers: config.name_servers.clone(),
                    connect_timeout: config.connect_timeout,
                    request_timeout: config.request_timeout,
                    namespace: config.namespace.clone(),
                    // In broadcasting the file of its offsets tells two of one client id apart; without membership
                    // there is nothing to share.
                    no_twin: (config.model == MessageModel::Clustering && !self.subscriptions.is_assigned())
                        .then(|| (config.group.clone(), Arc::clone(&self.client_id))),
                },
                move || greeting.message(),
                incoming::handler(engine.clone(), Arc::clone(&rebalance), self.log.clone()),
                &connections,
            );
            let settler = Arc::new(Settlement(engine.clone()));
            Engine {
                config: config.clone(),
                client_id: Arc::clone(&self.client_id),
                log: self.log.clone(),
                cluster,
                subscriptions: Arc::clone(&self.subscriptions),
                heartbeat,
                direct: DirectCalls::new(
                    handler.clone(),
                    config.thread_stack_bytes,
                    self.callback_thread.clone(),
                ),
                custom: Custom::new(
                    lock(&self.allocator).clone(),
                    config.thread_stack_bytes,
                    self.callback_thread.clone(),
                ),
                workers: Workers::new(
                    bounds,
                    handler,
                    settler,
                    Arc::clone(&self.status),
                    self.callback_thread.clone(),
                ),
                tasks,
                status: Arc::clone(&self.status),
                state: Arc::clone(&self.state),
                store: Store::new(self.offset_file.as_deref()),
                rebalance,
                reroute: Notify::new(),
                resubscribed: Notify::new(),
                announced: Notify::new(),
                repattern: Notify::new(),
                compare: Notify::new(),
                sql: SqlChecks::default(),
                members: watch::Sender::new(Arc::from([])),
                all_budget: Arc::new(Budget::new(config.all_limit)),
                started_ms: now_ms(),
                statistics: Statistics::default(),
                topic_budgets: Mutex::default(),
            }
        });
        polled.get_or_init(|| engine.workers.downgrade());
        (engine, connections)
    }
}
