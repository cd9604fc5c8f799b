//! rmqcat: each option's effect, its ends, and that its man page, `--help` and parser say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rmq_testbed::{Cluster, Version, spawn, temp_dir, wait_until};
use serde_json::Value;

use crate::support::{both, compile_folder, end, has, program, root, run, tool};

const WITHIN: Duration = Duration::from_secs(30);

static RMQCAT: LazyLock<PathBuf> = LazyLock::new(|| compile_folder("rmqcat"));

on_both_versions! {
    without_a_group_everything_is_printed_in_order_and_no_trace_is_left,
    it_begins_where_it_is_told,
    it_begins_behind_the_end_and_prints_what_comes,
    tags_and_sql_conditions_select,
    one_queue_is_read_alone,
    formats_and_json_tell_everything_of_a_message,
    a_count_ends_it_and_in_a_group_exactly_what_was_printed_is_committed,
    a_signal_commits_what_was_printed_and_ends_with_0,
    a_reader_that_goes_ends_it_without_a_word,
    what_was_not_written_is_not_committed_and_not_sent_back,
    the_end_of_a_shared_group_is_reached_together,
    the_list_shows_routes_and_where_a_group_stands,
    a_topic_queue_or_condition_that_is_wrong_is_named,
    queues_that_come_later_are_read_from_their_first_message,
    the_examples_of_the_man_page_run,
}

fn rmqcat(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut command = program(&*RMQCAT);
    command.env("NAMESRV_ADDR", cluster.namesrv()).args(arguments);
    command
}

/// What it printed; it must say nothing on stderr and end with 0.
fn printed(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = end(&mut rmqcat(cluster, arguments));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", both(&output));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn lines(cluster: &Cluster, arguments: &[&str]) -> Vec<String> {
    printed(cluster, arguments).lines().map(str::to_owned).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// A topic with messages in turn over its queues; bodies `<topic>-<i>`.
fn filled(cluster: &Cluster, topic: &str, queues: u32, messages: u32) {
    cluster.create_topic(topic, queues);
    cluster.send(topic, messages).run();
}

/// The sum of what a group has committed of a topic.
fn committed(cluster: &Cluster, group: &str, topic: &str, queues: u32) -> i64 {
    (0..queues).filter_map(|queue| cluster.committed_offset(group, topic, queue)).sum()
}

/// What the broker keeps of all groups' commits.
pub fn offsets_of_groups(cluster: &Cluster) -> String {
    let answer = cluster.request(43, &[], &[]).unwrap();
    assert_eq!(answer.code, 0, "{}", answer.remark);
    // 5.5.0 notes beside it how far each name has pulled.
    let text = answer.text().split("\"offsetTable\":").nth(1).unwrap().to_owned();
    text.split("\"pullOffsetTable\":").next().unwrap().to_owned()
}

/// A running rmqcat whose lines can be read one by one. It is killed when it takes too long, so that no read hangs.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    /// Its end ends the watch over it.
    _watch: Sender<()>,
}

impl Running {
    fn start(cluster: &Cluster, arguments: &[&str]) -> Running {
        let mut command = rmqcat(cluster, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command).unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (watch, ended) = channel::<()>();
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
        thread::spawn(move || {
            if ended.recv_timeout(2 * WITHIN) == Err(RecvTimeoutError::Timeout) {
                let _ = kill(id, Signal::SIGKILL);
            }
        });
        Running { child, lines, _watch: watch }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    fn has_taken(&self, signal: Signal) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:\t")).unwrap();
        u64::from_str_radix(pending, 16).unwrap() & 1 << (signal as u32 - 1) == 0
    }

