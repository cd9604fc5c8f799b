//! Examples that belong to no other room, on both brokers.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use rmq_testbed::{Cluster, Version, wait_until};

use crate::support::{compile_example, program, run};

on_both_versions! {
    the_push_example_consumes_by_tag_and_counts,
    the_event_loop_example_consumes_all_on_one_thread_of_its_own,
    the_event_loop_example_ends_by_a_signal_and_commits,
}

static EVENT_LOOP: LazyLock<PathBuf> = LazyLock::new(|| compile_example("event_loop.c"));

/// The example as the only member of a group that is called like its topic.
fn example(cluster: &Cluster, name: &str) -> Command {
    let mut command = program(&*EVENT_LOOP);
    command.args([name, name]).env("NAMESRV_ADDR", cluster.namesrv());
    command
}

fn committed(cluster: &Cluster, name: &str) -> i64 {
    (0..4).filter_map(|queue| cluster.committed_offset(name, name, queue)).sum()
}

fn the_event_loop_example_consumes_all_on_one_thread_of_its_own(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("EventLoop", 4);
    cluster.send("EventLoop", 200).run();
    let printed = run(example(cluster, "EventLoop").arg("200"));
    let mut lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.pop(), Some("200 messages"), "{printed}");
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 200, "{printed}");
    assert_eq!(committed(cluster, "EventLoop"), 200);
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn the_event_loop_example_ends_by_a_signal_and_commits(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("EventLoopSignal", 4);
    cluster.send("EventLoopSignal", 40).run();
    let mut command = example(cluster, "EventLoopSignal");
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let commits = || committed(cluster, "EventLoopSignal");
    wait_until("its commits", Duration::from_secs(30), || commits() == 40);
    run(Command::new("kill").args(["-INT", &running.0.id().to_string()]));
    let status = running.0.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(commits(), 40);
}

fn the_push_example_consumes_by_tag_and_counts(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Push", 4);
    cluster.send("Push", 40).tags(&["new", "paid", "shipped", "returned"]).run();
    static PUSH: LazyLock<PathBuf> = LazyLock::new(|| compile_example("push.c"));
    let mut command = program(&*PUSH);
    let printed =
        run(command.args(["push", "Push", "new || paid", "20"]).env("NAMESRV_ADDR", cluster.namesrv()));
    assert!(printed.contains("20 messages in ") && printed.ends_with(" s, 20 expected\n"), "{printed}");
    assert_eq!(printed.matches("Push queue ").count(), 5, "{printed}");
    assert!(!printed.contains("tag shipped") && !printed.contains("tag returned"), "{printed}");
}
