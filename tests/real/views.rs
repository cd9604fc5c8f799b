//! The views of a batch, as C programs get them.

use std::path::PathBuf;
use std::sync::LazyLock;

use rmq_testbed::{Cluster, Version};

use crate::support::{compile, compile_example, program, run, under_valgrind};

on_both_versions! {
    views_say_what_the_functions_say_and_live_as_long_as_the_batch,
    the_example_of_views_prints_every_message,
}

fn views_say_what_the_functions_say_and_live_as_long_as_the_batch(version: Version) {
    let cluster = Cluster::shared(version);
    static VIEWS: LazyLock<PathBuf> = LazyLock::new(|| compile("views.c"));
    cluster.create_topic("Views", 2);
    cluster.send("Views", 20).tags(&["A", "B"]).run();
    cluster.send("Views", 10).keys("none").run();
    // Long enough to be compressed by the producer.
    cluster.send("Views", 4).size(8000).run();
    let printed = run(program(&*VIEWS).args([&cluster.namesrv(), "views", "Views", "34"]));
    assert_eq!(printed, "34 messages, 20 with tags, 24 with keys\n");
    run(under_valgrind(&*VIEWS).args([&cluster.namesrv(), "views-valgrind", "Views", "34"]));
}

fn the_example_of_views_prints_every_message(version: Version) {
    let cluster = Cluster::shared(version);
    static EXAMPLE: LazyLock<PathBuf> = LazyLock::new(|| compile_example("views"));
    cluster.create_topic("Viewed", 1);
    cluster.send("Viewed", 7).tags(&["A"]).run();
    let printed =
        run(program(&*EXAMPLE).args(["viewed", "Viewed", "7"]).env("NAMESRV_ADDR", cluster.namesrv()));
    for number in 0..7 {
        let line = format!("Viewed queue 0 offset {number} tag A: Viewed-{number}\n");
        assert!(printed.contains(&line), "{printed}");
    }
    assert_eq!(printed.lines().count(), 7, "{printed}");
}
