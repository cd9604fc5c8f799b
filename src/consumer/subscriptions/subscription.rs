//! What a consumer wants of a topic: an expression, as text for the broker and, of tags, as a check of our own.

use std::fmt;

use super::selector::{ExpressionType, MessageSelector};
use crate::cluster::command::SubscriptionData;
use crate::cluster::java;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;

/// The expression that takes every message.
const ALL: &str = "*";

/// The longest topic name: Java's `TopicValidator`.
const TOPIC_MAX: usize = 127;

/// One topic's expression. The broker filters by the hashes of tags, which may collide; the client filters
/// again by the tags themselves, as Java does. SQL is evaluated by the broker alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic.
    pub topic: String,
    /// The language of the expression.
    pub(crate) kind: ExpressionType,
    /// The expression as it was given, `*` for all.
    pub expression: String,
    /// The tags wanted; empty for all, and for SQL.
    pub tags: Vec<String>,
    /// When this expression was set, in epoch milliseconds: the broker knows an older one by it.
    pub version: i64,
    /// The pattern that found the topic; `None` when the user named it.
    pub pattern: Option<String>,
}

impl Subscription {
    /// Parses what a selector says.
    pub(crate) fn of(topic: &str, selector: &MessageSelector, version: i64) -> Result<Subscription> {
        let expression = selector.expression.as_str();
        match selector.kind {
            ExpressionType::Tag => Subscription::parse(topic, expression, version),
            ExpressionType::Sql92 => {
                check_topic(topic)?;
                if expression.trim().is_empty() {
                    return Err(bad(topic, expression, "has no condition; SQL92 needs one"));
                }
                let kind = ExpressionType::Sql92;
                let expression = expression.to_owned();
                Ok(Subscription { kind, expression, ..Subscription::all(topic, version) })
            }
        }
    }

    /// True when it is of this selector.
    pub(crate) fn selector_is(&self, selector: &MessageSelector) -> bool {
        self.kind == selector.kind && self.expression == selector.expression
    }

    /// Parses `*`, an empty text or `a || b`. An empty part (`a ||`) is an error: Java drops it silently and
    /// `||` alone would match nothing.
    pub fn parse(topic: &str, expression: &str, version: i64) -> Result<Subscription> {
        check_topic(topic)?;
        if expression.is_empty() || expression == ALL {
            return Ok(Subscription::all(topic, version));
        }
        let mut tags: Vec<String> = Vec::new();
        for part in expression.split("||").map(str::trim) {
            if part.is_empty() {
                return Err(bad(topic, expression, "has an empty tag beside ||"));
            }
            if part == ALL {
                return Err(bad(topic, expression, "has * among tags; * stands alone"));
            }
            if !tags.iter().any(|tag| tag == part) {
                tags.push(part.to_owned());
            }
        }
        Ok(Subscription { expression: expression.to_owned(), tags, ..Subscription::all(topic, version) })
    }

    /// Every message of a topic.
    pub(crate) fn all(topic: &str, version: i64) -> Subscription {
        Subscription {
            topic: topic.to_owned(),
            kind: ExpressionType::Tag,
            expression: ALL.to_owned(),
            tags: Vec::new(),
            version,
            pattern: None,
        }
    }

    /// As it is announced to brokers.
    pub fn data(&self) -> SubscriptionData {
        SubscriptionData {
            topic: self.topic.clone(),
            expression: self.expression.clone(),
            expression_type: self.kind.name().to_owned(),
            tags: self.tags.clone(),
            codes: self.codes(),
            version: self.version,
        }
    }

    /// What is legal to RocketMQ and almost always a mistake: a tag that looks like another way to separate tags, or
    /// like SQL. It would match nothing without a word.
    pub fn doubt(&self) -> Option<String> {
        let odd = |c: &char| ",|&><=()".contains(*c) || c.is_whitespace();
        self.tags.iter().find_map(|tag| {
            let found = tag.chars().find(odd)?;
            let topic = &self.topic;
            Some(format!("tag {tag:?} of topic {topic} contains {found:?}; tags are separated by ||"))
        })
    }

