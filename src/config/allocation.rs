//! How queues are divided: the strategies, and what some of them have to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Config, name};
use crate::error::{Error, ErrorKind, Result};

/// The largest JSON file that is read; more is a mistake.
const FILE_BYTES: u64 = 4 << 20;

/// The largest weight; the sum of many still fits.
const MAX_WEIGHT: u64 = 1_000_000;

/// How the queues of a topic are divided among the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Consecutive queues, the same number for each member up to one.
    Avg,
    /// One queue each in turn.
    AvgByCircle,
    /// Java's ring of MD5 hashes.
    ConsistentHash,
    /// As `Avg`, with the members in the order of their hashes.
    Hash,
    /// Each queue to the member that the user named for it.
    Configuration(Arc<Assignments>),
    /// Within the room; the queues of rooms without members over all.
    MachineRoom(Patterns<String>),
    /// The queues of these rooms only, over all members; the others to nobody.
    MachineRoomStrict(Arc<BTreeSet<String>>),
    /// Within the room by another strategy; each room without members over all by the same.
    MachineRoomNearby(Patterns<String>, Nearby),
    /// Shares as large as the members' weights.
    Weighted(Patterns<u64>),
    /// The member with the highest random weight for a queue, at most the average for each.
    Rendezvous,
    /// A callback decides.
    Custom,
}

/// What [`Strategy::MachineRoomNearby`] divides each room by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearby {
    /// See [`Strategy::Avg`].
    Avg,
    /// See [`Strategy::AvgByCircle`].
    AvgByCircle,
    /// See [`Strategy::ConsistentHash`].
    ConsistentHash,
}

/// The members that the user named for queues.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assignments(BTreeMap<String, String>);

impl Assignments {
    /// The pattern of the member for a queue, given as `topic/broker/queue`.
    pub fn member(&self, queue: &str) -> Option<&str> {
        self.0.get(queue).map(String::as_str)
    }

    /// The queues of a topic that are named.
    pub fn queues_of<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().map(String::as_str).filter(move |queue| queue.split('/').next() == Some(topic))
    }
}

/// Values by name, where a name may have `*` for any characters. The longest pattern that fits a name counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns<T>(Arc<[(String, T)]>);

impl<T> Patterns<T> {
    /// From pattern and value each.
    pub fn new(entries: impl IntoIterator<Item = (String, T)>) -> Patterns<T> {
        let mut entries: Vec<_> = entries.into_iter().collect();
        // Every member must find the same, in whatever order they were written down.
        entries.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Patterns(entries.into())
    }

    /// The value for `name`.
    pub fn find(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(pattern, _)| fits(pattern, name)).map(|(_, value)| value)
    }
}

/// True when `name` is `pattern`, with any characters for each `*`.
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    // The last part must end the name; those between are found as early as possible.
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(tail)
}

impl Config {
    /// The strategy, with what it needs to know.
    pub(super) fn strategy(&self) -> Result<Strategy> {
        Ok(match self.text("allocate.strategy") {
            "avg_by_circle" => Strategy::AvgByCircle,
            "consistent_hash" => Strategy::ConsistentHash,
            "hash" => Strategy::Hash,
            "configuration" => Strategy::Configuration(Arc::new(self.assignments()?)),
            "machine_room" => Strategy::MachineRoom(self.rooms()?),
            "machine_room_strict" => Strategy::MachineRoomStrict(Arc::new(self.strict_rooms()?)),
            "machine_room_nearby" => Strategy::MachineRoomNearby(self.rooms()?, self.nearby()),
            "weighted" => Strategy::Weighted(self.weights()?),
            "rendezvous" => Strategy::Rendezvous,
            "custom" => Strategy::Custom,
            _ => Strategy::Avg,
        })
    }

    fn assignments(&self) -> Result<Assignments> {
        const KEY: &str = "allocate.configuration";
        let mut assignments = BTreeMap::new();
        for (member, queues) in self.required_object(KEY)? {
            let shown = name::shown(&member);
            let expected =
                || invalid(KEY, &format!("\"{shown}\": a list of texts topic/broker/queue is expected"));
            for queue in queues.as_array().ok_or_else(expected)? {
                let queue = queue.as_str().ok_or_else(expected)?;
                let text = name::shown(queue);
                if !is_queue(queue) {
                    return Err(invalid(
                        KEY,
                        &format!("\"{text}\" of \"{shown}\": topic/broker/queue is expected"),
                    ));
                }
                if let Some(other) = assignments.insert(queue.to_owned(), member.clone()) {
                    let other = name::shown(&other);
                    return Err(invalid(
                        KEY,
                        &format!("\"{text}\" is given to \"{other}\" and to \"{shown}\""),
                    ));
                }
            }
        }
        Ok(Assignments(assignments))
    }

    fn rooms(&self) -> Result<Patterns<String>> {
        const KEY: &str = "allocate.machine.room.map";
        let mut rooms = Vec::new();
        for (pattern, room) in self.object(KEY)?.unwrap_or_default() {
            match room.as_str() {
                Some(room) if !room.is_empty() => rooms.push((pattern, room.to_owned())),
                _ => {
                    let shown = name::shown(&pattern);
                    return Err(invalid(KEY, &format!("\"{shown}\": the name of a room is expected")));
                }
            }
        }
        Ok(Patterns::new(rooms))
    }

