//! What a process may do with the library: exit while it runs, load it again, have two of it, never call it; and what
//! callbacks may not do. C programs against a mock cluster.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rmq::protocol::command::Heartbeat;
use rmq_mock::{Fault, MockCluster, Produced, RequestCode};
use support::{
    Build, STRICT, both, compile, end, library_folder, output, program, root, run, tool, under_valgrind,
};

/// Builds a program of tests/capi with flags of its own, or without the library.
fn compile_with(source: &str, folder: &str, flags: &[&str], linked: bool) -> PathBuf {
    let source = root().join("tests/capi").join(source);
    Build { flags, linked, ..Build::new(&source, &format!("processes-{folder}")) }.run()
}

/// What depends on timing; all of it takes seconds.
const TIMES: u32 = 100;

fn cluster(queues: i32, messages: i32) -> MockCluster {
    let cluster = MockCluster::start();
    cluster.create_topic("T", queues);
    for number in 0..messages {
        cluster.produce("T", number % queues, format!("body {number}").as_str());
    }
    cluster
}

/// Ends by itself with 0, soon.
fn exits_well(path: &Path, cluster: &MockCluster, group: &str, mode: &str) {
    let begun = Instant::now();
    let output = end(program(path).args([&cluster.namesrv(), group, "T", mode]));
    assert_eq!(output.status.signal(), None, "{group}: {}", both(&output));
    assert_eq!(output.status.code(), Some(0), "{group}: {}", both(&output));
    assert!(begun.elapsed() < Duration::from_secs(20), "{group}: {:?}", begun.elapsed());
}

#[test]
fn a_process_may_exit_while_callbacks_run() {
    let path = compile("exit_running.c");
    for turn in 0..TIMES {
        exits_well(&path, &cluster(4, 400), &format!("push-{turn}"), "push");
    }
}

#[test]
fn a_process_may_exit_while_threads_poll() {
    let path = compile_with("exit_running.c", "exit-polling", &[], true);
    for turn in 0..TIMES {
        // Fewer than would keep them busy: some threads wait in the library.
        exits_well(&path, &cluster(4, 22), &format!("poll-{turn}"), "poll");
    }
}

#[test]
fn the_library_can_be_closed_and_loaded_again() {
    let path = compile_with("reload.c", "reload", &["-ldl"], false);
    let (cluster, times) = (cluster(2, 4), TIMES);
    run(program(path).arg(library_folder().join("librmq.so")).args([
        &cluster.namesrv(),
        "reload",
        "T",
        &times.to_string(),
    ]));
    assert_eq!(cluster.members("reload-0"), Vec::<String>::new());
}

#[test]
fn a_program_that_links_the_library_and_never_calls_it_is_as_before() {
    let with = run(&mut program(compile_with("unused.c", "unused", &["-Wl,--no-as-needed"], true)));
    let without = run(&mut program(compile_with("unused.c", "unlinked", &[], false)));
    assert_eq!(with.strip_suffix("loaded\n"), without.strip_suffix("not loaded\n"));
    assert!(with.contains("1 threads\n"), "{with}");
}

/// A shared library of a user with librmq.a inside.
fn plugin(folder: &Path) -> PathBuf {
    let plugin = folder.join("libplugin.so");
    run(tool("gcc", "gcc")
        .args(["-std=c11", "-shared", "-fPIC"])
        .args(STRICT)
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join("tests/capi/plugin.c"))
        .arg(library_folder().join("librmq.a"))
        .args(["-Wl,--exclude-libs,librmq.a", "-Wl,-z,defs", "-o"])
        .arg(&plugin)
        .args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]));
    plugin
}

#[test]
fn two_copies_in_one_process_do_not_meet() {
    let plugin = plugin(&output("processes-plugin"));
    let path = compile_with("two_copies.c", "two-copies", &["-ldl"], true);
    let cluster = cluster(2, 50);
    run(program(path).arg(plugin).args([&cluster.namesrv(), "T", "50"]));
}

