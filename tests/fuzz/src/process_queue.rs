//! The books of a queue beside a model that keeps every message since the queue was last moved.

use std::collections::BTreeSet;
use std::ops::Range;

use rmq::consumer::fuzzing::{BatchId, Cached, Freed, ProcessQueue};

/// No more than these and a batch: the model looks at each of them after each operation.
const MANY: usize = 300;

#[derive(Default)]
struct Model {
    batches: Vec<Batch>,
    position: i64,
    finished: u64,
    done_before: BTreeSet<i64>,
}

struct Batch {
    id: BatchId,
    /// Offset, and whether it is complete.
    messages: Vec<(i64, bool)>,
    bytes: usize,
}

impl Batch {
    fn is_complete(&self) -> bool {
        self.messages.iter().all(|(_, done)| *done)
    }
}

impl Model {
    fn messages(&self) -> impl Iterator<Item = (i64, bool)> {
        self.batches.iter().flat_map(|batch| batch.messages.iter().copied())
    }

    fn last(&self) -> Option<i64> {
        let last = self.batches.last()?.messages.last()?;
        Some(last.0)
    }

    fn first_incomplete(&self) -> Option<i64> {
        self.messages().find(|(_, done)| !done).map(|(offset, _)| offset)
    }

    fn committable(&self) -> i64 {
        self.first_incomplete().unwrap_or(self.position)
    }

    fn complete(&mut self, id: BatchId, indexes: Range<usize>) -> Option<Freed> {
        let batch = self.batches.iter_mut().find(|batch| batch.id == id)?;
        let was_complete = batch.is_complete();
        for (_, done) in batch.messages.iter_mut().skip(indexes.start).take(indexes.len()) {
            self.finished += u64::from(!*done);
            *done = true;
        }
        let freed = Freed { messages: batch.messages.len(), bytes: batch.bytes };
        (!was_complete && batch.is_complete()).then_some(freed)
    }

    fn reset(&mut self, position: i64) {
        *self = Model { position, finished: self.finished, ..Model::default() };
    }

    fn rewind(&mut self) {
        let position = self.committable();
        let of = |wanted| self.messages().filter(move |(_, done)| *done == wanted).map(|(offset, _)| offset);
        let mut done: BTreeSet<i64> = self.done_before.iter().copied().chain(of(true)).collect();
        let incomplete: BTreeSet<i64> = of(false).collect();
        done.retain(|offset| *offset >= position && !incomplete.contains(offset));
        self.reset(position);
        self.done_before = done;
    }

    fn cached(&self) -> Cached {
        let open = || self.batches.iter().filter(|batch| !batch.is_complete());
        // Complete batches behind an incomplete one are still there.
        let last = open().next().and(self.last());
        Cached {
            messages: self.messages().filter(|(_, done)| !done).count(),
            bytes: open().map(|batch| batch.bytes).sum(),
            first: self.first_incomplete().unwrap_or(0),
            last: last.unwrap_or(0),
        }
    }

    fn check(&self, queue: &ProcessQueue) {
        let open = || self.batches.iter().filter(|batch| !batch.is_complete());
        assert_eq!(queue.committable(), self.committable());
        assert_eq!(queue.position(), self.position);
        assert_eq!(queue.messages(), open().map(|batch| batch.messages.len()).sum::<usize>());
        assert_eq!(queue.bytes(), open().map(|batch| batch.bytes).sum::<usize>());
        assert_eq!(queue.finished(), self.finished);
        assert_eq!(queue.cached(), self.cached());
        let last = open().next().and(self.last());
        assert_eq!(queue.span(), last.map_or(0, |last| last - self.committable()));
        assert!(open().all(|batch| queue.holds(batch.id)), "what is incomplete is held");
        assert!(!queue.holds(queue.next_batch()));
        for offset in self.committable() - 2..self.committable() + 8 {
            assert_eq!(queue.is_done(offset), self.done_before.contains(&offset), "{offset}");
        }
    }
}

/// Each operation is a byte for its kind and the bytes of its arguments; what is missing at the end is 0.
pub fn run(data: &[u8]) {
    let mut bytes = data.iter().copied();
    let mut next = || usize::from(bytes.next().unwrap_or(0));
    let mut queue = ProcessQueue::new(0);
    let mut model = Model::default();
    let mut ids: Vec<BatchId> = Vec::new();
    // A long input is no other input, and the model gets slow.
    for _ in 0..data.len().min(100) {
        match next() % 8 {
            // Half of all operations, since batches are completed piece by piece.
            0..4 => {
                let Some(&id) = ids.get(next() % ids.len().max(1)) else { continue };
                let start = next();
                let range = start..start + next();
                assert_eq!(queue.complete(id, range.clone()), model.complete(id, range));
            }
            4 | 5 if model.messages().count() > MANY => {}
            4 | 5 => ids.push(insert(&mut queue, &mut model, next(), next(), next())),
            6 => {
                model.position += i64::try_from(next()).unwrap();
                queue.advance(model.position);
            }
            _ if next() % 2 == 0 => {
                queue.rewind();
                model.rewind();
            }
            _ => {
                let position = i64::try_from(next()).unwrap();
                queue.reset(position);
                model.reset(position);
            }
        }
        model.check(&queue);
    }
}

/// A pulled batch: how many messages, the gaps between their offsets (none: they share one), and its bytes.
fn insert(queue: &mut ProcessQueue, model: &mut Model, count: usize, gaps: usize, bytes: usize) -> BatchId {
    let mut offset = model.position + i64::try_from(gaps / 16).unwrap();
    let mut offsets = Vec::new();
    for _ in 0..count % 140 + 1 {
        offsets.push(offset);
        offset += i64::try_from(gaps % 4).unwrap();
    }
    let id = queue.next_batch();
    model.position = offset + 1;
    assert_eq!(queue.insert(offsets.clone().into(), bytes, offset + 1), id);
    model.batches.push(Batch {
        id,
        messages: offsets.into_iter().map(|offset| (offset, false)).collect(),
        bytes,
    });
    id
}
