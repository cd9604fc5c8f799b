//! What waits for a worker: batches in the order they were pulled, handed out piece by piece.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// A first-in-first-out list of batches of which messages are claimed from the front.
pub(super) struct Ready<B> {
    entries: VecDeque<Entry<B>>,
    waiting: usize,
}

struct Entry<B> {
    batch: Arc<B>,
    left: Range<usize>,
}

impl<B> Default for Ready<B> {
    fn default() -> Self {
        Ready { entries: VecDeque::new(), waiting: 0 }
    }
}

impl<B> Ready<B> {
    /// Adds messages of a batch at the end.
    pub(super) fn push(&mut self, batch: Arc<B>, messages: Range<usize>) {
        self.waiting += messages.len();
        self.entries.push_back(Entry { batch, left: messages });
    }

    /// Takes up to `most` messages of the batch at the front.
    pub(super) fn claim(&mut self, most: usize) -> Option<(Arc<B>, Range<usize>)> {
        let front = self.entries.front_mut()?;
        let end = front.left.end.min(front.left.start + most);
        let claimed = front.left.start..end;
        self.waiting -= claimed.len();
        front.left.start = end;
        if front.left.is_empty() {
            let entry = self.entries.pop_front()?;
            return Some((entry.batch, claimed));
        }
        Some((Arc::clone(&front.batch), claimed))
    }

    /// Drops every batch that `gone` names.
    pub(super) fn discard(&mut self, gone: impl Fn(&B) -> bool) {
        self.entries.retain(|entry| !gone(&entry.batch));
        self.waiting = self.entries.iter().map(|entry| entry.left.len()).sum();
    }

    /// How many messages wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(ready: &mut Ready<&'static str>, most: usize) -> Option<(&'static str, Range<usize>)> {
        ready.claim(most).map(|(batch, range)| (*batch, range))
    }

    #[test]
    fn messages_are_claimed_in_order_and_never_across_batches() {
        let mut ready = Ready::default();
        ready.push(Arc::new("a"), 0..3);
        ready.push(Arc::new("b"), 0..1);
        assert_eq!(ready.waiting(), 4);
        assert_eq!(claimed(&mut ready, 2), Some(("a", 0..2)));
        assert_eq!(claimed(&mut ready, 2), Some(("a", 2..3)));
        assert_eq!(claimed(&mut ready, 2), Some(("b", 0..1)));
        assert_eq!(claimed(&mut ready, 2), None);
        assert_eq!(ready.waiting(), 0);
    }

    #[test]
    fn what_is_discarded_is_not_handed_out() {
        let mut ready = Ready::default();
        ready.push(Arc::new("a"), 0..3);
        ready.push(Arc::new("b"), 0..2);
        claimed(&mut ready, 1);
        ready.discard(|batch| *batch == "a");
        assert_eq!(ready.waiting(), 2);
        assert_eq!(claimed(&mut ready, 5), Some(("b", 0..2)));
    }
}