    fn strict_rooms(&self) -> Result<BTreeSet<String>> {
        const KEY: &str = "allocate.machine.rooms";
        let list = self.explicit(KEY).filter(|list| !list.is_empty()).ok_or_else(|| self.lacks(KEY))?;
        Ok(list.split(',').map(str::to_owned).collect())
    }

    fn nearby(&self) -> Nearby {
        match self.text("allocate.nearby.strategy") {
            "avg_by_circle" => Nearby::AvgByCircle,
            "consistent_hash" => Nearby::ConsistentHash,
            _ => Nearby::Avg,
        }
    }

    fn weights(&self) -> Result<Patterns<u64>> {
        const KEY: &str = "allocate.weights";
        let mut weights = Vec::new();
        for (pattern, weight) in self.required_object(KEY)? {
            match weight.as_u64().filter(|weight| *weight <= MAX_WEIGHT) {
                Some(number) => weights.push((pattern, number)),
                None => {
                    let (shown, weight) = (name::shown(&pattern), name::shown(&weight.to_string()));
                    let text = format!("\"{shown}\" has {weight}: allowed is 0 to {MAX_WEIGHT}");
                    return Err(invalid(KEY, &text));
                }
            }
        }
        Ok(Patterns::new(weights))
    }

    fn required_object(&self, key: &str) -> Result<Map<String, Value>> {
        self.object(key)?.ok_or_else(|| self.lacks(key))
    }

    /// The JSON object that a property is, or that is in the file it names.
    fn object(&self, key: &str) -> Result<Option<Map<String, Value>>> {
        let Some(value) = self.explicit(key).filter(|value| !value.is_empty()) else { return Ok(None) };
        let (text, from) = match value.starts_with('{') {
            true => (value.to_owned(), String::new()),
            false => (read(key, value)?, format!("the file {}: ", name::shown(value))),
        };
        let object = serde_json::from_str(&text);
        object.map(Some).map_err(|e| invalid(key, &format!("{from}not a JSON object: {e}")))
    }

    fn lacks(&self, key: &str) -> Error {
        let strategy = self.text("allocate.strategy");
        Error::new(
            ErrorKind::ConfigMissing,
            format!("allocate.strategy={strategy} needs {key}, which is not set"),
        )
    }
}

/// A queue as texts write it. Neither topics nor numbers have a slash.
fn is_queue(text: &str) -> bool {
    let Some((topic, rest)) = text.split_once('/') else { return false };
    let Some((broker, id)) = rest.rsplit_once('/') else { return false };
    // Only the usual form of a number, since names are compared as texts.
    let usual = id.parse::<u16>().is_ok_and(|number| number.to_string() == id);
    usual && !topic.is_empty() && !broker.is_empty()
}

fn read(key: &str, path: &str) -> Result<String> {
    let mut text = String::new();
    let done = File::open(path).and_then(|file| file.take(FILE_BYTES + 1).read_to_string(&mut text));
    match done {
        Ok(_) if text.len() as u64 > FILE_BYTES => {
            Err(invalid(key, &format!("the file {} has more than {FILE_BYTES} bytes", name::shown(path))))
        }
        Ok(_) => Ok(text),
        Err(e) => Err(invalid(key, &format!("the file {} cannot be read: {e}", name::shown(path)))),
    }
}

