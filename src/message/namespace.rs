//! Namespaces of the first kind: a prefix of topics and groups. `%RETRY%` and `%DLQ%` stay in front of it.

use std::borrow::Cow;

/// What stands before a group's name in the names of its own topics.
const OWN: [&str; 2] = ["%RETRY%", "%DLQ%"];

/// Topics that every namespace shares: Java's `TopicValidator`.
const SYSTEM: [&str; 9] = [
    "TBW102",
    "SCHEDULE_TOPIC_XXXX",
    "BenchmarkTest",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRACE_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
];

/// Prefixes of such topics and groups.
const SYSTEM_PREFIXES: [&str; 2] = ["rmq_sys_", "CID_RMQ_SYS_"];

/// The name that brokers know of what the user calls `name`: Java's `NamespaceUtil#wrapNamespace`. The same
/// as `name` without a namespace, for what all namespaces share, and for what is wrapped already.
pub fn wrap(namespace: &str, name: &str) -> String {
    let (own, bare) = split(name);
    if namespace.is_empty() || name.is_empty() || is_system(name) || within(namespace, bare).is_some() {
        return name.to_owned();
    }
    format!("{own}{namespace}%{bare}")
}

/// What the user calls it: Java's `NamespaceUtil#withoutNamespace`. The same as `name` when that is not of the
/// namespace.
pub fn unwrap<'a>(namespace: &str, name: &'a str) -> Cow<'a, str> {
    let (own, bare) = split(name);
    match within(namespace, bare).filter(|_| !namespace.is_empty()) {
        None => Cow::Borrowed(name),
        Some(rest) if own.is_empty() => Cow::Borrowed(rest),
        Some(rest) => Cow::Owned(format!("{own}{rest}")),
    }
}

fn split(name: &str) -> (&str, &str) {
    let own = OWN.into_iter().find(|own| name.starts_with(own)).unwrap_or_default();
    name.split_at(own.len())
}

fn within<'a>(namespace: &str, bare: &'a str) -> Option<&'a str> {
    bare.strip_prefix(namespace)?.strip_prefix('%')
}

fn is_system(name: &str) -> bool {
    SYSTEM.contains(&name) || SYSTEM_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_wrapped_behind_the_groups_own_prefix_and_come_back() {
        for (plain, wrapped) in [
            ("Orders", "ns%Orders"),
            ("%RETRY%billing", "%RETRY%ns%billing"),
            ("%DLQ%billing", "%DLQ%ns%billing"),
            ("a%b", "ns%a%b"),
        ] {
            assert_eq!(wrap("ns", plain), wrapped);
            assert_eq!(wrap("ns", wrapped), wrapped, "only once");
            assert_eq!(unwrap("ns", wrapped), plain);
        }
    }

    #[test]
    fn what_all_namespaces_share_stays_as_it_is() {
        for name in ["TBW102", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_wheel_timer", "CID_RMQ_SYS_TRANS", ""] {
            assert_eq!(wrap("ns", name), name);
        }
        assert_eq!(wrap("", "Orders"), "Orders");
        for name in ["Orders", "other%Orders", "nsOrders", "%RETRY%other%billing"] {
            assert_eq!(unwrap("ns", name), name);
            assert_eq!(unwrap("", name), name);
        }
        assert_eq!(unwrap("", "%odd"), "%odd");
    }
}
