//! A Java broadcasting consumer of the cluster's own version, for the file in which it keeps its offsets.

use crate::cluster::Cluster;
use crate::driver::{Driver, quote};
use crate::version::Version;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

impl Cluster {
    /// Starts a Java broadcasting consumer of all messages of `topic`, from the first on if its file says nothing. Its
    /// client id is `127.0.0.1@<instance>`.
    ///
    /// # Panics
    /// When the Java consumer's `start()` throws.
    pub fn java_broadcast(&self, group: &str, topic: &str, instance: &str) -> JavaBroadcast {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = format!("{group}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let consumer = JavaBroadcast { version: self.version(), id };
        let words = self.driver_words();
        let (group, topic, instance) = (quote(group), quote(topic), quote(instance));
        consumer.call(
            "broadcast",
            &format!("{words} group={group} topic={topic} ip=127.0.0.1 instance={instance}"),
        );
        consumer
    }

    /// The folder that [`Cluster::java_broadcast`] consumers keep their offsets below.
    pub fn java_offset_store(&self) -> PathBuf {
        Driver::admin(self.version()).home().join(".rocketmq_offsets")
    }
}

/// A running Java broadcasting consumer; shut down in order when dropped.
#[derive(Debug)]
pub struct JavaBroadcast {
    version: Version,
    id: String,
}

impl JavaBroadcast {
    /// Queue and offset of each delivery so far.
    pub fn heard(&self) -> Vec<(i32, i64)> {
        let lines = self.call("heard", "");
        let pairs = lines.lines().filter_map(|line| line.split_once(' '));
        pairs.filter_map(|(queue, offset)| Some((queue.parse().ok()?, offset.parse().ok()?))).collect()
    }

    /// Shuts it down: it writes its file.
    pub fn stop(self) {}

    #[track_caller]
    fn call(&self, command: &str, words: &str) -> String {
        let line = format!("{command} {}{words}", quote(&self.id));
        Driver::admin(self.version).call(&line).unwrap_or_else(|reason| panic!("{line}: {reason}"))
    }
}

impl Drop for JavaBroadcast {
    fn drop(&mut self) {
        // A failure here would only hide the one the test is about.
        let _ = Driver::admin(self.version).call(&format!("hush {}", quote(&self.id)));
    }
}
