//! The states of a consumer.
//!
//! ```text
//! Created ─start─► Starting ─► Running ─shutdown─► Stopping ─► Stopped
//!    ▲                │
//!    └──── failed ────┘                 any ─ bug ─► Fatal
//! ```

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// What a consumer is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Made, or made anew by a start that failed.
    Created,
    /// Within the call of start.
    Starting,
    /// Consuming.
    Running,
    /// Within a shutdown, or after one that timed out.
    Stopping,
    /// Stopped for good.
    Stopped,
    /// Given up after a bug; may only be dropped.
    Fatal,
}

impl State {
    const ALL: [State; 6] =
        [State::Created, State::Starting, State::Running, State::Stopping, State::Stopped, State::Fatal];

    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Starting => "starting",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
            State::Fatal => "fatal",
        }
    }
}

/// The state a consumer is in, for those who read it and those who wait for it.
#[derive(Default)]
pub(super) struct Progress {
    /// Read on every call, so not behind the lock.
    state: AtomicU8,
    waiting: Mutex<()>,
    changed: Condvar,
}

impl Progress {
    /// The state it is in now.
    pub(super) fn state(&self) -> State {
        State::ALL[usize::from(self.state.load(Ordering::Acquire))]
    }

    /// Enters a state, but for a consumer that was given up: it stays so.
    pub(super) fn enter(&self, to: State) {
        let enter = |from: u8| (from != State::Fatal as u8).then_some(to as u8);
        // Only refused when it is fatal, which is as it shall be.
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, enter);
        // Whoever waits has either seen the new state or waits by now.
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits for a state. False when it did not come in time.
    pub(super) fn wait_for(&self, wanted: impl Fn(State) -> bool, within: Duration) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(waiting, within, |()| !wanted(self.state()));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// A refusal that says why, and the way on where there is one.
pub(super) fn not_in(state: State, what: &str) -> Error {
    let (name, why) = (
        state.name(),
        match state {
            State::Created => "start it first",
            State::Starting | State::Running => "it was started already",
            State::Stopping | State::Stopped => "make a new one with rmq_consumer_new",
            State::Fatal => "it may only be destroyed",
        },
    );
    Error::new(ErrorKind::State, format!("{what}: the consumer is {name}; {why}"))
}
