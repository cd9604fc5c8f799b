//! A gate for callbacks.
#![allow(dead_code)]

use std::sync::{Arc, Condvar, Mutex};

/// Callbacks wait at a gate until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    open: bool,
    inside: usize,
    most: usize,
}

impl Gate {
    pub fn pass(&self) {
        let mut state = self.0.0.lock().unwrap();
        state.inside += 1;
        state.most = state.most.max(state.inside);
        state = self.0.1.wait_while(state, |state| !state.open).unwrap();
        state.inside -= 1;
    }

    /// Runs something while it counts as inside.
    pub fn through(&self, run: impl FnOnce()) {
        self.0.0.lock().unwrap().inside += 1;
        run();
        self.0.0.lock().unwrap().inside -= 1;
    }

    pub fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    /// How many wait now.
    pub fn inside(&self) -> usize {
        self.0.0.lock().unwrap().inside
    }

    /// How many waited at once at most.
    pub fn most(&self) -> usize {
        self.0.0.lock().unwrap().most
    }
}
