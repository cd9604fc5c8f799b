//! What of a consumer may be changed before its start and while it runs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::Consumer;
use super::engine::Engine;
use super::lifecycle::{Inner, lock};
use super::subscriptions::subscription::check_topic;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// What was asked for so far; a start begins with it.
#[derive(Default)]
pub(super) struct Tuning(Mutex<Wishes>);

#[derive(Default)]
struct Wishes {
    name_servers: Option<Vec<String>>,
    thread_max: Option<usize>,
    /// By topic, `None` for the whole consumer.
    rates: BTreeMap<Option<String>, u32>,
}

impl Consumer {
    /// Asks other name servers from now on, `host:port`, several separated by `;`, and asks them for all routes at
    /// once.
    pub fn set_name_servers(&self, addresses: &str) -> Result<()> {
        let addresses = checked("namesrv.addr", addresses)?;
        self.0.tune("set the name servers", |wishes| {
            wishes.name_servers = Some(addresses.split(';').map(str::to_owned).collect());
        })
    }

    /// Allows so many callback threads from now on, as `consume.thread.max`. Those that are too many end after their
    /// callbacks. With fewer than `consume.thread.min`, no more than these stay.
    pub fn set_thread_max(&self, threads: i32) -> Result<()> {
        checked("consume.thread.max", &threads.to_string())?;
        // The property's range is above 0.
        let threads = usize::try_from(threads).unwrap_or(1);
        self.0.tune("set the number of threads", |wishes| wishes.thread_max = Some(threads))
    }

    /// Hands out at most so many messages a second from now on, of one topic or altogether; 0 takes the limit away.
    /// A topic has its own limit beside that of all.
    pub fn set_rate_limit(&self, topic: Option<&str>, per_second: i32) -> Result<()> {
        topic.map_or(Ok(()), check_topic)?;
        let per_second = u32::try_from(per_second).map_err(|_| {
            let text = format!("per_second is {per_second}: allowed is 0, which is no limit, and more");
            Error::new(ErrorKind::InvalidArgument, text)
        })?;
        self.0.tune("set a rate limit", |wishes| {
            wishes.rates.insert(topic.map(str::to_owned), per_second);
        })
    }
}

impl Inner {
    fn tune(&self, what: &str, wish: impl FnOnce(&mut Wishes)) -> Result<()> {
        self.refuse_ended(what)?;
        let mut wishes = lock(&self.tuning.0);
        let mut news = Wishes::default();
        wish(&mut news);
        if let Some(engine) = self.engine() {
            news.apply(&engine);
        }
        wishes.keep(news);
        Ok(())
    }
}

impl Tuning {
    /// For an engine that [`Inner::engine`] gives already: a wish from then on finds it there.
    pub(super) fn apply(&self, engine: &Engine) {
        lock(&self.0).apply(engine);
    }
}

impl Wishes {
    fn apply(&self, engine: &Engine) {
        if let Some(addresses) = &self.name_servers {
            engine.cluster.set_name_servers(addresses);
            engine.reroute.notify_one();
        }
        if let Some(threads) = self.thread_max {
            engine.workers.set_thread_max(threads);
        }
        for (topic, per_second) in &self.rates {
            engine.workers.set_rate_limit(topic.as_deref(), *per_second);
        }
    }

    fn keep(&mut self, news: Wishes) {
        self.name_servers = news.name_servers.or(self.name_servers.take());
        self.thread_max = news.thread_max.or(self.thread_max);
        self.rates.extend(news.rates);
        // Without an engine yet, no limit is what there is.
        self.rates.retain(|_, per_second| *per_second > 0);
    }
}

/// A value as the property takes it.
fn checked(key: &str, value: &str) -> Result<String> {
    let mut config = Config::new();
    config.set(key, value)?;
    config.get(key)
}
