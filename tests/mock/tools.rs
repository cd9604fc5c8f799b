//! What the tests share.

use std::time::{Duration, Instant};

use rmq_mock::{MockCluster, Produced};
pub use rmq_testbed::slower;

pub use crate::gate::Gate;
use crate::member::NameServer;

/// Nothing here takes so long; whoever waits longer waits in vain.
pub const WITHIN: Duration = Duration::from_secs(15);

/// Less than `limit` has passed since then.
#[track_caller]
pub fn assert_less_since(begun: Instant, limit: Duration) {
    let (passed, limit) = (begun.elapsed(), slower(limit));
    assert!(passed < limit, "{passed:?}, not {limit:?}");
}

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
