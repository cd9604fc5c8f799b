//! What befalls the members, the broker and the name server: drawn at random, one after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rmq_testbed::Cluster;

use crate::members::{Members, Mode};
use crate::{QUEUES, TOPIC};

/// Members in a group: at least one runs, so that something is consumed.
const MEMBERS: std::ops::RangeInclusive<usize> = 1..=4;

/// Every so many draws something befalls the broker or the name server, not a member.
const CLUSTER_EVERY: usize = 6;

/// The faults of a run.
pub(crate) struct Faults {
    rng: Rng,
    counts: BTreeMap<&'static str, u32>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Faults {
        Faults { rng: Rng::with_seed(seed), counts: BTreeMap::new() }
    }

    /// How often each came.
    pub(crate) fn counts(&self) -> &BTreeMap<&'static str, u32> {
        &self.counts
    }

    /// One after the other until `end`; two members run in each group at first.
    pub(crate) fn befall(&mut self, cluster: &Cluster, members: &Members<'_>, end: Instant) {
        Mode::ALL.into_iter().cycle().take(6).for_each(|mode| members.start(mode));
        while Instant::now() < end {
            // Not a wait for a state: the time between two faults is drawn too.
            self.pause(500, 6000);
            match self.rng.usize(0..CLUSTER_EVERY) {
                0 => self.cluster(cluster),
                _ => self.member(members),
            }
        }
    }

    fn member(&mut self, members: &Members<'_>) {
        let mode = Mode::ALL[self.rng.usize(0..Mode::ALL.len())];
        let count = members.count(mode);
        let which = self.rng.usize(0..count.max(1));
        let spare = count > *MEMBERS.start();
        match self.rng.usize(0..4) {
            0 if spare => {
                members.stop(mode, which);
                self.count("member left");
            }
            1 if spare => {
                members.kill(mode, which);
                self.count("member killed");
            }
            2 => {
                let time = self.time(500, 8000);
                members.freeze(mode, which, time);
                self.count("member frozen");
            }
            _ if count < *MEMBERS.end() => {
                members.start(mode);
                self.count("member joined");
            }
            _ => {}
        }
    }

    fn cluster(&mut self, cluster: &Cluster) {
        match self.rng.usize(0..8) {
            0..=2 => {
                cluster.kill_broker();
                self.pause(0, 8000);
                cluster.restart_broker();
                self.count("broker killed");
            }
            3..=5 => {
                cluster.freeze_broker();
                self.pause(200, 8000);
                cluster.thaw_broker();
                self.count("broker frozen");
            }
            // Its return takes half a minute, in which a new producer finds no route.
            _ => {
                cluster.kill_name_server();
                self.pause(0, 15_000);
                cluster.restart_name_server();
                // A broker tells a new name server of what changes at once, of the rest every 30 s.
                cluster.create_topic(TOPIC, QUEUES);
                self.count("name server killed");
            }
        }
    }

    fn time(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.rng.u64(least..=most))
    }

    fn pause(&mut self, least: u64, most: u64) {
        std::thread::sleep(self.time(least, most));
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}
