//! No JVM outlives the program that started it, however that program ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rmq_testbed::{build_dir, spawn, wait_until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn kill_9_takes_the_brokers_along() {
    let mut up = up("sleep 600");
    assert_eq!(processes_of(up.id()).len(), 3, "name server, broker and driver run");
    up.kill().unwrap();
    up.wait().unwrap();
    wait_until("the end of all JVMs", WITHIN, || processes_of(up.id()).is_empty());
    for folder in folders_of(up.id()) {
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn ctrl_c_ends_the_command_and_leaves_nothing() {
    let mut up = up("sleep 600");
    let group = libc::pid_t::try_from(up.id()).unwrap();
    // SAFETY: a plain system call; the group is the one made below, its leader not waited for yet.
    unsafe { libc::kill(-group, libc::SIGINT) };
    assert_eq!(up.wait().unwrap().code(), Some(128 + libc::SIGINT));
    assert_eq!(processes_of(up.id()), Vec::<String>::new());
    assert_eq!(folders_of(up.id()), Vec::<String>::new());
}

/// Starts `rmq-testbed up` as a terminal would, as the leader of a process group; returns when the command runs.
fn up(command: &str) -> Child {
    let mut up = Command::new(env!("CARGO_BIN_EXE_rmq-testbed"));
    up.args(["up", "--", "sh", "-c", &format!("echo running; exec {command}")]);
    up.process_group(0).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut up = spawn(up).unwrap();
    let mut line = String::new();
    BufReader::new(up.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");
    up
}

/// Command lines that name a run folder of process `pid`.
fn processes_of(pid: u32) -> Vec<String> {
    let mark = format!("{}/run/{pid}-", build_dir().display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(&mark))
        .collect()
}

fn folders_of(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(build_dir().join("run")).unwrap().flatten();
    let paths = entries.map(|entry| entry.path().to_string_lossy().into_owned());
    paths.filter(|path| path.contains(&format!("/run/{pid}-"))).collect()
}
