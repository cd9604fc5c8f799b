//! Topics by a regular expression over their names.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::selector::MessageSelector;
use crate::error::{Error, ErrorKind, Result};

/// Every topic with such a name, now and later, by one selector.
#[derive(Debug, Clone)]
pub(crate) struct TopicPattern {
    /// As it was given: its name for the user.
    pub text: String,
    /// For each of its topics.
    pub selector: MessageSelector,
    regex: Regex,
    /// Only topics of this namespace, by their names within it; empty for none.
    namespace: String,
}

impl TopicPattern {
    /// The expression must match a whole name: a subscription that grows unnoticed is worse than one that is
    /// too small.
    pub(crate) fn new(text: &str, selector: MessageSelector) -> Result<TopicPattern> {
        let refuse = |why: &str| {
            let text = format!("topic_regex is {text:?}, it must be a regular expression: {why}");
            Error::new(ErrorKind::Filter, text)
        };
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        // Alone first: `a)(b` would become valid between the brackets.
        Regex::new(text).map_err(|e| refuse(&e.to_string()))?;
        let regex = Regex::new(&format!(r"\A(?:{text})\z")).map_err(|e| refuse(&e.to_string()))?;
        let namespace = String::new();
        Ok(TopicPattern { text: text.to_owned(), selector, regex, namespace })
    }

    /// The same pattern for the topics of a namespace; an empty one is none.
    pub(crate) fn within(self, namespace: &str) -> TopicPattern {
        TopicPattern { namespace: namespace.to_owned(), ..self }
    }

    /// True for a topic that it takes; one of RocketMQ's own never is.
    pub(crate) fn takes(&self, topic: &str) -> bool {
        let name = match self.namespace.is_empty() {
            true => Some(topic),
            false => topic.strip_prefix(&*self.namespace).and_then(|rest| rest.strip_prefix('%')),
        };
        name.is_some_and(|name| !is_internal(name) && self.regex.is_match(name))
    }
}

/// Topics in which RocketMQ keeps its own matters: Java's `TopicValidator` and `MixAll`.
fn is_internal(topic: &str) -> bool {
    const NAMES: &[&str] = &[
        "TBW102",
        "SCHEDULE_TOPIC_XXXX",
        "BenchmarkTest",
        "TRANS_CHECK_MAX_TIME_TOPIC",
        "SELF_TEST_TOPIC",
        "OFFSET_MOVED_EVENT",
        "CHECKPOINT_TOPIC",
    ];
    const PREFIXES: &[&str] = &["%RETRY%", "%DLQ%", "%LMQ%", "%SYS%", "rmq_sys_", "RMQ_SYS_"];
    NAMES.contains(&topic) || PREFIXES.iter().any(|prefix| topic.starts_with(prefix))
}

/// True for the topics that every cluster and every broker has: those of their names (`owners`, as the name
/// server lists them), and the one for replies.
fn belongs_to(owners: &[String], topic: &str) -> bool {
    let is_of = |owner: &String| {
        topic.strip_prefix(owner.as_str()).is_some_and(|rest| rest.is_empty() || rest == "_REPLY_TOPIC")
    };
    owners.iter().any(is_of)
}

/// Which topics patterns have found, and which of those were missing at the last look.
#[derive(Debug, Default)]
pub(crate) struct Found {
    missed: BTreeSet<String>,
}

