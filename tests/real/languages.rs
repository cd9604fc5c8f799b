//! Programs of other languages, below ffi-examples: each language has one table row here and passes the same tests.
//!
//! `consume NAMESRV GROUP TOPIC [COUNT]` prints a line `QUEUE_ID QUEUE_OFFSET TAGS KEYS BODY` for each message, with `-`
//! where there is none, and then acknowledges it. It ends after COUNT messages or at SIGINT, and leaves its group.
//! `bench NAMESRV GROUP TOPIC COUNT` prints a JSON object with language, messages, seconds and loop_seconds.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rmq_testbed::{Cluster, Sending, TempDir, Version, loops, spawn, temp_dir, wait_until};

use crate::support::{both, end, library_for_programs, output, program, root, run, tool};

mod scripts;

use scripts::{node, python, python_async};

const WITHIN: Duration = Duration::from_secs(60);

/// Makes the tests of each language, on both versions where brokers differ.
macro_rules! languages {
    ($($language:ident),* $(,)?) => { $(
        mod $language {
            use super::*;

            on_both_versions! {
                it_prints_what_was_sent,
                it_ends_after_so_many_and_the_next_run_goes_on,
            }

            fn it_prints_what_was_sent(version: Version) {
                super::prints_what_was_sent(&$language, version);
            }

            fn it_ends_after_so_many_and_the_next_run_goes_on(version: Version) {
                super::ends_after_so_many(&$language, version);
            }

            #[test]
            fn ctrl_c_under_load_loses_nothing_and_repeats_nothing() {
                super::ctrl_c_under_load(&$language);
            }

            #[test]
            fn ctrl_c_ends_a_wait_at_once() {
                super::ctrl_c_ends_a_wait(&$language);
            }

            #[test]
            fn its_bench_counts_what_it_consumed() {
                super::bench_counts(&$language);
            }

            #[test]
            fn a_wrong_name_server_and_a_wrong_call_are_told() {
                super::mistakes_are_told(&$language);
            }
        }
    )* };
}

languages! { go, node, python, python_async, ruby }

/// How a program starts, given its name.
type Programs = Box<dyn Fn(&str) -> Command + Send + Sync>;

/// How the programs of a language come to run.
struct Language {
    name: &'static str,
    /// Checks the sources and builds, once.
    build: fn() -> Programs,
    built: OnceLock<Programs>,
}

impl Language {
    const fn new(name: &'static str, build: fn() -> Programs) -> Language {
        Language { name, build, built: OnceLock::new() }
    }

    /// A program of the language, `consume` or another one.
    fn command(&self, name: &str) -> Command {
        let mut command = self.built.get_or_init(self.build)(name);
        command
            .env_remove("NAMESRV_ADDR")
            .env("RUST_BACKTRACE", "0")
            .env("RMQ_LIBRARY", library_for_programs());
        command
    }

    /// Topic and group of one test.
    fn topic(&self, test: &str) -> String {
        format!("Ffi-{}-{test}", self.name)
    }

    fn folder(&self) -> PathBuf {
        root().join("ffi-examples").join(self.name)
    }
}

#[allow(non_upper_case_globals)]
static go: Language = Language::new("go", || {
    let folder = output("ffi-go");
    let build = |arguments: &[&str]| run(in_go(&mut tool("go", "golang-go")).args(arguments));
    let unformatted = run(in_go(&mut tool("gofmt", "golang-go")).args(["-l", "."]));
    assert!(unformatted.is_empty(), "gofmt would change {unformatted}");
    build(&["vet", "./..."]);
    build(&["build", "-o", &format!("{}/", folder.display()), "./..."]);
    Box::new(move |name| program(folder.join(name)))
});

#[allow(non_upper_case_globals)]
static ruby: Language = Language::new("ruby", || {
    let folder = ruby.folder();
    for source in sources(&folder, "rb") {
        let checked = end(tool("ruby", "ruby").arg("-wc").arg(&source));
        assert_eq!(both(&checked), "Syntax OK\n", "{}", source.display());
    }
    Box::new(move |name| {
        let mut command = tool("ruby", "ruby");
        command.arg(folder.join(name).with_extension("rb"));
        command
    })
});

/// The files of a language, by the end of their names.
fn sources(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    found
}

/// A tool of Go in the folder of the package, told where header and library are. What it keeps stays below target.
fn in_go(command: &mut Command) -> &mut Command {
    let library = library_for_programs();
    let library = library.parent().unwrap().display();
    command
        .current_dir(go.folder())
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"))
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("CGO_ENABLED", "1")
        .env("CGO_CFLAGS", format!("-O2 -g -I{}", root().join("include").display()))
        .env("CGO_LDFLAGS", format!("-L{library} -Wl,-rpath,{library}"))
}

