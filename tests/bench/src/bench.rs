//! What the sections share: one broker, its backlogs, the clients.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rmq_testbed::{Cluster, Driver, Profile, TempDir, Version, temp_dir};

use crate::child::{Outcome, Running};
use crate::client::{Client, Task};
use crate::consume::Consume;
use crate::options::Options;

/// Queues of every topic.
pub(crate) const QUEUES: u32 = 8;

/// A broker of this run's own, and what runs against it.
pub(crate) struct Bench {
    /// The command line.
    pub(crate) options: Options,
    /// The broker.
    pub(crate) cluster: Cluster,
    consume: Consume,
    java_home: TempDir,
    backlogs: RefCell<HashMap<usize, String>>,
    groups: Cell<u32>,
    begun: Instant,
}

impl Bench {
    /// Compiles consume.c and starts the broker.
    pub(crate) fn start(options: Options) -> Result<Bench, String> {
        let begun = Instant::now();
        let consume = Consume::compile(options.get("library"))?;
        Driver::prepare();
        let cluster = Cluster::builder(Version::V5_5_0).profile(Profile::Bench).try_start()?;
        Driver::try_shared()?;
        Ok(Bench {
            options,
            cluster,
            consume,
            java_home: temp_dir("bench-java"),
            backlogs: RefCell::default(),
            groups: Cell::default(),
            begun,
        })
    }

    /// Where the library under test is, as librmq.so.0.
    pub(crate) fn library_folder(&self) -> &Path {
        self.consume.folder()
    }

    /// Messages of a backlog.
    pub(crate) fn count(&self) -> u64 {
        self.options.number("count", 1_000_000)
    }

    /// The sizes of message bodies to measure with.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let sizes = self.options.text_or("sizes", "1024,128").split(',');
        sizes.map(|size| size.parse().unwrap_or_else(|_| panic!("sizes={size}"))).collect()
    }

    /// A topic with `count` messages of this size stored by Java; the first caller waits for them.
    pub(crate) fn backlog(&self, size: usize) -> Result<String, String> {
        if let Some(topic) = self.backlogs.borrow().get(&size) {
            return Ok(topic.clone());
        }
        let topic = format!("Backlog{size}");
        let count = self.count();
        self.say(&format!("storing {count} messages of {size} B"));
        self.cluster.create_topic(&topic, QUEUES);
        let count = u32::try_from(count).map_err(|e| format!("count={count}: {e}"))?;
        let sent = self.cluster.send(&topic, count).size(size).batches_of(500).run();
        if sent.stored != u64::from(count) {
            return Err(format!("{topic} was not filled: {sent:?}"));
        }
        self.backlogs.borrow_mut().insert(size, topic.clone());
        Ok(topic)
    }

    /// The name of a group nobody had before.
    pub(crate) fn new_group(&self) -> String {
        self.groups.set(self.groups.get() + 1);
        format!("bench-{}", self.groups.get())
    }

    /// A client's command; ours and the bare loop take more options.
    pub(crate) fn command(&self, client: Client, task: &Task<'_>) -> Result<Command, String> {
        client.command(&self.cluster, &self.consume, &self.java_home, task)
    }

    /// Runs a client alone, to its end.
    pub(crate) fn run(&self, client: Client, task: &Task<'_>, more: &[&str]) -> Result<Outcome, String> {
        let mut command = self.command(client, task)?;
        command.args(more);
        Running::start(client.title(), command)?.finish()
    }

    /// Tells on stderr what goes on: a whole run takes minutes.
    pub(crate) fn say(&self, what: &str) {
        eprintln!("{:6.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }
}
