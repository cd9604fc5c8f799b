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
/// Free ─next─► Out ─settled─► Free ─rest─► Resting ─resume─► Free
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
    /// Nothing leaves any more.
    stopped: bool,
}

impl<B> Default for Lane<B> {
    fn default() -> Self {
        let (waiting, uncommitted) = (VecDeque::new(), Vec::new());
        Lane { waiting, uncommitted, state: State::Free, rests: 0, stopped: false }
    }
}

impl<B> Lane<B> {
    /// Adds a pulled batch behind all others.
    pub(crate) fn add(&mut self, piece: Piece<B>) {
        if !self.stopped {
            self.waiting.push_back(piece);
        }
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
    /// claimed of it waits on. Nothing comes again, and the answer is false, for a piece that no longer counts.
    pub(crate) fn settled(&mut self, end: usize, again: Vec<Piece<B>>) -> bool {
        let State::Out(Some(piece)) = std::mem::replace(&mut self.state, State::Free) else { return false };
        if self.stopped {
            return false;
        }
        if end < piece.range.end {
            self.waiting.push_front(Piece { range: end..piece.range.end, ..piece });
        }
        self.put_back(again);
        true
    }

    /// Keeps a consumed piece until the user commits or rolls back.
    pub(crate) fn hold(&mut self, piece: Piece<B>) {
        if matches!(self.state, State::Out(Some(_))) {
            self.uncommitted.push(piece);
        }
    }

    /// True when nothing waits, is out or rests, but something is held: only a commit or a roll-back helps.
    pub(crate) fn waits_for_commit(&self) -> bool {
        self.waiting.is_empty() && !self.uncommitted.is_empty() && matches!(self.state, State::Free)
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

    /// Lets nothing leave any more. What is out may still be committed, with what is held.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        self.waiting.clear();
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
    use proptest::prelude::*;

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
            assert!(lane.settled(end, Vec::new()));
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
        assert!(!lane.settled(1, vec![piece("old", 0..1)]));
        assert_eq!(next(&mut lane), Some(("new", 0..1)));
        assert!(lane.take_uncommitted().is_empty());
        lane.clear(false);
        lane.add(piece("newer", 0..1));
        assert_eq!(next(&mut lane), Some(("newer", 0..1)), "nobody had claimed it");
    }
    #[test]
    fn a_stopped_lane_keeps_what_may_still_be_committed_and_nothing_else() {
        let mut lane = lane(&[("a", 0..3)]);
        next(&mut lane);
        lane.hold(piece("a", 0..1));
        lane.settled(1, Vec::new());
        next(&mut lane);
        lane.stop();
        assert_eq!(lane.take_uncommitted().len(), 1);
        assert!(!lane.settled(2, vec![piece("a", 1..2)]));
        lane.add(piece("b", 0..1));
        assert_eq!(next(&mut lane), None);
    }

    /// What can happen to a lane.
    #[derive(Debug, Clone)]
    enum Op {
        Pull(usize),
        /// Hand out; up to so many are claimed.
        Claim(usize),
        /// All that is out was consumed, and is committed or held.
        Succeed {
            commit: bool,
        },
        /// From the given message of what is out on, all come again, after a rest or at once.
        Fail {
            from: usize,
            rest: bool,
        },
        RollBack,
        Resume,
        /// The queue is moved, while what is out may be in a callback or not.
        Move,
        Stop,
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            3 => (1_usize..6).prop_map(Op::Pull),
            6 => (1_usize..4).prop_map(Op::Claim),
            4 => any::<bool>().prop_map(|commit| Op::Succeed { commit }),
            3 => (0_usize..4, any::<bool>()).prop_map(|(from, rest)| Op::Fail { from, rest }),
            1 => Just(Op::RollBack),
            3 => Just(Op::Resume),
            1 => Just(Op::Move),
            1 => Just(Op::Stop),
        ];
        prop::collection::vec(op, 0..120)
    }

    /// The lane with who uses it: batches are lists of message numbers.
    #[derive(Default)]
    struct User {
        lane: Lane<Vec<u32>>,
        /// The claimed part of what is out.
        claimed: Option<Piece<Vec<u32>>>,
        resting: Option<u64>,
    }

    impl User {
        fn claim(&mut self, most: usize) -> Option<Vec<u32>> {
            let piece = self.lane.next()?;
            let range = piece.range.start..piece.range.end.min(piece.range.start + most);
            let messages = piece.batch[range.clone()].to_vec();
            self.claimed = Some(Piece { range, ..piece });
            Some(messages)
        }
    }

