//! One at a time, with a bound on the wait.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Whoever has the turn keeps it until the answer is dropped.
#[derive(Default)]
pub struct Turn {
    taken: Mutex<bool>,
    free: Condvar,
}

impl Turn {
    /// Waits for the turn; `None` when it did not come in time.
    pub fn take(&self, within: Duration) -> Option<Taken<'_>> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.free.wait_timeout_while(taken, within, |taken| *taken);
        let (mut taken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return None;
        }
        *taken = true;
        Some(Taken(self))
    }
}

/// The turn.
pub struct Taken<'a>(&'a Turn);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_taken_by_one_and_waited_for_in_vain_only_so_long() {
        let turn = Turn::default();
        let taken = turn.take(Duration::ZERO).unwrap();
        assert!(turn.take(Duration::from_millis(1)).is_none());
        drop(taken);
        assert!(turn.take(Duration::ZERO).is_some());
    }
}
