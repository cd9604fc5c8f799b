//! What one queue has pulled and not yet completed, and how far it may be committed.
//!
//! A pulled batch is one unit of bookkeeping: it comes whole, its messages complete in any order, and the
//! committable offset is the first message that is not complete. Offsets may have gaps (filtered,
//! compacted or transactional messages), so nothing here counts on their being contiguous.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

/// Numbers the batches of one queue in the order they were pulled.
pub type BatchId = u64;

/// See the module's doc.
#[derive(Debug)]
pub struct ProcessQueue {
    batches: VecDeque<Slot>,
    /// The id of `batches[0]`, or of the next batch when there is none.
    first: BatchId,
    /// The offset to pull next, and to commit once everything before it is complete.
    position: i64,
    messages: usize,
    bytes: usize,
    /// Messages that were ever marked complete.
    finished: u64,
    /// Messages behind the committable offset that are complete and not in `batches`: see
    /// [`ProcessQueue::rewind`].
    done_before: BTreeSet<i64>,
}

#[derive(Debug)]
struct Slot {
    offsets: Box<[i64]>,
    /// One bit a message, set when it is complete.
    done: Box<[u64]>,
    left: usize,
    bytes: usize,
}

/// How much a batch held that is now complete as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freed {
    /// Messages.
    pub messages: usize,
    /// Bytes of the pulled frame.
    pub bytes: usize,
}

/// What is held and not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cached {
    /// Messages.
    pub messages: usize,
    /// Bytes of the batches they are in.
    pub bytes: usize,
    /// Offset of the first message; 0 without any.
    pub first: i64,
    /// Offset of the last message of the last batch; 0 without any.
    pub last: i64,
}

impl ProcessQueue {
    /// An empty queue that begins at `position`.
    pub fn new(position: i64) -> ProcessQueue {
        let (batches, done_before) = (VecDeque::new(), BTreeSet::new());
        ProcessQueue { batches, first: 0, position, messages: 0, bytes: 0, finished: 0, done_before }
    }

    /// The number that the next batch gets.
    pub fn next_batch(&self) -> BatchId {
        self.first + self.batches.len() as u64
    }

    /// Takes a pulled batch: its messages' offsets in order, the size of its frame, and where the next
    /// pull begins.
    pub fn insert(&mut self, offsets: Box<[i64]>, bytes: usize, next: i64) -> BatchId {
        let id = self.next_batch();
        let left = offsets.len();
        self.messages += left;
        self.bytes += bytes;
        let done = vec![0; left.div_ceil(64)].into_boxed_slice();
        self.batches.push_back(Slot { offsets, done, left, bytes });
        self.position = next;
        id
    }

    /// Notes a pull that brought nothing to deliver but moved on.
    pub fn advance(&mut self, next: i64) {
        self.position = next;
    }

    /// Forgets everything and begins anew at `position`. Late completions of old batches do nothing.
    pub fn reset(&mut self, position: i64) {
        self.first += self.batches.len() as u64;
        self.batches.clear();
        self.position = position;
        self.messages = 0;
        self.bytes = 0;
        self.done_before.clear();
    }

    /// Begins anew at the first message that is not complete, but remembers which of those behind it are.
    pub fn rewind(&mut self) {
        let position = self.committable();
        let mut done = std::mem::take(&mut self.done_before).split_off(&position);
        let offsets = |done| self.batches.iter().flat_map(move |slot| slot.offsets(done));
        done.extend(offsets(true).filter(|offset| *offset >= position));
        // Should messages share an offset, all of them come again.
        offsets(false).for_each(|offset| _ = done.remove(&offset));
        self.reset(position);
        self.done_before = done;
    }

    /// True for a message that was complete before a rewind.
    pub fn is_done(&self, offset: i64) -> bool {
        self.done_before.contains(&offset)
    }

