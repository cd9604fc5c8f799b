//! Waiting for a state, with a bound.

use std::time::{Duration, Instant};

use rmq::{Error, ErrorKind, Result};

/// How often a state is looked at.
const STEP: Duration = Duration::from_millis(2);

/// Waits until `reached` answers `None`; its text says what is still missing. -1 waits without a bound.
pub(super) fn until(timeout_ms: i32, mut reached: impl FnMut() -> Option<String>) -> Result<()> {
    let deadline = bound(timeout_ms)?.map(|within| Instant::now() + within);
    while let Some(missing) = reached() {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(late(&missing, timeout_ms));
        }
        std::thread::sleep(STEP);
    }
    Ok(())
}

/// How long a call may wait; `None` without a bound.
pub(super) fn bound(timeout_ms: i32) -> Result<Option<Duration>> {
    match u64::try_from(timeout_ms) {
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) if timeout_ms == -1 => Ok(None),
        Err(_) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("timeout_ms is {timeout_ms}; it is 0 or more, or -1 for no bound"),
        )),
    }
}

pub(super) fn late(missing: &str, timeout_ms: i32) -> Error {
    Error::new(ErrorKind::Timeout, format!("{missing} after {timeout_ms} ms"))
}
