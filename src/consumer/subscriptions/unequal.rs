//! Members of one group that subscribe differently: what differs, and when to say so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::subscription::Subscription;
use crate::cluster::command::SubscriptionData;

/// One topic is told of at most once within this time.
const AGAIN: Duration = Duration::from_secs(60);

/// Members that follow a pattern find a new topic at different times; so long they may differ.
const PATTERN_GRACE: Duration = Duration::from_secs(60);

/// How two members subscribe to one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Type and expression of this member; `None` when it does not subscribe to the topic.
    pub(crate) ours: Option<String>,
    /// Those of another member.
    pub(crate) theirs: Option<String>,
    /// Which member that is, when it is known.
    pub(crate) member: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |side: &Option<String>| match side {
            Some(expression) => format!("by {expression}"),
            None => "not at all".to_owned(),
        };
        let member = self.member.as_deref().unwrap_or("another one");
        write!(f, "this member {}, {member} {}", by(&self.ours), by(&self.theirs))
    }
}

/// What differs between our subscriptions and others, by topic.
pub(crate) fn differences(
    own: &[Arc<Subscription>],
    theirs: &[SubscriptionData],
    member: Option<&str>,
) -> BTreeMap<String, Difference> {
    let mut found = BTreeMap::new();
    let topics: BTreeSet<&str> =
        own.iter().map(|s| &*s.topic).chain(theirs.iter().map(|s| &*s.topic)).collect();
    for topic in topics {
        let own = own.iter().find(|s| s.topic == topic);
        let other = theirs.iter().find(|s| s.topic == topic);
        if own.zip(other).is_some_and(|(own, other)| select_the_same(&own.data(), other)) {
            continue;
        }
        let difference = Difference {
            ours: own.map(|own| say(&own.data())),
            theirs: other.map(say),
            member: member.map(str::to_owned),
        };
        found.insert(topic.to_owned(), difference);
    }
    found
}

/// The order of tags does not matter, nor blanks around them.
fn select_the_same(one: &SubscriptionData, other: &SubscriptionData) -> bool {
    let tags = |data: &SubscriptionData| data.tags.iter().cloned().collect::<BTreeSet<String>>();
    let by_tag = |data: &SubscriptionData| data.expression_type != "SQL92";
    match (by_tag(one), by_tag(other)) {
        (true, true) => tags(one) == tags(other) && (one.expression == "*") == (other.expression == "*"),
        (false, false) => one.expression.trim() == other.expression.trim(),
        _ => false,
    }
}

fn say(data: &SubscriptionData) -> String {
    format!("{} {:?}", data.expression_type, data.expression)
}

/// What was told, so that a difference is told when it begins or changes, and a flapping one seldom.
#[derive(Debug, Default)]
pub(crate) struct Told {
    topics: BTreeMap<String, Topic>,
}

#[derive(Debug)]
struct Topic {
    /// When this difference was first seen.
    since: Instant,
    /// When it was last seen.
    seen: Instant,
    /// What was last told, and when.
    told: Option<(Difference, Instant)>,
    /// It was told and has not been seen to end.
    lasts: bool,
}

impl Told {
    /// Takes what differs now and answers what is to be told of it. Topics that a pattern takes get time to be
    /// found by everybody.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        differences: BTreeMap<String, Difference>,
        by_pattern: impl Fn(&str) -> bool,
    ) -> Vec<(String, Difference)> {
        self.topics.retain(|_, topic| now.duration_since(topic.seen) < 2 * AGAIN);
        for (name, topic) in &mut self.topics {
            topic.lasts &= differences.contains_key(name);
        }
        let mut tell = Vec::new();
        for (name, difference) in differences {
            let topic = self.topics.entry(name.clone());
            let topic = topic.or_insert_with(|| Topic { since: now, seen: now, told: None, lasts: false });
            topic.seen = now;
            let grace = if by_pattern(&name) { PATTERN_GRACE } else { Duration::ZERO };
            let same = topic.told.as_ref().is_some_and(|(told, _)| same(told, &difference));
            let recent = topic.told.as_ref().is_some_and(|(_, at)| now.duration_since(*at) < AGAIN);
            if now.duration_since(topic.since) < grace || recent || (same && topic.lasts) {
                continue;
            }
            topic.told = Some((difference.clone(), now));
            topic.lasts = true;
            tell.push((name, difference));
        }
        tell
    }
}

