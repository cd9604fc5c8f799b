//! Equal reports within a second: the first pass, the others are held back and counted. When the second is over,
//! the newest of them stands for all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long equal reports are held back after one that passed.
pub(super) const HOLD: Duration = Duration::from_secs(1);

/// How many different reports are told apart within a second. Those beyond count as one.
const MOST: usize = 256;

/// Reports of a kind `T`, equal when their keys are.
pub(super) struct Seldom<K, T> {
    open: BTreeMap<K, Open<T>>,
    rest: Option<Open<T>>,
}

/// One report and for how many it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told<T> {
    pub(super) report: T,
    pub(super) times: u64,
}

/// What passed within the present second, and what is held back since.
struct Open<T> {
    since: Instant,
    passed: u32,
    newest: Option<T>,
    held: u64,
}

impl<K, T> Default for Seldom<K, T> {
    fn default() -> Seldom<K, T> {
        Seldom { open: BTreeMap::new(), rest: None }
    }
}

impl<K: Ord, T> Seldom<K, T> {
    /// A report that stands for `times` of them. Answered when it may pass: `burst` of them may within a second.
    pub(super) fn pass(
        &mut self,
        now: Instant,
        key: K,
        burst: u32,
        report: T,
        times: u64,
    ) -> Option<Told<T>> {
        if self.open.len() >= MOST && !self.open.contains_key(&key) {
            self.open.retain(|_, open| open.newest.is_some() || !open.is_over(now));
        }
        if self.open.len() < MOST || self.open.contains_key(&key) {
            return self.open.entry(key).or_insert_with(|| Open::at(now)).pass(now, burst, report, times);
        }
        self.rest.get_or_insert_with(|| Open::at(now)).pass(now, 1, report, times)
    }

    /// What was held back for its second.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Told<T>> {
        let mut due = Vec::new();
        self.open.retain(|_, open| open.is_kept(now, &mut due));
        if self.rest.as_mut().is_some_and(|rest| !rest.is_kept(now, &mut due)) {
            self.rest = None;
        }
        due
    }

    /// Everything that is held back, at the end.
    pub(super) fn drain(&mut self) -> Vec<Told<T>> {
        let all = std::mem::take(&mut self.open).into_values().chain(self.rest.take());
        all.filter_map(|mut open| open.take()).collect()
    }

    /// True while something is held back.
    pub(super) fn is_holding(&self) -> bool {
        self.open.values().chain(&self.rest).any(|open| open.newest.is_some())
    }
}

impl<T> Open<T> {
    fn at(now: Instant) -> Open<T> {
        Open { since: now, passed: 0, newest: None, held: 0 }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= HOLD
    }

    fn pass(&mut self, now: Instant, burst: u32, report: T, times: u64) -> Option<Told<T>> {
        if self.is_over(now) {
            (self.since, self.passed) = (now, 0);
        }
        self.held += times;
        self.newest = Some(report);
        if self.passed >= burst {
            return None;
        }
        self.passed += 1;
        self.take()
    }

    /// Answers what is held back for a second now. False when nothing is left to remember.
    fn is_kept(&mut self, now: Instant, due: &mut Vec<Told<T>>) -> bool {
        if !self.is_over(now) {
            return true;
        }
        let told = self.take();
        (self.since, self.passed) = (now, 1);
        let kept = told.is_some();
        due.extend(told);
        kept
    }

    fn take(&mut self) -> Option<Told<T>> {
        let times = std::mem::take(&mut self.held);
        self.newest.take().map(|report| Told { report, times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(report: &'static str, times: u64) -> Told<&'static str> {
        Told { report, times }
    }

    #[test]
    fn the_first_passes_and_the_newest_stands_for_the_others() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.pass(start, 1, 1, "a", 1), Some(told("a", 1)));
        assert_eq!(seldom.pass(start, 2, 1, "other", 1), Some(told("other", 1)));
        assert!(!seldom.is_holding());
        assert_eq!(seldom.pass(start, 1, 1, "b", 1), None);
        assert_eq!(seldom.pass(start + HOLD / 2, 1, 1, "c", 3), None);
        assert!(seldom.is_holding());
        assert_eq!(seldom.due(start + HOLD / 2), []);
        assert_eq!(seldom.due(start + HOLD), [told("c", 4)]);
        // That began a second of its own.
        assert_eq!(seldom.pass(start + HOLD, 1, 1, "d", 1), None);
        assert_eq!(seldom.due(start + HOLD * 2), [told("d", 1)]);
        assert_eq!(seldom.due(start + HOLD * 3), []);
        assert!(seldom.open.is_empty());
    }

    #[test]
    fn who_comes_after_the_second_takes_what_is_held_back_along() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        seldom.pass(start, 1, 1, "a", 1);
        seldom.pass(start, 1, 1, "b", 1);
        assert_eq!(seldom.pass(start + HOLD, 1, 1, "c", 1), Some(told("c", 2)));
        assert!(!seldom.is_holding());
    }

    #[test]
    fn a_burst_passes_one_by_one() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.pass(start, 1, 2, "a", 1), Some(told("a", 1)));
        assert_eq!(seldom.pass(start, 1, 2, "b", 1), Some(told("b", 1)));
        assert_eq!(seldom.pass(start, 1, 2, "c", 1), None);
        assert_eq!(seldom.drain(), [told("c", 1)]);
        assert!(!seldom.is_holding());
    }

    #[test]
    fn too_many_different_ones_count_as_one() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        let passed = (0..10 * MOST).filter_map(|key| seldom.pass(start, key, 1, "x", 1)).count();
        assert_eq!(passed, MOST + 1);
        assert_eq!(seldom.due(start + HOLD), [told("x", (9 * MOST - 1) as u64)]);
        assert_eq!(seldom.open.len(), 0, "who is silent is forgotten");
    }
}
