//! The bench peers do what the benches count on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rmq_testbed::{Cluster, Driver, Measure, Peer, Version, spawn, temp_dir};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;

const QUEUES: u32 = 4;

#[test]
fn peers_count_a_backlog() {
    Driver::prepare();
    let cluster = Cluster::shared(Version::V5_5_0);
    cluster.create_topic("Backlog", QUEUES);
    assert_eq!(cluster.send("Backlog", 2000).size(1024).batches_of(100).run().stored, 2000);
    let home = temp_dir("java-bench");
    let peer = |group| Peer::new(cluster, group, "Backlog", 2000, Measure::Throughput);
    for mut command in [peer("java-bench").java(&home).unwrap(), peer("go-bench").go().unwrap()] {
        let output = command.output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{answer}{}", String::from_utf8_lossy(&output.stderr));
        for field in
            ["\"messages\":2000", "start_to_first_nanos", "first_to_last_nanos", "cpu_nanos", "peak_rss_kib"]
        {
            assert!(answer.contains(field), "{field} is not in {answer}");
        }
    }
}

#[test]
fn peers_measure_latency() {
    Driver::prepare();
    let cluster = Cluster::shared(Version::V5_5_0);
    cluster.create_topic("Steady", QUEUES);
    let home = temp_dir("java-bench");
    let peer = |group| Peer::new(cluster, group, "Steady", 40, Measure::Latency { warmup: QUEUES });
    let commands = [peer("java-latency").java(&home).unwrap(), peer("go-latency").go().unwrap()];
    let peers: Vec<_> = commands.into_iter().map(|command| thread::spawn(move || measure(command))).collect();
    cluster.send("Steady", QUEUES).run();
    for peer in peers {
        let lines = peer.join().unwrap();
        let answer = lines.last().unwrap();
        assert!(answer.contains("\"messages\":40") && answer.contains("p99_us"), "{lines:?}");
    }
}

/// Sends the stamped messages when the peer says it is ready; two peers may each get both senders' messages.
fn measure(mut command: Command) -> Vec<String> {
    command.stdout(Stdio::piped());
    let mut child = spawn(command).unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "ready" {
            Cluster::shared(Version::V5_5_0).send("Steady", 40).stamped().rate(100).run();
        }
        lines.push(line);
    }
    child.wait().unwrap();
    lines
}
