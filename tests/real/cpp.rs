//! rmq.hpp and the C++ example, on both brokers.

use std::path::PathBuf;
use std::sync::LazyLock;

use rmq_testbed::{Cluster, Version};

use crate::support::{Build, compile_example, program, root, run, under_valgrind};

on_both_versions! {
    a_cpp_program_catches_settles_and_steers,
    the_cpp_example_consumes_and_delivers_again_what_threw,
}

fn send(cluster: &Cluster, topic: &str) {
    cluster.create_topic(topic, 1);
    cluster.send(topic, 8).tags(&["good", "bad"]).keys("key").property("p", "v").run();
}

/// As C++11, where the header brings most of its own, and under valgrind as C++17.
fn a_cpp_program_catches_settles_and_steers(version: Version) {
    let cluster = Cluster::shared(version);
    send(cluster, "Cpp");
    static OLD: LazyLock<PathBuf> = LazyLock::new(|| build_as("c++11"));
    static NEW: LazyLock<PathBuf> = LazyLock::new(|| build_as("c++17"));
    let namesrv = cluster.namesrv();
    run(program(&*OLD).args([&namesrv, "cpp", "Cpp", "8"]));
    run(under_valgrind(&*NEW).args([&namesrv, "cpp-valgrind", "Cpp", "8"]));
}

fn build_as(standard: &str) -> PathBuf {
    let source = root().join("tests/capi/hpp_delivery.cc");
    Build { standard, ..Build::new(&source, &format!("real-hpp-{standard}")) }.run()
}

fn the_cpp_example_consumes_and_delivers_again_what_threw(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Raii", 2);
    cluster.send("Raii", 20).tags(&["new", "broken"]).run();
    static RAII: LazyLock<PathBuf> = LazyLock::new(|| compile_example("raii.cc"));
    let mut command = program(&*RAII);
    let printed = run(command.args(["raii", "Raii", "20"]).env("NAMESRV_ADDR", cluster.namesrv()));
    assert_eq!(printed.matches("message callback: ").count(), 10, "{printed}");
    assert_eq!(
        printed.matches("\nRaii/").count() + usize::from(printed.starts_with("Raii/")),
        20,
        "{printed}"
    );
    assert!(printed.ends_with("20 messages, 10 exceptions\n"), "{printed}");
    let sum = (0..2).filter_map(|queue| cluster.committed_offset("raii", "Raii", queue)).sum::<i64>();
    assert_eq!(sum, 20);
}
