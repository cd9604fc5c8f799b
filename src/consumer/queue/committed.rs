//! What is known of the offset that the broker holds for the group. Pure.

/// Of one queue.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// `None` when it is unknown.
    offset: Option<i64>,
    /// True while the queue is to go back if need be: nobody asks then what the broker holds.
    moved: bool,
    /// True when the broker has to be asked: it may hold an older offset, or a newer one of another member.
    doubted: bool,
    /// The connection over which the last commit was to go, or would have gone.
    keeper: Option<u64>,
    /// Grows whenever what was known no longer counts: an answer that was under way then says nothing.
    round: u64,
}

impl Committed {
    pub(super) fn offset(&self) -> Option<i64> {
        self.offset
    }

    pub(super) fn is_doubted(&self) -> bool {
        self.doubted
    }

    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// Notes what the broker holds.
    pub(super) fn set(&mut self, offset: Option<i64>) {
        (self.offset, self.moved, self.doubted) = (offset, false, false);
    }

    /// The same, as the answer to what was asked in a round.
    pub(super) fn learn(&mut self, round: u64, offset: Option<i64>) {
        if self.round == round {
            self.set(offset);
        }
    }

    /// The queue was moved.
    pub(super) fn forget(&mut self) {
        (self.offset, self.moved, self.doubted) = (None, true, false);
        self.round += 1;
    }

    /// The broker came back, or another is in its place.
    pub(super) fn doubt(&mut self) {
        self.doubted = !self.moved;
        self.round += 1;
    }

    /// Notes the connection that a commit goes over. True when it is another one than before.
    pub(super) fn meet_keeper(&mut self, connection: u64) -> bool {
        self.keeper.replace(connection).is_some_and(|before| before != connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_queue_may_go_back_and_one_whose_broker_returned_asks_first() {
        let mut committed = Committed::default();
        committed.set(Some(5));
        committed.doubt();
        assert_eq!((committed.offset(), committed.is_doubted()), (Some(5), true));
        committed.forget();
        committed.doubt();
        assert_eq!((committed.offset(), committed.is_doubted()), (None, false), "the move stands");
        committed.learn(committed.round(), Some(2));
        committed.doubt();
        assert!(committed.is_doubted());
    }

    #[test]
    fn an_answer_from_before_a_doubt_says_nothing() {
        let mut committed = Committed::default();
        let round = committed.round();
        committed.doubt();
        committed.learn(round, Some(7));
        assert_eq!((committed.offset(), committed.is_doubted()), (None, true));
    }

    #[test]
    fn a_connection_is_another_one_when_there_was_one_before() {
        let mut committed = Committed::default();
        assert_eq!([1, 1, 2].map(|connection| committed.meet_keeper(connection)), [false, false, true]);
    }
}
