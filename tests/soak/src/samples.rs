//! How the run looks, once a second.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::members::Members;
use crate::producer::Producer;

/// One second of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Seconds since the first one.
    pub(crate) at: f64,
    /// Messages a second that came for the first time, all groups together.
    pub(crate) rate: f64,
    /// Messages that the group that is furthest behind has not been given.
    pub(crate) lag: f64,
    /// Of the member with the most, in MB.
    pub(crate) rss: f64,
    /// Of the member with the most.
    pub(crate) threads: f64,
    /// File descriptors, of the member with the most.
    pub(crate) files: f64,
}

/// Samples in a thread of its own.
pub(crate) struct Sampler<'s> {
    stopping: Arc<AtomicBool>,
    thread: ScopedJoinHandle<'s, Vec<Sample>>,
}

impl<'s> Sampler<'s> {
    pub(crate) fn start<'e>(
        scope: &'s Scope<'s, 'e>,
        members: &'e Members<'_>,
        producer: &Producer<'_>,
    ) -> Sampler<'s> {
        let (stopping, stored) = (Arc::<AtomicBool>::default(), producer.stored());
        let told = Arc::clone(&stopping);
        let thread = scope.spawn(move || {
            let (begun, mut samples, mut before) = (Instant::now(), Vec::new(), (0.0, 0));
            while !told.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_secs(1));
                let (given, at) = (members.read(), begun.elapsed().as_secs_f64());
                let sum = given.iter().sum::<u64>();
                let rate = (sum - before.1) as f64 / (at - before.0);
                let lag = stored().saturating_sub(given.into_iter().min().unwrap_or(0)) as f64;
                before = (at, sum);
                let processes: Vec<_> = members.processes().into_iter().filter_map(process).collect();
                let most = |of: fn(&[f64; 3]) -> f64| processes.iter().map(of).fold(0.0, f64::max);
                samples.push(Sample {
                    at,
                    rate,
                    lag,
                    rss: most(|p| p[0]),
                    threads: most(|p| p[1]),
                    files: most(|p| p[2]),
                });
            }
            samples
        });
        Sampler { stopping, thread }
    }

    pub(crate) fn stop(self) -> Vec<Sample> {
        self.stopping.store(true, Ordering::Relaxed);
        self.thread.join().expect("the sampler ends well")
    }
}

/// Resident memory in MB, threads and descriptors of a process; `None` when it has just ended.
fn process(id: u32) -> Option<[f64; 3]> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let files = fs::read_dir(format!("/proc/{id}/fd")).ok()?.count();
    Some([number("VmRSS:")? * 1024.0 / 1e6, number("Threads:")?, files as f64])
}
