//! The rules of the house, read off the sources: who may import whom, where threads start, where `unsafe`
//! may stand, what stays pure, and how long a file or function may be.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import, beside itself.
const ALLOWED: &[(&str, &[&str])] = &[
    ("protocol", &["message"]),
    ("message", &[]),
    ("error", &["protocol"]),
    ("log", &[]),
    ("runtime", &[]),
    ("config", &["error", "log"]),
    ("transport", &["error", "protocol", "runtime"]),
    ("cluster", &["error", "message", "protocol", "runtime", "transport"]),
    ("consumer", &["cluster", "config", "error", "log", "message", "runtime"]),
    ("capi", &["config", "consumer", "error", "log", "message"]),
];

/// Files outside `capi/` that need `unsafe`, with the reason.
const UNSAFE: &[(&str, &str)] =
    &[("config/local_time.rs", "only libc knows the rules of the local time zone")];

/// Files that decide and do nothing else: no clock, no task, no socket, no lock.
const PURE: &[&str] = &[
    "protocol/",
    "message/namespace.rs",
    "cluster/route.rs",
    "consumer/lost.rs",
    "consumer/next_pull.rs",
    "consumer/offsets/local_file.rs",
    "consumer/queue/process_queue.rs",
    "consumer/rebalance/",
    "consumer/seldom.rs",
    "consumer/statistics/window.rs",
    "consumer/watchdog/standstill.rs",
    "consumer/subscriptions/selector.rs",
    "consumer/subscriptions/subscription.rs",
    "consumer/subscriptions/topic_pattern.rs",
    "consumer/subscriptions/unequal.rs",
    "consumer/dispatch/bucket.rs",
    "consumer/dispatch/lane.rs",
    "consumer/dispatch/pace.rs",
    "consumer/dispatch/ready.rs",
    "runtime/backoff.rs",
    "runtime/recent.rs",
    "transport/pending.rs",
];

/// What a pure file does not say.
const IMPURE: &[&str] =
    &["Instant::now", "SystemTime::now", "tokio::", "std::thread", "std::net::Tcp", "Mutex", ".await"];

/// Where lines may stand that start something.
const SPAWNS: &[&str] =
    &["tokio::spawn", "thread::spawn(", "Builder::new_multi_thread", "spawn_blocking", ".spawn_on("];

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 80;

struct Source {
    /// Below `src/`, with slashes.
    name: String,
    /// Without the tests at its end.
    lines: Vec<String>,
}

impl Source {
    fn room(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap()
    }

    /// Lines that are not comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.lines.iter().enumerate().map(|(i, line)| (i + 1, line.as_str()));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_pure(&self) -> bool {
        PURE.iter().any(|pure| self.name.starts_with(pure))
    }
}

fn sources() -> Vec<Source> {
    let sources = sources_of("src");
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

/// The sources below a folder of the repository.
fn sources_of(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let test_only = ["tests.rs", "testing.rs", "panics.rs", "docs.rs"];
            if test_only.iter().any(|test| name.ends_with(test)) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let lines =
                text.lines().take_while(|line| line.trim() != "#[cfg(test)]" || !ends_in_tests(&text, line));
            sources.push(Source { name, lines: lines.map(str::to_owned).collect() });
        }
    }
    sources
}

/// True when the attribute belongs to the module of tests at the end, not to a single item.
fn ends_in_tests(text: &str, attribute: &str) -> bool {
    text.contains(&format!("{attribute}\nmod tests {{"))
}

#[test]
fn layers_point_down() {
    let rooms: BTreeSet<&str> = ALLOWED.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = ALLOWED.iter().find(|(room, _)| *room == source.room()) else {
            assert_eq!(source.name, "lib.rs", "{} is in no room of the table", source.name);
            continue;
        };
        for (number, line) in source.code() {
            for imported in line.split("crate::").skip(1) {
                let imported = imported.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let known = rooms.contains(imported);
                if known && imported != source.room() && !allowed.contains(&imported) {
                    wrong.push(format!("{}:{number} imports {imported}", source.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn threads_and_tasks_start_in_runtime_only() {
    refuse(SPAWNS, |source| source.room() == "runtime");
}

#[test]
fn unsafe_stands_in_capi_only() {
    refuse(&["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"], |source| {
        source.room() == "capi" || UNSAFE.iter().any(|(name, _)| *name == source.name)
    });
}

#[test]
fn the_mock_is_unsafe_in_its_capi_only() {
    let sources = sources_of("mock/src");
    assert!(sources.iter().any(|source| source.room() == "capi"));
    for source in sources.iter().filter(|source| source.room() != "capi") {
        let unsafe_line =
            source.code().find(|(_, line)| line.contains("unsafe ") || line.contains("unsafe("));
        assert!(unsafe_line.is_none(), "{}: {unsafe_line:?}", source.name);
    }
}

#[test]
fn pure_files_read_no_clock_and_wait_for_nothing() {
    refuse(IMPURE, |source| !source.is_pure());
}

#[test]
fn unwrap_and_expect_name_their_invariant() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in source.code() {
            let argued =
                source.lines[number.saturating_sub(3)..number].iter().any(|l| l.contains("invariant:"));
            if (line.contains(".unwrap()") || line.contains(".expect(")) && !argued {
                wrong.push(format!("{}:{number} {}", source.name, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_and_functions_stay_readable() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.lines.len() > FILE_LINES {
            wrong.push(format!("{} has {} lines before its tests", source.name, source.lines.len()));
        }
        let mut begun: Option<(usize, String)> = None;
        for (number, line) in source.code() {
            let indent = line.len() - line.trim_start().len();
            let starts = ["fn ", "pub fn ", "pub(", "async fn ", "pub unsafe extern"];
            if line.contains("fn ")
                && line.ends_with('{')
                && starts.iter().any(|s| line.trim_start().starts_with(s))
            {
                begun = Some((number, " ".repeat(indent) + "}"));
            } else if let Some((start, end)) = &begun
                && line == end
            {
                if number - start > FUNCTION_LINES {
                    wrong.push(format!("{}:{start} is {} lines long", source.name, number - start));
                }
                begun = None;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Fails for every line with one of `texts` in a file that is not `excused`.
fn refuse(texts: &[&str], excused: impl Fn(&Source) -> bool) {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !excused(source)) {
        for (number, line) in source.code() {
            if texts.iter().any(|text| line.contains(text)) {
                wrong.push(format!("{}:{number} {}", source.name, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
