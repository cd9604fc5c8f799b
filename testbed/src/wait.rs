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
    assert!(poll(within, POLL, state), "waited {within:?} for {what}, in vain");
}

/// Polls `state` every `pause` until it is true; false when it is not after `within`.
pub fn poll(within: Duration, pause: Duration, mut state: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
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
