//! Callbacks that hold up whoever calls them, of logs and wake-ups: from them nothing may be waited for.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The calling thread is in such a callback until this is dropped.
pub(super) struct Inside {
    before: bool,
}

impl Inside {
    pub(super) fn enter() -> Inside {
        Inside { before: INSIDE.replace(true) }
    }

    /// True when it was in one before.
    pub(super) fn is_nested(&self) -> bool {
        self.before
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

/// Refuses what would wait.
pub(super) fn refuse_inside(function: &str) -> Result<()> {
    match INSIDE.get() {
        true => {
            let text = format!("{function}: not from a log or wake-up callback; do it on another thread");
            Err(Error::new(ErrorKind::InCallback, text))
        }
        false => Ok(()),
    }
}
