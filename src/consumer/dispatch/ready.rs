//! What waits for a worker: shares of pulled batches, in the order they were pulled.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Messages of one batch that any number of workers claim from, piece by piece and without a lock.
pub(super) struct Share<B> {
    pub(super) batch: Arc<B>,
    messages: Range<usize>,
    /// Whoever claims first gets all it asks for, and nobody else anything.
    exclusive: bool,
    /// The next index to claim; at or beyond the end nothing is left. Relaxed is enough: it only divides
    /// indexes among threads that received the share through a lock.
    next: AtomicUsize,
}

impl<B> Share<B> {
    fn new(batch: Arc<B>, messages: Range<usize>, exclusive: bool) -> Share<B> {
        Share { batch, next: AtomicUsize::new(messages.start), messages, exclusive }
    }

    /// Takes up to `most` messages.
    pub(super) fn claim(&self, most: usize) -> Option<Range<usize>> {
        let end = self.messages.end;
        let start = match self.exclusive {
            true => self.next.swap(end, Ordering::Relaxed),
            false => self.next.fetch_add(most, Ordering::Relaxed),
        };
        (start < end).then(|| start..end.min(start + most))
    }

    /// Takes back what nobody has claimed. True when nobody had claimed anything.
    fn discard(&self) -> bool {
        self.next.fetch_max(self.messages.end, Ordering::Relaxed) == self.messages.start
    }

    /// Takes what nobody has claimed, and whether one worker would have had it alone.
    fn take(&self) -> Option<(Arc<B>, Range<usize>, bool)> {
        let start = self.next.swap(self.messages.end, Ordering::Relaxed);
        (start < self.messages.end)
            .then(|| (Arc::clone(&self.batch), start..self.messages.end, self.exclusive))
    }

    /// How many messages nobody has claimed.
    pub(super) fn unclaimed(&self) -> usize {
        self.len() - self.claimed()
    }

    /// How many messages of an exclusive share the claim of `range` left to nobody.
    pub(super) fn left_over(&self, range: &Range<usize>) -> usize {
        if self.exclusive { self.messages.end - range.end } else { 0 }
    }

    fn claimed(&self) -> usize {
        self.next.load(Ordering::Relaxed).min(self.messages.end) - self.messages.start
    }

    fn len(&self) -> usize {
        self.messages.len()
    }
}

/// A first-in-first-out list of shares.
pub(super) struct Ready<B> {
    shares: VecDeque<Arc<Share<B>>>,
    /// Messages in `shares`, claimed or not.
    listed: usize,
    /// Messages of shares that have left the list.
    passed: usize,
}

impl<B> Default for Ready<B> {
    fn default() -> Self {
        Ready { shares: VecDeque::new(), listed: 0, passed: 0 }
    }
}

impl<B> Ready<B> {
    /// Adds messages of a batch at the end. Of an exclusive share one worker may claim once.
    pub(super) fn push(&mut self, batch: Arc<B>, messages: Range<usize>, exclusive: bool) -> Arc<Share<B>> {
        self.listed += messages.len();
        let share = Arc::new(Share::new(batch, messages, exclusive));
        self.shares.push_back(Arc::clone(&share));
        share
    }

    /// Takes back everything that nobody has claimed: messages of a batch, and whether they were exclusive.
    pub(super) fn take_back(&mut self) -> Vec<(Arc<B>, Range<usize>, bool)> {
        self.passed += std::mem::take(&mut self.listed);
        self.shares.drain(..).filter_map(|share| share.take()).collect()
    }

    /// The first share with something to claim. It stays in the list, so that others can help with it.
    pub(super) fn front(&mut self) -> Option<Arc<Share<B>>> {
        while let Some(front) = self.shares.front() {
            if front.claimed() < front.len() {
                return Some(Arc::clone(front));
            }
            self.listed -= front.len();
            self.passed += front.len();
            self.shares.pop_front();
        }
        None
    }

