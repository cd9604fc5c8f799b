//! A filter of the client's own: a regular expression over a message's tag, its keys or a property.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use regex::bytes::Regex;

use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::message::property::name;

/// What of a message is looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Tag,
    /// Each of the keys by itself; one that matches is enough.
    Keys,
    Property(String),
}

impl Field {
    fn parse(text: &str) -> Result<Field> {
        match text {
            "tag" | "tags" => return Ok(Field::Tag),
            "key" | "keys" => return Ok(Field::Keys),
            _ => {}
        }
        match text.strip_prefix("property:") {
            Some(property) if !property.is_empty() => Ok(Field::Property(property.to_owned())),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("field is {text:?}, it must be tag, keys or property:NAME"),
            )),
        }
    }

    /// A message without the field never matches.
    fn matches(&self, regex: &Regex, message: &Message) -> bool {
        let property = match self {
            Field::Tag => name::TAGS,
            Field::Keys => name::KEYS,
            Field::Property(property) => property,
        };
        let Some(value) = message.property_bytes(property) else { return false };
        match self {
            Field::Keys => value.split(|b| *b == b' ').any(|key| !key.is_empty() && regex.is_match(key)),
            _ => regex.is_match(value),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Tag => f.write_str("tag"),
            Field::Keys => f.write_str("keys"),
            Field::Property(property) => write!(f, "property:{property}"),
        }
    }
}

/// The filters of one topic; a message must match all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TopicFilters(BTreeMap<Field, Regex>);

impl TopicFilters {
    /// True when the message is wanted.
    pub(crate) fn want(&self, message: &Message) -> bool {
        self.0.iter().all(|(field, regex)| field.matches(regex, message))
    }

    /// Field and expression of each.
    pub(crate) fn each(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().map(|(field, regex)| (field.to_string(), regex.as_str()))
    }
}

/// The filters of all topics. Pulls read them, the user may change them at any time.
#[derive(Default)]
pub(crate) struct RegexFilters(RwLock<BTreeMap<String, Arc<TopicFilters>>>);

impl RegexFilters {
    /// Sets the expression for a field of a topic's messages, or takes it away.
    pub(crate) fn set(&self, topic: &str, field: &str, regex: &str) -> Result<()> {
        let field = Field::parse(field)?;
        let regex = match regex {
            "" => None,
            text => Some(Regex::new(text).map_err(|e| {
                Error::new(
                    ErrorKind::Filter,
                    format!("regex is {text:?}, it must be a regular expression: {e}"),
                )
            })?),
        };
        let mut topics = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let filters = Arc::make_mut(topics.entry(topic.to_owned()).or_default());
        match regex {
            Some(regex) => _ = filters.0.insert(field, regex),
            None => _ = filters.0.remove(&field),
        }
        if filters.0.is_empty() {
            topics.remove(topic);
        }
        Ok(())
    }

    /// The filters of a topic, when it has some.
    pub(crate) fn topic(&self, topic: &str) -> Option<Arc<TopicFilters>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::record::{DecodeOptions, decode_records};
    use crate::message::property;
    use crate::protocol::record_builder::RecordBuilder;

    fn message(properties: &[(&str, &str)]) -> Message {
        let properties = property::encode(properties.iter().copied()).into_bytes();
        let record = RecordBuilder { topic: "T".into(), properties, ..RecordBuilder::default() };
        decode_records(&record.to_vec().into(), &DecodeOptions::new(&"b".into())).messages.remove(0)
    }

    fn wants(filters: &RegexFilters, properties: &[(&str, &str)]) -> bool {
        filters.topic("T").is_none_or(|filters| filters.want(&message(properties)))
    }

    #[test]
    fn a_tag_a_key_or_a_property_is_searched() {
        let filters = RegexFilters::default();
        filters.set("T", "tag", "^pa").unwrap();
        assert!(wants(&filters, &[("TAGS", "paid")]));
        assert!(!wants(&filters, &[("TAGS", "unpaid")]) && !wants(&filters, &[]));
        filters.set("T", "tag", "").unwrap();
        filters.set("T", "keys", "^order-[0-9]+$").unwrap();
        assert!(wants(&filters, &[("KEYS", "x order-17")]));
        assert!(!wants(&filters, &[("KEYS", "order-x order-")]));
        filters.set("T", "keys", "").unwrap();
        filters.set("T", "property:region", "(?i)EU").unwrap();
        assert!(wants(&filters, &[("region", "eu-west")]) && !wants(&filters, &[("regions", "eu")]));
        filters.set("T", "property:region", "").unwrap();
        assert!(filters.topic("T").is_none());
    }

    #[test]
    fn a_message_must_pass_every_filter_of_its_topic() {
        let filters = RegexFilters::default();
        filters.set("T", "tag", "a").unwrap();
        filters.set("T", "keys", "k").unwrap();
        filters.set("U", "tag", "never").unwrap();
        assert!(wants(&filters, &[("TAGS", "a"), ("KEYS", "k")]));
        assert!(!wants(&filters, &[("TAGS", "a")]) && !wants(&filters, &[("KEYS", "k")]));
        filters.set("T", "tags", "b").unwrap();
        assert!(!wants(&filters, &[("TAGS", "a"), ("KEYS", "k")]), "a second one replaces the first");
        let topic = filters.topic("T").unwrap();
        let each: Vec<_> = topic.each().collect();
        assert_eq!(each, [("tag".to_owned(), "b"), ("keys".to_owned(), "k")]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_changes_nothing() {
        let filters = RegexFilters::default();
        for field in ["", "body", "property:", "TAG"] {
            let error = filters.set("T", field, "a").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.text().contains(&format!("{field:?}")), "{error}");
        }
        for regex in ["(", "a{1000000}", r"(a)\1"] {
            let error = filters.set("T", "tag", regex).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Filter);
            assert!(error.text().contains(&format!("{regex:?}")), "{error}");
        }
        assert!(filters.topic("T").is_none());
    }
}
