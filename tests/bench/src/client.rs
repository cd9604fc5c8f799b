//! The clients that are measured, as commands with the same options.

use std::process::Command;

use rmq_testbed::{Cluster, Measure, Peer, TempDir};

use crate::consume::Consume;

/// One of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    /// The bare loop of this program: the limit.
    Limit,
    /// This library, through consume.c.
    Ours,
    /// The Java push consumer.
    Java,
    /// The Go push consumer.
    Go,
}

/// What a client is to do.
pub(crate) struct Task<'a> {
    /// Its group.
    pub(crate) group: String,
    /// The topic.
    pub(crate) topic: &'a str,
    /// Messages until its end.
    pub(crate) count: u64,
    /// What it measures.
    pub(crate) measure: Measure,
}

impl Client {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Client; 4] = [Client::Limit, Client::Ours, Client::Java, Client::Go];

    /// As in the option `clients=`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Client::Limit => "limit",
            Client::Ours => "ours",
            Client::Java => "java",
            Client::Go => "go",
        }
    }

    /// As in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Client::Limit => "bare loop (the limit)",
            Client::Ours => "ours, C callback",
            Client::Java => "Java push consumer",
            Client::Go => "Go push consumer",
        }
    }

    /// The program with its options; ours and the bare loop take more of them.
    pub(crate) fn command(
        self,
        cluster: &Cluster,
        consume: &Consume,
        java_home: &TempDir,
        task: &Task<'_>,
    ) -> Result<Command, String> {
        let peer = || Peer::new(cluster, &task.group, task.topic, task.count, task.measure);
        match self {
            Client::Limit => {
                let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
                command.arg("bare").args(options(cluster, task));
                Ok(command)
            }
            Client::Ours => Ok(consume.command(options(cluster, task))),
            Client::Java => peer().java(java_home),
            Client::Go => peer().go(),
        }
    }
}

fn options(cluster: &Cluster, task: &Task<'_>) -> Vec<String> {
    let mut options = vec![
        format!("ns={}", cluster.namesrv()),
        format!("group={}", task.group),
        format!("topic={}", task.topic),
        format!("count={}", task.count),
    ];
    options.extend(task.measure.options());
    options
}
