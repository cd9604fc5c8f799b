//! One value: is it one the property takes, and how is it kept.

use super::local_time;
use super::property::{JavaUnit, Kind, Property, Unit};
use crate::error::{Error, ErrorKind, Result};

/// What a secret reads as.
pub(super) const MASK: &str = "********";

/// Java's limit for group names (`Validators#checkGroup`).
const GROUP_BYTES: usize = 120;
const TEXT_BYTES: usize = 255;
const ADDRESSES_BYTES: usize = 4096;
const JSON_BYTES: usize = 1 << 20;
const PATH_BYTES: usize = 4095;

/// Checks `value` and answers how it is kept; `unit` is the one the caller's name for the property counts in.
pub(super) fn canonical(
    property: &Property,
    name: &str,
    value: &str,
    unit: Option<JavaUnit>,
) -> Result<String> {
    let kept = parse(&property.kind, value, unit).map_err(|rule| invalid(property, name, value, &rule))?;
    match property.unsupported {
        Some(why) if kept != property.default => Err(Error::new(
            ErrorKind::Unsupported,
            format!("{name}={}: not supported in this version, {why}", shown(property, value)),
        )),
        _ => Ok(kept),
    }
}

/// The rule in words: what a property of this kind takes.
pub(super) fn rule(kind: &Kind) -> String {
    match kind {
        Kind::Integer { unit, min, max, also } => {
            let unit = unit.name();
            let space = if unit.is_empty() { "" } else { " " };
            match also {
                Some((value, meaning)) => format!("{min} to {max}{space}{unit}, or {value} ({meaning})"),
                None => format!("{min} to {max}{space}{unit}"),
            }
        }
        Kind::Bool => "true or false".to_owned(),
        Kind::Words(words) => words.iter().map(|w| w.name).collect::<Vec<_>>().join(", "),
        Kind::Text => format!("printable text without blanks or @, at most {TEXT_BYTES} bytes"),
        Kind::Group => format!("1 to {GROUP_BYTES} of the characters a-z A-Z 0-9 _ - | %"),
        Kind::Addresses => "host:port, several separated by \";\"".to_owned(),
        Kind::Names => "names separated by \",\", printable and without blanks or @".to_owned(),
        Kind::Json => "a JSON object, or the path of a file with one".to_owned(),
        Kind::Timestamp => {
            "milliseconds since 1970, or 14 digits yyyyMMddHHmmss in local time, or 0".to_owned()
        }
        Kind::Folder => format!("a path of 1 to {PATH_BYTES} bytes without control characters"),
    }
}

/// The kept form of `value`, or the rule it breaks.
fn parse(kind: &Kind, value: &str, unit: Option<JavaUnit>) -> std::result::Result<String, String> {
    match kind {
        Kind::Integer { min, max, also, unit: own } => integer(value, (*min, *max), *also, *own, unit),
        Kind::Bool => boolean(value).map(str::to_owned).ok_or_else(|| rule(kind)),
        Kind::Words(words) => words
            .iter()
            .find(|w| {
                w.name.eq_ignore_ascii_case(value) || w.also.iter().any(|a| a.eq_ignore_ascii_case(value))
            })
            .map(|w| w.name.to_owned())
            .ok_or_else(|| format!("one of {}", rule(kind))),
        Kind::Text => match value.len() <= TEXT_BYTES && value.chars().all(|c| printable(c) && c != '@') {
            true => Ok(value.to_owned()),
            false => Err(rule(kind)),
        },
        Kind::Group => group(value),
        Kind::Addresses => addresses(value),
        Kind::Names => names(value),
        Kind::Json => json(value),
        Kind::Timestamp => timestamp(value).ok_or_else(|| rule(kind)),
        Kind::Folder => match (1..=PATH_BYTES).contains(&value.len()) && !value.chars().any(char::is_control)
        {
            true => Ok(value.to_owned()),
            false => Err(rule(kind)),
        },
    }
}

