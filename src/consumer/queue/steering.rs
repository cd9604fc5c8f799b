//! What others ask of a queue's pull loop: to go on elsewhere, to pause, to go on.
//!
//! Only the pull loop takes messages into a queue's books, so only it can move the queue without mixing what
//! was pulled before with what is pulled after. Others leave a wish here and may wait until it is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Steering {
    wishes: Mutex<Wishes>,
    /// What [`Wishes::holds_back`] says, for those who must not wait for the lock.
    holds_back: AtomicBool,
    /// Told when there is a new wish.
    told: Notify,
    /// The number of the last move that was made.
    made: watch::Sender<u64>,
}

#[derive(Default)]
struct Wishes {
    /// Where to go on; a later wish replaces an earlier one.
    offset: Option<i64>,
    /// The number of the last wish.
    asked: u64,
    /// Nothing is pulled and nothing handed out.
    paused: bool,
    /// A pause gave back what no callback had: it has to be pulled again.
    gave_back: bool,
}

impl Wishes {
    fn holds_back(&self) -> bool {
        self.paused || self.gave_back
    }
}

/// What the pull loop has to do before it pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Pull.
    Pull,
    /// Go on at this offset; then say so by [`Steering::note_move`] with the number.
    Move(i64, u64),
    /// Wait for something else to do.
    Wait,
    /// When no callback runs, go on with the first message that is not complete; then say so by
    /// [`Steering::note_pulled_again`].
    PullAgain,
}

/// A move that was asked for; see [`Steering::made`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked(u64);

impl Steering {
    /// Asks for a move to `offset`.
    pub(crate) fn request_move(&self, offset: i64) -> Asked {
        let asked = {
            let mut wishes = self.wishes();
            wishes.offset = Some(offset);
            wishes.asked += 1;
            Asked(wishes.asked)
        };
        self.told.notify_one();
        asked
    }

    /// Waits until a move, or a later one in its place, is made.
    pub(crate) async fn made(&self, asked: Asked) {
        // Never closed: the sender is ours.
        let _ = self.made.subscribe().wait_for(|made| *made >= asked.0).await;
    }

    /// Takes a move back that was not made yet.
    pub(crate) fn withdraw(&self, asked: Asked) {
        let mut wishes = self.wishes();
        if wishes.asked == asked.0 {
            wishes.offset = None;
        }
    }

    /// Takes a move that was not made, for whoever makes it in the pull loop's place.
    pub(crate) fn take_move(&self) -> Option<i64> {
        let (offset, asked) = {
            let mut wishes = self.wishes();
            (wishes.offset.take()?, wishes.asked)
        };
        self.made.send_replace(asked);
        Some(offset)
    }

    /// Pauses or resumes. True when that changes something.
    pub(crate) fn set_paused(&self, paused: bool) -> bool {
        let changed = {
            let mut wishes = self.wishes();
            let changed = std::mem::replace(&mut wishes.paused, paused) != paused;
            wishes.gave_back |= changed && paused;
            self.publish(&wishes);
            changed
        };
        self.told.notify_one();
        changed
    }

    /// True while nothing of the queue may wait for a worker.
    pub(crate) fn holds_back(&self) -> bool {
        self.holds_back.load(Ordering::SeqCst)
    }

    /// True from a pause to its resume.
    pub(crate) fn is_paused(&self) -> bool {
        self.wishes().paused
    }

    /// What is to be done now.
    pub(crate) fn next(&self) -> Next {
        let wishes = self.wishes();
        match wishes.offset {
            Some(offset) => Next::Move(offset, wishes.asked),
            None if wishes.paused => Next::Wait,
            None if wishes.gave_back => Next::PullAgain,
            None => Next::Pull,
        }
    }

    /// Notes that a move was made. One that was asked for meanwhile stays.
    pub(crate) fn note_move(&self, number: u64) {
        {
            let mut wishes = self.wishes();
            if wishes.asked == number {
                wishes.offset = None;
            }
            // The books are empty, and stay so through a pause: there is nothing to pull again.
            wishes.gave_back = false;
            self.publish(&wishes);
        }
        self.made.send_replace(number);
    }

    /// Notes that what a pause gave back will be pulled again.
    pub(crate) fn note_pulled_again(&self) {
        let mut wishes = self.wishes();
        wishes.gave_back = false;
        self.publish(&wishes);
    }

    /// Waits until there may be something else to do. For the pull loop alone.
    pub(crate) async fn changed(&self) {
        self.told.notified().await;
    }

    /// Waits until there is something else to do than to pull. For the pull loop alone.
    pub(crate) async fn told(&self) {
        while self.next() == Next::Pull {
            self.changed().await;
        }
    }

    fn publish(&self, wishes: &Wishes) {
        self.holds_back.store(wishes.holds_back(), Ordering::SeqCst);
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_move_is_asked_for_until_it_is_made() {
        let steering = Steering::default();
        assert_eq!(steering.next(), Next::Pull);
        let asked = steering.request_move(7);
        steering.told().await;
        let Next::Move(7, number) = steering.next() else { panic!("a move to 7 is asked for") };
        steering.note_move(number);
        steering.made(asked).await;
        assert_eq!(steering.next(), Next::Pull);
    }

    #[tokio::test]
    async fn a_later_move_replaces_an_earlier_one_and_is_not_lost_to_it() {
        let steering = Steering::default();
        let first = steering.request_move(7);
        let Next::Move(7, number) = steering.next() else { panic!("a move to 7 is asked for") };
        let second = steering.request_move(3);
        steering.note_move(number);
        steering.made(first).await;
        let Next::Move(3, number) = steering.next() else { panic!("a move to 3 is asked for") };
        steering.note_move(number);
        steering.made(second).await;
    }

    #[test]
    fn a_move_that_is_withdrawn_is_not_made() {
        let steering = Steering::default();
        let first = steering.request_move(7);
        let second = steering.request_move(3);
        steering.withdraw(first);
        assert_eq!(steering.next(), Next::Move(3, 2), "the later one stays");
        steering.withdraw(second);
        assert_eq!(steering.next(), Next::Pull);
    }

    #[test]
    fn what_a_pause_gave_back_is_pulled_again_after_the_resume() {
        let steering = Steering::default();
        assert!(steering.set_paused(true) && !steering.set_paused(true));
        assert_eq!(steering.next(), Next::Wait);
        assert!(steering.set_paused(false));
        assert_eq!(steering.next(), Next::PullAgain);
        assert!(steering.holds_back(), "nothing is handed out out of turn before");
        steering.note_pulled_again();
        assert_eq!(steering.next(), Next::Pull);
        assert!(!steering.holds_back());
    }

    #[test]
    fn a_paused_queue_is_moved_at_once() {
        let steering = Steering::default();
        steering.set_paused(true);
        let _ = steering.request_move(7);
        assert_eq!(steering.next(), Next::Move(7, 1));
        steering.note_move(1);
        assert_eq!(steering.next(), Next::Wait);
        assert!(!steering.set_paused(true) && steering.set_paused(false));
        assert_eq!(steering.next(), Next::Pull, "nothing was pulled since");
    }
}
