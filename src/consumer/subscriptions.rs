//! The topics a consumer has subscribed to, before and while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::subscription::Subscription;
use crate::error::{Error, ErrorKind, Result};

/// The prefix of the topic a broker keeps for messages that a group wants again.
const RETRY_PREFIX: &str = "%RETRY%";

/// Subscriptions by topic. The group's retry topic is always among them.
pub(crate) struct Subscriptions {
    retry_topic: String,
    by_topic: Mutex<BTreeMap<String, Arc<Subscription>>>,
}

impl Subscriptions {
    /// Only the retry topic of `group`.
    pub(crate) fn new(group: &str) -> Subscriptions {
        let retry_topic = format!("{RETRY_PREFIX}{group}");
        let retry = Subscription::all(&retry_topic, now_ms());
        let by_topic = Mutex::new(BTreeMap::from([(retry_topic.clone(), Arc::new(retry))]));
        Subscriptions { retry_topic, by_topic }
    }

    /// The topic in which failed messages of the group come back.
    pub(crate) fn retry_topic(&self) -> &str {
        &self.retry_topic
    }

    /// Sets a topic's expression, new or in place of the one before. False when nothing changes.
    pub(crate) fn set(&self, topic: &str, expression: &str) -> Result<bool> {
        let mut by_topic = self.by_topic();
        let before = by_topic.get(topic);
        // A broker takes the subscription with the greater version, also when two come in one millisecond.
        let version = now_ms().max(before.map_or(0, |s| s.version + 1));
        let subscription = Subscription::parse(topic, expression, version)?;
        if topic == self.retry_topic {
            let text = format!("topic is {topic:?}, the group's own retry topic is always subscribed");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        if before.is_some_and(|s| s.expression == subscription.expression) {
            return Ok(false);
        }
        by_topic.insert(topic.to_owned(), Arc::new(subscription));
        Ok(true)
    }

    /// Ends a subscription. False when there was none, as in Java no error. The retry topic's stays.
    pub(crate) fn remove(&self, topic: &str) -> bool {
        topic != self.retry_topic && self.by_topic().remove(topic).is_some()
    }

    /// The subscription of a topic.
    pub(crate) fn topic(&self, topic: &str) -> Option<Arc<Subscription>> {
        self.by_topic().get(topic).cloned()
    }

    /// All of them, the retry topic's too.
    pub(crate) fn all(&self) -> Vec<Arc<Subscription>> {
        self.by_topic().values().cloned().collect()
    }

    fn by_topic(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Subscription>>> {
        self.by_topic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