fn invalid(property: &Property, name: &str, value: &str, rule: &str) -> Error {
    Error::new(ErrorKind::ConfigValue, format!("{name}={}: allowed is {rule}", shown(property, value)))
}

/// The value as texts repeat it: in quotes, cut, without control characters, secrets masked.
fn shown(property: &Property, value: &str) -> String {
    if property.secret {
        return MASK.to_owned();
    }
    let text: String = value.chars().take(64).flat_map(char::escape_debug).collect();
    let more = if value.chars().nth(64).is_some() { "…" } else { "" };
    format!("\"{text}{more}\"")
}

fn integer(
    value: &str,
    (min, max): (i64, i64),
    also: Option<(i64, &'static str)>,
    own: Unit,
    unit: Option<JavaUnit>,
) -> std::result::Result<String, String> {
    let in_range = |n: &i64| (min..=max).contains(n) || also.is_some_and(|(extra, _)| extra == *n);
    let number = value.parse::<i64>().ok();
    match unit {
        None => number
            .filter(in_range)
            .ok_or_else(|| rule(&Kind::Integer { unit: own, min, max, also }))
            .map(|n| n.to_string()),
        // Another unit: the range is told in it, so that the text speaks of what the caller wrote.
        Some(JavaUnit { factor, name }) => number
            .and_then(|n| n.checked_mul(factor))
            .filter(in_range)
            .ok_or_else(|| format!("{} to {} {name}", min.div_ceil_of(factor), max / factor))
            .map(|n| n.to_string()),
    }
}

/// Division that rounds up, for the lower end of a range; stable std has it for unsigned numbers only.
trait DivCeilOf {
    fn div_ceil_of(self, divisor: i64) -> i64;
}

impl DivCeilOf for i64 {
    fn div_ceil_of(self, divisor: i64) -> i64 {
        (self + divisor - 1) / divisor
    }
}

fn boolean(value: &str) -> Option<&'static str> {
    ["true", "false"].into_iter().find(|word| word.eq_ignore_ascii_case(value)).or(match value {
        "1" => Some("true"),
        "0" => Some("false"),
        _ => None,
    })
}

fn printable(c: char) -> bool {
    !c.is_control() && !c.is_whitespace()
}

pub(super) fn group(value: &str) -> std::result::Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '|' | '%');
    if value.is_empty() || value.len() > GROUP_BYTES || !value.chars().all(legal) {
        return Err(rule(&Kind::Group));
    }
    // Java refuses it too: forgotten configurations would all land in one group.
    if value == "DEFAULT_CONSUMER" {
        return Err("any name but DEFAULT_CONSUMER, which Java reserves".to_owned());
    }
    Ok(value.to_owned())
}

/// The list without blanks and empty entries, in the order given.
pub(super) fn addresses(value: &str) -> std::result::Result<String, String> {
    if value.len() > ADDRESSES_BYTES {
        return Err(format!("{}, at most {ADDRESSES_BYTES} bytes", rule(&Kind::Addresses)));
    }
    let list: Vec<&str> = value.split(';').map(str::trim).filter(|a| !a.is_empty()).collect();
    if list.is_empty() {
        return Err(rule(&Kind::Addresses));
    }
    for address in &list {
        address_problem(address).map_or(Ok(()), |problem| {
            Err(format!(
                "{}; {:?} {problem}",
                rule(&Kind::Addresses),
                address.chars().take(64).collect::<String>()
            ))
        })?;
    }
    Ok(list.join(";"))
}

/// The list without blanks around names and empty entries; empty means not set.
fn names(value: &str) -> std::result::Result<String, String> {
    let list: Vec<&str> = value.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let legal = |name: &&str| name.chars().all(|c| printable(c) && c != '@');
    match value.len() <= ADDRESSES_BYTES && list.iter().all(legal) {
        true => Ok(list.join(",")),
        false => Err(rule(&Kind::Names)),
    }
}

