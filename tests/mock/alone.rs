//! Tests that count what their process has: each runs in a process of its own.

use std::process::Command;

use rmq_testbed::wait_until;

use crate::support;
use crate::tools::WITHIN;

/// Names the test in the process that is its own.
const ALONE: &str = "RMQ_TEST_ALONE";

/// Runs a test, given by its path, in a process of its own, and shows what it printed if it fails.
pub fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var(ALONE).is_ok_and(|alone| alone == test) {
        return body();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = support::end(command.args(["--exact", test, "--nocapture"]).env(ALONE, test));
    let text = support::both(&output);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Threads and descriptors of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    threads: usize,
    descriptors: usize,
}

impl Census {
    pub fn take() -> Census {
        let entries = |folder: &str| std::fs::read_dir(folder).unwrap().count();
        Census { threads: entries("/proc/self/task"), descriptors: entries("/proc/self/fd") }
    }

    /// Waits until there are no more than these again: threads of the mock end a moment after their connections.
    pub fn returns(self) {
        wait_until("threads and descriptors to return", WITHIN, || {
            let now = Census::take();
            now.threads <= self.threads && now.descriptors <= self.descriptors
        });
    }
}