    /// Marks messages of a batch complete, by their index in it. Answers what a batch held that thereby
    /// became complete as a whole.
    pub fn complete(&mut self, batch: BatchId, indexes: Range<usize>) -> Option<Freed> {
        let at = usize::try_from(batch.checked_sub(self.first)?).ok()?;
        let slot = self.batches.get_mut(at)?;
        let before = slot.left;
        for index in indexes {
            slot.mark(index);
        }
        self.finished += (before - slot.left) as u64;
        if slot.left > 0 || before == 0 {
            return None;
        }
        let freed = Freed { messages: slot.offsets.len(), bytes: slot.bytes };
        self.messages -= freed.messages;
        self.bytes -= freed.bytes;
        while self.batches.front().is_some_and(|slot| slot.left == 0) {
            self.batches.pop_front();
            self.first += 1;
        }
        Some(freed)
    }

    /// True while a batch is in the books: not complete as a whole, nor from before a reset.
    pub fn holds(&self, batch: BatchId) -> bool {
        batch >= self.first && batch - self.first < self.batches.len() as u64
    }

    /// The offset to commit: everything before it is complete.
    pub fn committable(&self) -> i64 {
        self.batches.front().and_then(Slot::first_incomplete).unwrap_or(self.position)
    }

    /// How many messages were ever marked complete; a reset forgets none of them.
    pub fn finished(&self) -> u64 {
        self.finished
    }

    /// The offset to pull next.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Messages of batches that are not complete.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes of batches that are not complete.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is held, counted message by message.
    pub fn cached(&self) -> Cached {
        Cached {
            messages: self.batches.iter().map(|slot| slot.left).sum(),
            bytes: self.bytes,
            first: self.batches.front().and_then(Slot::first_incomplete).unwrap_or(0),
            last: self.batches.back().and_then(|slot| slot.offsets.last().copied()).unwrap_or(0),
        }
    }

    /// The distance from the first incomplete message to the last one pulled.
    pub fn span(&self) -> i64 {
        let last = self.batches.back().and_then(|slot| slot.offsets.last());
        last.map_or(0, |last| last - self.committable())
    }
}

impl Slot {
    fn mark(&mut self, index: usize) {
        let bit = 1 << (index % 64);
        if index < self.offsets.len()
            && let Some(word) = self.done.get_mut(index / 64)
            && *word & bit == 0
        {
            *word |= bit;
            self.left -= 1;
        }
    }

    /// The offsets of messages that are complete, or of those that are not.
    fn offsets(&self, done: bool) -> impl Iterator<Item = i64> {
        let is_done = |index: usize| self.done[index / 64] & (1 << (index % 64)) != 0;
        let each = self.offsets.iter().enumerate();
        each.filter(move |(index, _)| is_done(*index) == done).map(|(_, offset)| *offset)
    }