/// Who it is may be known at one time and not at another.
fn same(one: &Difference, other: &Difference) -> bool {
    one.ours == other.ours && one.theirs == other.theirs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::subscriptions::selector::MessageSelector;

    fn own(topic: &str, selector: &MessageSelector) -> Arc<Subscription> {
        Arc::new(Subscription::of(topic, selector, 1).unwrap())
    }

    fn tag(topic: &str, expression: &str) -> Arc<Subscription> {
        own(topic, &MessageSelector::by_tag(expression))
    }

    fn found(own: &[Arc<Subscription>], theirs: &[Arc<Subscription>]) -> BTreeMap<String, Difference> {
        let theirs: Vec<_> = theirs.iter().map(|s| s.data()).collect();
        differences(own, &theirs, None)
    }

    fn difference(theirs: &str) -> BTreeMap<String, Difference> {
        found(&[tag("T", "a")], &[tag("T", theirs)])
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn what_selects_the_same_does_not_differ() {
        assert!(found(&[tag("T", "a||b"), tag("U", "")], &[tag("U", "*"), tag("T", "b || a")]).is_empty());
        let sql = |text: &str| own("T", &MessageSelector::by_sql(text));
        assert!(found(&[sql("a > 1")], &[sql("a > 1 ")]).is_empty());
        assert_eq!(found(&[sql("a")], &[tag("T", "a")]).len(), 1);
        // Java keeps an expression of which no tag is left: it matches nothing.
        let nothing = SubscriptionData { expression: " || ".into(), ..tag("T", "*").data() };
        assert_eq!(differences(&[tag("T", "*")], &[nothing], None).len(), 1);
    }

    #[test]
    fn expressions_and_topics_that_differ_are_named_with_both_sides() {
        let theirs = [tag("T", "b").data(), tag("V", "*").data()];
        let found = differences(&[tag("T", "a"), tag("U", "*")], &theirs, Some("m2"));
        let texts: Vec<String> = found.iter().map(|(topic, one)| format!("{topic}: {one}")).collect();
        assert_eq!(
            texts,
            [
                "T: this member by TAG \"a\", m2 by TAG \"b\"",
                "U: this member by TAG \"*\", m2 not at all",
                "V: this member not at all, m2 by TAG \"*\"",
            ]
        );
    }

    #[test]
    fn a_difference_is_told_when_it_begins_and_changes_and_at_most_once_a_minute() {
        let (mut told, start) = (Told::default(), Instant::now());
        let mut note = |at, theirs: &str| told.note(start + seconds(at), difference(theirs), |_| false).len();
        assert_eq!(note(0, "b"), 1);
        assert_eq!(note(20, "b"), 0);
        assert_eq!(note(30, "c"), 0, "held back");
        assert_eq!(note(61, "c"), 1);
        assert_eq!(note(150, "c"), 0, "it lasts and is known");
        assert_eq!(note(160, "a"), 0, "it ends");
        assert_eq!(note(170, "c"), 1, "it begins anew");
        assert_eq!((note(175, "a"), note(180, "c")), (0, 0), "it flaps");
    }

    #[test]
    fn a_topic_of_a_pattern_may_be_found_late_by_some() {
        let (mut told, start) = (Told::default(), Instant::now());
        let mut note = |at, theirs: &str| told.note(start + seconds(at), difference(theirs), |_| true).len();
        assert_eq!((note(0, "b"), note(20, "b"), note(40, "a"), note(59, "b")), (0, 0, 0, 0));
        assert_eq!(note(60, "b"), 1);
        assert_eq!(note(80, "b"), 0);
        assert_eq!(note(300, "b"), 0, "seen anew after a long time, it may be found again");
        assert_eq!(note(360, "b"), 1);
    }
}
