//! What a consumer does for each topic, as rates over the last minute.
//!
//! Consuming only adds to counters, once for each pulled batch or share of one; a task looks at them every few
//! seconds, and the rates are what lies between its looks and now.

mod publishing;
mod report;
mod window;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::engine::Engine;
use crate::cluster::Summary;
use crate::cluster::command::TopicRates;
use crate::runtime::Recent;
pub(crate) use publishing::keep_publishing;
pub(crate) use report::Look;
use window::{SAMPLE_EVERY, Totals, Window};

/// One topic's counters; each only grows.
#[derive(Debug, Default)]
pub(crate) struct TopicCounters {
    pulls: AtomicU64,
    pull_micros: AtomicU64,
    pulled: AtomicU64,
    callbacks: AtomicU64,
    callback_micros: AtomicU64,
    completed: AtomicU64,
    returned: AtomicU64,
    failed: AtomicU64,
    /// The times of all topics' callbacks.
    times: Arc<Mutex<Recent>>,
}

impl TopicCounters {
    /// A pull brought messages, so many of them wanted.
    pub(crate) fn pulled(&self, messages: usize, took: Duration) {
        add(&self.pulls, 1);
        add(&self.pull_micros, micros(took));
        add(&self.pulled, messages as u64);
    }

    /// Callbacks ended by `now`, after `took` altogether. They count with their mean.
    pub(crate) fn called(&self, callbacks: u32, took: Duration, now: Instant) {
        let Some(mean) = took.checked_div(callbacks) else { return };
        add(&self.callbacks, u64::from(callbacks));
        add(&self.callback_micros, micros(took));
        lock(&self.times).note(now, mean, callbacks);
    }

    /// Messages are done with, consumed or given back.
    pub(crate) fn completed(&self, messages: usize) {
        add(&self.completed, messages as u64);
    }

    /// A callback wants messages again.
    pub(crate) fn failed(&self, messages: usize) {
        add(&self.failed, messages as u64);
    }

    /// Messages that are or will be among the completed ones were given back.
    pub(crate) fn returned(&self, messages: usize) {
        add(&self.returned, messages as u64);
    }

    fn totals(&self) -> Totals {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            pulls: value(&self.pulls),
            pull_micros: value(&self.pull_micros),
            pulled: value(&self.pulled),
            callbacks: value(&self.callbacks),
            callback_micros: value(&self.callback_micros),
            consumed: value(&self.completed).saturating_sub(value(&self.returned)),
            failed: value(&self.failed),
        }
    }
}

/// The counters of all topics, and when they stood where.
#[derive(Default)]
pub(crate) struct Statistics {
    topics: Mutex<BTreeMap<Arc<str>, Topic>>,
    callbacks: Arc<Mutex<Recent>>,
}

struct Topic {
    counters: Arc<TopicCounters>,
    window: Window,
}

impl Statistics {
    /// The counters of a topic.
    pub(crate) fn topic(&self, topic: &Arc<str>) -> Arc<TopicCounters> {
        let mut topics = self.topics();
        let counters = || TopicCounters { times: Arc::clone(&self.callbacks), ..TopicCounters::default() };
        let begun = || Topic { counters: Arc::new(counters()), window: Window::new(Instant::now()) };
        Arc::clone(&topics.entry(Arc::clone(topic)).or_insert_with(begun).counters)
    }

    /// What a topic did in the last minute; nothing for a topic of which nothing was ever owned.
    pub(crate) fn rates(&self, topic: &str) -> TopicRates {
        let now = Instant::now();
        self.topics()
            .get(topic)
            .map_or_else(TopicRates::default, |topic| topic.window.rates(now, &topic.counters.totals()))
    }

    /// How long callbacks took of late; `None` when none ended.
    pub(crate) fn callbacks(&self) -> Option<Summary> {
        lock(&self.callbacks).summary(Instant::now())
    }

    fn sample(&self) {
        let now = Instant::now();
        for topic in self.topics().values_mut() {
            topic.window.sample(now, topic.counters.totals());
        }
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Topic>> {
        lock(&self.topics)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at the counters until the consumer stops.
pub(crate) async fn keep_sampling(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = sleep(SAMPLE_EVERY) => engine.statistics.sample(),
        }
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
