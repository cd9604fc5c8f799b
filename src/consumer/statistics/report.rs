//! The statistics as JSON. Each member is told in docs/STATISTICS.md and checked by docs/statistics.schema.json.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::cluster::command::TopicRates;
use crate::cluster::{BrokerLink, Link, Summary};
use crate::config::ConsumerConfig;
use crate::consumer::engine::Engine;
use crate::consumer::queue::Queue;
use crate::consumer::queue::marks::now_ms;
use crate::consumer::state::State;
use crate::consumer::status::Status;
use crate::consumer::subscriptions::Subscriptions;
use crate::message::namespace;

/// What the statistics are made from.
pub(crate) struct Look<'a> {
    pub(crate) config: &'a ConsumerConfig,
    pub(crate) client_id: &'a str,
    pub(crate) state: State,
    pub(crate) status: &'a Status,
    pub(crate) subscriptions: &'a Subscriptions,
    /// From the start to the end of the shutdown.
    pub(crate) engine: Option<&'a Engine>,
}

impl<'a> Look<'a> {
    /// At a running consumer.
    pub(super) fn at(engine: &'a Engine) -> Look<'a> {
        Look {
            config: &engine.config,
            client_id: &engine.client_id,
            state: engine.state.state(),
            status: &engine.status,
            subscriptions: &engine.subscriptions,
            engine: Some(engine),
        }
    }

    /// Everything as it is now. Locks one thing after the other, each for a moment.
    pub(crate) fn json(&self) -> String {
        let now = now_ms();
        let queues = self.status.queues();
        let links = self.engine.map(|engine| engine.cluster.links());
        let (name_servers, brokers) = links.map(|l| (l.name_servers, l.brokers)).unwrap_or_default();
        json!({
            "ts": now,
            "name": "librmq",
            "version": env!("CARGO_PKG_VERSION"),
            "client_id": self.client_id,
            "group": self.shown(&self.config.group),
            "state": self.state.name(),
            "started_ts": self.engine.map(|engine| engine.started_ms),
            "threads": self.threads(),
            "name_servers": name_servers.iter().map(|l| Value::Object(link(l))).collect::<Vec<_>>(),
            "brokers": brokers.iter().map(broker).collect::<Vec<_>>(),
            "topics": self.topics(&queues, now),
            "callbacks": self.callbacks(),
            "queues": queues.len(),
            "pending": queues.iter().map(|queue| queue.pending()).sum::<usize>(),
            "unsettled": self.engine.map_or(0, |engine| engine.workers.unsettled()),
            "totals": self.totals(),
        })
        .to_string()
    }

    /// The same as a sentence.
    pub(super) fn sentence(&self) -> String {
        let queues = self.status.queues();
        let totals: BTreeMap<&str, u64> = self.status.counters.each().into_iter().collect();
        let total = |name: &str| totals.get(name).copied().unwrap_or(0);
        format!(
            "{}: {} messages pulled, {} consumed, {} failed; {} queues, {} messages pending",
            self.client_id,
            total("pulled"),
            total("consumed"),
            total("failed"),
            queues.len(),
            queues.iter().map(|queue| queue.pending()).sum::<usize>()
        )
    }

    fn threads(&self) -> Value {
        json!({
            "io": self.engine.map_or(0, |_| self.config.io_threads),
            "worker": self.engine.map_or(0, |engine| engine.workers.threads()),
            "worker_max": self.engine.map_or(self.config.thread_max, |engine| engine.workers.thread_max()),
        })
    }

    fn topics(&self, queues: &[Arc<Queue>], now: i64) -> Vec<Value> {
        let subscribed = self.subscriptions.all();
        let mut topics: BTreeSet<&str> = subscribed.iter().map(|s| s.topic.as_str()).collect();
        topics.extend(queues.iter().map(|queue| &*queue.name.topic));
        let one = |topic: &str| {
            let rates = self.engine.map(|engine| engine.statistics.rates(topic)).unwrap_or_default();
            let own = queues.iter().filter(|queue| *queue.name.topic == *topic);
            json!({
                "topic": self.shown(topic),
                "rates": rates_json(&rates),
                "queues": own.map(|own| queue(own, now)).collect::<Vec<_>>(),
            })
        };
        topics.into_iter().map(one).collect()
    }

    fn callbacks(&self) -> Value {
        let recent = self.engine.and_then(|engine| engine.statistics.callbacks());
        let activities = self.engine.map(|engine| engine.workers.activities()).unwrap_or_default();
        let running: Vec<f64> = activities
            .iter()
            .filter_map(|activity| activity.callback.as_ref())
            .map(|(_, since)| since.as_secs_f64() * 1000.0)
            .collect();
        json!({
            "running": running.len(),
            "running_ms": running.iter().copied().reduce(f64::max).map(rounded),
            "avg_ms": recent.map(|times| rounded(times.avg)),
            "p50_ms": recent.map(|times| rounded(times.p50)),
            "p99_ms": recent.map(|times| rounded(times.p99)),
            "max_ms": recent.map(|times| rounded(times.max)),
        })
    }

    fn totals(&self) -> Map<String, Value> {
        let counters = self.status.counters.each().into_iter();
        let events = self.status.events();
        let lost = [("events_lost", events.lost()), ("records_lost", events.records_lost())];
        counters.chain(lost).map(|(name, value)| (name.to_owned(), value.into())).collect()
    }

    fn shown(&self, name: &str) -> String {
        namespace::unwrap(&self.config.namespace_prefix, name).into_owned()
    }
}

fn queue(queue: &Queue, now: i64) -> Value {
    let marks = queue.marks();
    let counts = marks.counts();
    let begun = queue.has_begun();
    // Clocks may be set back.
    let ago = |at: i64| (now - at).max(0);
    json!({
        "broker": &*queue.name.broker,
        "queue_id": queue.name.id,
        "pulls": counts.pulls,
        "pulled": counts.pulled,
        "filtered": counts.filtered,
        "consumed": queue.consumed(),
        "failed": counts.failed,
        "retried": counts.retried,
        "pending": queue.pending(),
        // Unknown is null and never 0.
        "position": begun.then(|| queue.position()),
        "committed": queue.committed(),
        "lag": queue.lag(),
        "locked": queue.order.as_ref().map(|order| order.is_locked()),
        "paused": queue.steering().is_paused(),
        "revoking": queue.is_closing(),
        "last_pull_ms": (counts.pulls > 0).then(|| ago(marks.pulled_at())),
        "last_consume_ms": (queue.consumed() > 0).then(|| ago(marks.consumed_at())),
    })
}

fn broker(of: &BrokerLink) -> Value {
    let mut json = link(&of.link);
    json.insert("name".to_owned(), of.broker.as_ref().map(|(name, _)| &**name).into());
    json.insert("broker_id".to_owned(), of.broker.as_ref().map(|(_, id)| *id).into());
    Value::Object(json)
}

fn link(link: &Link) -> Map<String, Value> {
    Map::from_iter([
        ("address".to_owned(), link.address.as_str().into()),
        ("state".to_owned(), link.state.name().into()),
        ("requests".to_owned(), link.meter.requests().into()),
        ("timeouts".to_owned(), link.meter.timeouts().into()),
        ("rtt_ms".to_owned(), link.meter.round_trips().map_or(Value::Null, times)),
    ])
}

fn times(of: Summary) -> Value {
    json!({
        "avg": rounded(of.avg),
        "p50": rounded(of.p50),
        "p99": rounded(of.p99),
        "max": rounded(of.max),
    })
}

fn rates_json(of: &TopicRates) -> Value {
    json!({
        "pulled_per_s": rounded(of.pull_tps),
        "consumed_per_s": rounded(of.ok_tps),
        "failed_per_s": rounded(of.failed_tps),
        "pull_ms": rounded(of.pull_rt),
        "callback_ms": rounded(of.consume_rt),
    })
}

/// To three digits behind the point: a microsecond, where it is milliseconds.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
