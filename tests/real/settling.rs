//! A C program of ours that settles messages in random order from four threads, run to its end or killed; for the
//! tests of both fronts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use rmq_testbed::{Cluster, TempDir, loops, spawn, temp_dir, wait_until};

use crate::member::committed;
use crate::support::{compile, program};

const MESSAGES: u32 = 10_000;
const QUEUES: u32 = 8;
const WITHIN: Duration = Duration::from_secs(60);

/// Once for all tests: a program cannot be written while it runs.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| compile("settle.c"));

/// A process that settles.
struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    /// `front` is `poll` or `defer`; with 0 messages it does not end by itself.
    fn start(cluster: &Cluster, topic: &str, front: &str, messages: u32, micros: u32) -> Process {
        let folder = temp_dir(&format!("settle-{topic}"));
        let mut command = program(&*PROGRAM);
        let (messages, micros) = (messages.to_string(), micros.to_string());
        command.args([&cluster.namesrv(), topic, topic, &messages, front, &micros]);
        command.stdin(Stdio::null()).stdout(File::create(folder.path().join("out")).unwrap());
        command.stderr(File::create(folder.path().join("err")).unwrap());
        Process { child: spawn(command).unwrap(), folder }
    }

    /// What it was about to settle, by queue.
    fn handled(&self) -> BTreeMap<u32, Vec<i64>> {
        let text = std::fs::read_to_string(self.folder.path().join("out")).unwrap();
        let mut handled: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
        // A kill may cut the last line.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let (queue, offset) = line.split_once(' ').unwrap();
            handled.entry(queue.parse().unwrap()).or_default().push(offset.parse().unwrap());
        }
        handled
    }

    fn count(&self) -> usize {
        self.handled().values().map(Vec::len).sum()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fill(cluster: &Cluster, topic: &str) {
    cluster.create_topic(topic, QUEUES);
    assert_eq!(cluster.send(topic, MESSAGES).batches_of(10).run().stored, u64::from(MESSAGES));
}

/// Runs to the end: each message is settled once, and committed.
pub fn settles_all(cluster: &Cluster, topic: &str, front: &str) {
    fill(cluster, topic);
    let mut process = Process::start(cluster, topic, front, MESSAGES, 0);
    let status = process.child.wait().unwrap();
    let told = std::fs::read_to_string(process.folder.path().join("err")).unwrap();
    assert!(status.success(), "{status}: {told}");
    let handled = process.handled();
    assert_eq!(process.count(), MESSAGES as usize);
    assert!(handled.values().all(|offsets| !offsets.is_sorted()), "the order was random");
    assert_eq!(distinct(&[handled]), MESSAGES as usize);
    assert_eq!(committed(cluster, topic, topic, QUEUES), i64::from(MESSAGES));
}

/// Kills a process half-way; another one finishes. Nothing is lost, and nothing was committed that was not settled.
pub fn loses_nothing_when_killed(cluster: &Cluster, topic: &str, front: &str) {
    for round in 0..loops() {
        lose_nothing_when_killed(cluster, &format!("{topic}{round}"), front);
    }
}

fn lose_nothing_when_killed(cluster: &Cluster, topic: &str, front: &str) {
    fill(cluster, topic);
    let mut first = Process::start(cluster, topic, front, 0, 500);
    wait_until("the first half", WITHIN, || first.count() >= MESSAGES as usize / 2);
    first.kill();
    let before = first.handled();
    let half = first.count();
    assert!(half < MESSAGES as usize, "it was killed too late");
    for (queue, offsets) in &before {
        let offsets: BTreeSet<i64> = offsets.iter().copied().collect();
        let first_open = (0..).find(|offset| !offsets.contains(offset)).unwrap();
        let committed = cluster.committed_offset(topic, topic, *queue).unwrap_or(0);
        assert!(committed <= first_open, "queue {queue}: {committed} is committed, {first_open} is open");
    }
    assert!(committed(cluster, topic, topic, QUEUES) > 0, "it had committed something");
    let second = Process::start(cluster, topic, front, 0, 0);
    wait_until("the rest", WITHIN, || committed(cluster, topic, topic, QUEUES) == i64::from(MESSAGES));
    let after = second.handled();
    assert_eq!(distinct(&[before, after]), MESSAGES as usize, "nothing is lost");
    assert!(second.count() < MESSAGES as usize, "what was committed does not come again");
}

fn distinct(runs: &[BTreeMap<u32, Vec<i64>>]) -> usize {
    let all = runs.iter().flatten();
    all.flat_map(|(queue, offsets)| offsets.iter().map(move |offset| (queue, offset)))
        .collect::<BTreeSet<_>>()
        .len()
}
