//! How long single messages take to the callback, at a steady rate; two readers of the same messages in each pass.

use std::path::PathBuf;

use rmq_testbed::{Measure, TempDir, temp_dir};

use crate::bench::{Bench, QUEUES};
use crate::child::{Outcome, Running};
use crate::client::{Client, Task};
use crate::goal::Goal;
use crate::samples::{differences, read_samples};
use crate::stats::percentile;
use crate::table::Table;

/// Who reads in each pass, at the same time and in groups of their own.
const PASSES: [&[Client]; 4] =
    [&[Client::Ours, Client::Limit], &[Client::Limit, Client::Limit], &[Client::Java], &[Client::Go]];

/// How long it goes on at the rate before it counts.
const WARM_SECONDS: u32 = 2;

/// Sends messages at a steady rate to clients that are ready, and answers how each of them ended.
pub(crate) struct Steady<'a> {
    /// Messages a second.
    pub(crate) rate: u32,
    /// How long.
    pub(crate) seconds: u32,
    /// More options for each client; only ours and the bare loop have any.
    pub(crate) more: &'a dyn Fn(usize) -> Vec<String>,
}

impl Steady<'_> {
    /// Runs one pass on a new topic.
    pub(crate) fn run(&self, bench: &Bench, topic: &str, clients: &[Client]) -> Result<Vec<Outcome>, String> {
        let count = self.rate * self.seconds;
        bench.cluster.create_topic(topic, QUEUES);
        let mut running = Vec::new();
        for (i, &client) in clients.iter().enumerate() {
            let measure = Measure::Latency { warmup: QUEUES };
            let task = Task { group: bench.new_group(), topic, count: count.into(), measure };
            let mut command = bench.command(client, &task)?;
            command.args((self.more)(i));
            running.push(Running::start(client.title(), command)?);
        }
        bench.cluster.send(topic, QUEUES).run();
        running.iter_mut().try_for_each(|client| client.await_line("ready"))?;
        // The first messages of a topic are slow for reasons of the broker and the producer.
        bench.cluster.send(topic, self.rate * WARM_SECONDS).rate(self.rate).run();
        let sent = bench.cluster.send(topic, count).stamped().rate(self.rate).run();
        if sent.stored != u64::from(count) {
            return Err(format!("{topic}: {sent:?}"));
        }
        running.into_iter().map(Running::finish).collect()
    }
}

/// Prints one table of latencies and one of differences.
pub(crate) fn run(bench: &Bench) -> Result<Vec<Goal>, String> {
    let rate = u32::try_from(bench.options.number("rate", 200)).map_err(|e| format!("rate: {e}"))?;
    let seconds = u32::try_from(bench.options.number("seconds", 20)).map_err(|e| format!("seconds: {e}"))?;
    let folder = temp_dir("samples");
    let mut table = Table::new(&["pass, sent → callback in ms", "p50", "p99", "max"]);
    let mut paired = Table::new(&["same message, difference in ms", "p50", "p99"]);
    let mut goals = Vec::new();
    for (pass, clients) in PASSES.into_iter().enumerate() {
        let names: Vec<_> = clients.iter().map(|client| client.name()).collect();
        bench.say(&format!("latency, {rate} msg/s for {seconds} s: {}", names.join(" and ")));
        let samples = |reader: usize| vec![format!("samples={}", path(&folder, pass, reader).display())];
        let no_options = |_: usize| Vec::new();
        // Java and Go read alone and keep their samples to themselves.
        let more: &dyn Fn(usize) -> Vec<String> = if clients.len() == 2 { &samples } else { &no_options };
        let outcomes = Steady { rate, seconds, more }.run(bench, &format!("Latency{pass}"), clients)?;
        for (client, outcome) in clients.iter().zip(&outcomes) {
            let ms = ["p50", "p99", "max"].map(|name| format!("{:.2}", outcome.latency_ms(name)));
            table.row([format!("{}: {}", pass + 1, client.title())].into_iter().chain(ms));
            if *client == Client::Ours {
                goals.push(Goal::below("sent → callback, slowest", 100.0, "ms", outcome.latency_ms("max")));
            }
        }
        if let [first, second] = clients {
            let [a, b] = [0, 1].map(|reader| read_samples(&path(&folder, pass, reader)));
            let later = differences(&a?, &b?);
            let ms = [50, 99].map(|percent| format!("{:+.3}", percentile(&later, percent) / 1e6));
            let name = format!("{} − {}", first.title(), second.title());
            paired.row([name].into_iter().chain(ms));
        }
    }
    println!("## Latency of single messages, {rate} msg/s for {seconds} s\n\n{table}\n{paired}");
    Ok(goals)
}

fn path(folder: &TempDir, pass: usize, reader: usize) -> PathBuf {
    folder.path().join(format!("{pass}-{reader}"))
}
