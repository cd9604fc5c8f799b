//! Where counters stood at which time, and the rates between then and now.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::cluster::command::TopicRates;

/// Between two looks at the counters, as in Java.
pub(super) const SAMPLE_EVERY: Duration = Duration::from_secs(10);

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Between two samples that are kept for the hour.
const HOUR_STEP: Duration = Duration::from_secs(600);

/// One topic's counters at one time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) pulls: u64,
    pub(super) pull_micros: u64,
    pub(super) pulled: u64,
    pub(super) callbacks: u64,
    pub(super) callback_micros: u64,
    pub(super) consumed: u64,
    pub(super) failed: u64,
}

/// Samples of the last minute and, further apart, of the last hour. Never without one.
pub(super) struct Window {
    minute: VecDeque<(Instant, Totals)>,
    hour: VecDeque<(Instant, Totals)>,
}

impl Window {
    /// All counters are 0 at `now`.
    pub(super) fn new(now: Instant) -> Window {
        let begun = || VecDeque::from([(now, Totals::default())]);
        Window { minute: begun(), hour: begun() }
    }

    /// Notes where the counters stand.
    pub(super) fn sample(&mut self, now: Instant, totals: Totals) {
        self.minute.push_back((now, totals));
        if self.hour.back().is_none_or(|(last, _)| now.duration_since(*last) >= HOUR_STEP) {
            self.hour.push_back((now, totals));
        }
        forget(&mut self.minute, now, MINUTE);
        forget(&mut self.hour, now, HOUR);
    }

    /// The rates of the last minute. When no callback ended in it, the mean time of a callback is that of the
    /// last hour, as in Java.
    pub(super) fn rates(&self, now: Instant, totals: &Totals) -> TopicRates {
        let (begun, minute) = oldest(&self.minute, now);
        let (_, hour) = oldest(&self.hour, now);
        let seconds = now.duration_since(begun).as_secs_f64();
        let tps = |from: u64, to: u64| if seconds > 0.0 { count(from, to) / seconds } else { 0.0 };
        let called = |from: &Totals| {
            mean_ms((from.callback_micros, totals.callback_micros), (from.callbacks, totals.callbacks))
        };
        TopicRates {
            pull_rt: mean_ms((minute.pull_micros, totals.pull_micros), (minute.pulls, totals.pulls))
                .unwrap_or(0.0),
            pull_tps: tps(minute.pulled, totals.pulled),
            consume_rt: called(&minute).or_else(|| called(&hour)).unwrap_or(0.0),
            ok_tps: tps(minute.consumed, totals.consumed),
            failed_tps: tps(minute.failed, totals.failed),
            failed_messages: i64::try_from(totals.failed.saturating_sub(hour.failed)).unwrap_or(i64::MAX),
        }
    }
}

/// Drops samples that are older than `span`, but for the last.
fn forget(samples: &mut VecDeque<(Instant, Totals)>, now: Instant, span: Duration) {
    while samples.len() > 1 && samples.front().is_some_and(|(at, _)| now.duration_since(*at) > span) {
        samples.pop_front();
    }
}

fn oldest(samples: &VecDeque<(Instant, Totals)>, now: Instant) -> (Instant, Totals) {
    samples.front().copied().unwrap_or((now, Totals::default()))
}

/// The consumed count may step back for a moment, when a message is given back before its batch is complete.
#[allow(clippy::cast_precision_loss, reason = "a rate needs no 52 bits")]
fn count(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64
}

/// The mean of what took so many microseconds, in milliseconds; `None` when there was nothing.
fn mean_ms(micros: (u64, u64), times: (u64, u64)) -> Option<f64> {
    let times = count(times.0, times.1);
    (times > 0.0).then(|| count(micros.0, micros.1) / times / 1000.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]

    use super::*;

    fn totals(n: u64) -> Totals {
        Totals {
            pulls: n,
            pull_micros: n * 2000,
            pulled: n * 30,
            callbacks: n * 10,
            callback_micros: n * 5000,
            consumed: n * 20,
            failed: n,
        }
    }

    #[test]
    fn rates_begin_with_the_first_second() {
        let start = Instant::now();
        let window = Window::new(start);
        assert_eq!(window.rates(start, &totals(0)), TopicRates::default());
        let rates = window.rates(start + Duration::from_secs(2), &totals(4));
        assert_eq!((rates.pull_rt, rates.pull_tps), (2.0, 60.0));
        assert_eq!((rates.consume_rt, rates.ok_tps), (0.5, 40.0));
        assert_eq!((rates.failed_tps, rates.failed_messages), (2.0, 4));
    }

    #[test]
    fn what_is_older_than_a_minute_counts_no_more_and_failures_for_an_hour() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = Window::new(start);
        for second in (10..=3000).step_by(10) {
            window.sample(at(second), totals(10));
        }
        let rates = window.rates(at(3005), &totals(10));
        assert_eq!((rates.pull_rt, rates.pull_tps, rates.ok_tps, rates.failed_tps), (0.0, 0.0, 0.0, 0.0));
        assert_eq!((rates.consume_rt, rates.failed_messages), (0.5, 10), "of the hour");
        for second in (3010..=8000).step_by(10) {
            window.sample(at(second), totals(10));
        }
        assert_eq!(window.rates(at(8000), &totals(10)), TopicRates::default());
        assert!(window.minute.len() <= 8 && window.hour.len() <= 8);
    }
}
