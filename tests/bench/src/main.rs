//! Side-by-side benches of this library and other clients, on one real broker of its own. See README.md.
// A program for people: it prints, and a failed set-up ends it with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod bare;
mod bench;
mod child;
mod client;
mod consume;
mod faults;
mod ffi;
mod first;
mod goal;
mod latency;
mod options;
mod samples;
mod slow;
mod stats;
mod table;
mod throughput;

use std::process::ExitCode;

use bench::Bench;
use goal::Goal;
use options::Options;

type Section = fn(&Bench) -> Result<Vec<Goal>, String>;

const SECTIONS: [(&str, Section); 6] = [
    ("throughput", throughput::run),
    ("first", first::run),
    ("latency", latency::run),
    ("slow", slow::run),
    ("ffi", ffi::run),
    ("faults", faults::run),
];
/// What runs when nothing is said.
const USUAL: [&str; 4] = ["throughput", "first", "latency", "slow"];
const OPTIONS: [&str; 11] = [
    "rounds",
    "count",
    "only",
    "sizes",
    "clients",
    "languages",
    "rate",
    "seconds",
    "faults",
    "callback_ms",
    "library",
];
const BARE_OPTIONS: [&str; 8] = ["ns", "group", "topic", "count", "mode", "warmup", "samples", "within"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((word, rest)) if word == "bare" => Options::parse(rest, &BARE_OPTIONS).map(|o| bare::run(&o)),
        _ => Options::parse(&words, &OPTIONS).and_then(all),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("rmq-bench: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the sections asked for; one that fails does not keep the others from running.
fn all(options: Options) -> Result<(), String> {
    let wanted = match options.get("only") {
        Some(_) => options.choice("only", &SECTIONS.map(|(name, _)| name))?,
        None => USUAL.to_vec(),
    };
    let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
    let bench = Bench::start(options)?;
    let mut goals = Vec::new();
    let mut failed = Vec::new();
    for (name, section) in SECTIONS.iter().filter(|(name, _)| wanted.iter().any(|wanted| wanted == name)) {
        match section(&bench) {
            Ok(more) => goals.extend(more),
            Err(reason) => failed.push(format!("{name} did not run: {reason}")),
        }
    }
    println!("## Goals\n\n{}", goal::table(&goals));
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}