#[test]
fn a_users_library_with_the_static_one_inside_shows_nothing_of_it() {
    let plugin = plugin(&output("processes-hidden"));
    let symbols = run(tool("nm", "binutils").args(["-D", "--defined-only"]).arg(plugin));
    let mut names: Vec<&str> =
        symbols.lines().filter_map(|line| line.split_whitespace().next_back()).collect();
    names.sort_unstable();
    assert_eq!(names, ["plugin_consumer", "plugin_end", "plugin_last_error", "plugin_version"]);
}

#[test]
fn cut_connections_raise_no_signal() {
    let path = compile("sigpipe.c");
    let cluster = cluster(16, 320);
    // Of the pulls that were written together one ends the connection, so the others meet a closed one; of the later
    // answers half are cut in the middle.
    let cuts = 100;
    cluster.on(RequestCode::PullMessage).with("topic", "T").times(cuts / 2, Fault::disconnect());
    cluster.on(RequestCode::PullMessage).with("topic", "T").times(cuts / 2, Fault::half_frame());
    let output = end(program(path).args([&cluster.namesrv(), "cuts", "T", "320"]));
    assert!(output.status.success(), "{}: {}", output.status, both(&output));
    let pulls = cluster.requests(RequestCode::PullMessage);
    let connections: BTreeSet<u64> = pulls.iter().map(|pull| pull.connection).collect();
    assert!(pulls.len() >= cuts && connections.len() > 20, "{} pulls, {}", pulls.len(), connections.len());
}

#[test]
fn what_a_callback_must_not_do_is_refused_with_a_code() {
    let path = compile("rules.c");
    let cluster = cluster(1, 14);
    let printed = run(program(&path).args([&cluster.namesrv(), "rules", "T", "14"]));
    assert!(printed.starts_with("message 28, "), "{printed}");
    run(under_valgrind(&path).args([&cluster.namesrv(), "rules-valgrind", "T", "14"]));
}

/// Ten times as many as it takes to see what each leaves behind: a page of memory in each would be 3.5 MB.
#[test]
fn a_thousand_lives_leave_what_a_hundred_leave() {
    let path = compile("lives.c");
    let cluster = cluster(4, 8);
    let printed = run(program(path).args([&cluster.namesrv(), "lives", "T", "1000"]));
    assert!(printed.starts_with("after 100 lives 1 threads, "), "{printed}");
    assert_eq!(cluster.members("lives-999"), Vec::<String>::new());
}

#[test]
fn a_callback_may_call_every_function_and_make_and_destroy_other_consumers() {
    let path = compile("inside.c");
    let cluster = cluster(2, 20);
    let printed = run(program(&path).args([&cluster.namesrv(), "inside", "T"]));
    let mut called: Vec<&str> = printed.lines().collect();
    called.sort_unstable();
    let exports = std::fs::read_to_string(root().join("tests/exports.txt")).unwrap();
    assert_eq!(called, exports.lines().collect::<Vec<_>>());
}

#[test]
fn a_clock_that_jumps_by_decades_stops_nothing_and_makes_no_subscription_older() {
    let path = compile("clock.c");
    let cluster = cluster(2, 0);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                cluster.produce("T", number % 2, Produced::new("m").tag("a"));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let output = end(program(path).args([&cluster.namesrv(), "clock", "T"]));
        ended.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{}: {}", output.status, both(&output));
    });
    let beats = cluster.requests(RequestCode::HeartBeat);
    let versions: Vec<i64> = beats
        .iter()
        .filter_map(|beat| beat.read::<Heartbeat>())
        .flat_map(|beat| beat.consumers)
        .flat_map(|consumer| consumer.subscriptions)
        .filter(|subscription| subscription.topic == "T")
        .map(|subscription| subscription.version)
        .collect();
    assert!(versions.is_sorted(), "{versions:?}");
    let distinct: BTreeSet<i64> = versions.into_iter().collect();
    assert!(distinct.len() >= 9, "each change is told: {distinct:?}");
}
