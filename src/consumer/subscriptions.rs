//! The topics a consumer has subscribed to, or those of the queues it was assigned, before and while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::assignment::Wanted;
use super::subscription::Subscription;
use crate::error::{Error, ErrorKind, Result};

/// The prefix of the topic a broker keeps for messages that a group wants again.
const RETRY_PREFIX: &str = "%RETRY%";

/// Subscriptions by topic. The group's retry topic is always among them, but for queues that were assigned.
pub(crate) struct Subscriptions {
    retry_topic: String,
    table: Mutex<Table>,
    /// The last round of [`Assigned`] that the coordinator has applied.
    applied: watch::Sender<u64>,
}

struct Table {
    by_topic: BTreeMap<String, Arc<Subscription>>,
    /// The greatest version given to any topic, also to one that was unsubscribed since: a broker takes an
    /// expression only with a greater version than the one it has, also when two come in one millisecond.
    last_version: i64,
    /// Queues that the user assigned: then there is no membership and no retry topic.
    assigned: Option<Assigned>,
}

/// An assignment by the user.
#[derive(Clone)]
pub(crate) struct Assigned {
    /// What it names.
    pub(crate) wanted: Arc<[Wanted]>,
    /// Grows whenever it is to be applied anew.
    pub(crate) round: u64,
}

impl Subscriptions {
    /// Only the retry topic of `group`.
    pub(crate) fn new(group: &str) -> Subscriptions {
        let retry_topic = format!("{RETRY_PREFIX}{group}");
        let last_version = now_ms();
        let retry = Subscription::all(&retry_topic, last_version);
        let by_topic = BTreeMap::from([(retry_topic.clone(), Arc::new(retry))]);
        let table = Mutex::new(Table { by_topic, last_version, assigned: None });
        Subscriptions { retry_topic, table, applied: watch::Sender::default() }
    }

    /// The topic in which failed messages of the group come back.
    pub(crate) fn retry_topic(&self) -> &str {
        &self.retry_topic
    }

    /// Sets a topic's expression, new or in place of the one before. False when nothing changes.
    pub(crate) fn set(&self, topic: &str, expression: &str) -> Result<bool> {
        let mut table = self.table();
        if table.assigned.is_some() {
            let text =
                "subscribe: queues were assigned by rmq_consumer_assign, and one consumer does one of both";
            return Err(Error::new(ErrorKind::State, text));
        }
        let version = now_ms().max(table.last_version + 1);
        let subscription = Subscription::parse(topic, expression, version)?;
        if topic == self.retry_topic {
            let text = format!("topic is {topic:?}, the group's own retry topic is always subscribed");
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
        let mut table = self.table();
        topic != self.retry_topic && table.assigned.is_none() && table.by_topic.remove(topic).is_some()
    }

    /// Takes the queues the user names in place of those before; from then on nothing can be subscribed to.
    pub(crate) fn assign(&self, wanted: Vec<Wanted>) -> Result<()> {
        let mut table = self.table();
        if table.assigned.is_none() && table.by_topic.keys().any(|topic| *topic != self.retry_topic) {
            let text = "assign: topics were subscribed to, and one consumer does one of both";
            return Err(Error::new(ErrorKind::State, text));
        }
        let mut before = std::mem::take(&mut table.by_topic);
        for wanted in &wanted {
            let kept = before.remove(&wanted.topic).filter(|s| s.expression == wanted.expression);
            if kept.is_none() && table.by_topic.contains_key(&wanted.topic) {
                continue;
            }
            let subscription = match kept {
                Some(kept) => kept,
                None => {
                    table.last_version = now_ms().max(table.last_version + 1);
                    let version = table.last_version;
                    Arc::new(Subscription::parse(&wanted.topic, &wanted.expression, version)?)
                }
            };
            table.by_topic.insert(wanted.topic.clone(), subscription);
        }
        let round = table.assigned.as_ref().map_or(1, |assigned| assigned.round + 1);
        table.assigned = Some(Assigned { wanted: wanted.into(), round });
        Ok(())
    }

    /// What the user assigned, `None` for a consumer that subscribes.
    pub(crate) fn assigned(&self) -> Option<Assigned> {
        self.table().assigned.clone()
    }

    /// True for a consumer whose queues were assigned: it is no member of its group.
    pub(crate) fn is_assigned(&self) -> bool {
        self.table().assigned.is_some()
    }

    /// Asks for the assignment to be applied anew; see [`Subscriptions::applied`].
    pub(crate) fn next_round(&self) -> u64 {
        self.table().assigned.as_mut().map_or(0, |assigned| {
            assigned.round += 1;
            assigned.round
        })
    }

    /// Notes that the queues of a round are owned as far as their routes are known.
    pub(crate) fn note_applied(&self, round: u64) {
        self.applied.send_replace(round);
    }

    /// Waits until a round, or a later one, is applied.
    pub(crate) async fn applied(&self, round: u64) {
        // Never closed: the sender is ours.
        let _ = self.applied.subscribe().wait_for(|applied| *applied >= round).await;
    }

    /// True for a consumer that neither subscribed to anything nor was assigned anything.
    pub(crate) fn is_empty(&self) -> bool {
        let table = self.table();
        table.assigned.is_none() && table.by_topic.len() == 1
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