mod go_package {
    on_both_versions! { its_own_tests_pass }

    use super::*;

    fn its_own_tests_pass(version: Version) {
        let (cluster, topic) = (Cluster::shared(version), go.topic("package"));
        cluster.create_topic(&topic, 1);
        cluster.send(&topic, 20).run();
        let mut command = tool("go", "golang-go");
        in_go(&mut command).args(["test", "-count=1", "-timeout=5m", "."]);
        run(command.env("RMQ_TEST_NAMESRV", cluster.namesrv()).env("RMQ_TEST_TOPIC", &topic));
    }
}

mod ruby_package {
    on_both_versions! { its_own_tests_pass }

    use super::*;

    fn its_own_tests_pass(version: Version) {
        let (cluster, topic) = (Cluster::shared(version), ruby.topic("package"));
        cluster.create_topic(&topic, 1);
        cluster.send(&topic, 20).run();
        let mut command = ruby.command("test/rmq_test");
        run(command.env("RMQ_TEST_NAMESRV", cluster.namesrv()).env("RMQ_TEST_TOPIC", &topic));
    }
}

/// A run of `consume` that goes on until it is told to end.
struct Consuming {
    child: Child,
    folder: TempDir,
}

impl Consuming {
    fn start(language: &Language, cluster: &Cluster, topic: &str) -> Consuming {
        let folder = temp_dir(&format!("consume-{topic}"));
        let mut command = language.command("consume");
        command.args([&cluster.namesrv(), topic, topic]).stdin(Stdio::null());
        command.stdout(File::create(folder.path().join("out")).unwrap());
        command.stderr(File::create(folder.path().join("err")).unwrap());
        Consuming { child: spawn(command).unwrap(), folder }
    }

