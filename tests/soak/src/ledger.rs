//! What one group was given, and what of it is missing. Pure.

use std::collections::{HashMap, HashSet};

/// The deliveries of one group, read from its members' lines.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    queues: Vec<Vec<Entry>>,
    /// Keys of messages that failed, with queue and offset.
    failed: HashMap<String, (usize, usize)>,
    /// Keys of messages that came by the retry topic.
    retried: HashSet<String>,
    /// Deliveries that were not the first of their message, those after a failure left out.
    repeated: u64,
    distinct: u64,
}

/// A message of a queue.
#[derive(Debug, Default, Clone, Copy)]
struct Entry {
    deliveries: u32,
    /// When it was consumed first, by the clock that all processes share.
    consumed: Option<i64>,
}

/// What a group's ledger says at the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Messages that came at least once.
    pub(crate) delivered: u64,
    /// Deliveries beyond the first.
    pub(crate) repeated: u64,
    /// Messages that are stored and never came: queue and offset.
    pub(crate) lost: Vec<(usize, usize)>,
    /// Keys of messages that failed and did not come again.
    pub(crate) not_retried: Vec<String>,
    /// How often a message was consumed for the first time before the one in front of it in its queue.
    pub(crate) out_of_order: u64,
}

impl Ledger {
    /// Takes a line of a member; a cut one is an error.
    pub(crate) fn take(&mut self, line: &str) -> Result<(), String> {
        let bad = || format!("not a delivery: {line:?}");
        let words: Vec<&str> = line.split(' ').collect();
        let [queue, offset, key, outcome, nanos] = words[..] else { return Err(bad()) };
        let (offset, nanos): (usize, i64) =
            (offset.parse().map_err(|_| bad())?, nanos.parse().map_err(|_| bad())?);
        let consumed = outcome == "ok";
        if queue == "-" {
            self.retried.insert(key.to_owned());
            return Ok(());
        }
        let queue: usize = queue.parse().map_err(|_| bad())?;
        if self.queues.len() <= queue {
            self.queues.resize_with(queue + 1, Vec::new);
        }
        let entries = &mut self.queues[queue];
        if entries.len() <= offset {
            entries.resize(offset + 1, Entry::default());
        }
        let entry = &mut entries[offset];
        let after_failure = consumed && entry.consumed.is_none() && self.failed.contains_key(key);
        match entry.deliveries {
            0 => self.distinct += 1,
            _ if after_failure => {}
            _ => self.repeated += 1,
        }
        entry.deliveries += 1;
        match consumed {
            true => entry.consumed = Some(entry.consumed.map_or(nanos, |first| first.min(nanos))),
            false => drop(self.failed.insert(key.to_owned(), (queue, offset))),
        }
        Ok(())
    }

    /// Messages that came at least once.
    pub(crate) fn distinct(&self) -> u64 {
        self.distinct
    }

    /// Messages that failed and did not come again yet.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &String> {
        let done = |&(queue, offset): &(usize, usize)| self.queues[queue][offset].consumed.is_some();
        let waits = move |(key, place): &(&String, &_)| !self.retried.contains(*key) && !done(place);
        self.failed.iter().filter(waits).map(|(key, _)| key)
    }

    /// Holds it against what the queues hold, from offset 0 up to `stored`.
    pub(crate) fn account(&self, stored: &[i64]) -> Account {
        let mut lost = Vec::new();
        let mut out_of_order = 0;
        for (queue, &end) in stored.iter().enumerate() {
            let entries = self.queues.get(queue).map_or(&[][..], Vec::as_slice);
            let end = usize::try_from(end).unwrap_or(0);
            lost.extend(
                (0..end)
                    .filter(|&at| entries.get(at).is_none_or(|e| e.deliveries == 0))
                    .map(|at| (queue, at)),
            );
            let consumed: Vec<i64> = entries.iter().filter_map(|entry| entry.consumed).collect();
            out_of_order += consumed.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64;
        }
        let mut not_retried: Vec<String> = self.waiting().cloned().collect();
        not_retried.sort();
        Account { delivered: self.distinct, repeated: self.repeated, lost, not_retried, out_of_order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(lines: &[&str], stored: &[i64]) -> Account {
        let mut ledger = Ledger::default();
        lines.iter().for_each(|line| ledger.take(line).unwrap());
        ledger.account(stored)
    }

    #[test]
    fn what_is_stored_and_never_came_is_lost() {
        let account = account(&["0 0 a ok 1", "0 2 c ok 2", "1 0 d ok 3"], &[3, 2]);
        assert_eq!((account.lost, account.delivered, account.repeated), (vec![(0, 1), (1, 1)], 3, 0));
    }

    #[test]
    fn a_failure_that_came_again_is_no_repeat_and_one_that_did_not_is_told() {
        let lines = ["0 0 a fail 1", "- 7 a ok 2", "0 1 b fail 3", "0 1 b ok 4", "0 2 c fail 5"];
        let account = account(&lines, &[3]);
        assert_eq!((account.repeated, account.not_retried), (0, vec!["c".to_owned()]));
    }

    #[test]
    fn a_second_delivery_is_a_repeat_and_order_is_that_of_the_first_ones() {
        let repeated = account(&["0 0 a ok 1", "0 1 b ok 2", "0 0 a ok 3"], &[2]);
        assert_eq!((repeated.repeated, repeated.out_of_order), (1, 0));
        assert_eq!(account(&["0 0 a ok 2", "0 1 b ok 1"], &[2]).out_of_order, 1);
    }

    #[test]
    fn a_cut_line_is_an_error() {
        assert!(Ledger::default().take("0 1 b").is_err());
    }
}