impl Found {
    /// The pattern of each topic that is to be subscribed, by all topics that a name server listed now and
    /// those of clusters and brokers. The pattern that was given first has a topic that several match. `before`
    /// are the topics that are subscribed by a pattern: one that is missing stays until it is missing twice,
    /// since a name server that restarted knows only those brokers that have told it again; one that lists
    /// nothing at all has not been told anything yet.
    pub(crate) fn look(
        &mut self,
        patterns: &[TopicPattern],
        before: &BTreeSet<String>,
        listed: &[String],
        owners: &[String],
    ) -> BTreeMap<String, TopicPattern> {
        let pattern_of = |topic: &str| patterns.iter().find(|pattern| pattern.takes(topic)).cloned();
        let usable = listed.iter().filter(|topic| !belongs_to(owners, topic));
        let mut found: BTreeMap<String, TopicPattern> =
            usable.filter_map(|topic| Some((topic.clone(), pattern_of(topic)?))).collect();
        let mut missed = BTreeSet::new();
        let there: BTreeSet<&String> = listed.iter().collect();
        for topic in before.iter().filter(|topic| !there.contains(topic)) {
            let Some(pattern) = pattern_of(topic) else { continue };
            if listed.is_empty() || !self.missed.contains(topic) {
                found.insert(topic.clone(), pattern);
                if !listed.is_empty() {
                    missed.insert(topic.clone());
                }
            }
        }
        self.missed = missed;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TopicPattern {
        TopicPattern::new(text, MessageSelector::by_tag("*")).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_whole_name_is_matched() {
        let orders = pattern("orders-.*|bills");
        for topic in ["orders-eu", "orders-", "bills"] {
            assert!(orders.takes(topic), "{topic}");
        }
        for topic in ["my-orders-eu", "bills2", "Orders-eu", "orders"] {
            assert!(!orders.takes(topic), "{topic}");
        }
    }

    #[test]
    fn in_a_namespace_only_its_topics_are_matched_by_their_names_within() {
        let all = pattern("o.*").within("ns");
        let takes =
            ["ns%orders", "orders", "other%orders", "%RETRY%ns%o", "nsorders"].map(|topic| all.takes(topic));
        assert_eq!(takes, [true, false, false, false, false]);
    }

    #[test]
    fn rocketmqs_own_topics_are_never_matched() {
        let all = pattern(".*");
        for topic in [
            "%RETRY%g",
            "%DLQ%g",
            "rmq_sys_wheel_timer",
            "RMQ_SYS_TRANS_HALF_TOPIC",
            "SCHEDULE_TOPIC_XXXX",
            "TBW102",
            "SELF_TEST_TOPIC",
            "OFFSET_MOVED_EVENT",
            "BenchmarkTest",
        ] {
            assert!(!all.takes(topic), "{topic}");
        }
        let listed = names(&["DefaultCluster", "broker-a", "DefaultCluster_REPLY_TOPIC", "broker-ab"]);
        let owners = names(&["DefaultCluster", "broker-a"]);
        let found = Found::default().look(&[all], &BTreeSet::new(), &listed, &owners);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["broker-ab"]);
    }

    #[test]
    fn what_is_no_regular_expression_is_refused_with_its_text() {
        for text in ["", "(", "a)(b", "[z-a]", "(?=a)"] {
            let error = TopicPattern::new(text, MessageSelector::by_tag("*")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Filter);
            assert!(error.text().starts_with(&format!("topic_regex is {text:?}")), "{error}");
        }
    }

    #[test]
    fn the_first_pattern_has_a_topic() {
        let patterns = [pattern("a.*"), pattern(".*b")];
        let found = Found::default().look(&patterns, &BTreeSet::new(), &names(&["ab", "xb", "y"]), &[]);
        let found: Vec<_> = found.iter().map(|(topic, pattern)| (&**topic, &*pattern.text)).collect();
        assert_eq!(found, [("ab", "a.*"), ("xb", ".*b")]);
    }

    #[test]
    fn a_topic_is_let_go_when_it_is_missing_twice() {
        let patterns = [pattern("t.*")];
        let before: BTreeSet<String> = names(&["t1", "t2"]).into_iter().collect();
        let mut found = Found::default();
        let mut look = |listed: &[&str]| {
            let topics = found.look(&patterns, &before, &names(listed), &[]);
            topics.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(look(&["t2", "u"]), ["t1", "t2"]);
        assert_eq!(look(&["t1", "t2", "u"]), ["t1", "t2"], "it is back");
        assert_eq!(look(&["t2", "u"]), ["t1", "t2"]);
        assert_eq!(look(&["t2", "u"]), ["t2"]);
        assert_eq!(look(&[]), ["t1", "t2"], "a name server that knows nothing says nothing");
        assert_eq!(look(&["u"]), ["t1", "t2"]);
    }

    #[test]
    fn a_pattern_that_ended_lets_its_topics_go_at_once() {
        let before: BTreeSet<String> = names(&["t1"]).into_iter().collect();
        let found = Found::default().look(&[], &before, &names(&["t1"]), &[]);
        assert!(found.is_empty());
    }
}