    /// Drops every batch that `gone` names; what is claimed of it is not affected. True when nobody had claimed
    /// anything of one of them.
    pub(super) fn discard(&mut self, gone: impl Fn(&B) -> bool) -> bool {
        let mut untouched = false;
        self.shares.retain(|share| {
            let stays = !gone(&share.batch);
            if !stays {
                untouched |= share.discard();
                self.listed -= share.len();
                self.passed += share.len();
            }
            stays
        });
        untouched
    }

    /// How many messages wait; those claimed from others than the first share still count.
    pub(super) fn waiting(&self) -> usize {
        self.listed - self.first_claimed()
    }

    /// A number that grows whenever a message is claimed from the first share.
    pub(super) fn progress(&self) -> usize {
        self.passed + self.first_claimed()
    }

    fn first_claimed(&self) -> usize {
        self.shares.front().map_or(0, |front| front.claimed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(batches: &[(&'static str, usize)]) -> Ready<&'static str> {
        let mut ready = Ready::default();
        for (name, messages) in batches {
            ready.push(Arc::new(*name), 0..*messages, false);
        }
        ready
    }

    fn claim(ready: &mut Ready<&'static str>, most: usize) -> Option<(&'static str, Range<usize>)> {
        let share = ready.front()?;
        share.claim(most).map(|range| (*share.batch, range))
    }

    #[test]
    fn messages_are_claimed_in_order_and_never_across_batches() {
        let mut ready = ready(&[("a", 3), ("b", 1)]);
        assert_eq!(ready.waiting(), 4);
        assert_eq!(claim(&mut ready, 2), Some(("a", 0..2)));
        assert_eq!(ready.waiting(), 2);
        assert_eq!(claim(&mut ready, 2), Some(("a", 2..3)));
        assert_eq!(claim(&mut ready, 2), Some(("b", 0..1)));
        assert_eq!(claim(&mut ready, 2), None);
        assert_eq!((ready.waiting(), ready.progress()), (0, 4));
    }

    #[test]
    fn two_workers_divide_a_share() {
        let mut ready = ready(&[("a", 3)]);
        let (one, other) = (ready.front().unwrap(), ready.front().unwrap());
        assert_eq!((one.claim(1), other.claim(1), one.claim(1)), (Some(0..1), Some(1..2), Some(2..3)));
        assert_eq!((one.claim(1), other.claim(1)), (None, None));
        assert!(ready.front().is_none());
    }

    #[test]
    fn what_is_discarded_is_not_handed_out_even_to_who_holds_its_share() {
        let mut ready = ready(&[("a", 3), ("b", 2)]);
        let held = ready.front().unwrap();
        held.claim(1);
        ready.discard(|batch| *batch == "a");
        assert_eq!(held.claim(1), None);
        assert_eq!(ready.waiting(), 2);
        assert_eq!(claim(&mut ready, 5), Some(("b", 0..2)));
    }

    #[test]
    fn of_an_exclusive_share_one_worker_claims_once() {
        let mut ready = ready(&[]);
        ready.push(Arc::new("a"), 2..9, true);
        let (one, other) = (ready.front().unwrap(), ready.front().unwrap());
        assert_eq!((one.claim(3), other.claim(3), one.claim(3)), (Some(2..5), None, None));
        assert_eq!(ready.waiting(), 0);
        ready.push(Arc::new("b"), 0..1, true);
        ready.push(Arc::new("c"), 0..1, true);
        assert!(ready.discard(|batch| *batch == "b"));
        let held = ready.front().unwrap();
        held.claim(1);
        assert!(!ready.discard(|batch| *batch == "c"), "somebody has it");
    }

    #[test]
    fn a_part_of_a_batch_can_wait_again() {
        let mut ready = ready(&[]);
        ready.push(Arc::new("a"), 7..8, false);
        assert_eq!(ready.waiting(), 1);
        assert_eq!(claim(&mut ready, 4), Some(("a", 7..8)));
        assert_eq!(claim(&mut ready, 4), None);
    }
}
