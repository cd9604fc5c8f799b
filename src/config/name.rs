//! From what the caller calls a property to the property: the key, Java's name, snake_case, short forms.

use super::property::{JavaUnit, Property};
use super::table;
use crate::error::{Error, ErrorKind, Result};

/// A property, and the unit in which the caller's name for it counts when that is not the property's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) index: usize,
    pub(super) property: &'static Property,
    pub(super) unit: Option<JavaUnit>,
}

/// Java names of things this library does not have, or has in another place, each with a sentence.
const REFUSED: &[(&str, &str)] = &[
    ("messageListener", "set a callback with rmq_consumer_set_message_callback"),
    ("subscription", "call rmq_consumer_subscribe"),
    ("messageQueueListener", "events of the assignment are not built yet"),
    ("offsetStore", "offsets are kept at the broker"),
    ("popInvisibleTime", "pop consumption is not built yet"),
    ("popBatchNums", "pop consumption is not built yet"),
    ("popThresholdForQueue", "pop consumption is not built yet"),
    ("clientRebalance", "the division of queues is always the client's"),
    ("unitName", "units are not built yet"),
    ("unitMode", "units are not built yet"),
    ("enableTrace", "message trace is not built yet"),
    ("enableMsgTrace", "message trace is not built yet"),
    ("traceTopic", "message trace is not built yet"),
    ("customizedTraceTopic", "message trace is not built yet"),
    ("traceMsgBatchNum", "message trace is not built yet"),
    ("vipChannelEnabled", "the broker's ordinary port is always used"),
    ("postSubscriptionWhenPull", "subscriptions travel with the heartbeat"),
    ("adjustThreadPoolNumsThreshold", "threads come and go with the work"),
    ("clientCallbackExecutorThreads", "see io.threads and consume.thread.max"),
    ("concurrentHeartbeatThreadPoolSize", "see io.threads"),
    ("useHeartbeatV2", "every heartbeat is complete"),
    ("language", "brokers are told RUST"),
    ("decodeReadBody", "bodies are always read"),
    ("decodeDecompressBody", "bodies are always decompressed"),
    ("socksProxyConfig", "proxies are not built yet"),
    ("namesrvDomain", "give the addresses in namesrv.addr"),
    ("autoCommitIntervalMillis", "see offset.commit.interval.ms"),
    ("pullThreadNums", "pulls need no threads, see io.threads"),
    ("pollTimeoutMillis", "polling is not built yet"),
];

/// What other systems' clients call a property, where a likeness of letters does not lead to it.
const ELSEWHERE: &[(&str, &str)] = &[("bootstrap.servers", "namesrv.addr"), ("group.id", "consumer.group")];

/// Finds the property that is called `name`.
pub(super) fn find(name: &str) -> Result<Named> {
    for (index, property) in table::all().enumerate() {
        // The key goes first: where a key and a short form could be confused, the key wins.
        if property.key == name {
            return Ok(Named { index, property, unit: None });
        }
    }
    for (index, property) in table::all().enumerate() {
        if let Some(unit) = called(property, name) {
            return Ok(Named { index, property, unit });
        }
    }
    if let Some((java, why)) = REFUSED.iter().find(|(java, _)| is_java(java, name)) {
        return Err(Error::new(ErrorKind::Unsupported, format!("{java} is not a property here: {why}")));
    }
    Err(unknown(name))
}

/// Whether `name` is one of [`aliases`], and its unit. Makes no texts, since the whole table is searched for a name.
fn called(property: &Property, name: &str) -> Option<Option<JavaUnit>> {
    if is_java(property.java, name) {
        return Some(property.java_unit);
    }
    let underscored = property.key.len() == name.len()
        && property.key.bytes().zip(name.bytes()).all(|(a, b)| b == if a == b'.' { b'_' } else { a });
    (underscored || property.aliases.contains(&name)).then_some(None)
}

/// True for Java's name and for its snake_case form, which a dotted one has not.
fn is_java(java: &str, name: &str) -> bool {
    !java.is_empty() && (java == name || !java.contains('.') && snake(java).eq(name.chars()))
}

/// Every name of `property` besides its key, with the unit that the name brings along.
pub(super) fn aliases(property: &'static Property) -> Vec<(String, Option<JavaUnit>)> {
    let mut names = Vec::new();
    if !property.java.is_empty() {
        names.push((property.java.to_owned(), property.java_unit));
        if !property.java.contains('.') {
            names.push((snake(property.java).collect(), property.java_unit));
        }
    }
    names.push((property.key.replace('.', "_"), None));
    names.extend(property.aliases.iter().map(|alias| ((*alias).to_owned(), None)));
    // Names without capitals are their own snake form, and short forms may repeat the rule.
    let mut seen: Vec<String> = vec![property.key.to_owned()];
    names.retain(|(name, _)| {
        let new = !seen.contains(name);
        seen.push(name.clone());
        new
    });
    names
}

/// `consumeThreadMin` to `consume_thread_min`; a run of capitals counts as one word.
fn snake(java: &str) -> impl Iterator<Item = char> {
    let mut last_upper = true;
    java.chars().flat_map(move |c| {
        let upper = c.is_ascii_uppercase();
        let last_upper = std::mem::replace(&mut last_upper, upper);
        (upper && !last_upper).then_some('_').into_iter().chain([c.to_ascii_lowercase()])
    })
}

/// A name as texts repeat it: cut, without control characters.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

fn unknown(name: &str) -> Error {
    let shown = shown(name);
    let text = match nearest(name) {
        Some(hint) => format!("unknown property \"{shown}\"; did you mean {hint}?"),
        None => format!("unknown property \"{shown}\""),
    };
    Error::new(ErrorKind::ConfigKey, text)
}

