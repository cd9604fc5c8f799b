//! A child process inherits memory but no threads: a consumer made before `fork` cannot work in the child.

use crate::error::{Error, ErrorKind, Result};

/// The process a handle belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The one this runs in.
    pub fn current() -> Process {
        Process(std::process::id())
    }
}

/// Refuses a handle that another process made.
pub fn check(made_in: Process, what: &str) -> Result<()> {
    let now = Process::current();
    if made_in == now {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forked,
        format!(
            "the {what} was made in process {}, this is its child {}; make a new one here",
            made_in.0, now.0
        ),
    ))
}
