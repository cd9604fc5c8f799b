//! C and C++ programs that consume, under valgrind, on both brokers.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use rmq_testbed::{Cluster, Version};

use crate::support::{both, compile, end, program, run, tool};

on_both_versions! {
    a_c_programs_delivery_keeps_the_callback_contract,
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
