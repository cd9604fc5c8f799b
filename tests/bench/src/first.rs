//! How long a group's first message takes, beside the bare sequence of requests.

use std::thread;
use std::time::Duration;

use rmq_testbed::Measure;

use crate::bare::{first_message, prepare_group};
use crate::bench::Bench;
use crate::client::{Client, Task};
use crate::goal::Goal;
use crate::stats::{median, percentile};
use crate::table::Table;

const RUNS: usize = 10;
/// Where an existing group goes on in each queue.
const COMMITTED: i64 = 10;
/// After a member has gone: the broker sees its connection close.
const SETTLE: Duration = Duration::from_millis(100);

/// Times of the same kind of group, in milliseconds.
#[derive(Default)]
struct Times {
    ours: Vec<f64>,
    bare: Vec<f64>,
}

/// Prints one table.
pub(crate) fn run(bench: &Bench) -> Result<Vec<Goal>, String> {
    let topic = bench.backlog(bench.sizes()[0])?;
    let namesrv = bench.cluster.namesrv();
    let group = |exists: bool| {
        let group = bench.new_group();
        if exists {
            prepare_group(&namesrv, &group, &topic, COMMITTED);
        }
        thread::sleep(SETTLE);
        group
    };
    let (mut existing, mut new) = (Times::default(), Times::default());
    for run in 1..=RUNS {
        bench.say(&format!("first message, run {run} of {RUNS}"));
        for (exists, times) in [(true, &mut existing), (false, &mut new)] {
            let task = Task { group: group(exists), topic: &topic, count: 1, measure: Measure::Throughput };
            times.ours.push(bench.run(Client::Ours, &task, &[])?.first_ms());
            times.bare.push(first_message(&namesrv, &group(exists), &topic).as_secs_f64() * 1e3);
        }
    }
    let mut table = Table::new(&["start call → first message, ms", "median", "lowest–highest", "− bare"]);
    for (name, times) in [("existing group", &existing), ("new group", &new)] {
        let row = |who: &str, times: &[f64], more: String| {
            let range = format!("{:.1}–{:.1}", percentile(times, 0), percentile(times, 100));
            [format!("{name}, {who}"), format!("{:.1}", median(times)), range, more]
        };
        let more = median(&times.ours) - median(&times.bare);
        table.row(row("ours", &times.ours, format!("{more:+.1}")));
        table.row(row("bare sequence", &times.bare, "–".to_owned()));
    }
    println!("## First message, 8 queues with messages waiting, medians of {RUNS} runs\n\n{table}");
    let goal =
        Goal::at_most("existing group: start call → first message", 20.0, "ms", median(&existing.ours));
    Ok(vec![goal])
}
