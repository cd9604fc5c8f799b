//! C and C++ programs that consume, under valgrind, on both brokers.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use rmq_testbed::{Cluster, Version, temp_dir, wait_until};

use crate::support::{both, compile, compile_example, end, program, run, tool, under_valgrind};

on_both_versions! {
    a_c_programs_delivery_keeps_the_callback_contract,
    a_c_program_controls_a_queue_and_sees_each_effect,
    a_c_program_sees_what_selectors_events_and_order_change,
    the_assign_example_reads_the_last_messages_of_a_queue,
    the_example_of_a_division_of_its_own_consumes_all,
    the_example_of_broadcasting_goes_on_where_it_stopped,
}

fn a_c_programs_delivery_keeps_the_callback_contract(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Contract", 1);
    cluster.send("Contract", 3).tags(&["TagA"]).run();
    // Once for both brokers: a program cannot be written while it runs.
    static DELIVERY: LazyLock<PathBuf> = LazyLock::new(|| compile("delivery.c"));
    let path = &*DELIVERY;
    let namesrv = cluster.namesrv();
    run(program(path).args([&namesrv, "contract", "Contract", "3"]));
    run(tool("valgrind", "valgrind")
        .args(["-q", "--error-exitcode=99", "--leak-check=full"])
        .arg("--show-leak-kinds=definite,indirect,possible")
        .arg("--errors-for-leak-kinds=definite,indirect,possible")
        .arg(path)
        .args([&namesrv, "contract-valgrind", "Contract", "3"])
        .env("RUST_BACKTRACE", "0"));
}

fn a_c_program_controls_a_queue_and_sees_each_effect(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Control", 1);
    cluster.send("Control", 30).run();
    static QUEUES: LazyLock<PathBuf> = LazyLock::new(|| compile("queues.c"));
    let namesrv = cluster.namesrv();
    run(program(&*QUEUES).args([&namesrv, "control", "Control", cluster.broker_name(), "30"]));
}

fn a_c_program_sees_what_selectors_events_and_order_change(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Effects", 1);
    cluster.send("Effects", 6).tags(&["TagA", "TagB"]).run();
    static EFFECTS: LazyLock<PathBuf> = LazyLock::new(|| compile("effects.c"));
    run(program(&*EFFECTS).args([&cluster.namesrv(), "effects", "Effects"]));
    run(under_valgrind(&*EFFECTS).args([&cluster.namesrv(), "effects-valgrind", "Effects"]));
}

fn the_assign_example_reads_the_last_messages_of_a_queue(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("AssignExample", 2);
    cluster.send("AssignExample", 40).run();
    static ASSIGN: LazyLock<PathBuf> = LazyLock::new(|| compile_example("assign.c"));
    let mut command = program(&*ASSIGN);
    command.args(["assign-example", "AssignExample", cluster.broker_name(), "1", "3"]);
    let printed = run(command.env("NAMESRV_ADDR", cluster.namesrv()));
    assert!(printed.starts_with("the queue has 0 to 20\n"), "{printed}");
    for offset in 17..20 {
        assert!(printed.contains(&format!("offset {offset}: AssignExample-")), "{printed}");
    }
    assert_eq!(printed.matches("\noffset ").count(), 3, "{printed}");
    assert!(printed.ends_with("\nposition 20, committed 20\n"), "{printed}");
    assert_eq!(cluster.committed_offset("assign-example", "AssignExample", 1), Some(20));
    assert_eq!(cluster.committed_offset("assign-example", "AssignExample", 0).unwrap_or(0), 0);
}

/// Once as it is, once under valgrind with a new group, which gets all again.
fn the_example_of_a_division_of_its_own_consumes_all(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Allocated", 4);
    cluster.send("Allocated", 40).run();
    static ALLOCATE: LazyLock<PathBuf> = LazyLock::new(|| compile_example("allocate"));
    let namesrv = cluster.namesrv();
    let printed =
        run(program(&*ALLOCATE).args(["allocated", "Allocated", "40"]).env("NAMESRV_ADDR", &namesrv));
    for queue in 0..4 {
        let line = format!(" takes Allocated {} queue {queue}\n", cluster.broker_name());
        assert!(printed.contains(&line), "{printed}");
    }
    run(tool("valgrind", "valgrind")
        .args(["-q", "--error-exitcode=99", "--leak-check=full"])
        .arg("--show-leak-kinds=definite,indirect,possible")
        .arg("--errors-for-leak-kinds=definite,indirect,possible")
        .arg(&*ALLOCATE)
        .args(["allocated-valgrind", "Allocated", "40"])
        .env("NAMESRV_ADDR", &namesrv)
        .env("RUST_BACKTRACE", "0"));
}

/// Also after a kill: the lock on its file ends with the process.
fn the_example_of_broadcasting_goes_on_where_it_stopped(version: Version) {
    let (cluster, home) = (Cluster::shared(version), temp_dir("home"));
    static BROADCAST: LazyLock<PathBuf> = LazyLock::new(|| compile_example("broadcast.c"));
    cluster.create_topic("Prices", 2);
    let example = |instance: &str, messages: &str| {
        let mut command = program(&*BROADCAST);
        command.env("NAMESRV_ADDR", cluster.namesrv()).env("HOME", home.path());
        let output = end(command.args(["price-cache", "Prices", instance, messages]));
        assert!(output.status.success(), "{}", both(&output));
        output
    };
    cluster.send("Prices", 20).tags(&["good", "good", "good", "bad"]).run();
    let first = example("DEFAULT", "20");
    assert!(both(&first).contains("\n20 messages"), "{}", both(&first));
    assert!(both(&first).contains("warning: Prices/broker-a/"), "{}", both(&first));
    cluster.send("Prices", 10).run();
    let second = example("DEFAULT", "10");
    assert_eq!(String::from_utf8_lossy(&second.stdout).lines().count(), 11, "{}", both(&second));
    let other = example("other", "30");
    assert!(both(&other).contains("\n30 messages"), "{}", both(&other));
    let store = home.path().join(".rocketmq_offsets");
    let folders = std::fs::read_dir(&store).unwrap();
    let mut names: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names[0].ends_with("@DEFAULT") && names[1].ends_with("@other"), "{names:?}");
    assert!(store.join(&names[0]).join("price-cache/offsets.json").exists());

    let killed = || {
        let mut command = program(&*BROADCAST);
        command.env("NAMESRV_ADDR", cluster.namesrv()).env("HOME", home.path());
        command.args(["price-cache", "Prices", "killed"]);
        command
    };
    let mut running = killed().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let file = store.join(names[0].replace("DEFAULT", "killed")).join("price-cache/offsets.json");
    wait_until("its file", Duration::from_secs(20), || file.exists());
    let refused = end(&mut killed());
    assert!(both(&refused).contains("another consumer keeps its offsets in it"), "{}", both(&refused));
    running.kill().unwrap();
    running.wait().unwrap();
    cluster.send("Prices", 5).run();
    example("killed", "5");
}

#[test]
fn a_cpp_exception_that_leaves_a_callback_ends_the_process() {
    let cluster = Cluster::shared(Version::V5_5_0);
    cluster.create_topic("Exception", 1);
    cluster.send("Exception", 1).run();
    let path = compile("exception.cc");
    let output = end(program(path).args([&cluster.namesrv(), "exception", "Exception"]));
    assert_eq!(output.status.signal(), Some(6), "{}", both(&output));
    assert!(both(&output).contains("Rust cannot catch foreign exceptions"), "{}", both(&output));
}
