//! What the members of one group were given, and when. Pure.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Nanoseconds since 1970, by the clock that all processes share.
pub(super) type Moment = i64;

/// One call of a callback for one message.
#[derive(Clone, Copy, Debug)]
struct Delivery {
    member: usize,
    queue: usize,
    offset: i64,
    stored: Moment,
    called: Moment,
}

/// The deliveries of one group, read from its members' lines.
#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<Delivery>);

/// What happened within a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Account {
    /// Deliveries beyond the first of their message.
    pub(super) repeated: u64,
    /// The longest time from stored to first callback, in milliseconds; the broker's stamp has no finer unit.
    pub(super) latest_ms: f64,
}

impl Account {
    /// Both together.
    pub(super) fn and(self, other: Account) -> Account {
        Account { repeated: self.repeated + other.repeated, latest_ms: self.latest_ms.max(other.latest_ms) }
    }
}

impl Ledger {
    /// Takes a line of a member; see `Measure::Deliveries`.
    pub(super) fn take(&mut self, member: usize, line: &str) -> Result<(), String> {
        let numbers: Result<Vec<i64>, _> = line.split(' ').map(str::parse).collect();
        let Ok(&[queue, offset, stored_ms, called]) = numbers.as_deref() else {
            return Err(format!("not a delivery: {line:?}"));
        };
        let queue = usize::try_from(queue).map_err(|_| format!("not a queue: {line:?}"))?;
        self.0.push(Delivery { member, queue, offset, stored: stored_ms * 1_000_000, called });
        Ok(())
    }

    /// From how many queues a member, or anybody, was given something that was stored since.
    pub(super) fn queues_since(&self, member: Option<usize>, since: Moment) -> usize {
        let new = self.0.iter().filter(|d| d.stored >= since && member.is_none_or(|m| m == d.member));
        new.map(|delivery| delivery.queue).collect::<HashSet<_>>().len()
    }

    /// When each queue that gave anybody something since did so first.
    pub(super) fn firsts_since(&self, since: Moment) -> Vec<Moment> {
        let mut firsts: HashMap<usize, Moment> = HashMap::new();
        for delivery in self.0.iter().filter(|delivery| delivery.called >= since) {
            let first = firsts.entry(delivery.queue).or_insert(delivery.called);
            *first = delivery.called.min(*first);
        }
        firsts.into_values().collect()
    }

    /// How many messages a member was given since.
    pub(super) fn given_since(&self, member: usize, since: Moment) -> u64 {
        self.0.iter().filter(|d| d.member == member && d.called >= since).count() as u64
    }

    /// How many of the messages that the queues hold, from offset 0 up to their `ends`, nobody was given.
    pub(super) fn lost(&self, ends: &[i64]) -> u64 {
        let given: HashSet<(usize, i64)> = self.0.iter().map(|d| (d.queue, d.offset)).collect();
        let missing =
            |(queue, &end): (usize, &i64)| (0..end).filter(|at| !given.contains(&(queue, *at))).count();
        ends.iter().enumerate().map(missing).sum::<usize>() as u64
    }

    /// Accounts for the deliveries of a span of time, in the light of all there were.
    pub(super) fn account(&self, span: Range<Moment>) -> Account {
        let mut in_time: Vec<&Delivery> = self.0.iter().collect();
        in_time.sort_by_key(|delivery| delivery.called);
        let mut given = HashSet::new();
        let mut account = Account::default();
        for delivery in in_time {
            let first = given.insert((delivery.queue, delivery.offset));
            if !span.contains(&delivery.called) {
                continue;
            }
            if first {
                let late = (delivery.called - delivery.stored) as f64 / 1e6;
                account.latest_ms = account.latest_ms.max(late);
            } else {
                account.repeated += 1;
            }
        }
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(lines: &[(usize, &str)]) -> Ledger {
        let mut ledger = Ledger::default();
        lines.iter().for_each(|(member, line)| ledger.take(*member, line).unwrap());
        ledger
    }

    #[test]
    fn what_is_stored_and_nobody_was_given_is_lost() {
        let ledger = ledger(&[(0, "0 0 1 1000001"), (1, "0 2 1 1000002"), (0, "0 2 1 1000003")]);
        assert_eq!(ledger.lost(&[3, 2]), 3);
        assert_eq!(ledger.lost(&[1]), 0);
    }

    #[test]
    fn a_repeat_counts_where_it_happened_and_the_earlier_delivery_is_the_first_whoever_wrote_it_down_earlier()
    {
        let ledger = ledger(&[(1, "0 0 1 9000000"), (0, "0 0 1 3000000"), (0, "1 0 2 4000000")]);
        let spans = [0..5_000_000, 5_000_000..10_000_000];
        let accounts = spans.map(|span| ledger.account(span));
        assert_eq!(accounts[0], Account { repeated: 0, latest_ms: 2.0 });
        assert_eq!(accounts[1], Account { repeated: 1, latest_ms: 0.0 });
    }

    #[test]
    fn queues_count_when_what_they_gave_was_stored_since() {
        let ledger = ledger(&[(0, "0 0 1 9000000"), (0, "3 0 5 9000000"), (1, "3 1 6 9000000")]);
        assert_eq!((ledger.queues_since(None, 0), ledger.queues_since(None, 5_000_000)), (2, 1));
        assert_eq!(
            (ledger.queues_since(Some(0), 5_000_000), ledger.queues_since(Some(0), 5_000_001)),
            (1, 0)
        );
    }

    #[test]
    fn first_deliveries_and_those_of_a_member_count_from_a_moment_on() {
        let ledger = ledger(&[(0, "0 0 1 10"), (1, "3 1 1 30"), (1, "3 2 1 25"), (1, "3 0 1 5")]);
        assert_eq!((ledger.firsts_since(20), ledger.given_since(1, 26)), (vec![25], 1));
    }

    #[test]
    fn a_cut_line_is_an_error() {
        assert!(Ledger::default().take(0, "0 1 2").is_err());
    }
}
