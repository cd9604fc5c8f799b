//! What the tests share.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rmq_mock::{MockCluster, Produced};

use crate::member::NameServer;

/// Nothing here takes so long; whoever waits longer waits in vain.
pub const WITHIN: Duration = Duration::from_secs(15);

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl NameServer for MockCluster {
    fn name_server(&self) -> String {
        self.namesrv()
    }
}

/// Stores messages with the keys `0`, `1`, … in a queue.
pub fn fill(cluster: &MockCluster, topic: &str, queue: i32, count: usize) {
    for key in 0..count {
        cluster.produce(topic, queue, Produced::new(format!("body {key}")).key(&key.to_string()));
    }
}

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
