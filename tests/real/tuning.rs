//! What is changed before the start and at run time: name servers, the number of callbacks, rates.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::LazyLock;

use rmq_testbed::{Cluster, Version, temp_dir};

use crate::support::{compile, program, run};

on_both_versions! {
    messages_come_at_the_rate_that_is_set_and_changed,
    an_orderly_queue_keeps_its_order_at_a_rate,
    polls_get_messages_at_the_rate,
    as_many_callbacks_run_at_once_as_are_allowed_now,
    a_new_topic_is_found_through_the_new_name_server_when_the_old_one_is_gone,
    the_typed_setters_of_a_configuration_do_what_they_say,
}

static TUNING: LazyLock<PathBuf> = LazyLock::new(|| compile("tuning.c"));

/// A topic with 1000 messages for a test of its own.
fn thousand(cluster: &Cluster, topic: &str) {
    cluster.create_topic(topic, 4);
    cluster.send(topic, 1000).run();
}

fn messages_come_at_the_rate_that_is_set_and_changed(version: Version) {
    let cluster = Cluster::shared(version);
    thousand(cluster, "Rated");
    run(program(&*TUNING).args(["rate", &cluster.namesrv(), "rated", "Rated", "concurrent"]));
}

fn an_orderly_queue_keeps_its_order_at_a_rate(version: Version) {
    let cluster = Cluster::shared(version);
    thousand(cluster, "RatedOrderly");
    run(program(&*TUNING).args(["rate", &cluster.namesrv(), "rated-orderly", "RatedOrderly", "orderly"]));
}

fn polls_get_messages_at_the_rate(version: Version) {
    let cluster = Cluster::shared(version);
    thousand(cluster, "RatedPolls");
    run(program(&*TUNING).args(["polls", &cluster.namesrv(), "rated-polls", "RatedPolls"]));
}

fn as_many_callbacks_run_at_once_as_are_allowed_now(version: Version) {
    let cluster = Cluster::shared(version);
    thousand(cluster, "Threads");
    run(program(&*TUNING).args(["threads", &cluster.namesrv(), "threads", "Threads"]));
}

/// The new one knows other brokers; what the old one said of its own is kept.
fn a_new_topic_is_found_through_the_new_name_server_when_the_old_one_is_gone(version: Version) {
    let (old, new) =
        (Cluster::builder(version).broker_name("broker-moved").start(), Cluster::shared(version));
    old.create_topic("Before", 1);
    old.send("Before", 10).run();
    new.create_topic("Afterwards", 1);
    new.send("Afterwards", 10).run();
    let mut command = program(&*TUNING);
    command.args(["namesrv", &old.namesrv(), "moved", "Before", "Afterwards"]);
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, "consuming\n");
    old.kill_name_server();
    writeln!(running.stdin.take().unwrap(), "{}", new.namesrv()).unwrap();
    assert!(running.wait().unwrap().success());
}

fn the_typed_setters_of_a_configuration_do_what_they_say(version: Version) {
    let (cluster, folder) = (Cluster::shared(version), temp_dir("setters"));
    static SETTERS: LazyLock<PathBuf> = LazyLock::new(|| compile("setters.c"));
    cluster.create_topic("Setters", 1);
    cluster.send("Setters", 40).run();
    run(program(&*SETTERS).args([&cluster.namesrv(), "setters", "Setters"]).arg(folder.path()));
}
