//! What others ask of a queue's pull loop: to go on elsewhere.
//!
//! Only the pull loop takes messages into a queue's books, so only it can move the queue without mixing what
//! was pulled before with what is pulled after. Others leave a wish here and may wait until it is done.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Steering {
    wishes: Mutex<Wishes>,
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
}

/// What the pull loop has to do before it pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Pull.
    Pull,
    /// Go on at this offset; then say so by [`Steering::note_move`] with the number.
    Move(i64, u64),
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

    /// What is to be done now.
    pub(crate) fn order(&self) -> Order {
        let wishes = self.wishes();
        wishes.offset.map_or(Order::Pull, |offset| Order::Move(offset, wishes.asked))
    }

    /// Notes that a move was made. One that was asked for meanwhile stays.
    pub(crate) fn note_move(&self, number: u64) {
        let mut wishes = self.wishes();
        if wishes.asked == number {
            wishes.offset = None;
        }
        drop(wishes);
        self.made.send_replace(number);
    }

    /// Waits until there is something else to do than to pull. For the pull loop alone.
    pub(crate) async fn told(&self) {
        while self.order() == Order::Pull {
            self.told.notified().await;
        }
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_move_is_ordered_until_it_is_made() {
        let steering = Steering::default();
        assert_eq!(steering.order(), Order::Pull);
        let asked = steering.request_move(7);
        steering.told().await;
        let Order::Move(7, number) = steering.order() else { panic!("a move to 7 is ordered") };
        steering.note_move(number);
        steering.made(asked).await;
        assert_eq!(steering.order(), Order::Pull);
    }

    #[tokio::test]
    async fn a_later_move_replaces_an_earlier_one_and_is_not_lost_to_it() {
        let steering = Steering::default();
        let first = steering.request_move(7);
        let Order::Move(7, number) = steering.order() else { panic!("a move to 7 is ordered") };
        let second = steering.request_move(3);
        steering.note_move(number);
        steering.made(first).await;
        let Order::Move(3, number) = steering.order() else { panic!("a move to 3 is ordered") };
        steering.note_move(number);
        steering.made(second).await;
    }
}