    fn printed(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("out")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Ctrl-C. It ends well, silently, and soon; answers all it printed.
    fn interrupt(mut self) -> Vec<String> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let began = Instant::now();
        let mut status = None;
        wait_until("the end after Ctrl-C", WITHIN, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let told = std::fs::read_to_string(self.folder.path().join("err")).unwrap();
        assert!(status.unwrap().success(), "{}: {told}", status.unwrap());
        assert_eq!(told, "", "nothing on standard error");
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
        self.printed()
    }
}

impl Drop for Consuming {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of messages `from` to `to` of a topic with two queues, sent with the tags `new` and `paid` in turn.
fn lines(topic: &str, from: u32, to: u32) -> BTreeSet<String> {
    let line = |i: u32| {
        let (queue, offset, tag) = (i / 2 % 2, i / 4 * 2 + i % 2, ["new", "paid"][(i % 2) as usize]);
        format!("{queue} {offset} {tag} {topic}-{i} {topic}-{i}")
    };
    (from..to).map(line).collect()
}

fn sending(cluster: &Cluster, topic: &str, from: u32, to: u32) -> Sending {
    cluster.send(topic, to - from).starting_at(from).tags(&["new", "paid"])
}

/// Fails unless each line is there once.
fn assert_each_once(printed: &[String], expected: &BTreeSet<String>, when: &str) {
    let once: BTreeSet<String> = printed.iter().cloned().collect();
    assert_eq!(&once, expected, "{when}");
    assert_eq!(printed.len(), expected.len(), "{when}: some came twice");
}

fn prints_what_was_sent(language: &Language, version: Version) {
    let (cluster, topic) = (Cluster::shared(version), language.topic("prints"));
    cluster.create_topic(&topic, 2);
    sending(cluster, &topic, 0, 200).run();
    cluster.send(&topic, 1).queue(0).keys("none").body("Grüße – 消息 🚀").run();
    let printed = run(language.command("consume").args([&cluster.namesrv(), &topic, &topic, "201"]));
    let mut expected = lines(&topic, 0, 200);
    expected.insert("0 100 - - Grüße – 消息 🚀".to_owned());
    let printed: Vec<String> = printed.lines().map(str::to_owned).collect();
    assert_each_once(&printed, &expected, language.name);
    for queue in ["0 ", "1 "] {
        let offsets = printed.iter().filter_map(|line| line.strip_prefix(queue)?.split(' ').next());
        let offsets: Vec<u32> = offsets.map(|offset| offset.parse().unwrap()).collect();
        assert!(offsets.is_sorted(), "each queue in its order: {printed:?}");
    }
}

fn ends_after_so_many(language: &Language, version: Version) {
    let (cluster, topic) = (Cluster::shared(version), language.topic("count"));
    cluster.create_topic(&topic, 2);
    sending(cluster, &topic, 0, 100).run();
    let mut printed = Vec::new();
    for count in [7, 50, 43] {
        let mut command = language.command("consume");
        let text = run(command.args([&cluster.namesrv(), &topic, &topic, &count.to_string()]));
        assert_eq!(text.lines().count(), count, "{text}");
        printed.extend(text.lines().map(str::to_owned));
    }
    assert_each_once(&printed, &lines(&topic, 0, 100), language.name);
}

/// Ends a steady load, also when the test fails meanwhile: the load would go on for long.
struct Halt(String);

impl Drop for Halt {
    fn drop(&mut self) {
        Sending::halt(&self.0);
    }
}

/// While messages come steadily: what one run had not printed the next one gets, and nothing else.
fn ctrl_c_under_load(language: &Language) {
    let (cluster, topic) = (Cluster::shared(Version::V5_5_0), language.topic("load"));
    cluster.create_topic(&topic, 2);
    let (mut sent, mut printed) = (0, Vec::new());
    let rounds = loops();
    for round in 0..rounds {
        thread::scope(|scope| {
            let load = sending(cluster, &topic, sent, sent + 1_000_000).rate(1000).named(&topic);
            let load = scope.spawn(move || load.run());
            let halt = Halt(topic.clone());
            let consuming = Consuming::start(language, cluster, &topic);
            // Not always at the same moment of a batch.
            let enough = 20 + round as usize * 37 % 200;
            wait_until("messages", WITHIN, || consuming.printed().len() >= enough);
            assert!(!load.is_finished(), "messages still come");
            printed.extend(consuming.interrupt());
            drop(halt);
            let result = load.join().unwrap();
            assert_eq!(result.failed, 0, "{:?}", result.first_error);
            sent += u32::try_from(result.stored).unwrap();
        });
    }
    let expected = lines(&topic, 0, sent);
    let rest = expected.len().saturating_sub(printed.len());
    if rest > 0 {
        let mut command = language.command("consume");
        let text = run(command.args([&cluster.namesrv(), &topic, &topic, &rest.to_string()]));
        printed.extend(text.lines().map(str::to_owned));
    }
    assert_each_once(&printed, &expected, &format!("{}, interrupted {rounds} times", language.name));
    // Committed, too: there is nothing for one more run.
    for queue in 0..2 {
        let committed = cluster.committed_offset(&topic, &topic, queue).unwrap_or(0);
        assert_eq!(committed, cluster.max_offset(&topic, queue), "queue {queue}");
    }
}

fn ctrl_c_ends_a_wait(language: &Language) {
    let (cluster, topic) = (Cluster::shared(Version::V5_5_0), language.topic("idle"));
    cluster.create_topic(&topic, 2);
    sending(cluster, &topic, 0, 4).run();
    let consuming = Consuming::start(language, cluster, &topic);
    wait_until("messages", WITHIN, || consuming.printed().len() == 4);
    let began = Instant::now();
    assert_each_once(&consuming.interrupt(), &lines(&topic, 0, 4), language.name);
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
}

fn bench_counts(language: &Language) {
    let (cluster, topic) = (Cluster::shared(Version::V5_5_0), language.topic("bench"));
    cluster.create_topic(&topic, 2);
    cluster.send(&topic, 1000).batches_of(50).run();
    let printed = run(language.command("bench").args([&cluster.namesrv(), &topic, &topic, "1000"]));
    let told: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(told["language"], language.name);
    assert_eq!(told["messages"], 1000);
    for seconds in ["seconds", "loop_seconds"] {
        assert!(told[seconds].as_f64().unwrap() > 0.0, "{printed}");
    }
    assert_eq!(printed.lines().count(), 1, "{printed}");
}

fn mistakes_are_told(language: &Language) {
    let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let usage = end(language.command("consume").args(["127.0.0.1:1", "group"]));
    assert_eq!(usage.status.code(), Some(2), "{}", both(&usage));
    assert!(text(&usage).contains("usage: consume NAMESRV GROUP TOPIC [COUNT]"), "{}", both(&usage));
    let dead = end(language.command("consume").args(["127.0.0.1:1", "group", "Topic", "1"]));
    assert_eq!(dead.status.code(), Some(1), "{}", both(&dead));
    assert!(text(&dead).contains("127.0.0.1:1") && text(&dead).contains("refused"), "{}", both(&dead));
    assert!(text(&dead).contains("RMQ_E_NO_NAMESRV"), "{}", both(&dead));
    assert_eq!(String::from_utf8_lossy(&dead.stdout), "");
    let group = end(language.command("consume").args(["127.0.0.1:1", "no group", "Topic", "1"]));
    assert_eq!(group.status.code(), Some(1), "{}", both(&group));
    assert!(text(&group).contains("no group"), "{}", both(&group));
}
