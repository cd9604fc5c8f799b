//! The topics a consumer has subscribed to, or those of the queues it was assigned, before and while it runs.

pub(super) mod group_watch;
pub(super) mod patterns;
pub(super) mod regex_filter;
pub(super) mod selector;
pub(super) mod sql_check;
mod subscribing;
pub(super) mod subscription;
pub(super) mod topic_pattern;
mod unequal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::consumer::assignment::Wanted;
use crate::error::{Error, ErrorKind, Result};
use regex_filter::RegexFilters;
use selector::MessageSelector;
use subscription::Subscription;
use topic_pattern::{Found, TopicPattern};

/// The prefix of the topic a broker keeps for messages that a group wants again.
const RETRY_PREFIX: &str = "%RETRY%";

/// Subscriptions by topic. The group's retry topic is always among them, but in broadcasting and for queues that
/// were assigned.
pub(crate) struct Subscriptions {
    retry_topic: String,
    table: Mutex<Table>,
    /// The last round of [`Assigned`] that the coordinator has applied.
    applied: watch::Sender<u64>,
    filters: RegexFilters,
}

struct Table {
    by_topic: BTreeMap<String, Arc<Subscription>>,
    /// The greatest version given to any topic, also to one that was unsubscribed since: a broker takes an
    /// expression only with a greater version than the one it has, also when two come in one millisecond.
    last_version: i64,
    /// In the order they were given.
    patterns: Vec<TopicPattern>,
    found: Found,
    /// Topics of which a broker said that the group does not subscribe to them, since somebody asked.
    forgotten: BTreeSet<String>,
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
        let subscriptions = Subscriptions::without_retry(group);
        {
            let mut table = subscriptions.table();
            let retry = Subscription::all(&subscriptions.retry_topic, table.last_version);
            table.by_topic.insert(subscriptions.retry_topic.clone(), Arc::new(retry));
        }
        subscriptions
    }

    /// None at all, for broadcasting: nothing is sent back there, so nothing comes from a retry topic.
    pub(crate) fn without_retry(group: &str) -> Subscriptions {
        let table = Table {
            by_topic: BTreeMap::new(),
            last_version: now_ms(),
            patterns: Vec::new(),
            found: Found::default(),
            forgotten: BTreeSet::new(),
            assigned: None,
        };
        Subscriptions {
            retry_topic: format!("{RETRY_PREFIX}{group}"),
            table: Mutex::new(table),
            applied: watch::Sender::default(),
            filters: RegexFilters::default(),
        }
    }

    /// True for a consumer that neither subscribed to anything nor was assigned anything.
    pub(crate) fn is_empty(&self) -> bool {
        let table = self.table();
        table.assigned.is_none()
            && table.patterns.is_empty()
            && table.by_topic.keys().all(|topic| *topic == self.retry_topic)
    }

    /// The topic in which failed messages of the group come back.
    pub(crate) fn retry_topic(&self) -> &str {
        &self.retry_topic
    }

    /// The client's own filters by topic.
    pub(crate) fn filters(&self) -> &RegexFilters {
        &self.filters
    }

    /// What [`Subscriptions::set`] would set, or nothing when that changes nothing.
    pub(crate) fn preview(&self, topic: &str, selector: &MessageSelector) -> Result<Option<Subscription>> {
        let table = self.table();
        table.refuse_assigned()?;
        let version = table.next_version();
        let subscription = Subscription::of(topic, selector, version)?;
        if topic == self.retry_topic {
            let text =
                format!("topic is {topic:?}, the group's own retry topic, which is not subscribed by hand");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        Ok(Some(subscription).filter(|new| !table.by_topic.get(topic).is_some_and(|old| same(old, new))))
    }

    /// Sets a topic's selector, new or in place of the one before. False when nothing changes.
    pub(crate) fn set(&self, topic: &str, selector: &MessageSelector) -> Result<bool> {
        let changed = self.preview(topic, selector)?.is_some();
        let mut table = self.table();
        if let Some(known) = table.by_topic.get_mut(topic).filter(|_| !changed) {
            // It was found by a pattern and now stays without it.
            Arc::make_mut(known).pattern = None;
            return Ok(false);
        }
        let version = table.take_version();
        let subscription = Subscription::of(topic, selector, version)?;
        table.by_topic.insert(topic.to_owned(), Arc::new(subscription));
        Ok(true)
    }

    /// Gives a topic's subscription a new version, so that brokers prefer it to what they have.
    pub(crate) fn renew(&self, topic: &str) {
        let mut table = self.table();
        let version = table.take_version();
        if let Some(known) = table.by_topic.get_mut(topic) {
            Arc::make_mut(known).version = version;
        }
    }

    /// Ends a subscription. False when there was none, as in Java no error. The retry topic's stays. A topic
    /// that a pattern found is let go with its pattern only.
    pub(crate) fn remove(&self, topic: &str) -> Result<bool> {
        let mut table = self.table();
        if let Some(pattern) = table.by_topic.get(topic).and_then(|known| known.pattern.as_ref()) {
            let text = format!("topic is {topic:?}, which the pattern {pattern:?} found: end the pattern");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        let kept = topic == self.retry_topic || table.assigned.is_some();
        Ok(!kept && table.by_topic.remove(topic).is_some())
    }

    /// Adds a pattern, or gives one another selector; its topics are subscribed by [`Subscriptions::apply`].
    /// False when nothing changes.
    pub(crate) fn add_pattern(&self, pattern: TopicPattern) -> Result<bool> {
        // The selector is checked now and not when the first topic appears.
        Subscription::of("T", &pattern.selector, 0)
            .map_err(|e| e.context(format_args!("topic_regex {:?}", pattern.text)))?;
        let mut table = self.table();
        table.refuse_assigned()?;
        if let Some(known) = table.patterns.iter_mut().find(|known| known.text == pattern.text) {
            let changed = known.selector != pattern.selector;
            *known = pattern;
            return Ok(changed);
        }
        table.patterns.push(pattern);
        Ok(true)
    }

    /// Ends a pattern and lets its topics go, but for those that another pattern takes. False when there is no
    /// such pattern.
    pub(crate) fn remove_pattern(&self, text: &str) -> bool {
        let mut table = self.table();
        let before = table.patterns.len();
        table.patterns.retain(|pattern| pattern.text != text);
        if table.patterns.len() == before {
            return false;
        }
        let topics = table.by_patterns();
        let taken = |topic: &String| {
            let pattern = table.patterns.iter().find(|pattern| pattern.takes(topic))?;
            Some((topic.clone(), pattern.clone()))
        };
        let left = topics.iter().filter_map(taken).collect();
        table.apply(&left);
        true
    }

    /// The patterns, in the order they were given.
    pub(crate) fn patterns(&self) -> Vec<TopicPattern> {
        self.table().patterns.clone()
    }

    /// True when a pattern takes the topic.
    pub(crate) fn is_by_pattern(&self, topic: &str) -> bool {
        self.table().patterns.iter().any(|pattern| pattern.takes(topic))
    }

    /// Which pattern is to have which topic; see [`Found::look`].
    pub(crate) fn look(&self, listed: &[String], owners: &[String]) -> BTreeMap<String, TopicPattern> {
        let table = &mut *self.table();
        let before = table.by_patterns();
        let mut found = table.found.look(&table.patterns, &before, listed, owners);
        found.retain(|topic, _| table.by_topic.get(topic).is_none_or(|known| known.pattern.is_some()));
        found
    }

    /// Subscribes to what patterns found, and ends the subscriptions of what they found before and no more.
    /// Answers the topics that are new or changed, and those let go.
    pub(crate) fn apply(&self, found: &BTreeMap<String, TopicPattern>) -> (Vec<String>, Vec<String>) {
        self.table().apply(found)
    }

    /// Notes that a broker knows of no subscription to a topic.
    pub(crate) fn note_forgotten(&self, topic: &str) {
        self.table().forgotten.insert(topic.to_owned());
    }

    /// The topics noted since the last call, as far as they are still subscribed.
    pub(crate) fn take_forgotten(&self) -> BTreeSet<String> {
        let mut table = self.table();
        let mut forgotten = std::mem::take(&mut table.forgotten);
        forgotten.retain(|topic| table.by_topic.contains_key(topic));
        forgotten
    }

    /// Takes the queues the user names in place of those before; from then on nothing can be subscribed to.
    pub(crate) fn assign(&self, wanted: Vec<Wanted>) -> Result<()> {
        let mut table = self.table();
        let subscribed = table.by_topic.keys().any(|topic| *topic != self.retry_topic);
        if table.assigned.is_none() && (subscribed || !table.patterns.is_empty()) {
            let text = "assign: topics were subscribed to, and one consumer does one of both";
            return Err(Error::new(ErrorKind::State, text));
        }
        let mut before = std::mem::take(&mut table.by_topic);
        for wanted in &wanted {
            let kept = before.remove(&wanted.topic).filter(|s| s.selector_is(&wanted.selector));
            if kept.is_none() && table.by_topic.contains_key(&wanted.topic) {
                continue;
            }
            let subscription = match kept {
                Some(kept) => kept,
                None => {
                    let version = table.take_version();
                    Arc::new(Subscription::of(&wanted.topic, &wanted.selector, version)?)
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

impl Table {
    fn refuse_assigned(&self) -> Result<()> {
        if self.assigned.is_none() {
            return Ok(());
        }
        let text =
            "subscribe: queues were assigned by rmq_consumer_assign, and one consumer does one of both";
        Err(Error::new(ErrorKind::State, text))
    }

    fn next_version(&self) -> i64 {
        now_ms().max(self.last_version + 1)
    }

    fn take_version(&mut self) -> i64 {
        self.last_version = self.next_version();
        self.last_version
    }

    fn by_patterns(&self) -> BTreeSet<String> {
        let found = self.by_topic.values().filter(|subscription| subscription.pattern.is_some());
        found.map(|subscription| subscription.topic.clone()).collect()
    }

    fn apply(&mut self, found: &BTreeMap<String, TopicPattern>) -> (Vec<String>, Vec<String>) {
        let gone: Vec<String> =
            self.by_patterns().into_iter().filter(|topic| !found.contains_key(topic)).collect();
        for topic in &gone {
            self.by_topic.remove(topic);
        }
        let mut new = Vec::new();
        for (topic, pattern) in found {
            let known = self.by_topic.get(topic);
            // A topic the user named, and a pattern that ended meanwhile, are let alone.
            if known.is_some_and(|known| known.pattern.is_none())
                || !self.patterns.iter().any(|own| own.text == pattern.text)
            {
                continue;
            }
            // Only a name that no topic can have is refused, and selectors were checked with their pattern.
            let Ok(mut subscription) = Subscription::of(topic, &pattern.selector, 0) else { continue };
            subscription.pattern = Some(pattern.text.clone());
            subscription.version = match known.filter(|known| same(known, &subscription)) {
                Some(known) => known.version,
                None => {
                    new.push(topic.clone());
                    self.take_version()
                }
            };
            self.by_topic.insert(topic.clone(), Arc::new(subscription));
        }
        (new, gone)
    }
}

/// True when the broker and we would select the same by both.
fn same(one: &Subscription, other: &Subscription) -> bool {
    one.kind == other.kind && one.expression == other.expression
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(expression: &str) -> MessageSelector {
        MessageSelector::by_tag(expression)
    }

    fn pattern(text: &str) -> TopicPattern {
        TopicPattern::new(text, tag("a")).unwrap()
    }

    fn names(subscriptions: &Subscriptions) -> Vec<String> {
        subscriptions.all().iter().skip(1).map(|subscription| subscription.topic.clone()).collect()
    }

    /// A look at these topics, and what it changes.
    fn look(subscriptions: &Subscriptions, topics: &[&str]) -> (Vec<String>, Vec<String>) {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        subscriptions.apply(&subscriptions.look(&topics, &[]))
    }

    #[test]
    fn versions_grow_also_over_an_unsubscribe_in_between() {
        let subscriptions = Subscriptions::new("g");
        let version = || subscriptions.topic("T").map_or(0, |subscription| subscription.version);
        assert!(subscriptions.set("T", &tag("a")).unwrap());
        let first = version();
        assert!(subscriptions.remove("T").unwrap() && !subscriptions.remove("T").unwrap());
        assert!(subscriptions.set("T", &tag("b")).unwrap());
        let second = version();
        assert!(second > first);
        assert!(!subscriptions.set("T", &tag("b")).unwrap(), "nothing changes");
        assert_eq!(version(), second);
        assert!(subscriptions.set("T", &MessageSelector::by_sql("b")).unwrap(), "another language");
        let third = version();
        subscriptions.renew("T");
        assert!(version() > third && third > second);
    }

    #[test]
    fn the_retry_topic_stays_subscribed() {
        let subscriptions = Subscriptions::new("g");
        assert!(!subscriptions.remove("%RETRY%g").unwrap());
        assert!(subscriptions.set("%RETRY%g", &tag("a")).is_err());
        assert_eq!(subscriptions.topic("%RETRY%g").unwrap().expression, "*");
    }

    #[test]
    fn a_pattern_subscribes_to_topics_as_they_come_and_go() {
        let subscriptions = Subscriptions::new("g");
        assert!(subscriptions.add_pattern(pattern("t.*")).unwrap());
        assert!(!subscriptions.add_pattern(pattern("t.*")).unwrap());
        assert_eq!(look(&subscriptions, &["t1", "u"]), (vec!["t1".to_owned()], vec![]));
        let version = subscriptions.topic("t1").unwrap().version;
        assert_eq!(look(&subscriptions, &["t1", "t2"]), (vec!["t2".to_owned()], vec![]));
        assert_eq!(subscriptions.topic("t1").unwrap().version, version);
        look(&subscriptions, &["t2"]);
        assert_eq!(look(&subscriptions, &["t2"]), (vec![], vec!["t1".to_owned()]));
        assert_eq!(names(&subscriptions), ["t2"]);
        let refused = subscriptions.remove("t2").unwrap_err();
        assert!(refused.text().contains("the pattern \"t.*\" found"), "{refused}");
        assert!(subscriptions.remove_pattern("t.*") && !subscriptions.remove_pattern("t.*"));
        assert!(names(&subscriptions).is_empty());
    }

    #[test]
    fn a_topic_the_user_named_is_not_the_patterns() {
        let subscriptions = Subscriptions::new("g");
        subscriptions.set("t1", &tag("own")).unwrap();
        subscriptions.add_pattern(pattern("t.*")).unwrap();
        look(&subscriptions, &["t1", "t2"]);
        assert_eq!(subscriptions.topic("t1").unwrap().expression, "own");
        assert!(!subscriptions.set("t2", &tag("a")).unwrap(), "the same, and now the user's");
        subscriptions.remove_pattern("t.*");
        assert_eq!(names(&subscriptions), ["t1", "t2"]);
    }

    #[test]
    fn a_pattern_that_ends_leaves_topics_to_the_next() {
        let subscriptions = Subscriptions::new("g");
        subscriptions.add_pattern(pattern("t.*")).unwrap();
        subscriptions.add_pattern(TopicPattern::new(".*1", tag("b")).unwrap()).unwrap();
        look(&subscriptions, &["t1", "t2"]);
        subscriptions.remove_pattern("t.*");
        assert_eq!(names(&subscriptions), ["t1"]);
        assert_eq!(subscriptions.topic("t1").unwrap().expression, "b");
        assert!(subscriptions.is_by_pattern("x1") && !subscriptions.is_by_pattern("x2"));
    }

    #[test]
    fn a_patterns_selector_is_checked_when_it_is_given() {
        let subscriptions = Subscriptions::new("g");
        let bad = TopicPattern::new("t.*", tag("a ||")).unwrap();
        assert_eq!(subscriptions.add_pattern(bad).unwrap_err().kind(), ErrorKind::Filter);
    }

    #[test]
    fn what_a_broker_forgot_is_told_once() {
        let subscriptions = Subscriptions::new("g");
        subscriptions.set("T", &tag("*")).unwrap();
        subscriptions.note_forgotten("T");
        subscriptions.note_forgotten("U");
        assert_eq!(subscriptions.take_forgotten().into_iter().collect::<Vec<_>>(), ["T"]);
        assert!(subscriptions.take_forgotten().is_empty());
    }
}