    /// The hashes the broker filters by.
    pub(crate) fn codes(&self) -> Vec<i32> {
        self.tags.iter().map(|tag| java::string_hash(tag)).collect()
    }

    /// True when the message is wanted. A message without a tag is only wanted by `*`.
    pub fn wants(&self, message: &Message) -> bool {
        self.tags.is_empty() || message.tags().is_some_and(|tag| self.tags.iter().any(|t| t == tag))
    }
}

fn bad(topic: &str, expression: &str, problem: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Filter, format!("expression {expression:?} for topic {topic}: it {problem}"))
}

/// Refuses what no broker accepts as a topic's name.
pub(crate) fn check_topic(topic: &str) -> Result<()> {
    let refuse = |rule: &str| {
        Err(Error::new(ErrorKind::InvalidArgument, format!("topic is {topic:?}, a topic's name {rule}")))
    };
    if topic.is_empty() {
        return refuse("has at least one character");
    }
    if topic.len() > TOPIC_MAX {
        return refuse("has at most 127 characters");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "%|-_".contains(c);
    if !topic.chars().all(allowed) {
        return refuse("has only the characters a-z A-Z 0-9 % | - _");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(expression: &str) -> Vec<String> {
        Subscription::parse("T", expression, 1).unwrap().tags
    }

    #[test]
    fn star_and_nothing_take_all() {
        for expression in ["", "*"] {
            let subscription = Subscription::parse("T", expression, 1).unwrap();
            assert_eq!(subscription.expression, "*");
            assert!(subscription.tags.is_empty() && subscription.codes().is_empty());
        }
    }

    #[test]
    fn tags_are_split_trimmed_and_taken_once() {
        assert_eq!(tags("a"), ["a"]);
        assert_eq!(tags(" a||b || c "), ["a", "b", "c"]);
        assert_eq!(tags("a || a"), ["a"]);
        assert_eq!(Subscription::parse("T", "TagA", 1).unwrap().codes(), [2_598_919]);
    }

    #[test]
    fn bad_expressions_are_refused_with_topic_expression_and_rule() {
        for expression in ["||", "a ||", "|| a", "a || || b", " ", "* || a"] {
            let error = Subscription::parse("T", expression, 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Filter, "{expression:?}");
            assert!(error.text().contains(&format!("{expression:?} for topic T")), "{error}");
        }
    }

    #[test]
    fn sql_is_kept_as_it_is_and_not_evaluated() {
        let selector = MessageSelector::by_sql("a > 1 || b");
        let subscription = Subscription::of("T", &selector, 7).unwrap();
        assert_eq!((&*subscription.expression, subscription.tags.len()), ("a > 1 || b", 0));
        let data = subscription.data();
        assert_eq!((&*data.expression_type, data.version, data.codes.len()), ("SQL92", 7, 0));
        for expression in ["", "  "] {
            let error = Subscription::of("T", &MessageSelector::by_sql(expression), 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Filter);
        }
    }

    #[test]
    fn a_tag_that_looks_like_an_expression_is_doubted() {
        let doubt = |expression: &str| Subscription::parse("Orders", expression, 1).unwrap().doubt();
        let text = "tag \"new,paid\" of topic Orders contains ','; tags are separated by ||";
        assert_eq!(doubt("old || new,paid").as_deref(), Some(text));
        for expression in ["a | b", "a b", "a && b", "a > 5", "x=1", "TAGS in (a)", "a<b"] {
            assert!(doubt(expression).is_some(), "{expression}");
        }
        for expression in ["*", "", "a", " a || b ", "a-b_c.d:e/f", "grün"] {
            assert_eq!(doubt(expression), None, "{expression}");
        }
    }

    #[test]
    fn bad_topics_are_refused() {
        for topic in ["", "a b", "tö", "a/b", &"t".repeat(128)] {
            let error = Subscription::parse(topic, "*", 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{topic:?}");
        }
        check_topic("%RETRY%group").unwrap();
    }
}
