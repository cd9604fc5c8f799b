//! How fast each client consumes a backlog, one after the other.

use rmq_testbed::Measure;

use crate::bench::Bench;
use crate::child::Outcome;
use crate::client::{Client, Task};
use crate::goal::Goal;
use crate::stats::{median, percentile};
use crate::table::{Table, figure, kilo};

/// The runs of one client with one size.
struct Runs {
    client: Client,
    outcomes: Vec<Outcome>,
}

/// Prints one table for each size.
pub(crate) fn run(bench: &Bench) -> Result<Vec<Goal>, String> {
    let names = bench.options.choice("clients", &Client::ALL.map(Client::name))?;
    let clients: Vec<Client> = Client::ALL.into_iter().filter(|c| names.contains(&c.name())).collect();
    let rounds = bench.options.number("rounds", 3);
    let mut results: Vec<(usize, Vec<Runs>)> = Vec::new();
    for size in bench.sizes() {
        bench.backlog(size)?;
        let runs = clients.iter().map(|&client| Runs { client, outcomes: Vec::new() }).collect();
        results.push((size, runs));
    }
    // The broker compiles what it runs often; nobody's first run shall pay for that.
    for (size, _) in &results {
        one(bench, *size, Client::Limit)?;
    }
    for round in 1..=rounds {
        for (size, runs) in &mut results {
            for run in runs {
                let outcome = one(bench, *size, run.client)?;
                let (rate, name) = (kilo(outcome.rate()), run.client.name());
                bench.say(&format!("round {round} of {rounds}, {size} B, {name}: {rate} msg/s"));
                run.outcomes.push(outcome);
            }
        }
    }
    Ok(results.iter().flat_map(|(size, runs)| report(bench, *size, runs)).collect())
}

fn one(bench: &Bench, size: usize, client: Client) -> Result<Outcome, String> {
    let topic = bench.backlog(size)?;
    let (group, count) = (bench.new_group(), bench.count());
    bench.run(client, &Task { group, topic: &topic, count, measure: Measure::Throughput }, &[])
}

fn report(bench: &Bench, size: usize, runs: &[Runs]) -> Vec<Goal> {
    let rounds = runs.first().map_or(0, |run| run.outcomes.len());
    let rate_of = |client| runs.iter().find(|run| run.client == client).map(|run| run.median(Outcome::rate));
    let limit = rate_of(Client::Limit);
    let mut table = Table::new(&[
        "client",
        "msg/s",
        "lowest–highest",
        "× limit",
        "CPU s per million",
        "peak RSS MB",
        "start → first ms",
    ]);
    for run in runs {
        let rates: Vec<f64> = run.outcomes.iter().map(Outcome::rate).collect();
        table.row([
            run.client.title().to_owned(),
            kilo(median(&rates)),
            format!("{}–{}", kilo(percentile(&rates, 0)), kilo(percentile(&rates, 100))),
            figure(limit.map(|limit| median(&rates) / limit), 2),
            format!("{:.2}", run.median(Outcome::cpu_per_million)),
            figure(run.peak_mb(), 1),
            format!("{:.1}", run.median(Outcome::first_ms)),
        ]);
    }
    println!("## Throughput, {} messages of {size} B, medians of {rounds} runs\n\n{table}", bench.count());
    let Some(ours) = runs.iter().find(|run| run.client == Client::Ours) else { return Vec::new() };
    let rate = ours.median(Outcome::rate);
    let others = [(Client::Limit, "the limit", 0.5), (Client::Java, "Java", 3.0), (Client::Go, "Go", 3.0)];
    let mut goals = Vec::new();
    for (client, name, goal) in others {
        if let Some(other) = rate_of(client) {
            println!("ours / {name}: {:.2}", rate / other);
            goals.push(Goal::at_least(format!("{size} B: msg/s"), goal, &format!("× {name}"), rate / other));
        }
    }
    println!();
    let cpu = ours.median(Outcome::cpu_per_million);
    goals.push(Goal::at_most(format!("{size} B: CPU per million"), 1.5, "s", cpu));
    goals.extend(ours.peak_mb().map(|mb| Goal::at_most(format!("{size} B: peak RSS"), 30.0, "MB", mb)));
    goals
}

impl Runs {
    fn median(&self, figure: fn(&Outcome) -> f64) -> f64 {
        median(&self.outcomes.iter().map(figure).collect::<Vec<_>>())
    }

    fn peak_mb(&self) -> Option<f64> {
        let peaks: Option<Vec<f64>> = self.outcomes.iter().map(Outcome::peak_mb).collect();
        peaks.map(|peaks| median(&peaks))
    }
}
