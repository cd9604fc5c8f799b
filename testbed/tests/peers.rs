//! The bench peers do what the benches count on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rmq_testbed::{Cluster, Driver, Measure, Member, Peer, Version, spawn, temp_dir, wait_until};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

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

#[test]
fn peers_write_deliveries_down_until_they_are_asked_to_leave() {
    Driver::prepare();
    let cluster = Cluster::shared(Version::V5_5_0);
    cluster.create_topic("WrittenDown", QUEUES);
    assert_eq!(cluster.send("WrittenDown", 40).run().stored, 40);
    let home = temp_dir("java-bench");
    let measure = Measure::Deliveries { callback: Duration::from_millis(1) };
    let peer = |group| Peer::new(cluster, group, "WrittenDown", 0, measure);
    let commands = [peer("java-deliveries").java(&home).unwrap(), peer("go-deliveries").go().unwrap()];
    for (name, command) in ["java", "go"].into_iter().zip(commands) {
        let mut member = Member::start(command, home.path(), name).unwrap();
        let mut lines = Vec::new();
        wait_until(&format!("40 lines of {name}"), Duration::from_secs(60), || {
            lines.extend(member.new_lines());
            lines.len() == 40
        });
        for offset in 0..10 {
            let of = |line: &&String| line.split(' ').nth(1) == Some(offset.to_string().as_str());
            assert_eq!(lines.iter().filter(of).count(), QUEUES as usize, "{lines:?}");
        }
        let status = member.leave(Duration::from_secs(30));
        assert!(status.is_some_and(|status| status.success()), "{status:?} {}", member.errors());
        assert_eq!(member.new_lines(), Vec::<String>::new());
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
