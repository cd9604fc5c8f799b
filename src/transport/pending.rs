//! Who waits for which answer.

use std::collections::HashMap;

use crate::error::Error;

/// The calls of one connection that have no answer yet.
///
/// ```text
/// Open ──close(error)──► Closed(error)      every waiter gets the error, and so does every later one
/// ```
#[derive(Debug)]
pub enum Pending<W> {
    /// Requests may be sent.
    Open {
        /// The next correlation number.
        next: i32,
        /// True once every number was given out and they repeat.
        repeating: bool,
        /// Waiters by correlation number.
        waiters: HashMap<i32, W>,
    },
    /// The connection is dead, for this reason.
    Closed(Error),
}

impl<W> Default for Pending<W> {
    fn default() -> Self {
        Pending::Open { next: 0, repeating: false, waiters: HashMap::new() }
    }
}

impl<W> Pending<W> {
    /// Registers a waiter and answers its correlation number, or why the connection is dead.
    pub fn register(&mut self, waiter: W) -> Result<i32, Error> {
        match self {
            Pending::Open { next, repeating, waiters } => {
                // After 2^31 requests numbers repeat; one that still waits keeps its own.
                while waiters.contains_key(next) {
                    *next = next.wrapping_add(1) & i32::MAX;
                }
                let opaque = *next;
                *next = next.wrapping_add(1) & i32::MAX;
                *repeating |= opaque == i32::MAX;
                waiters.insert(opaque, waiter);
                Ok(opaque)
            }
            Pending::Closed(error) => Err(error.clone()),
        }
    }

    /// A number for a request that nobody answers.
    pub fn oneway(&mut self) -> Result<i32, Error> {
        match self {
            Pending::Open { next, repeating, .. } => {
                let opaque = *next;
                *next = next.wrapping_add(1) & i32::MAX;
                *repeating |= opaque == i32::MAX;
                Ok(opaque)
            }
            Pending::Closed(error) => Err(error.clone()),
        }
    }

    /// The waiter of an answer; `None` when it stopped waiting or never was.
    pub fn complete(&mut self, opaque: i32) -> Option<W> {
        match self {
            Pending::Open { waiters, .. } => waiters.remove(&opaque),
            Pending::Closed(_) => None,
        }
    }

    /// True for a number that some request may have had, whether or not anybody still waits for its answer.
    pub fn has_given(&self, opaque: i32) -> bool {
        match self {
            Pending::Open { next, repeating, .. } => opaque >= 0 && (*repeating || opaque < *next),
            Pending::Closed(_) => true,
        }
    }

    /// Ends everything: the waiters to tell. Only the first error counts.
    pub fn close(&mut self, error: Error) -> Vec<W> {
        match self {
            Pending::Open { waiters, .. } => {
                let waiting = std::mem::take(waiters).into_values().collect();
                *self = Pending::Closed(error);
                waiting
            }
            Pending::Closed(_) => Vec::new(),
        }
    }

    /// Why the connection is dead, if it is.
    pub fn closed(&self) -> Option<&Error> {
        match self {
            Pending::Open { .. } => None,
            Pending::Closed(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn answers_find_their_waiters_in_any_order() {
        let mut pending = Pending::default();
        let a = pending.register("a").unwrap();
        let b = pending.register("b").unwrap();
        assert_eq!(pending.complete(b), Some("b"));
        assert_eq!(pending.complete(b), None);
        assert_eq!(pending.complete(a), Some("a"));
        assert_eq!(pending.complete(4711), None);
    }

    #[test]
    fn a_dead_connection_gives_everyone_the_first_error() {
        let mut pending = Pending::default();
        pending.register(1).unwrap();
        pending.register(2).unwrap();
        let error = Error::new(ErrorKind::Disconnected, "cut");
        let mut told = pending.close(error.clone());
        told.sort_unstable();
        assert_eq!(told, [1, 2]);
        assert!(pending.close(Error::new(ErrorKind::Io, "later")).is_empty());
        assert_eq!(pending.register(3), Err(error.clone()));
        assert_eq!(pending.oneway(), Err(error));
    }

    #[test]
    fn numbers_stay_positive_and_skip_those_in_use() {
        let mut pending =
            Pending::Open { next: i32::MAX, repeating: false, waiters: HashMap::from([(0, "old")]) };
        assert_eq!(pending.register("last"), Ok(i32::MAX));
        assert_eq!(pending.register("first"), Ok(1));
        assert!(pending.has_given(i32::MAX), "after a round every number was given");
    }

    #[test]
    fn numbers_that_were_never_given_are_told_from_those_nobody_waits_for() {
        let mut pending = Pending::default();
        let opaque = pending.register("gave up").unwrap();
        pending.complete(opaque);
        assert!(pending.has_given(opaque));
        assert!(!pending.has_given(opaque + 1));
        assert!(!pending.has_given(-1));
    }
}
