//! The order of one queue: its messages leave one piece at a time, the next when the one before is settled.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Consecutive messages of one pulled batch.
#[derive(Debug)]
pub(crate) struct Piece<B> {
    pub(crate) batch: Arc<B>,
    pub(crate) range: Range<usize>,
}

impl<B> Clone for Piece<B> {
    fn clone(&self) -> Self {
        Piece { batch: Arc::clone(&self.batch), range: self.range.clone() }
    }
}

/// What the queue is at.
///
/// ```text
/// Free ─next─► Out ─settled─► Free
///               └─ rest ─► Resting ─resume─► Free
/// ```
#[derive(Debug)]
enum State<B> {
    /// The next piece may leave.
    Free,
    /// A piece is with somebody; `None` when it no longer counts, but its callback has not ended.
    Out(Option<Piece<B>>),
    /// Nothing leaves until the rest with this number is over.
    Resting(u64),
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct Lane<B> {
    waiting: VecDeque<Piece<B>>,
    /// Consumed, but not committed by the user yet.
    uncommitted: Vec<Piece<B>>,
    state: State<B>,
    rests: u64,
}

impl<B> Default for Lane<B> {
    fn default() -> Self {
        Lane { waiting: VecDeque::new(), uncommitted: Vec::new(), state: State::Free, rests: 0 }
    }
}

impl<B> Lane<B> {
    /// Adds a pulled batch behind all others.
    pub(crate) fn add(&mut self, piece: Piece<B>) {
        self.waiting.push_back(piece);
    }

    /// The piece that leaves now, if one may.
    pub(crate) fn next(&mut self) -> Option<Piece<B>> {
        if !matches!(self.state, State::Free) {
            return None;
        }
        let piece = self.waiting.pop_front()?;
        self.state = State::Out(Some(piece.clone()));
        Some(piece)
    }

    /// The piece that is out was settled up to `end`, of which `again` shall come again, in order; what was not
    /// claimed of it waits on. Nothing comes again of a piece that no longer counts.
    pub(crate) fn settled(&mut self, end: usize, again: Vec<Piece<B>>) {
        if let State::Out(Some(piece)) = std::mem::replace(&mut self.state, State::Free) {
            if end < piece.range.end {
                self.waiting.push_front(Piece { range: end..piece.range.end, ..piece });
            }
            self.put_back(again);
        }
    }

    /// Keeps a consumed piece until the user commits or rolls back.
    pub(crate) fn hold(&mut self, piece: Piece<B>) {
        if matches!(self.state, State::Out(Some(_))) {
            self.uncommitted.push(piece);
        }
    }

    /// Takes all that was held.
    pub(crate) fn take_uncommitted(&mut self) -> Vec<Piece<B>> {
        std::mem::take(&mut self.uncommitted)
    }

    /// Lets nothing leave for now; the answer is for [`Lane::resume`]. `None` while a piece is out.
    pub(crate) fn rest(&mut self) -> Option<u64> {
        if matches!(self.state, State::Out(_)) {
            return None;
        }
        self.rests += 1;
        self.state = State::Resting(self.rests);
        Some(self.rests)
    }

    /// Ends a rest, unless another has begun.
    pub(crate) fn resume(&mut self, rest: u64) {
        if matches!(self.state, State::Resting(now) if now == rest) {
            self.state = State::Free;
        }
    }

    /// Forgets everything. A piece that is with somebody keeps the lane until it is settled, unless nobody had
    /// `claimed` it.
    pub(crate) fn clear(&mut self, claimed: bool) {
        self.waiting.clear();
        self.uncommitted.clear();
        self.state = match self.state {
            State::Out(_) if claimed => State::Out(None),
            _ => State::Free,
        };
    }

    fn put_back(&mut self, pieces: Vec<Piece<B>>) {
        for piece in pieces.into_iter().rev() {
            self.waiting.push_front(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(name: &'static str, range: Range<usize>) -> Piece<&'static str> {
        Piece { batch: Arc::new(name), range }
    }

    fn lane(pieces: &[(&'static str, Range<usize>)]) -> Lane<&'static str> {
        let mut lane = Lane::default();
        for (name, range) in pieces {
            lane.add(piece(name, range.clone()));
        }
        lane
    }

    fn next(lane: &mut Lane<&'static str>) -> Option<(&'static str, Range<usize>)> {
        lane.next().map(|piece| (*piece.batch, piece.range))
    }

    #[test]
    fn one_piece_is_out_at_a_time_and_what_was_not_claimed_comes_next() {
        let mut lane = lane(&[("a", 0..3), ("b", 0..1)]);
        assert_eq!(next(&mut lane), Some(("a", 0..3)));
        assert_eq!(next(&mut lane), None);
        lane.settled(1, Vec::new());
        assert_eq!(next(&mut lane), Some(("a", 1..3)));
        lane.settled(3, Vec::new());
        assert_eq!(next(&mut lane), Some(("b", 0..1)));
    }

    #[test]
    fn what_failed_comes_first_after_a_rest() {
        let mut lane = lane(&[("a", 0..2), ("b", 0..1)]);
        next(&mut lane);
        lane.settled(1, vec![piece("a again", 0..1)]);
        let rest = lane.rest().unwrap();
        assert_eq!(next(&mut lane), None);
        lane.resume(rest + 1);
        assert_eq!(next(&mut lane), None, "that was another rest");
        lane.resume(rest);
        assert_eq!(next(&mut lane), Some(("a again", 0..1)));
        lane.settled(1, Vec::new());
        assert_eq!(next(&mut lane), Some(("a", 1..2)));
    }

    #[test]
    fn uncommitted_pieces_come_again_in_their_order() {
        let mut lane = lane(&[("a", 0..3)]);
        for end in 1..3 {
            next(&mut lane);
            lane.hold(piece("a", end - 1..end));
            lane.settled(end, Vec::new());
        }
        next(&mut lane);
        let mut again = lane.take_uncommitted();
        again.push(piece("a", 2..3));
        lane.settled(3, again);
        for start in 0..3 {
            assert_eq!(next(&mut lane), Some(("a", start..start + 1)));
            lane.settled(start + 1, Vec::new());
        }
        assert_eq!(next(&mut lane), None);
    }

    #[test]
    fn a_cleared_lane_waits_for_the_callback_that_runs() {
        let mut lane = lane(&[("old", 0..2)]);
        next(&mut lane);
        lane.clear(true);
        lane.add(piece("new", 0..1));
        assert_eq!(next(&mut lane), None);
        lane.hold(piece("old", 0..1));
        lane.settled(1, vec![piece("old", 0..1)]);
        assert_eq!(next(&mut lane), Some(("new", 0..1)));
        assert!(lane.take_uncommitted().is_empty());
        lane.clear(false);
        lane.add(piece("newer", 0..1));
        assert_eq!(next(&mut lane), Some(("newer", 0..1)), "nobody had claimed it");
    }
}
