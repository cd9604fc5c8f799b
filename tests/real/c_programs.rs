//! C and C++ programs that consume, under valgrind, on both brokers.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use rmq_testbed::{Cluster, Version};

use crate::support::{both, compile, compile_example, end, program, run, tool};

on_both_versions! {
    a_c_programs_delivery_keeps_the_callback_contract,
    the_example_of_a_division_of_its_own_consumes_all,
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