    /// The naive model: the messages in the order in which they have to come.
    #[derive(Default)]
    struct Model {
        due: VecDeque<u32>,
        held: Vec<u32>,
        /// What is out; `None` inside when it no longer counts.
        out: Option<Option<Vec<u32>>>,
        resting: bool,
        stopped: bool,
    }

    impl Model {
        fn claim(&mut self, most: usize) -> Option<Vec<u32>> {
            if self.out.is_some() || self.resting || self.stopped || self.due.is_empty() {
                return None;
            }
            let taken: Vec<u32> = self.due.drain(..most.min(self.due.len())).collect();
            self.out = Some(Some(taken.clone()));
            Some(taken)
        }

        fn come_again(&mut self, messages: Vec<u32>) {
            if !self.stopped {
                messages.into_iter().rev().for_each(|message| self.due.push_front(message));
            }
        }
    }

    proptest! {
        /// One piece is out at a time, messages leave in the order in which they have to come, and none is lost.
        #[test]
        fn agrees_with_a_naive_model(ops in ops()) {
            let (mut user, mut model, mut pulled) = (User::default(), Model::default(), 0_u32);
            for op in ops {
                match op {
                    Op::Pull(count) => {
                        let batch: Vec<u32> = (pulled..).take(count).collect();
                        pulled += u32::try_from(count).unwrap();
                        if !model.stopped {
                            model.due.extend(&batch);
                        }
                        user.lane.add(Piece { range: 0..batch.len(), batch: Arc::new(batch) });
                    }
                    Op::Claim(most) => {
                        let left = user.claim(most);
                        // The lane never gives across batches, the model does not know them.
                        let expected = model.claim(left.as_ref().map_or(most, Vec::len));
                        prop_assert_eq!(left, expected);
                    }
                    Op::Succeed { commit } => {
                        let Some(piece) = user.claimed.take() else { continue };
                        let counts = model.out.take().unwrap();
                        let mut committed = Vec::new();
                        if commit {
                            let held = user.lane.take_uncommitted();
                            committed = held.iter().flat_map(|p| p.batch[p.range.clone()].to_vec()).collect();
                        } else {
                            user.lane.hold(piece.clone());
                        }
                        let counted = user.lane.settled(piece.range.end, Vec::new());
                        prop_assert_eq!(counted, counts.is_some() && !model.stopped);
                        match (commit, counts) {
                            (true, _) => prop_assert_eq!(committed, std::mem::take(&mut model.held)),
                            (false, Some(messages)) => model.held.extend(messages),
                            (false, None) => {}
                        }
                    }
                    Op::Fail { from, rest } => {
                        let Some(piece) = user.claimed.take() else { continue };
                        let start = piece.range.end.min(piece.range.start + from);
                        let failed = Piece { range: start..piece.range.end, batch: Arc::clone(&piece.batch) };
                        let again = if failed.range.is_empty() { vec![] } else { vec![failed.clone()] };
                        let counted = user.lane.settled(piece.range.end, again);
                        if model.out.take().unwrap().is_some() {
                            model.come_again(failed.batch[failed.range].to_vec());
                        }
                        if counted && rest {
                            user.resting = user.lane.rest();
                            model.resting = true;
                        }
                    }
                    Op::RollBack => {
                        let Some(piece) = user.claimed.take() else { continue };
                        let mut again = user.lane.take_uncommitted();
                        again.push(piece.clone());
                        user.lane.settled(piece.range.end, again);
                        let mut messages = std::mem::take(&mut model.held);
                        if let Some(last) = model.out.take().unwrap() {
                            messages.extend(last);
                            model.come_again(messages);
                        }
                    }
                    Op::Resume => {
                        if let Some(rest) = user.resting.take() {
                            user.lane.resume(rest);
                            model.resting = false;
                        }
                    }
                    Op::Move => {
                        // A rest that is under way ends with what it was for.
                        user.lane.clear(user.claimed.is_some());
                        model.due.clear();
                        model.held.clear();
                        model.resting = false;
                        if let Some(out) = &mut model.out {
                            *out = None;
                        }
                    }
                    Op::Stop => {
                        user.lane.stop();
                        model.stopped = true;
                        model.due.clear();
                    }
                }
            }
        }
    }
}