/// The name most like `name`, when one is near enough. A dotted name is compared with keys before aliases.
fn nearest(name: &str) -> Option<String> {
    // Longer names are no typing errors, and comparing is quadratic.
    if name.is_empty() || name.len() > 64 {
        return None;
    }
    let wanted: Vec<char> = plain(name).collect();
    if let Some((_, key)) = ELSEWHERE.iter().find(|(foreign, _)| plain(foreign).eq(wanted.iter().copied())) {
        return Some(format!("\"{key}\""));
    }
    let mut keys = table::all().map(|property| (property.key, None));
    // Without their forms with underscores, which read the same here.
    let mut others = table::all().flat_map(|property| {
        let java = Some((property.java, property.java_unit)).filter(|(java, _)| !java.is_empty());
        java.into_iter().chain(property.aliases.iter().map(|alias| (*alias, None)))
    });
    let best = |names: &mut dyn Iterator<Item = (&'static str, Option<JavaUnit>)>| {
        names
            .filter_map(|(candidate, unit)| Some((near(&wanted, candidate)?, candidate, unit)))
            .min_by_key(|(distance, ..)| *distance)
    };
    let found = match name.contains('.') {
        true => best(&mut keys).or_else(|| best(&mut others)),
        false => best(&mut keys.chain(others)),
    };
    found.map(|(_, candidate, unit)| match unit {
        Some(unit) => format!("\"{candidate}\" ({})", unit.name),
        None => format!("\"{candidate}\""),
    })
}

/// The distance of a name of ours to what is wanted, if it is short enough for a typing error.
fn near(wanted: &[char], candidate: &str) -> Option<usize> {
    let allowed = 1 + wanted.len() / 4;
    let candidate: Vec<char> = plain(candidate).collect();
    // The distance is not less than that of the lengths, which costs nothing.
    match wanted.len().abs_diff(candidate.len()) <= allowed {
        true => distance(wanted, &candidate, allowed),
        false => None,
    }
}

/// Letters and digits only, so that styles of writing do not count as differences.
fn plain(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase())
}

/// How many letters must be changed, added or removed (Levenshtein), if no more than `allowed`.
fn distance(a: &[char], b: &[char], allowed: usize) -> Option<usize> {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        let mut least = row[0];
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
            least = least.min(row[j + 1]);
        }
        // Further rows have nothing less.
        if least > allowed {
            return None;
        }
    }
    Some(row[b.len()]).filter(|distance| *distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_name_means_one_property() {
        let mut owners: HashMap<String, &str> = HashMap::new();
        for property in table::all() {
            let names = aliases(property).into_iter().map(|(name, _)| name);
            for name in names.chain([property.key.to_owned()]) {
                if let Some(other) = owners.insert(name.clone(), property.key) {
                    panic!("{name} names both {other} and {}", property.key);
                }
            }
        }
        for (java, _) in REFUSED {
            assert!(!owners.contains_key(*java), "{java}");
        }
    }

    #[test]
    fn snake_case_is_made_of_javas_names() {
        for (java, expected) in
            [("consumeThreadMin", "consume_thread_min"), ("clientIP", "client_ip"), ("useTLS", "use_tls")]
        {
            assert_eq!(snake(java).collect::<String>(), expected);
        }
    }

    #[test]
    fn a_property_is_found_by_each_of_its_names_in_the_unit_of_the_name() {
        for (index, property) in table::all().enumerate() {
            for (name, unit) in [(property.key.to_owned(), None)].into_iter().chain(aliases(property)) {
                let named = find(&name).unwrap();
                assert_eq!((named.index, named.unit), (index, unit), "{name}");
            }
        }
        assert!(find("consume_thread.min").is_err());
        assert!(find("rocketmq.client.local_offset_store_dir").is_err(), "dotted names have one form");
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_known_one() {
        let text = |name: &str| find(name).unwrap_err().text().to_owned();
        assert_eq!(
            text("consume.tread.max"),
            r#"unknown property "consume.tread.max"; did you mean "consume.thread.max"?"#
        );
        assert_eq!(
            text("consumeTreadMax"),
            r#"unknown property "consumeTreadMax"; did you mean "consume.thread.max"?"#
        );
        assert_eq!(
            text("consume.timeout"),
            r#"unknown property "consume.timeout"; did you mean "consume.timeout.ms"?"#
        );
        assert_eq!(
            text("consumeTimeot"),
            r#"unknown property "consumeTimeot"; did you mean "consumeTimeout" (minutes)?"#
        );
        assert_eq!(text("zebra"), r#"unknown property "zebra""#);
        assert_eq!(text(""), r#"unknown property """#);
        assert_eq!(find("zebra").unwrap_err().kind(), ErrorKind::ConfigKey);
    }

    #[test]
    fn the_distance_counts_letters_up_to_what_is_allowed() {
        let distance = |a: &str, b: &str, allowed| {
            distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>(), allowed)
        };
        for (a, b, expected) in
            [("", "", 0), ("", "ab", 2), ("abc", "abc", 0), ("kitten", "sitting", 3), ("abcd", "bcda", 2)]
        {
            assert_eq!(distance(a, b, expected), Some(expected), "{a} {b}");
            assert_eq!(distance(b, a, 9), Some(expected), "{b} {a}");
            assert_eq!(expected.checked_sub(1).and_then(|less| distance(a, b, less)), None, "{a} {b}");
        }
    }

    #[test]
    fn javas_other_names_are_answered_with_a_sentence() {
        let error = find("popInvisibleTime").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.text(), "popInvisibleTime is not a property here: pop consumption is not built yet");
        assert_eq!(find("unit_mode").unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
