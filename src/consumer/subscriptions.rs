//! The topics a consumer has subscribed to, before and while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::subscription::Subscription;
use crate::error::{Error, ErrorKind, Result};

/// The prefix of the topic a broker keeps for messages that a group wants again.
const RETRY_PREFIX: &str = "%RETRY%";

/// Subscriptions by topic. The group's retry topic is always among them, but in broadcasting.
pub(crate) struct Subscriptions {
    retry_topic: String,
    table: Mutex<Table>,
}

struct Table {
    by_topic: BTreeMap<String, Arc<Subscription>>,
    /// The greatest version given to any topic, also to one that was unsubscribed since: a broker takes an
    /// expression only with a greater version than the one it has, also when two come in one millisecond.
    last_version: i64,
}

impl Subscriptions {
    /// Only the retry topic of `group`.
    pub(crate) fn new(group: &str) -> Subscriptions {
        let retry_topic = format!("{RETRY_PREFIX}{group}");
        let last_version = now_ms();
        let retry = Subscription::all(&retry_topic, last_version);
        let by_topic = BTreeMap::from([(retry_topic.clone(), Arc::new(retry))]);
        Subscriptions { retry_topic, table: Mutex::new(Table { by_topic, last_version }) }
    }

    /// None at all, for broadcasting: nothing is sent back there, so nothing comes from a retry topic.
    pub(crate) fn without_retry(group: &str) -> Subscriptions {
        let table = Table { by_topic: BTreeMap::new(), last_version: now_ms() };
        Subscriptions { retry_topic: format!("{RETRY_PREFIX}{group}"), table: Mutex::new(table) }
    }

    /// True when the user has subscribed to nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.table().by_topic.keys().all(|topic| *topic == self.retry_topic)
    }

    /// The topic in which failed messages of the group come back.
    pub(crate) fn retry_topic(&self) -> &str {
        &self.retry_topic
    }

    /// Sets a topic's expression, new or in place of the one before. False when nothing changes.
    pub(crate) fn set(&self, topic: &str, expression: &str) -> Result<bool> {
        let mut table = self.table();
        let version = now_ms().max(table.last_version + 1);
        let subscription = Subscription::parse(topic, expression, version)?;
        if topic == self.retry_topic {
            let text =
                format!("topic is {topic:?}, the group's own retry topic, which is not subscribed by hand");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        if table.by_topic.get(topic).is_some_and(|before| before.expression == subscription.expression) {
            return Ok(false);
        }
        table.last_version = version;
        table.by_topic.insert(topic.to_owned(), Arc::new(subscription));
        Ok(true)
    }

    /// Ends a subscription. False when there was none, as in Java no error. The retry topic's stays.
    pub(crate) fn remove(&self, topic: &str) -> bool {
        topic != self.retry_topic && self.table().by_topic.remove(topic).is_some()
    }

    /// The subscription of a topic.
    pub(crate) fn topic(&self, topic: &str) -> Option<Arc<Subscription>> {
        self.table().by_topic.get(topic).cloned()
    }

    /// All of them, the retry topic's too.
    pub(crate) fn all(&self) -> Vec<Arc<Subscription>> {
        self.table().by_topic.values().cloned().collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_grow_also_over_an_unsubscribe_in_between() {
        let subscriptions = Subscriptions::new("g");
        let version = || subscriptions.topic("T").map_or(0, |subscription| subscription.version);
        assert!(subscriptions.set("T", "a").unwrap());
        let first = version();
        assert!(subscriptions.remove("T") && !subscriptions.remove("T"));
        assert!(subscriptions.set("T", "b").unwrap());
        let second = version();
        assert!(second > first);
        assert!(!subscriptions.set("T", "b").unwrap(), "nothing changes");
        assert_eq!(version(), second);
    }

    #[test]
    fn the_retry_topic_stays_subscribed() {
        let subscriptions = Subscriptions::new("g");
        assert!(!subscriptions.remove("%RETRY%g"));
        assert!(subscriptions.set("%RETRY%g", "a").is_err());
        assert_eq!(subscriptions.topic("%RETRY%g").unwrap().expression, "*");
    }
}