    /// Its exit code, the rest of its output, and what it said on stderr.
    fn ended(mut self) -> (Option<i32>, String, String) {
        let deadline = Instant::now() + WITHIN;
        let (mut rest, mut errors) = (String::new(), String::new());
        self.lines.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), rest, errors);
            }
            assert!(Instant::now() < deadline, "it does not end: {errors}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn without_a_group_everything_is_printed_in_order_and_no_trace_is_left(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatAll", 4, 200);
    filled(cluster, "CatMore", 1, 3);
    let read = lines(cluster, &["-t", "CatAll", "-t", "CatMore", "-e", "-f", r"%t %q %o %s\n"]);
    let mut queues: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut bodies = BTreeSet::new();
    for line in &read {
        let parts: Vec<&str> = line.split(' ').collect();
        queues.entry(format!("{} {}", parts[0], parts[1])).or_default().push(parts[2].parse().unwrap());
        bodies.insert(parts[3].to_owned());
    }
    assert_eq!((read.len(), bodies.len(), queues.len()), (203, 203, 5));
    for (queue, offsets) in queues {
        assert!(offsets.iter().copied().eq(0..offsets.len() as i64), "{queue}: {offsets:?}");
    }
    // It comes again: nothing was noted.
    assert_eq!(lines(cluster, &["--topic=CatAll", "--exit"]).len(), 200);
    assert!(!offsets_of_groups(cluster).contains("CatAll@"), "{}", offsets_of_groups(cluster));
    let groups = cluster.request(201, &[], &[]).unwrap();
    assert!(
        groups.text().contains("\"TOOLS_CONSUMER\"") && !groups.text().contains("rmqcat"),
        "{}",
        groups.text()
    );
    let mut running = Running::start(cluster, &["-t", "CatAll", "-o", "-1"]);
    running.line();
    let connection = cluster.admin("consumerConnection -g TOOLS_CONSUMER");
    let unknown = "No topic route info in name server for the topic: %RETRY%TOOLS_CONSUMER";
    assert!(connection.contains("not online") || connection.contains(unknown), "{connection}");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.ended().0, Some(0));
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

fn it_begins_where_it_is_told(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatFrom", 1, 20);
    let from = |place: &str| lines(cluster, &["-t", "CatFrom", "-e", "-f", "%o\\n", "-o", place]);
    let offsets = |from: i64, to: i64| (from..to).map(|o| o.to_string()).collect::<Vec<_>>();
    assert_eq!(from("begin"), offsets(0, 20));
    assert_eq!(from("end"), offsets(20, 20));
    assert_eq!(from("7"), offsets(7, 20));
    assert_eq!(from("-3"), offsets(17, 20));
    assert_eq!(from("-300"), offsets(0, 20), "there are no more");
    assert_eq!(from("300"), offsets(20, 20));
    // A pause, so that the two halves were stored in different milliseconds.
    thread::sleep(Duration::from_millis(20));
    let (millis, seconds) = (now_ms(), now_ms() / 1000);
    thread::sleep(Duration::from_millis(20));
    cluster.send("CatFrom", 5).starting_at(20).run();
    assert_eq!(from(&format!("@{millis}")), offsets(20, 25));
    let stored = lines(cluster, &["-t", "CatFrom", "-e", "-f", "%T\\n"]);
    let since_second =
        stored.iter().filter(|ms| ms.parse::<u128>().unwrap() >= seconds * 1000).count() as i64;
    let date = |zone: &[&str]| {
        run(Command::new("date").args(zone).arg("-d").arg(format!("@{seconds}")).arg("+%FT%T"))
    };
    assert_eq!(from(&format!("@{}", date(&[]).trim())), offsets(25 - since_second, 25));
    assert_eq!(from(&format!("@{}Z", date(&["-u"]).trim())), offsets(25 - since_second, 25));
    assert_eq!(from("@-1h"), offsets(0, 25));
    assert_eq!(from("@2001-01-01"), offsets(0, 25));
    assert_eq!(from("@2099-01-01"), offsets(25, 25));
}

fn it_begins_behind_the_end_and_prints_what_comes(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatTail", 2, 10);
    let running = Running::start(cluster, &["-t", "CatTail", "-o", "end", "-c", "2"]);
    let reader = thread::spawn(move || running.ended());
    let mut next = 10;
    while !reader.is_finished() {
        cluster.send("CatTail", 2).starting_at(next).run();
        next += 2;
    }
    let (code, printed, errors) = reader.join().unwrap();
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    for line in printed.lines() {
        assert!(line.strip_prefix("CatTail-").unwrap().parse::<u32>().unwrap() >= 10, "{printed}");
    }
    assert_eq!(printed.lines().count(), 2, "it appears without more to come: {printed}");
}