    fn first_incomplete(&self) -> Option<i64> {
        let word = self.done.iter().position(|word| *word != u64::MAX)?;
        let index = word * 64 + self.done[word].trailing_ones() as usize;
        self.offsets.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offsets(range: Range<i64>) -> Box<[i64]> {
        range.collect()
    }

    #[test]
    fn the_committable_offset_is_the_first_incomplete_message() {
        let mut queue = ProcessQueue::new(100);
        assert_eq!(queue.committable(), 100);
        let a = queue.insert(offsets(100..103), 30, 103);
        let b = queue.insert(offsets(103..105), 20, 110);
        assert_eq!(queue.complete(b, 0..2), Some(Freed { messages: 2, bytes: 20 }));
        assert_eq!(queue.committable(), 100);
        assert_eq!(queue.complete(a, 1..2), None);
        assert_eq!(queue.complete(a, 0..1), None);
        assert_eq!(queue.committable(), 102);
        assert_eq!(queue.complete(a, 2..3), Some(Freed { messages: 3, bytes: 30 }));
        assert_eq!(queue.committable(), 110, "filtered messages at the end count too");
        assert_eq!(queue.messages(), 0);
    }

    #[test]
    fn completing_twice_counts_once() {
        let mut queue = ProcessQueue::new(0);
        let a = queue.insert(offsets(0..2), 8, 2);
        queue.complete(a, 0..1);
        assert_eq!(queue.complete(a, 0..1), None);
        assert_eq!(queue.messages(), 2);
        assert!(queue.complete(a, 0..2).is_some());
        assert_eq!(queue.complete(a, 0..2), None);
        assert_eq!((queue.messages(), queue.bytes()), (0, 0));
    }

    #[test]
    fn a_reset_ignores_completions_from_before() {
        let mut queue = ProcessQueue::new(50);
        let old = queue.insert(offsets(50..52), 8, 52);
        queue.reset(10);
        let new = queue.insert(offsets(10..12), 8, 12);
        assert!(!queue.holds(old) && queue.holds(new));
        assert_eq!(queue.complete(old, 0..2), None);
        assert_eq!(queue.committable(), 10);
        queue.complete(new, 0..2);
        assert_eq!(queue.committable(), 12);
    }

    #[test]
    fn a_rewind_remembers_what_is_complete_until_it_is_moved() {
        let mut queue = ProcessQueue::new(0);
        let a = queue.insert(offsets(0..70), 8, 70);
        queue.insert(offsets(70..80), 8, 80);
        queue.complete(a, 0..2);
        queue.complete(a, 3..70);
        queue.rewind();
        assert_eq!((queue.position(), queue.committable(), queue.messages()), (2, 2, 0));
        let is_done = |queue: &ProcessQueue| [1, 2, 3, 69, 70].map(|offset| queue.is_done(offset));
        assert_eq!(is_done(&queue), [false, false, true, true, false]);
        let b = queue.insert([2, 70].into(), 8, 71);
        queue.complete(b, 1..2);
        queue.rewind();
        assert_eq!(is_done(&queue), [false, false, true, true, true], "also what was left out");
        queue.reset(0);
        assert_eq!(is_done(&queue), [false; 5]);
    }

    #[test]
    fn the_span_grows_while_the_first_message_is_held() {
        let mut queue = ProcessQueue::new(0);
        let a = queue.insert(offsets(0..1), 1, 1);
        let b = queue.insert(offsets(1..2001), 1, 2001);
        queue.complete(b, 0..2000);
        assert_eq!(queue.span(), 2000);
        queue.complete(a, 0..1);
        assert_eq!(queue.span(), 0);
    }

    #[test]
    fn what_is_held_is_counted_message_by_message() {
        let mut queue = ProcessQueue::new(0);
        assert_eq!(queue.cached(), Cached::default());
        let a = queue.insert(offsets(5..8), 30, 8);
        queue.insert(offsets(8..10), 20, 10);
        queue.complete(a, 0..2);
        assert_eq!(queue.cached(), Cached { messages: 3, bytes: 50, first: 7, last: 9 });
    }

    #[test]
    fn more_than_one_word_of_messages_is_tracked() {
        let mut queue = ProcessQueue::new(0);
        let a = queue.insert(offsets(0..130), 1, 130);
        queue.complete(a, 0..129);
        assert_eq!(queue.committable(), 129);
        assert!(queue.complete(a, 129..1000).is_some());
        assert_eq!(queue.committable(), 130);
    }

    proptest! {
        /// The same operations on a naive model: a list of (offset, complete).
        #[test]
        fn agrees_with_a_naive_model(
            sizes in prop::collection::vec(0_usize..70, 1..8),
            completions in prop::collection::vec((0_usize..8, 0_usize..70, 1_usize..5), 0..200),
        ) {
            let mut queue = ProcessQueue::new(0);
            let mut model: Vec<Vec<(i64, bool)>> = Vec::new();
            let mut next = 0;
            let mut ids = Vec::new();
            for size in sizes {
                let batch: Vec<i64> = (0..size).map(|i| next + 2 * i64::try_from(i).unwrap()).collect();
                next += 2 * i64::try_from(size).unwrap() + 1;
                if batch.is_empty() {
                    queue.advance(next);
                } else {
                    ids.push(queue.insert(batch.clone().into(), size, next));
                    model.push(batch.into_iter().map(|o| (o, false)).collect());
                }
            }
            for (batch, start, length) in completions {
                let Some(id) = ids.get(batch) else { continue };
                queue.complete(*id, start..start + length);
                for (_, done) in model[batch].iter_mut().skip(start).take(length) {
                    *done = true;
                }
                let first = model.iter().flatten().find(|(_, done)| !done).map_or(next, |(o, _)| *o);
                prop_assert_eq!(queue.committable(), first);
                let held: usize =
                    model.iter().filter(|b| b.iter().any(|(_, done)| !done)).map(Vec::len).sum();
                prop_assert_eq!(queue.messages(), held);
            }
        }
    }
}
