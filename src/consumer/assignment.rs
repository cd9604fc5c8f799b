//! Queues that the user names instead of a group's division: `rmq_consumer_assign`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::engine::Engine;
use super::queue::pauses::Selection;
use super::subscriptions::selector::MessageSelector;
use super::subscriptions::subscription::Subscription;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{MessageQueue, namespace};

/// An entry of an assignment: a topic, all of it or a part, and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The topic.
    pub(crate) topic: String,
    /// What of it, the same in all entries of a topic.
    pub(crate) selector: MessageSelector,
    queues: Selection,
}

impl Wanted {
    /// Puts the topic into a namespace.
    pub(crate) fn wrap(&mut self, space: &str) {
        self.topic = namespace::wrap(space, &self.topic);
        self.queues.topic = Some(self.topic.clone());
    }
}

/// Queues by topic; `None` for a topic whose route is not known.
type Due = BTreeMap<String, Option<BTreeSet<MessageQueue>>>;

/// Reads `[{"topic": …, "broker": …, "queue_id": …, "type": …, "expression": …}, …]`; all but the topic may be left out.
pub(crate) fn parse(json: &str) -> Result<Vec<Wanted>> {
    let entries: Vec<Value> =
        serde_json::from_str(json).map_err(|e| bad(format_args!("is no JSON array of objects: {e}")))?;
    let mut all: Vec<Wanted> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let wanted = entry
            .as_object()
            .ok_or_else(|| bad(format_args!("has {entry} at [{index}], an entry is an object")))
            .and_then(|entry| read(entry, index))?;
        if let Some(other) = all.iter().find(|w| w.topic == wanted.topic && w.selector != wanted.selector) {
            return Err(bad(format_args!(
                "has the expressions {:?} and {:?} for topic {}, a topic has one",
                other.selector.expression, wanted.selector.expression, wanted.topic
            )));
        }
        all.push(wanted);
    }
    Ok(all)
}

fn read(entry: &Map<String, Value>, index: usize) -> Result<Wanted> {
    const KEYS: [&str; 5] = ["topic", "broker", "queue_id", "type", "expression"];
    if let Some(key) = entry.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let known = KEYS.join(", ");
        return Err(bad(format_args!("has the key {key:?} at [{index}], an entry has {known}")));
    }
    let text = |key: &str| match entry.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(bad(format_args!("has {other} as {key} at [{index}], it is a text"))),
    };
    let topic = text("topic")?.ok_or_else(|| bad(format_args!("has no topic at [{index}]")))?;
    let kind = text("type")?.unwrap_or_default();
    let selector = MessageSelector::new(&kind, &text("expression")?.unwrap_or_default())
        .map_err(|error| error.context(format_args!("queues_json at [{index}]")))?;
    // Refuses what is no topic or no expression; `*` and nothing become the same.
    let Subscription { kind, expression, .. } = Subscription::of(&topic, &selector, 0)?;
    let selector = MessageSelector { kind, expression };
    let queue_id = match entry.get("queue_id") {
        None | Some(Value::Null) => None,
        Some(id) => {
            let number = id.as_i64().and_then(|id| i32::try_from(id).ok()).filter(|id| *id >= 0);
            let wrong = || bad(format_args!("has {id} as queue_id at [{index}], it is a number from 0 on"));
            Some(number.ok_or_else(wrong)?)
        }
    };
    let broker = text("broker")?;
    Ok(Wanted { queues: Selection { topic: Some(topic.clone()), broker, queue_id }, topic, selector })
}

fn bad(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("queues_json {what}"))
}

/// The queues of an assignment by the present routes.
pub(crate) fn due(wanted: &[Wanted], engine: &Engine) -> Due {
    let mut due = Due::new();
    for wanted in wanted {
        let queues = due.entry(wanted.topic.clone()).or_insert_with(|| {
            let route = engine.cluster.route(&wanted.topic);
            route.filter(|route| !route.queues.is_empty()).map(|_| BTreeSet::new())
        });
        if let (Some(queues), Some(route)) = (queues, engine.cluster.route(&wanted.topic)) {
            queues.extend(route.queues.iter().filter(|queue| wanted.queues.covers(queue)).cloned());
        }
    }
    due
}

/// The entries that name a queue or broker which the topic's present route does not have.
pub(crate) fn absent(wanted: &[Wanted], engine: &Engine) -> Vec<String> {
    let is_absent = |wanted: &&Wanted| {
        let route = engine.cluster.route(&wanted.topic).filter(|route| !route.queues.is_empty());
        route.is_some_and(|route| !route.queues.iter().any(|queue| wanted.queues.covers(queue)))
    };
    let name = |wanted: &Wanted| {
        let (broker, id) = (wanted.queues.broker.as_deref().unwrap_or("*"), wanted.queues.queue_id);
        let id = id.map_or_else(|| "*".to_owned(), |id| id.to_string());
        format!("{}/{broker}/{id}", namespace::unwrap(&engine.config.namespace_prefix, &wanted.topic))
    };
    wanted.iter().filter(is_absent).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_any() {
        let all = parse(r#"[{"topic":"T"},{"topic":"U","broker":"b","queue_id":2,"expression":"a || b"}]"#);
        let all = all.unwrap();
        assert_eq!((all[0].topic.as_str(), all[0].selector.expression.as_str()), ("T", "*"));
        let queue = |topic: &str, id| MessageQueue { topic: topic.into(), broker: "b".into(), id };
        assert!(all[0].queues.covers(&queue("T", 7)) && !all[0].queues.covers(&queue("U", 2)));
        assert!(all[1].queues.covers(&queue("U", 2)) && !all[1].queues.covers(&queue("U", 1)));
        assert_eq!(all[1].selector.expression, "a || b");
        let sql = parse(r#"[{"topic":"T","type":"sql92","expression":"a > 1 OR b"}]"#).unwrap();
        assert_eq!(sql[0].selector, MessageSelector::by_sql("a > 1 OR b"));
        assert!(parse("[]").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_the_rule() {
        let text = |json: &str| parse(json).unwrap_err().text().to_owned();
        assert!(text("{").starts_with("queues_json is no JSON array of objects: "));
        assert_eq!(text("[7]"), "queues_json has 7 at [0], an entry is an object");
        assert_eq!(text("[{}]"), "queues_json has no topic at [0]");
        assert_eq!(
            text(r#"[{"topic":"T"},{"topic":"T","queue_id":-1}]"#),
            "queues_json has -1 as queue_id at [1], it is a number from 0 on"
        );
        assert_eq!(
            text(r#"[{"topic":"T","queueId":1}]"#),
            "queues_json has the key \"queueId\" at [0], an entry has topic, broker, queue_id, type, expression"
        );
        assert_eq!(
            text(r#"[{"topic":"T","expression":"a"},{"topic":"T"}]"#),
            "queues_json has the expressions \"a\" and \"*\" for topic T, a topic has one"
        );
        assert_eq!(text(r#"[{"topic":7}]"#), "queues_json has 7 as topic at [0], it is a text");
        assert_eq!(
            text(r#"[{"topic":"T","type":"SQL"}]"#),
            "queues_json at [0]: type is \"SQL\", a selector's type is TAG (or nothing) or SQL92"
        );
        let kind = parse(r#"[{"topic":"T","type":"SQL92"}]"#).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::Filter, "a condition is missing");
        let kind = parse(r#"[{"topic":"T","expression":"||"}]"#).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::Filter);
    }
}
