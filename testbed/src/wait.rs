//! Waiting for states instead of sleeping.

use std::thread;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);

/// Polls `state` until it is true.
///
/// # Panics
/// When it is still false after `within`; the text is `what`, which reads as the end of "waited for ...".
#[track_caller]
pub fn wait_until(what: &str, within: Duration, state: impl FnMut() -> bool) {
    assert!(poll(within, POLL, state), "waited {:?} for {what}, in vain", slower(within));
}

/// The time as often as RMQ_SLOWER says: `make sanitize` sets it, because what it builds is that slow.
///
/// # Panics
/// When the variable is no number.
pub fn slower(within: Duration) -> Duration {
    let times = std::env::var("RMQ_SLOWER").ok();
    within * times.map_or(1, |times| times.parse().unwrap_or_else(|_| panic!("RMQ_SLOWER is {times}")))
}

/// Polls `state` every `pause` until it is true; false when it is not after `within`.
pub fn poll(within: Duration, pause: Duration, mut state: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + slower(within);
    loop {
        if state() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(pause);
    }
}
