//! What each worker does, for people who ask.

use std::time::Duration;

use super::batch::Batch;
use super::workers::Workers;

/// What one worker does.
pub(crate) struct Activity {
    /// Its thread.
    pub(crate) thread: String,
    /// What its callback was given, and how long it has had it.
    pub(crate) callback: Option<(Batch, Duration)>,
}

impl Workers {
    /// What each thread does now.
    pub(crate) fn activities(&self) -> Vec<Activity> {
        let slots = self.0.state().slots.clone();
        let activity = |slot: &super::slot::Slot| Activity {
            thread: slot.name.clone(),
            callback: slot
                .running()
                .map(|(batch, messages, since)| (Batch::new(batch, messages), since.elapsed())),
        };
        slots.iter().map(|slot| activity(slot)).collect()
    }
}
