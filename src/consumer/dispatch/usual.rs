//! How long a callback usually takes.

use std::time::Duration;

/// The usual time of a callback: follows the median, which a few that were delayed by a busy machine do
/// not move far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Usual(pub(super) Duration);

impl Usual {
    /// A callback took this long.
    pub(super) fn learn(&mut self, spent: Duration) {
        let step = self.0 / 2 + Duration::from_nanos(100);
        self.0 = match spent > self.0 {
            true => spent.min(self.0 + step),
            false => spent.max(self.0 * 2 / 3),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_time_ignores_outliers_and_follows_a_change() {
        let (fast, slow) = (Duration::from_nanos(200), Duration::from_millis(10));
        let mut usual = Usual::default();
        for _ in 0..20 {
            usual.learn(fast);
        }
        usual.learn(slow);
        assert!(usual.0 < Duration::from_micros(1), "{usual:?}");
        for _ in 0..40 {
            usual.learn(slow);
        }
        assert_eq!(usual.0, slow);
    }
}
