//! Callbacks that take time: with full budgets, and with a producer that leaves them time.

use std::thread;
use std::time::{Duration, Instant};

use rmq_testbed::Measure;

use crate::bench::Bench;
use crate::child::Outcome;
use crate::client::{Client, Task};
use crate::goal::Goal;
use crate::latency::Steady;
use crate::table::{Table, figure};

/// The default of `consume.thread.max`.
const THREADS: u32 = 64;
/// How long the backlog must last.
const SECONDS: f64 = 5.0;
/// Far below what the threads can do.
const STEADY_RATE: u32 = 1000;

/// Prints one table.
pub(crate) fn run(bench: &Bench) -> Result<Vec<Goal>, String> {
    let mut table = Table::new(&[
        "callback",
        "msg/s",
        "threads that only sleep",
        "×",
        "stored → callback p50 ms",
        "p99",
        "max",
        "CPU s per million",
        "peak RSS MB",
    ]);
    let mut goals = Vec::new();
    for millis in [10, 1] {
        let pause = Duration::from_millis(millis);
        let ideal = f64::from(THREADS) / pause.as_secs_f64();
        let sleepers = sleepers(pause);
        let outcome = full(bench, pause, ideal)?;
        let rate = outcome.rate();
        table.row(row(format!("{millis} ms, full budgets"), &outcome, Some(sleepers)));
        if millis == 10 {
            goals.push(Goal::above("10 ms callbacks", 1000.0, "msg/s", rate));
            goals.push(Goal::at_least("10 ms callbacks, of 64 threads", 0.95, "× 6,400/s", rate / ideal));
            let peak = outcome.peak_mb().unwrap_or(f64::NAN);
            goals.push(Goal::below("10 ms callbacks, full budgets: peak RSS", 100.0, "MB", peak));
        } else {
            goals.push(Goal::at_least("1 ms callbacks", 0.85, "× 64 threads that sleep", rate / sleepers));
        }
    }
    bench.say(&format!("callbacks of 10 ms, {STEADY_RATE} msg/s"));
    let more = |_: usize| vec!["sleep_us=10000".to_owned()];
    let outcomes =
        Steady { rate: STEADY_RATE, seconds: 10, more: &more }.run(bench, "Slow", &[Client::Ours])?;
    for outcome in &outcomes {
        table.row(row(format!("10 ms, sent at {STEADY_RATE}/s"), outcome, None));
        let slowest = outcome.latency_ms("max");
        goals.push(Goal::below("10 ms callbacks, sent → callback, slowest", 100.0, "ms", slowest));
    }
    println!("## Slow callbacks, defaults ({THREADS} threads)\n\n{table}");
    println!("With full budgets, stored → callback is the age of the backlog.\n");
    Ok(goals)
}

/// Consumes a backlog that is longer than what is measured, so that the budgets are full to the end.
fn full(bench: &Bench, pause: Duration, ideal: f64) -> Result<Outcome, String> {
    let topic = bench.backlog(bench.sizes()[0])?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let count = ((ideal * SECONDS) as u64).min(bench.count() / 2);
    bench.say(&format!("callbacks of {pause:?}, {count} messages"));
    let task = Task { group: bench.new_group(), topic: &topic, count, measure: Measure::Throughput };
    bench.run(Client::Ours, &task, &["mode=slow", &format!("sleep_us={}", pause.as_micros())])
}

fn row(callback: String, outcome: &Outcome, sleepers: Option<f64>) -> Vec<String> {
    let mut row = vec![
        callback,
        format!("{:.0}", outcome.rate()),
        figure(sleepers, 0),
        figure(sleepers.map(|rate| outcome.rate() / rate), 2),
    ];
    row.extend(["p50", "p99", "max"].map(|name| format!("{:.1}", outcome.latency_ms(name))));
    row.push(format!("{:.1}", outcome.cpu_per_million()));
    row.push(figure(outcome.peak_mb(), 1));
    row
}

/// How many pauses a second as many threads as the library has get through on this machine when they do nothing else.
fn sleepers(pause: Duration) -> f64 {
    let start = Instant::now();
    let sleeper = || {
        thread::spawn(move || {
            let mut pauses = 0_u32;
            while start.elapsed() < Duration::from_secs(1) {
                thread::sleep(pause);
                pauses += 1;
            }
            pauses
        })
    };
    let threads: Vec<_> = (0..THREADS).map(|_| sleeper()).collect();
    let pauses: u32 = threads.into_iter().map(|thread| thread.join().expect("it only sleeps")).sum();
    f64::from(pauses) / start.elapsed().as_secs_f64()
}
