//! Python, with asyncio and without, and Node: how their programs come to run, and what is theirs alone. The programs of
//! these tests are in tests/ffi.

#![allow(non_upper_case_globals)]

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rmq_testbed::{Cluster, Version, loops, wait_until};
use serde_json::Value;

use super::{Consuming, Language, Programs, WITHIN, assert_each_once, lines, sending, sources};
use crate::support::{both, end, root, run, tool};

pub(super) static python: Language = Language::new("python", || in_python(&[]));
pub(super) static python_async: Language = Language::new("python-async", || in_python(&["--async"]));
pub(super) static node: Language = Language::new("node", || {
    let folder = root().join("ffi-examples/node");
    run(Command::new(folder.join("build.sh")).env("npm_config_update_notifier", "false"));
    for folder in [&folder, &root().join("tests/ffi")] {
        for program in sources(folder, "js") {
            run(tool("node", "nodejs").arg("--check").arg(program));
        }
    }
    Box::new(move |name| {
        let mut command = tool("node", "nodejs");
        command.arg(folder.join(name).with_extension("js"));
        command
    })
});

/// Programs of Python, once all of them compile without a warning. Its own files go below target.
fn in_python(options: &'static [&str]) -> Programs {
    let folder = root().join("ffi-examples/python");
    let interpreter = {
        let folder = folder.clone();
        move || {
            let mut command = tool("python3", "python3");
            command
                .args(["-W", "error"])
                .env("PYTHONPYCACHEPREFIX", Path::new(env!("CARGO_TARGET_TMPDIR")).join("ffi-python"))
                .env("PYTHONPATH", &folder);
            command
        }
    };
    for folder in [&folder, &root().join("tests/ffi")] {
        run(interpreter().args(["-m", "py_compile"]).args(sources(folder, "py")));
    }
    Box::new(move |name| {
        let mut command = interpreter();
        command.arg(folder.join(name).with_extension("py"));
        if !Path::new(name).is_absolute() {
            command.args(options);
        }
        command
    })
}

/// A program of tests/ffi.
fn test_program(language: &Language, name: &str) -> Command {
    language.command(root().join("tests/ffi").join(name).to_str().unwrap())
}

#[test]
fn a_timer_of_node_ticks_under_load_and_while_nothing_comes() {
    a_timer_ticks(&node);
}

#[test]
fn a_timer_of_asyncio_ticks_under_load_and_while_nothing_comes() {
    a_timer_ticks(&python_async);
}

/// A loop that is held up by a poll, or gets no turn as long as there are messages, would hardly tick at all.
fn a_timer_ticks(language: &Language) {
    const COUNT: u32 = 20_000;
    static CLUSTER: LazyLock<&Cluster> = LazyLock::new(|| {
        let cluster = Cluster::shared(Version::V5_5_0);
        cluster.create_topic("Ffi-ticks", 2);
        cluster.send("Ffi-ticks", COUNT).run();
        cluster
    });
    let group = language.topic("ticks");
    let mut command = test_program(language, "ticks");
    let printed = run(command.args([&CLUSTER.namesrv(), &group, "Ffi-ticks", &COUNT.to_string()]));
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["seen"], COUNT, "{report}");
    for phase in ["load", "idle"] {
        let (ticks, ms) = (report[phase]["ticks"].as_f64().unwrap(), report[phase]["ms"].as_f64().unwrap());
        // Other tests run on the same processors.
        assert!(ticks * 10.0 > ms / 4.0 - 10.0, "{phase}: {report}");
    }
}

#[test]
fn a_python_block_that_is_left_gives_back_what_it_holds_at_once() {
    gives_back(&python);
}

#[test]
fn a_node_consumer_that_is_closed_gives_back_what_it_holds_at_once() {
    gives_back(&node);
}

/// Without the detour by the retry topic, which takes ten seconds.
fn gives_back(language: &Language) {
    let (cluster, topic) = (Cluster::shared(Version::V5_5_0), language.topic("back"));
    cluster.create_topic(&topic, 2);
    sending(cluster, &topic, 0, 40).run();
    let namesrv = cluster.namesrv();
    run(test_program(language, "ends").args(["leaves_the_block", &namesrv, &topic, &topic]));
    let began = Instant::now();
    let rest = run(language.command("consume").args([&namesrv, &topic, &topic, "39"]));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let mut expected = lines(&topic, 0, 40);
    // The first one of one of the queues was acknowledged.
    let rest: Vec<String> = rest.lines().map(str::to_owned).collect();
    let lacks = expected.iter().find(|line| !rest.contains(line)).unwrap().clone();
    assert!(lacks.contains(" 0 "), "{lacks}");
    expected.remove(&lacks);
    assert_each_once(&rest, &expected, language.name);
}

#[test]
fn python_exits_while_it_consumes_without_a_crash() {
    exits_while_running(&python);
}

#[test]
fn node_exits_while_it_consumes_without_a_crash() {
    exits_while_running(&node);
}

/// Also with threads that poll, a batch that is open and one that is read.
fn exits_while_running(language: &Language) {
    let (cluster, topic) = (Cluster::shared(Version::V5_5_0), language.topic("exits"));
    cluster.create_topic(&topic, 2);
    sending(cluster, &topic, 0, 400).run();
    for round in 0..loops() {
        // A new group each time, which begins at the first message.
        let group = format!("{topic}-{round}");
        let began = Instant::now();
        let mut command = test_program(language, "ends");
        let output = end(command.args(["exits_while_running", &cluster.namesrv(), &group, &topic]));
        assert!(output.status.success(), "{}: {}", output.status, both(&output));
        assert_eq!(both(&output), "");
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
}

#[test]
fn a_keyboard_interrupt_anywhere_loses_nothing() {
    let (cluster, topic) = (Cluster::shared(Version::V5_5_0), python.topic("interrupt"));
    cluster.create_topic(&topic, 2);
    let (each, rounds) = (4000, loops());
    let mut printed = Vec::new();
    for round in 0..rounds {
        sending(cluster, &topic, round * each, (round + 1) * each).run();
        let mut command = test_program(&python, "ends");
        let text = run(command.args(["is_interrupted_anywhere", &cluster.namesrv(), &topic, &topic]));
        printed.extend(text.lines().map(str::to_owned));
    }
    let expected = lines(&topic, 0, rounds * each);
    let rest = Consuming::start(&python, cluster, &topic);
    let all = || rest.printed().into_iter().chain(printed.iter().cloned()).collect();
    wait_until("the messages that were not acknowledged", WITHIN, || expected == all());
    rest.interrupt();
}