fn tags_and_sql_conditions_select(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("CatTags", 2);
    cluster.send("CatTags", 30).tags(&["a", "b", "c"]).run();
    cluster.send("CatTags", 4).tags(&["c"]).starting_at(30).property("price", "7").run();
    let count = |option: &str, text: &str| lines(cluster, &["-t", "CatTags", "-e", option, text]).len();
    assert_eq!((count("-T", "a || b"), count("--tag", "c"), count("-T", "*")), (20, 14, 34));
    assert_eq!((count("-S", "price > 5"), count("--sql", "price > 5 AND TAGS = 'a'")), (4, 0));
    // Through the group's own subscription too.
    assert_eq!(lines(cluster, &["-t", "CatTags", "-e", "-g", "cat-sql", "-S", "price > 5"]).len(), 4);
    assert_eq!(lines(cluster, &["-t", "CatTags", "-e", "-g", "cat-tag", "-T", "a"]).len(), 10);
}

fn one_queue_is_read_alone(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatQueue", 3, 30);
    let queues = |queue: &str| {
        let read = lines(cluster, &["-t", "CatQueue", "-e", "-f", "%b:%q\\n", "-q", queue]);
        assert_eq!(read.len(), 10);
        read.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let expected = [format!("{}:1", cluster.broker_name())];
    assert_eq!(queues("1"), expected);
    assert_eq!(queues(&expected[0]), expected);
}

fn formats_and_json_tell_everything_of_a_message(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("CatFormat", 1);
    let before = now_ms();
    cluster.send("CatFormat", 1).tags(&["t"]).property("p", "va\"lue").body("grün\n").run();
    cluster.send("CatFormat", 1).bytes(&[0xFF, 0x00, 0xFE, 0x41]).keys("none").run();
    let format = r"%t|%b|%q|%o|%k|%g|%r|%S|%s|%%|\\|\t|\r|\0|%T|%B|%i|%p\n";
    let text = printed(cluster, &["-t", "CatFormat", "-c", "1", "--format", format]);
    let parts: Vec<&str> = text.split('|').collect();
    let expected = [
        "CatFormat",
        cluster.broker_name(),
        "0",
        "0",
        "CatFormat-0",
        "t",
        "0",
        "6",
        "grün\n",
        "%",
        "\\",
        "\t",
        "\r",
        "\0",
    ];
    assert_eq!(parts[..14], expected);
    for time in &parts[14..16] {
        assert!((before..before + 60_000).contains(&time.parse().unwrap()), "{time}");
    }
    let properties: Value = serde_json::from_str(parts[17].trim_end()).unwrap();
    assert_eq!(
        (properties["p"].as_str(), properties["UNIQ_KEY"].as_str()),
        (Some("va\"lue"), Some(parts[16]))
    );

    let objects: Vec<Value> = lines(cluster, &["-t", "CatFormat", "-e", "-J"])
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    assert_eq!(objects[0]["body"], "grün\n");
    assert_eq!((&objects[0]["topic"], &objects[0]["queue_offset"]), (&"CatFormat".into(), &0.into()));
    assert_eq!(objects[0]["properties"], properties);
    assert_eq!((&objects[1]["body_base64"], &objects[1]["body"]), (&"/wD+QQ==".into(), &Value::Null));
    let binary = end(&mut rmqcat(cluster, &["-t", "CatFormat", "-o", "1", "-c", "1", "-f", "%s"]));
    assert_eq!(binary.stdout, [0xFF, 0x00, 0xFE, 0x41]);
}

fn a_count_ends_it_and_in_a_group_exactly_what_was_printed_is_committed(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatCount", 2, 100);
    assert_eq!(lines(cluster, &["-t", "CatCount", "-c", "7"]).len(), 7);
    assert_eq!(lines(cluster, &["-t", "CatCount", "--count=0"]).len(), 0);
    let first = lines(cluster, &["-t", "CatCount", "-g", "cat-count", "-c", "33"]);
    assert_eq!(committed(cluster, "cat-count", "CatCount", 2), 33);
    let rest = lines(cluster, &["-t", "CatCount", "--group", "cat-count", "-e"]);
    assert_eq!((first.len(), rest.len()), (33, 67));
    assert_eq!(first.iter().chain(&rest).collect::<BTreeSet<_>>().len(), 100, "nothing twice");
    assert_eq!(committed(cluster, "cat-count", "CatCount", 2), 100);
    assert!(lines(cluster, &["-t", "CatCount", "-g", "cat-count", "-e"]).is_empty());
    // Where a new group begins.
    assert!(
        version == Version::V4_9_7
            || lines(cluster, &["-t", "CatCount", "-g", "cat-late", "-o", "end", "-e"]).is_empty()
    );
}

fn a_signal_commits_what_was_printed_and_ends_with_0(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatSignal", 2, 50);
    for (number, signal) in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().enumerate() {
        let group = format!("cat-signal-{number}");
        let mut running = Running::start(cluster, &["-t", "CatSignal", "-g", &group]);
        (0..50).for_each(|_| assert!(running.line().starts_with("CatSignal-")));
        running.signal(signal);
        assert_eq!(running.ended(), (Some(0), String::new(), String::new()));
        assert_eq!(committed(cluster, &group, "CatSignal", 2), 50, "{signal}");
    }
    // timeout(1) signals its program and then the whole process group.
    let mut running = Running::start(cluster, &["-t", "CatSignal", "-g", "cat-signal-two"]);
    (0..50).for_each(|_| assert!(running.line().starts_with("CatSignal-")));
    running.signal(Signal::SIGTERM);
    wait_until("the first signal to be taken", WITHIN, || running.has_taken(Signal::SIGTERM));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.ended(), (Some(0), String::new(), String::new()));
    assert_eq!(committed(cluster, "cat-signal-two", "CatSignal", 2), 50);
    // While it waits for a name server there is nothing to commit.
    let mut command = program(&*RMQCAT);
    command.args(["-b", "127.0.0.1:1", "-t", "T"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn(command).unwrap();
    let status = format!("/proc/{}/status", child.id());
    wait_until("its signal handler", WITHIN, || {
        let text = std::fs::read_to_string(&status).unwrap();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
        u64::from_str_radix(caught, 16).unwrap() & 1 << (Signal::SIGINT as u32 - 1) != 0
    });
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A shell line, with a failure of any of its commands as its status.
fn shell(cluster: &Cluster, line: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("set -o pipefail; {line}")]);
    command.env("NAMESRV_ADDR", cluster.namesrv()).env("CAT", &*RMQCAT);
    end(&mut command)
}

fn a_reader_that_goes_ends_it_without_a_word(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("CatHead", 1);
    cluster.send("CatHead", 1000).size(1000).run();
    filled(cluster, "CatHeadOne", 1, 1);
    for line in [
        "timeout 20 $CAT -t CatHead | head -1",
        "timeout 20 $CAT -t CatHead -J | head -1",
        "timeout 20 $CAT -t CatHead -g cat-head | head -1",
        // Nothing is written any more when the reader goes.
        "timeout 20 $CAT -t CatHeadOne | head -1",
        "timeout 20 $CAT -t CatHeadOne -g cat-head-one | head -1",
    ] {
        let output = shell(cluster, line);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            (output.status.code(), printed.lines().count()),
            (Some(0), 1),
            "{line}: {}",
            both(&output)
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    }
    assert_eq!(cluster.committed_offset("cat-head-one", "CatHeadOne", 0), Some(1));
    let full = shell(cluster, "timeout 20 $CAT -t CatHeadOne >/dev/full");
    assert_eq!(full.status.code(), Some(1));
    assert!(
        both(&full).contains("cannot write to standard output: No space left on device"),
        "{}",
        both(&full)
    );
    // Nothing that is opened later may get its number.
    let closed = shell(cluster, "timeout 20 $CAT -t CatHeadOne >&-");
    assert_eq!(closed.status.code(), Some(1));
    assert!(both(&closed).contains("standard output is closed"), "{}", both(&closed));
}

fn what_was_not_written_is_not_committed_and_not_sent_back(version: Version) {
    let cluster = Cluster::shared(version);
    // More than a pipe holds, so that some of it is not written when the reader goes.
    cluster.create_topic("CatPipe", 1);
    cluster.send("CatPipe", 300).size(2000).run();
    let mut running = Running::start(cluster, &["-t", "CatPipe", "-g", "cat-pipe", "-f", "%o %s\\n"]);
    let first = running.line();
    assert!(first.starts_with("0 "), "{first}");
    wait_until("the pipe to fill", WITHIN, || {
        committed(cluster, "cat-pipe", "CatPipe", 1) > 0 || { running.child.try_wait().unwrap().is_some() }
    });
    running.signal(Signal::SIGINT);
    let (code, rest, errors) = running.ended();
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let whole = 1 + rest.lines().filter(|line| line.len() > 2000).count() as i64;
    assert!(whole < 300, "{whole}");
    assert_eq!(committed(cluster, "cat-pipe", "CatPipe", 1), whole, "what was written is committed, no more");
    let next = lines(cluster, &["-t", "CatPipe", "-g", "cat-pipe", "-e", "-f", "%o %r\\n"]);
    let expected: Vec<String> = (whole..300).map(|offset| format!("{offset} 0")).collect();
    assert_eq!(next, expected);
}

fn the_end_of_a_shared_group_is_reached_together(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatShared", 4, 40);
    let java = cluster.java_consumer("cat-shared", "CatShared").start();
    java.wait_for(40, WITHIN);
    wait_until("Java's commit", WITHIN, || committed(cluster, "cat-shared", "CatShared", 4) == 40);
    let mut running = Running::start(cluster, &["-t", "CatShared", "-g", "cat-shared", "-c", "10"]);
    wait_until("its share", WITHIN, || java.queues().iter().filter(|q| q.topic == "CatShared").count() == 2);
    cluster.send("CatShared", 40).starting_at(40).run();
    assert!(running.line().starts_with("CatShared-"));
    // Java has the others; both parts are consumed before it ends.
    let (code, rest, _) = running.ended();
    assert_eq!((code, rest.lines().count()), (Some(0), 9));
    cluster.send("CatShared", 40).starting_at(80).run();
    assert!(lines(cluster, &["-t", "CatShared", "-g", "cat-shared", "-e"]).len() < 80);
    assert_eq!(committed(cluster, "cat-shared", "CatShared", 4), 120);
    java.stop();
}

fn the_list_shows_routes_and_where_a_group_stands(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatList", 2, 20);
    let broker = cluster.broker_name();
    let expected = format!(
        "topic CatList\n  broker {broker}: 0={}\n  queue {broker}:0 offsets 0 to 10\n  queue {broker}:1 offsets 0 to 10\n",
        cluster.broker()
    );
    assert_eq!(printed(cluster, &["-L", "-t", "CatList"]), expected);
    lines(cluster, &["-t", "CatList", "-g", "cat-list", "-c", "4"]);
    let listed = lines(cluster, &["--list", "-t", "CatList", "-g", "cat-list"]);
    let sums = listed.iter().filter_map(|line| line.split_once(", group cat-list committed "));
    let sums: Vec<i64> = sums.map(|(_, text)| text.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!((sums.len(), sums.iter().sum::<i64>()), (2, 4), "{listed:?}");
    let objects = lines(cluster, &["-L", "-J", "-t", "CatList", "-g", "cat-list"]);
    for object in &objects {
        let queue: Value = serde_json::from_str(object).unwrap();
        let (end, committed) = (queue["end"].as_i64().unwrap(), queue["committed"].as_i64().unwrap());
        assert_eq!((end, queue["lag"].as_i64()), (10, Some(end - committed)), "{object}");
    }
    assert_eq!(objects.len(), 2);
    let nobody = printed(cluster, &["-L", "-t", "CatList", "-g", "cat-nobody"]);
    let nothing = if version == Version::V4_9_7 { "committed 0, lag 10" } else { "committed nothing" };
    assert_eq!(nobody.matches(nothing).count(), 2, "{nobody}");
    let groups = cluster.request(201, &[], &[]).unwrap();
    assert!(!groups.text().contains("cat-nobody"), "looking makes no group");
}

/// The exit code and what was said.
fn refused(cluster: &Cluster, arguments: &[&str]) -> (Option<i32>, String) {
    let output = end(&mut rmqcat(cluster, arguments));
    assert!(output.stdout.is_empty(), "{}", both(&output));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn a_topic_queue_or_condition_that_is_wrong_is_named(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatWrong", 1, 1);
    let (code, text) = refused(cluster, &["-t", "CatNowhere"]);
    assert_eq!(
        (code, text.as_str()),
        (Some(4), "rmqcat: error: topic CatNowhere does not exist: no name server knows a route\n")
    );
    assert_eq!(refused(cluster, &["-t", "CatNowhere", "-g", "cat-wrong"]).0, Some(4));
    assert_eq!(refused(cluster, &["-L", "-t", "CatNowhere"]).0, Some(4));
    let (code, text) = refused(cluster, &["-t", "CatWrong", "-q", "other:3"]);
    assert_eq!((code, text.as_str()), (Some(4), "rmqcat: error: topic CatWrong has no queue other:3\n"));
    let (code, text) = refused(cluster, &["-t", "CatWrong", "-S", "price >"]);
    assert!(code == Some(2) && text.contains("SQL92 \"price >\" for topic CatWrong"), "{code:?} {text}");
    let (code, text) = refused(cluster, &["-t", "CatWrong", "-T", "a ||"]);
    assert!(code == Some(2) && text.contains("it has an empty tag beside ||"), "{code:?} {text}");
}

fn queues_that_come_later_are_read_from_their_first_message(version: Version) {
    let cluster = Cluster::shared(version);
    filled(cluster, "CatGrows", 1, 2);
    let mut running = Running::start(
        cluster,
        &["-t", "CatGrows", "-o", "-1", "-c", "5", "-f", "%q %s\\n", "-X", "namesrv.poll.interval.ms=300"],
    );
    assert_eq!(running.line(), "0 CatGrows-1");
    cluster.create_topic("CatGrows", 2);
    cluster.send("CatGrows", 4).queue(1).starting_at(2).run();
    for number in 2..6 {
        assert_eq!(running.line(), format!("1 CatGrows-{number}"));
    }
    assert_eq!(running.ended().0, Some(0));
}

fn man_page() -> String {
    std::fs::read_to_string(root().join("c-examples/rmqcat/rmqcat.1")).unwrap()
}

fn the_examples_of_the_man_page_run(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Orders", 2);
    cluster.send("Orders", 40).tags(&["new", "paid", "shipped"]).run();
    let folder = temp_dir("rmqcat-examples");
    let page = man_page();
    let examples: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix(".Dl $ "))
        .map(|line| line.replace("\\(aq", "'").replace("\\(dq", "\"").replace("\\e", "\\"))
        .collect();
    assert!(examples.len() >= 6, "{examples:?}");
    for example in &examples {
        let output = end(Command::new("bash")
            .args(["-c", &format!("set -eo pipefail; {example}")])
            .current_dir(folder.path())
            .env("NAMESRV_ADDR", cluster.namesrv())
            .env(
                "PATH",
                format!("{}:{}", RMQCAT.parent().unwrap().display(), std::env::var("PATH").unwrap()),
            ));
        assert!(output.status.success() && output.stderr.is_empty(), "{example}: {}", both(&output));
        assert_eq!(output.stdout.is_empty(), example.contains(" > "), "{example}: {}", both(&output));
    }
    let file = std::fs::read_to_string(folder.path().join("orders.txt")).unwrap();
    assert_eq!(sorted(file.lines().map(str::to_owned).collect()).len(), 40);
}

#[test]
fn wrong_usage_is_told_with_2_and_no_secret_is_repeated() {
    for (arguments, expected) in [
        (&["-t"][..], "an option lacks its argument: -t"),
        (&["-z"], "there is no option -z"),
        (&["--topics=T"], "there is no such option, or it takes no argument: --topics"),
        (&[], "no topic is given"),
        (&["-t", "T", "more"], "an argument belongs to no option"),
        (&["-t", "T"], "namesrv.addr is not set"),
        (&["-t", "a b", "-b", "127.0.0.1:1"], "topic is \"a b\""),
        (&["-b", "nowhere"], "-b namesrv.addr=\"nowhere\": allowed is host:port"),
        (&["-g", "a@b"], "-g consumer.group=\"a@b\": allowed is"),
        (&["-o", "middle"], "-o middle: allowed is begin, end"),
        (&["-o", "@yesterday"], "-o @yesterday: allowed is"),
        (&["-o", "@2026-13-45"], "-o @2026-13-45: allowed is"),
        (&["-q", "a:b"], "-q a:b: allowed is"),
        (&["-c", "-1"], "-c -1: allowed is"),
        (&["-f", "%x"], "-f: an escape with % is not known"),
        (&["-f", "\\"], "-f: an escape with \\ is not known"),
        (&["-t", "T", "-J", "-f", "%s"], "-J and -f"),
        (&["-t", "T", "-T", "a", "-S", "b"], "-T and -S"),
        (&["-t", "T", "-g", "G", "-q", "1"], "-q and -g"),
        (&["-t", "T", "-g", "G", "-o", "5"], "-o and -g"),
        (&["-X", "consume.tread.max=5"], "did you mean \"consume.thread.max\""),
        (&["-X", "pull.batch.size=lots"], "-X pull.batch.size=\"lots\": allowed is 1 to 1024"),
        (&["-F", "/nowhere/at/all"], "-F /nowhere/at/all: No such file"),
        (&["-X", "secret.key:hunter2"], "-X allowed is KEY=VALUE"),
        (&["-X", "secret.key", "=hunter2"], "-X allowed is KEY=VALUE"),
        (&["-X", "secret.key=hunter2", "-t", "T"], ""),
        (&["--X=secret.key=hunter2"], "no such option"),
        (&["--secret.key:hunter2"], "no such option"),
        (&["-t", "T", "hunter2"], "an argument belongs to no option"),
    ] {
        let output = end(program(&*RMQCAT).args(arguments));
        let text = both(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.starts_with("rmqcat: error: ") && text.contains(expected), "{arguments:?}: {text}");
        assert!(!text.contains("hunter2"), "{arguments:?}: {text}");
    }
}

#[test]
fn dead_name_servers_are_named_with_3() {
    let begun = Instant::now();
    let output = end(program(&*RMQCAT).args(["-b", "127.0.0.1:1", "-t", "T", "-X", "start.timeout.ms=200"]));
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
    assert!(both(&output).contains("no name server answered: connect 127.0.0.1:1"), "{}", both(&output));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn properties_come_from_a_file_and_are_told_with_their_line() {
    let cluster = Cluster::shared(Version::V5_5_0);
    filled(cluster, "CatConfig", 1, 3);
    let folder = temp_dir("rmqcat-config");
    let file = folder.path().join("conf");
    std::fs::write(&file, format!("# mine\n\n namesrv.addr = {} \npull.batch.size=2\n", cluster.namesrv()))
        .unwrap();
    let path = file.to_str().unwrap();
    let output = end(program(&*RMQCAT).args(["-F", path, "-t", "CatConfig", "-e"]));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "CatConfig-0\nCatConfig-1\nCatConfig-2\n",
        "{}",
        both(&output)
    );
    for (text, expected) in [
        ("# mine\nnamesrv = \n", "line 2: namesrv=\"\": allowed is host:port"),
        ("secret.key hunter2\n", "line 1: allowed is KEY=VALUE"),
        ("secret.key = hunter2\n", "line 1: "),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = end(program(&*RMQCAT).args(["--config", path, "-t", "CatConfig"]));
        assert_eq!(output.status.code(), Some(2), "{}", both(&output));
        assert!(both(&output).contains(expected) && !both(&output).contains("hunter2"), "{}", both(&output));
    }
}

/// A rate each second while stderr is a terminal and stdout is none; script(1) is the terminal.
#[test]
fn the_rate_is_shown_on_a_terminal_and_not_elsewhere() {
    let cluster = Cluster::shared(Version::V5_5_0);
    filled(cluster, "CatRate", 1, 10);
    let on_terminal = |line: &str| {
        let mut command = tool("script", "bsdutils");
        command.args(["-qec", &format!("timeout -s INT 20 {line}"), "/dev/null"]).stdin(Stdio::null());
        both(&end(command.env("NAMESRV_ADDR", cluster.namesrv()).env("CAT", &*RMQCAT)))
    };
    let text = on_terminal("timeout -s INT 5 $CAT -t CatRate > /dev/null");
    assert!(text.contains("10 messages, 0.0 MB, ") && text.contains(" messages/s"), "{text:?}");
    assert!(text.contains("\u{1b}[K10 messages, 0.0 MB in "), "{text:?}");
    let text = on_terminal("$CAT -t CatRate -e");
    assert!(!text.contains("MB") && text.contains("CatRate-9\r\n"), "messages go to the terminal: {text:?}");
    let text = on_terminal("$CAT -t CatRate -e -v");
    assert!(text.contains("10 messages, 0.0 MB in ") && text.contains("CatRate-9"), "{text:?}");
    let output = end(&mut rmqcat(cluster, &["-t", "CatRate", "-e", "--verbose"]));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("10 messages, 0.0 MB in ") && told.contains("rmqcat: coordinator: assigned"),
        "{told}"
    );
    assert!(!told.contains('\r') && !told.contains("messages/s"), "{told}");
}

/// Option by letter: its long name, and its argument if it has one.
type Options = BTreeMap<char, (String, Option<String>)>;

fn options_of_help(help: &str) -> Options {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  -"));
    let option = |line: &str| {
        let left = line.split("  ").next().unwrap();
        let (letter, rest) = left.split_once(", --").unwrap();
        let (name, argument) =
            rest.split_once(' ').map_or((rest, None), |(name, a)| (name, Some(a.to_owned())));
        (letter.chars().next().unwrap(), (name.to_owned(), argument))
    };
    lines.map(option).collect()
}

fn options_of_page(page: &str) -> Options {
    let lines = page.lines().filter_map(|line| line.strip_prefix(".It Fl "));
    let option = |line: &str| {
        let (short, long) = line.split_once(" , Fl -").unwrap();
        let (letter, argument) = short.split_once(" Ar ").map_or((short, None), |(l, a)| (l, Some(a)));
        let (name, again) = long.split_once(" Ar ").map_or((long, None), |(n, a)| (n, Some(a)));
        assert_eq!(argument, again, "{line}");
        (letter.chars().next().unwrap(), (name.to_owned(), argument.map(str::to_owned)))
    };
    lines.map(option).collect()
}

/// The escapes after each `%` or `\` that begins a word.
fn escapes(text: &str) -> BTreeSet<String> {
    let words = text.split_whitespace().filter(|word| word.len() == 2);
    words.filter(|word| word.starts_with(['%', '\\'])).map(str::to_owned).collect()
}

#[test]
fn man_page_help_and_parser_agree() {
    let help = run(program(&*RMQCAT).arg("--help"));
    assert_eq!(help, run(program(&*RMQCAT).arg("-h")));
    let (page, options) = (man_page(), options_of_help(&help));
    assert_eq!(options, options_of_page(&page));
    assert!(options.len() >= 15, "{options:?}");
    let said = |arguments: &[&str]| both(&end(program(&*RMQCAT).args(arguments)));
    for letter in ('a'..='z').chain('A'..='Z').chain('0'..='9') {
        let text = said(&[&format!("-{letter}")]);
        let lacks = text.contains("an option lacks its argument");
        let unknown = text.contains(&format!("there is no option -{letter}"));
        match options.get(&letter) {
            None => assert!(unknown, "-{letter} is told nowhere: {text}"),
            Some((name, argument)) => {
                assert_eq!((unknown, lacks), (false, argument.is_some()), "-{letter}: {text}");
                assert_eq!(said(&[&format!("--{name}")]), text, "--{name} is -{letter}");
            }
        }
    }

    let format = page.split(".Sh FORMAT").nth(1).unwrap().split(".Sh ").next().unwrap();
    let items = format.lines().filter_map(|line| line.strip_prefix(".It Li "));
    let told: BTreeSet<String> = items.map(|item| item.replace("\\&", "").replace("\\e", "\\")).collect();
    assert_eq!(told, escapes(help.split("FORMAT:\n").nth(1).unwrap().split("\n\n").next().unwrap()));
    for letter in ' '..='~' {
        for begin in ['%', '\\'] {
            let escape = format!("{begin}{letter}");
            let refused = said(&["-f", &escape]).contains("is not known");
            assert_eq!(refused, !told.contains(&escape), "{escape:?}");
        }
    }

    let status = page.split(".Sh EXIT STATUS").nth(1).unwrap().split(".Sh ").next().unwrap();
    let codes: Vec<&str> = status.lines().filter_map(|line| line.strip_prefix(".It ")).collect();
    assert_eq!(codes, ["0", "1", "2", "3", "4"]);
    let version = run(program(&*RMQCAT).arg("--version"));
    assert_eq!(version, format!("rmqcat {0}, librmq {0}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_man_page_is_well_formed() {
    let page: &Path = &root().join("c-examples/rmqcat/rmqcat.1");
    // Checked where the tools are; the page itself needs none of them.
    if has("mandoc") {
        assert_eq!(run(tool("mandoc", "mandoc").args(["-Tlint", "-Wwarning"]).arg(page)), "");
    }
    if has("groff") {
        let output = end(tool("groff", "groff").args(["-mandoc", "-ww", "-z", "-Tutf8"]).arg(page));
        assert!(output.status.success() && both(&output).is_empty(), "{}", both(&output));
    }
}