/// An object, the path of a file, or nothing. What is in it is looked at when all is set.
fn json(value: &str) -> std::result::Result<String, String> {
    let value = value.trim();
    if value.starts_with('{') {
        if value.len() > JSON_BYTES {
            return Err(format!("{}, an object of at most {JSON_BYTES} bytes", rule(&Kind::Json)));
        }
        let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value);
        return parsed.map(|_| value.to_owned()).map_err(|e| format!("{}: {e}", rule(&Kind::Json)));
    }
    match value.len() <= PATH_BYTES && !value.chars().any(char::is_control) {
        true => Ok(value.to_owned()),
        false => Err(rule(&Kind::Json)),
    }
}

fn address_problem(address: &str) -> Option<&'static str> {
    if address.contains("://") {
        return Some("is a URL");
    }
    if address.contains(',') {
        return Some("has a comma");
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Some("has no port");
    };
    if !matches!(port.parse::<u16>(), Ok(1..)) || port.starts_with('+') {
        return Some("has no port between 1 and 65535");
    }
    // An IPv6 address has colons of its own, hence the brackets.
    let (bracketed, bare) = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inner) => (true, inner),
        None => (false, host),
    };
    match bare.is_empty() || !bare.chars().all(printable) {
        true => Some("has no host"),
        false if bracketed && bare.parse::<std::net::Ipv6Addr>().is_err() => Some("is not an IPv6 address"),
        false if !bracketed && bare.contains([':', '[', ']', '/', '@']) => Some("has no valid host"),
        false => None,
    }
}

fn timestamp(value: &str) -> Option<String> {
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // 14 digits of milliseconds would lie after the year 2286.
    if value.len() == 14 {
        return local_time::Civil::parse(value).map(|_| value.to_owned());
    }
    let kept = value.parse::<i64>().ok()?.to_string();
    // Without its leading zeros it would be read as a date from then on.
    (kept.len() != 14).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_ports() {
        for good in ["127.0.0.1:9876", "[::1]:9876", "ns-1.example:1", " a:1 ; b:65535 ;"] {
            assert!(addresses(good).is_ok(), "{good}");
        }
        assert_eq!(addresses(" a:1 ; b:2 ;").unwrap(), "a:1;b:2");
        for bad in [
            "",
            ";",
            "a",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            ":1",
            "::1:9876",
            "[x]:1",
            "http://a:1",
            "a:1,b:1",
            "a b:1",
            "a:1;b",
            "a/b:1",
        ] {
            assert!(addresses(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_address_is_named() {
        assert!(addresses("a:1;b").unwrap_err().ends_with("\"b\" has no port"));
        assert!(addresses("a:1,b:1").unwrap_err().ends_with("\"a:1,b:1\" has a comma"));
    }

    #[test]
    fn groups_are_what_the_broker_accepts() {
        assert!(group("GID_a-1|%RETRY%").is_ok());
        assert!(group(&"g".repeat(120)).is_ok());
        for bad in ["", "a b", "a.b", "grüße", "DEFAULT_CONSUMER", &"g".repeat(121)] {
            assert!(group(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn milliseconds_that_would_be_kept_as_the_digits_of_a_date_are_refused() {
        assert_eq!(timestamp("0001767225600000").unwrap(), "1767225600000");
        for bad in ["000020260101000000", "010000000000000"] {
            assert!(timestamp(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn timestamps_are_milliseconds_or_a_local_date() {
        assert_eq!(timestamp("0").unwrap(), "0");
        assert_eq!(timestamp("1767225600000").unwrap(), "1767225600000");
        assert_eq!(timestamp("20260101000000").unwrap(), "20260101000000");
        for bad in ["", "-1", "1e3", "20261301000000", "20260230000000", "99999999999999999999", "2026-01-01"]
        {
            assert!(timestamp(bad).is_none(), "{bad}");
        }
    }
}
