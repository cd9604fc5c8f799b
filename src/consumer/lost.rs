//! Brokers that were there and are not: looked for often, though not for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// After this long a broker is taken for one that was removed, and the usual interval will do.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is missing, and since when.
#[derive(Debug, Default)]
pub(super) struct Lost {
    since: BTreeMap<String, Instant>,
}

impl Lost {
    /// Takes what is missing now. True when something of it was not before.
    pub(super) fn update(&mut self, missing: BTreeSet<String>, now: Instant) -> bool {
        self.since.retain(|name, _| missing.contains(name));
        let before = self.since.len();
        for name in missing {
            self.since.entry(name).or_insert(now);
        }
        self.since.len() > before
    }

    /// True while something is worth looking for.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        self.since.values().any(|since| now.duration_since(*since) < PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_wanted_until_it_is_back_or_taken_for_removed() {
        let (mut lost, begun) = (Lost::default(), Instant::now());
        let missing = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert!(!lost.is_wanted(begun));
        assert!(lost.update(missing(&["a"]), begun));
        assert!(lost.is_wanted(begun));
        assert!(!lost.update(missing(&["a"]), begun + PATIENCE), "it was missing before");
        assert!(!lost.is_wanted(begun + PATIENCE));
        assert!(lost.update(missing(&["a", "b"]), begun + PATIENCE));
        assert!(lost.is_wanted(begun + PATIENCE));
        assert!(!lost.update(missing(&[]), begun + PATIENCE));
        assert!(!lost.is_wanted(begun + PATIENCE));
    }
}
