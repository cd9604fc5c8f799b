//! A token bucket: how many messages a rate allows now.

use std::time::{Duration, Instant};

/// A rate may be saved up for so long, so that a timer that is late costs nothing.
const SAVED: f64 = 0.1;

/// No timer is finer.
const TICK: Duration = Duration::from_millis(1);

/// What rounding may take from a token.
const ROUNDING: f64 = 1e-6;

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(per_second: u32, now: Instant) -> Bucket {
        let mut bucket = Bucket { per_second: f64::from(per_second), tokens: 0.0, at: now };
        bucket.tokens = bucket.most();
        bucket
    }

    /// Another rate from now on.
    pub(super) fn change(&mut self, per_second: u32, now: Instant) {
        self.fill(now);
        self.per_second = f64::from(per_second);
        self.tokens = self.tokens.min(self.most());
    }

    /// How many messages may leave.
    pub(super) fn available(&mut self, now: Instant) -> usize {
        self.fill(now);
        whole(self.tokens)
    }

    /// How many can be saved up.
    pub(super) fn burst(&self) -> usize {
        whole(self.most())
    }

    /// So many messages left.
    #[allow(clippy::cast_precision_loss, reason = "counts of messages at hand")]
    pub(super) fn spend(&mut self, count: usize) {
        self.tokens -= count as f64;
    }

    /// So many messages did not leave after all.
    #[allow(clippy::cast_precision_loss, reason = "counts of messages at hand")]
    pub(super) fn refund(&mut self, count: usize) {
        self.tokens = (self.tokens + count as f64).min(self.most());
    }

    /// When to look again: once half of what can be saved up is there, or as long as that takes.
    pub(super) fn pause(&self) -> Duration {
        let step = (self.most() / 2.0).max(1.0);
        let missing = if self.tokens < step { step - self.tokens } else { step };
        Duration::from_secs_f64(missing / self.per_second).max(TICK)
    }

    fn most(&self) -> f64 {
        (self.per_second * SAVED).max(1.0)
    }

    fn fill(&mut self, now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.most());
        self.at = now;
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
fn whole(tokens: f64) -> usize {
    (tokens + ROUNDING) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_its_rate_and_no_more() {
        let begun = Instant::now();
        for per_second in [1, 3, 10, 250, 100_000] {
            let mut bucket = Bucket::new(per_second, begun);
            let (mut now, mut given) = (begun, 0);
            while now < begun + Duration::from_secs(20) {
                let count = bucket.available(now);
                bucket.spend(count);
                given += count;
                now += bucket.pause();
            }
            let wanted = 20 * per_second as usize;
            assert!((wanted..=wanted + bucket.burst() + 1).contains(&given), "{per_second}: {given}");
        }
    }

    #[test]
    fn a_tenth_of_a_second_can_be_saved_up_and_at_least_one() {
        let begun = Instant::now();
        let late = begun + Duration::from_secs(60);
        let after_long = |per_second| {
            let mut bucket = Bucket::new(per_second, begun);
            bucket.spend(bucket.burst());
            assert_eq!(bucket.available(begun), 0);
            bucket.available(late)
        };
        assert_eq!((after_long(1), after_long(5), after_long(200)), (1, 1, 20));
    }

    #[test]
    fn another_rate_holds_from_then_on() {
        let begun = Instant::now();
        let mut bucket = Bucket::new(1000, begun);
        bucket.change(10, begun);
        assert_eq!(bucket.available(begun), 1);
        bucket.spend(1);
        assert_eq!(bucket.available(begun + Duration::from_millis(90)), 0);
        assert_eq!(bucket.available(begun + Duration::from_millis(110)), 1);
        bucket.refund(5);
        assert_eq!(bucket.available(begun + Duration::from_millis(110)), 1, "no more than can be saved up");
    }
}
