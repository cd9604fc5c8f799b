//! Other clients' push consumers, for side-by-side benches.
//!
//! Both peers are programs with the same options and the same answer: one JSON line when `count` messages came, then
//! exit with status 0 (1 when they did not come within the time, with what came); [`Measure::Deliveries`] differs.
//!
//! * [`Measure::Throughput`]: `{"client", "messages", "start_to_first_nanos", "first_to_last_nanos", "cpu_nanos",
//!   "peak_rss_kib"}`. Times run from just before the consumer's `start()`; the callback only counts.
//! * [`Measure::Latency`]: `{"client", "messages", "p50_us", "p99_us", "max_us", "cpu_nanos", "peak_rss_kib"}`: the
//!   clock in the callback minus the stamp in the body, which `Sending::stamped` put there just before sending. Messages
//!   without a stamp warm up: the line `ready` comes first, when `warmup` of them were consumed. So: start the peer,
//!   send `warmup` plain messages to every queue in turn, wait for `ready`, then send stamped ones at a steady rate.
//! * [`Measure::Deliveries`]: no answer, but the line `QUEUE OFFSET STORED CALLED` for each delivery, written at once, so
//!   that a kill -9 loses none: STORED is the broker's store timestamp in milliseconds, CALLED the callback's clock in
//!   nanoseconds, both since 1970. There is no `count`: at SIGTERM it leaves its group and ends with 0.
//!
//! Every setting is the client's default except "from the first offset" and, in Go, an instance name and silent logs.

use crate::classes::class_path_of;
use crate::cluster::Cluster;
use crate::folders::{TempDir, build_dir, fingerprint, lock, partial, source_dir};
use crate::jars::run_tool;
use crate::jvm::java;
use crate::version::Version;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What a peer measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How fast stored messages are consumed.
    Throughput,
    /// How long messages take to the callback.
    Latency {
        /// Unstamped messages until `ready`.
        warmup: u32,
    },
    /// What came when, until SIGTERM.
    Deliveries {
        /// How long each callback sleeps after it wrote its line.
        callback: Duration,
    },
}

impl Measure {
    /// The options that say so, the same for every client.
    pub fn options(self) -> Vec<String> {
        match self {
            Measure::Throughput => Vec::new(),
            Measure::Latency { warmup } => vec!["mode=latency".to_owned(), format!("warmup={warmup}")],
            Measure::Deliveries { callback } => {
                vec!["mode=deliveries".to_owned(), format!("sleep_us={}", callback.as_micros())]
            }
        }
    }
}

/// A bench consumer to be, of any client.
#[derive(Clone, Debug)]
pub struct Peer {
    options: Vec<String>,
}

impl Peer {
    /// A consumer of `topic` on `cluster`, which ends after `count` messages if it measures by count.
    pub fn new(cluster: &Cluster, group: &str, topic: &str, count: u64, measure: Measure) -> Peer {
        let mut options = vec![
            format!("ns={}", cluster.namesrv()),
            format!("group={group}"),
            format!("topic={topic}"),
            format!("count={count}"),
        ];
        options.extend(measure.options());
        Peer { options }
    }

    /// How long it waits for its messages; 120 s unless given.
    pub fn within(mut self, time: Duration) -> Peer {
        self.options.push(format!("within={}", time.as_secs()));
        self
    }

    /// The Java client 5.5.0 on a JVM without any tuning:
    /// `java -cp CLASSES:JARS rmq.testbed.BenchConsumer ns=.. group=.. topic=.. count=..`. Its log goes to `home`.
    pub fn java(&self, home: &TempDir) -> Result<Command, String> {
        let mut command = java(home.path(), &class_path_of("BenchConsumer", Version::V5_5_0)?)?;
        command.arg("rmq.testbed.BenchConsumer").args(&self.options);
        Ok(command)
    }

    /// The Go client 2.1.2, built by `go build` on first use: `bench ns=.. group=.. topic=.. count=..`.
    pub fn go(&self) -> Result<Command, String> {
        let mut command = Command::new(go_program()?);
        command.args(&self.options);
        Ok(command)
    }
}

/// The Go peer's program, built once per state of its sources.
fn go_program() -> Result<PathBuf, String> {
    let sources = source_dir("go").join("bench");
    let program = build_dir().join("go").join(format!("bench-{:016x}", fingerprint(&sources)?));
    if program.exists() {
        return Ok(program);
    }
    let _lock = lock();
    if !program.exists() {
        let partial = partial(&program);
        let mut go = Command::new("go");
        go.current_dir(&sources).args(["build", "-o"]).arg(&partial).arg(".");
        run_tool(go, "golang-go")?;
        fs::rename(&partial, &program).map_err(|e| format!("{}: {e}", program.display()))?;
    }
    Ok(program)
}
