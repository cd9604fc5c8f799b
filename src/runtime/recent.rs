//! How long something took of late: mean, percentiles and maximum over the last half to one minute.

use std::time::{Duration, Instant};

use histogram::Histogram32;

/// Two of these are remembered, the present one and the one before.
const SPAN: Duration = Duration::from_secs(30);

/// Buckets of 1/16 of their value or less, up to 2^36 microseconds: 19 hours.
const BUCKETS: (u8, u8) = (4, 36);

const MOST_MICROS: u64 = (1 << BUCKETS.1) - 1;

/// See the module's doc. Takes 4 KiB once something was noted.
#[derive(Debug, Default)]
pub struct Recent {
    present: Times,
    before: Times,
    begun: Option<Instant>,
}

/// What is said of the recent times, in milliseconds. Percentiles are at most 1/16 too high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The mean.
    pub avg: f64,
    /// Half of them took no longer.
    pub p50: f64,
    /// All but one of a hundred took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

#[derive(Debug, Default)]
struct Times {
    /// Made with the first time.
    histogram: Option<Histogram32>,
    count: u64,
    micros: u64,
    max: u64,
}

impl Recent {
    /// Something took so long, so many times. `now` never goes back by much.
    pub fn note(&mut self, now: Instant, took: Duration, times: u32) {
        self.turn(now);
        self.present.note(u64::try_from(took.as_micros()).unwrap_or(MOST_MICROS).min(MOST_MICROS), times);
    }

    /// What it took of late; `None` when there was nothing.
    pub fn summary(&mut self, now: Instant) -> Option<Summary> {
        self.turn(now);
        let count = self.present.count + self.before.count;
        let max = self.present.max.max(self.before.max);
        let all = match (&self.present.histogram, &self.before.histogram) {
            (Some(present), Some(before)) => Some(present.wrapping_add(before).ok()?),
            (one, other) => one.as_ref().or(other.as_ref()).cloned(),
        }?;
        let bucket = |part: f64| all.quantile_bucket(part).ok().flatten();
        let at = |part: f64| bucket(part).map(|bucket| millis(bucket.end().min(max)));
        Some(Summary {
            avg: millis(self.present.micros + self.before.micros) / float(count),
            p50: at(0.5)?,
            p99: at(0.99)?,
            max: millis(max),
        })
    }

    fn turn(&mut self, now: Instant) {
        let begun = *self.begun.get_or_insert(now);
        let spans = now.saturating_duration_since(begun);
        if spans < SPAN {
            return;
        }
        std::mem::swap(&mut self.present, &mut self.before);
        self.present.clear();
        if spans >= SPAN * 2 {
            self.before.clear();
        }
        self.begun = Some(now);
    }
}

impl Times {
    fn note(&mut self, micros: u64, times: u32) {
        if self.histogram.is_none() {
            self.histogram = Histogram32::new(BUCKETS.0, BUCKETS.1).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            // Within its range, as `Recent::note` sees to.
            let _ = histogram.add(micros, times);
        }
        self.count += u64::from(times);
        self.micros = self.micros.saturating_add(micros.saturating_mul(u64::from(times)));
        self.max = self.max.max(micros);
    }

    fn clear(&mut self) {
        if let Some(histogram) = &mut self.histogram {
            histogram.reset();
        }
        (self.count, self.micros, self.max) = (0, 0, 0);
    }
}

fn millis(micros: u64) -> f64 {
    float(micros) / 1000.0
}

#[allow(clippy::cast_precision_loss, reason = "a time needs no 52 bits")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn percentiles_are_right_within_a_sixteenth() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        assert_eq!(recent.summary(now), None);
        (1..=1000).for_each(|n| recent.note(now, ms(n), 1));
        let summary = recent.summary(now).unwrap();
        assert!((500.0..532.0).contains(&summary.p50), "{summary:?}");
        assert!((990.0..=1000.0).contains(&summary.p99), "{summary:?}");
        assert!((summary.avg - 500.5).abs() < 0.001 && (summary.max - 1000.0).abs() < 0.001, "{summary:?}");
    }

    #[test]
    fn times_are_weighed_by_their_number() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.note(now, ms(1), 99);
        recent.note(now, ms(100), 1);
        let summary = recent.summary(now).unwrap();
        assert!(summary.p50 < 1.07 && summary.p99 < 1.07 && summary.max >= 100.0, "{summary:?}");
    }

    #[test]
    fn what_is_older_than_a_minute_is_forgotten() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.note(now, ms(500), 1);
        recent.note(now + SPAN, ms(1), 1);
        assert!(recent.summary(now + SPAN).unwrap().max >= 500.0);
        let later = recent.summary(now + SPAN * 2).unwrap();
        assert!(later.max < 2.0, "{later:?}");
        assert_eq!(recent.summary(now + SPAN * 4), None);
    }

    #[test]
    fn absurd_times_count_as_the_longest() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.note(now, Duration::MAX, u32::MAX);
        recent.note(now, Duration::ZERO, 1);
        assert!(recent.summary(now).unwrap().max > 60_000_000.0);
    }
}
