//! How long to wait before the next try: doubling up to a cap, with jitter so that clients spread out.

use std::time::Duration;

/// Waiting times `first`, `2 first`, `4 first`, … up to `cap`, each changed by up to ±20 %.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    next: Duration,
}

/// Part of a waiting time that jitter may add or take away.
const JITTER: f64 = 0.2;

impl Backoff {
    /// Starts at `first` and never waits longer than `cap` plus its jitter.
    pub fn new(first: Duration, cap: Duration) -> Backoff {
        Backoff { first, cap, next: first }
    }

    /// The time to wait now; `chance` from 0 to 1 chooses the jitter.
    pub fn next_wait(&mut self, chance: f64) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(self.cap);
        wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance)
    }

    /// Begins anew after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_over_after_success() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(50));
        let waits: Vec<u128> = (0..5).map(|_| backoff.next_wait(0.5).as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 50, 50]);
        backoff.reset();
        assert_eq!(backoff.next_wait(0.5).as_millis(), 10);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(100));
        assert_eq!(backoff.next_wait(0.0).as_millis(), 80);
        assert_eq!(backoff.next_wait(1.0).as_millis(), 120);
    }
}
