//! How fast the programs of ffi-examples consume a backlog, beside the C callback and other clients.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rmq_testbed::{Measure, TempDir, build_dir, temp_dir};

use crate::bench::Bench;
use crate::child::{Outcome, Running};
use crate::client::{Client, Task};
use crate::goal::Goal;
use crate::stats::{median, percentile};
use crate::table::{Table, figure, kilo};

/// A program `bench` of ffi-examples.
struct Language {
    /// As in the option `languages=`.
    name: &'static str,
    /// As in tables.
    title: &'static str,
    /// Messages a second that are hoped for.
    hope: f64,
    /// Builds what has to be built and answers what starts it.
    prepare: fn(&Place<'_>) -> Result<Command, String>,
}

const LANGUAGES: [Language; 5] = [
    Language { name: "go", title: "Go, ffi-examples", hope: 500e3, prepare: go },
    Language { name: "node", title: "Node, ffi-examples", hope: 300e3, prepare: node },
    Language {
        name: "python",
        title: "Python, ffi-examples",
        hope: 150e3,
        prepare: |place| place.script("python3", "python/bench.py"),
    },
    Language {
        name: "asyncio",
        title: "Python, asyncio",
        hope: 150e3,
        prepare: |place| {
            let mut command = place.script("python3", "python/bench.py")?;
            command.arg("--async");
            Ok(command)
        },
    },
    Language {
        name: "ruby",
        title: "Ruby, ffi-examples",
        hope: 150e3,
        prepare: |place| place.script("ruby", "ruby/bench.rb"),
    },
];

/// Where things are, and where they may be put.
struct Place<'a> {
    examples: PathBuf,
    /// Has the librmq.so.0 under test.
    library: &'a Path,
    built: TempDir,
}

impl Place<'_> {
    fn script(&self, interpreter: &str, script: &str) -> Result<Command, String> {
        let mut command = Command::new(interpreter);
        command.arg(self.examples.join(script));
        Ok(command)
    }
}

fn done(what: &str, command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{what}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}")) }
}

fn go(place: &Place<'_>) -> Result<Command, String> {
    let (program, built, library) =
        (place.built.path().join("go-bench"), place.built.path().display(), place.library.display());
    // The name that the linker looks for.
    let link = place.built.path().join("librmq.so");
    if !link.exists() {
        symlink(place.library.join("librmq.so.0"), &link).map_err(|e| format!("{}: {e}", link.display()))?;
    }
    let mut build = Command::new("go");
    build
        .current_dir(place.examples.join("go"))
        .args(["build", "-o"])
        .arg(&program)
        .arg("./cmd/bench")
        .env("GOCACHE", build_dir().join("go-cache"))
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOTOOLCHAIN", "local")
        .env("CGO_CFLAGS", format!("-O2 -I{}", place.examples.join("../include").display()))
        .env("CGO_LDFLAGS", format!("-L{built} -Wl,-rpath,{library}"));
    done("go build", &mut build)?;
    Ok(Command::new(program))
}

fn node(place: &Place<'_>) -> Result<Command, String> {
    done("build.sh", &mut Command::new(place.examples.join("node/build.sh")))?;
    place.script("node", "node/bench.js")
}

/// The runs of one row.
struct Runs {
    title: &'static str,
    outcomes: Vec<Outcome>,
}

impl Runs {
    fn median(&self, figure: impl Fn(&Outcome) -> f64) -> f64 {
        median(&self.outcomes.iter().map(figure).collect::<Vec<_>>())
    }
}

/// Prints one table for each size.
pub(crate) fn run(bench: &Bench) -> Result<Vec<Goal>, String> {
    let names = bench.options.choice("languages", &LANGUAGES.map(|language| language.name))?;
    let place = Place {
        examples: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ffi-examples"),
        library: bench.library_folder(),
        built: temp_dir("bench-ffi"),
    };
    let languages: Vec<&Language> = LANGUAGES.iter().filter(|l| names.contains(&l.name)).collect();
    let peers = bench.options.choice("clients", &Client::ALL.map(Client::name))?;
    let peers: Vec<Client> = Client::ALL.into_iter().filter(|c| peers.contains(&c.name())).collect();
    let mut goals = Vec::new();
    for size in bench.sizes() {
        let topic = bench.backlog(size)?;
        let mut others: Vec<Runs> =
            peers.iter().map(|client| Runs { title: client.title(), outcomes: Vec::new() }).collect();
        let mut ours: Vec<Runs> =
            languages.iter().map(|l| Runs { title: l.title, outcomes: Vec::new() }).collect();
        for round in 1..=bench.options.number("rounds", 3) {
            for (client, runs) in peers.iter().zip(&mut others) {
                let group = bench.new_group();
                let task = Task { group, topic: &topic, count: bench.count(), measure: Measure::Throughput };
                runs.outcomes.push(bench.run(*client, &task, &[])?);
            }
            for (language, runs) in languages.iter().zip(&mut ours) {
                let outcome = one(bench, &place, language, &topic)?;
                let rate = kilo(program_rate(&outcome));
                bench.say(&format!("round {round}, {size} B, {}: {rate} msg/s", language.name));
                runs.outcomes.push(outcome);
            }
        }
        report(bench, size, (&peers, &others), (&languages, &ours), &mut goals);
    }
    Ok(goals)
}

fn one(bench: &Bench, place: &Place<'_>, language: &Language, topic: &str) -> Result<Outcome, String> {
    let mut command = (language.prepare)(place)?;
    command
        .args([&bench.cluster.namesrv(), &bench.new_group(), topic, &bench.count().to_string()])
        .env("RMQ_LIBRARY", place.library.join("librmq.so.0"));
    Running::start(language.title, command)?.finish()
}

fn program_rate(outcome: &Outcome) -> f64 {
    outcome.number("messages") / outcome.number("seconds")
}

/// What the same calls reach on a batch that is at hand already.
fn loop_rate(outcome: &Outcome) -> f64 {
    outcome.number("messages") / outcome.number("loop_seconds")
}

fn report(
    bench: &Bench,
    size: usize,
    (peers, others): (&[Client], &[Runs]),
    (languages, ours): (&[&Language], &[Runs]),
    goals: &mut Vec<Goal>,
) {
    let callback = peers.iter().position(|c| *c == Client::Ours).map(|i| others[i].median(Outcome::rate));
    let columns = ["client", "msg/s", "lowest–highest", "× C callback", "empty loop", "CPU s per million"];
    let mut table = Table::new(&columns);
    let mut row = |runs: &Runs, rate: &dyn Fn(&Outcome) -> f64, empty: Option<f64>| {
        let rates: Vec<f64> = runs.outcomes.iter().map(rate).collect();
        table.row([
            runs.title.to_owned(),
            kilo(median(&rates)),
            format!("{}–{}", kilo(percentile(&rates, 0)), kilo(percentile(&rates, 100))),
            figure(callback.map(|callback| median(&rates) / callback), 2),
            empty.map_or_else(|| "–".to_owned(), kilo),
            format!("{:.2}", runs.median(Outcome::cpu_per_million)),
        ]);
    };
    for runs in others {
        row(runs, &Outcome::rate, None);
    }
    for runs in ours {
        row(runs, &program_rate, Some(runs.median(loop_rate)));
    }
    println!("## Languages, {} messages of {size} B\n\n{table}", bench.count());
    for (language, runs) in languages.iter().zip(ours) {
        let what = format!("{size} B: {}", language.title);
        goals.push(Goal::at_least(what, language.hope / 1e3, "k msg/s", runs.median(program_rate) / 1e3));
    }
}
