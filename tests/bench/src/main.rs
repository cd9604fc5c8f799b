//! Benches of this library; so far the bare client that others are measured against.
// A program for people: it prints, and a failed set-up ends it with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod bare;
mod options;
mod samples;
mod stats;

use std::process::ExitCode;

use options::Options;

const BARE_OPTIONS: [&str; 8] = ["ns", "group", "topic", "count", "mode", "warmup", "samples", "within"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((word, rest)) if word == "bare" => Options::parse(rest, &BARE_OPTIONS).map(|o| bare::run(&o)),
        _ => Err("there is only the client `bare` yet".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("rmq-bench: {reason}");
            ExitCode::FAILURE
        }
    }
}
