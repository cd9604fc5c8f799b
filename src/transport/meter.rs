//! What is counted of the requests to one address, over all its connections.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Result};
use crate::runtime::{Recent, Summary};

/// See the module's doc.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    timeouts: AtomicU64,
    round_trips: Mutex<Recent>,
}

impl Meter {
    /// Requests that were sent.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Those that were not answered in time.
    pub fn timeouts(&self) -> u64 {
        self.timeouts.load(Ordering::Relaxed)
    }

    /// How long answers took of late, but for those that the peer may hold back on purpose.
    pub fn round_trips(&self) -> Option<Summary> {
        self.round_trips.lock().unwrap_or_else(PoisonError::into_inner).summary(Instant::now())
    }

    /// A request goes out.
    pub(super) fn sent(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// It ended after `took`; `held` when the peer may have held it.
    pub(super) fn ended<T>(&self, result: &Result<T>, held: bool, took: Duration) {
        match result {
            Ok(_) if !held => {
                let mut recent = self.round_trips.lock().unwrap_or_else(PoisonError::into_inner);
                recent.note(Instant::now(), took, 1);
            }
            Err(error) if error.kind() == ErrorKind::RequestTimeout => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}
