//! Workers without work: how they wait, stand by, and when they go.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::slot::{Call, Slot};
use super::workers::{Guard, Shared, State};

/// How long the stand-by waits for the others to make progress.
const TICK: Duration = Duration::from_millis(1);

/// How long a worker above `thread_min` stays without work.
const IDLE_TIME: Duration = Duration::from_secs(30);

impl Shared {
    /// Waits for a call. False when the worker shall go: all must, or it is one too many.
    pub(super) fn wait<'a>(&'a self, mut state: Guard<'a>, slot: &Arc<Slot>) -> (Guard<'a>, bool) {
        loop {
            if state.closing || self.too_many(&state) {
                return (state, false);
            }
            let patience = (state.threads > self.thread_min()).then_some(IDLE_TIME);
            state.idle.push(Arc::clone(slot));
            state = self.sleep(state, slot, patience);
            if slot.call() != Call::None {
                return (state, true);
            }
            state.leave_idle(slot);
            if state.threads > self.thread_min() {
                return (state, false);
            }
        }
    }

    /// Looks, tick by tick, whether the others make progress; ends when work must be done or none is left.
    pub(super) fn stand_by<'a>(&'a self, mut state: Guard<'a>, slot: &Arc<Slot>) -> Guard<'a> {
        // Everybody else went idle between the call and now: then this one has to work.
        while state.awake() > 1 && self.waiting(&state) > 0 && !state.closing {
            let progress = state.ready.progress();
            // At the bottom, since the others are warmer.
            state.idle.insert(0, Arc::clone(slot));
            state = self.sleep(state, slot, Some(TICK));
            if slot.call() != Call::None {
                break;
            }
            state.leave_idle(slot);
            if state.ready.progress() == progress {
                break;
            }
        }
        slot.set_call(Call::None);
        state.standby = false;
        state
    }

    /// Sleeps until called or one too many, or for as long as `patience` lasts.
    fn sleep<'a>(&'a self, state: Guard<'a>, slot: &Slot, patience: Option<Duration>) -> Guard<'a> {
        slot.set_call(Call::None);
        let asleep = |state: &mut State| slot.call() == Call::None && !state.closing && !self.too_many(state);
        match patience {
            Some(patience) => {
                let slept = slot.bell.wait_timeout_while(state, patience, asleep);
                slept.unwrap_or_else(PoisonError::into_inner).0
            }
            None => slot.bell.wait_while(state, asleep).unwrap_or_else(PoisonError::into_inner),
        }
    }
}