fn invalid(key: &str, text: &str) -> Error {
    Error::new(ErrorKind::ConfigValue, format!("{key}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(settings: &[(&str, &str)]) -> Result<Strategy> {
        let mut config = Config::new();
        for (key, value) in settings {
            config.set(key, value)?;
        }
        config.strategy()
    }

    fn refusal(settings: &[(&str, &str)]) -> String {
        strategy(settings).unwrap_err().text().to_owned()
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name) in [
            ("*", ""),
            ("a*", "a"),
            ("*@x", "1@x"),
            ("a*c*e", "abcde"),
            ("a*b", "abab"),
            ("a", "a"),
            ("**", "x"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("", "a"), ("a", "ab"), ("a*b", "a"), ("a*a", "a"), ("*@x", "1@xy"), ("a*c*e", "ae")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn the_longest_pattern_counts() {
        let entries = [("*", 1), ("big-*", 2), ("big-1*", 3), ("*-1", 4)];
        let patterns = Patterns::new(entries.map(|(pattern, value)| (pattern.to_owned(), value)));
        let found = |name| patterns.find(name).copied();
        assert_eq!(
            (found("x"), found("big-2"), found("big-1"), found("x-1")),
            (Some(1), Some(2), Some(3), Some(4))
        );
    }

    #[test]
    fn each_strategy_is_chosen_by_its_name_and_by_javas() {
        for (name, expected) in [
            ("avg", Strategy::Avg),
            ("AVG_BY_CIRCLE", Strategy::AvgByCircle),
            ("AllocateMessageQueueAveragelyByCircle", Strategy::AvgByCircle),
            ("consistent_hash", Strategy::ConsistentHash),
            ("AllocateMessageQueueConsistentHash", Strategy::ConsistentHash),
            ("hash", Strategy::Hash),
            ("Rendezvous", Strategy::Rendezvous),
            ("custom", Strategy::Custom),
            ("machine_room", Strategy::MachineRoom(Patterns::new([]))),
            ("AllocateMachineRoomNearby", Strategy::MachineRoomNearby(Patterns::new([]), Nearby::Avg)),
        ] {
            assert_eq!(strategy(&[("allocate.strategy", name)]).unwrap(), expected, "{name}");
        }
        let strict =
            [("allocate.strategy", "AllocateMessageQueueByMachineRoom"), ("consumeridcs", " a, b ,")];
        let rooms = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert_eq!(strategy(&strict).unwrap(), Strategy::MachineRoomStrict(Arc::new(rooms)));
    }

    #[test]
    fn what_a_strategy_needs_is_named_when_it_is_missing() {
        for (name, key) in [
            ("configuration", "allocate.configuration"),
            ("weighted", "allocate.weights"),
            ("machine_room_strict", "allocate.machine.rooms"),
        ] {
            let error = strategy(&[("allocate.strategy", name)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigMissing);
            assert_eq!(error.text(), format!("allocate.strategy={name} needs {key}, which is not set"));
        }
    }

    #[test]
    fn a_configuration_names_each_queue_once() {
        let set = |json| [("allocate.strategy", "configuration"), ("allocate.configuration", json)];
        let Strategy::Configuration(map) =
            strategy(&set(r#"{"*@a":["T/b/0","T/b/1"],"*@b":["%RETRY%g/x/y/0"]}"#)).unwrap()
        else {
            panic!()
        };
        assert_eq!((map.member("T/b/1"), map.member("T/b/2")), (Some("*@a"), None));
        assert_eq!(map.member("%RETRY%g/x/y/0"), Some("*@b"));
        assert_eq!(map.queues_of("T").count(), 2);
        for (json, says) in [
            (r#"{"a":["T/b/0"],"c":["T/b/0"]}"#, r#""T/b/0" is given to "a" and to "c""#),
            (r#"{"a":"T/b/0"}"#, r#""a": a list of texts topic/broker/queue is expected"#),
            (r#"{"a":[1]}"#, r#""a": a list of texts topic/broker/queue is expected"#),
            (r#"{"a":["T/0"]}"#, r#""T/0" of "a": topic/broker/queue is expected"#),
            (r#"{"a":["T/b/01"]}"#, r#""T/b/01" of "a": topic/broker/queue is expected"#),
            (r#"{"a":["T/b/-1"]}"#, r#""T/b/-1" of "a": topic/broker/queue is expected"#),
        ] {
            assert_eq!(refusal(&set(json)), format!("allocate.configuration: {says}"));
        }
    }

    #[test]
    fn weights_and_rooms_are_checked() {
        let weights = |json| refusal(&[("allocate.strategy", "weighted"), ("allocate.weights", json)]);
        assert_eq!(weights(r#"{"a":-1}"#), r#"allocate.weights: "a" has -1: allowed is 0 to 1000000"#);
        assert_eq!(weights(r#"{"a":1.5}"#), r#"allocate.weights: "a" has 1.5: allowed is 0 to 1000000"#);
        assert_eq!(
            weights(r#"{"a":1000001}"#),
            r#"allocate.weights: "a" has 1000001: allowed is 0 to 1000000"#
        );
        let rooms =
            |json| refusal(&[("allocate.strategy", "machine_room"), ("allocate.machine.room.map", json)]);
        assert_eq!(rooms(r#"{"a":""}"#), r#"allocate.machine.room.map: "a": the name of a room is expected"#);
        assert!(
            refusal(&[("allocate.weights", "{")]).contains("a JSON object, or the path of a file with one")
        );
        assert!(refusal(&[("allocate.machine.rooms", "a b")]).contains("names separated by \",\""));
    }

    #[test]
    fn json_may_stand_in_a_file() {
        let path = std::env::temp_dir().join(format!("rmq-weights-{}.json", std::process::id()));
        let set = [("allocate.strategy", "weighted"), ("allocate.weights", path.to_str().unwrap())];
        assert!(refusal(&set).contains("cannot be read: No such file"), "{}", refusal(&set));
        std::fs::write(&path, "[1]").unwrap();
        assert!(refusal(&set).contains(": not a JSON object: "), "{}", refusal(&set));
        std::fs::write(&path, r#"{"*":3}"#).unwrap();
        let chosen = strategy(&set);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(chosen.unwrap(), Strategy::Weighted(Patterns::new([("*".to_owned(), 3)])));
    }

    #[test]
    fn nested_objects_may_be_loaded_from_json() {
        let mut config = Config::new();
        config.load_json(r#"{"allocate.strategy":"weighted","allocate.weights":{"a*":2}}"#).unwrap();
        assert_eq!(config.strategy().unwrap(), Strategy::Weighted(Patterns::new([("a*".to_owned(), 2)])));
    }
}
