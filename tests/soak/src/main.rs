//! Producers, members that come, go, freeze and die, brokers and name servers that do too: for as long as one wants,
//! and at the end every stored message is accounted for. Prints one page; see README.md.
//!
//! ```text
//! rmq-soak [minutes=60] [rate=300] [seed=NUMBER] [library=FILE]
//! ```
// A program for people: it prints, and a failed set-up ends it with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod chart;
mod faults;
mod ledger;
mod members;
mod options;
mod producer;
mod report;
mod samples;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rmq_testbed::{CProgram, Cluster, Driver, Version, build_dir};

use faults::Faults;
use members::{Members, Mode};
use options::Options;
use producer::Producer;
use report::Report;
use samples::Sampler;

/// The topic of a run, and its queues.
const TOPIC: &str = "Soak";
const QUEUES: u32 = 8;

/// How long the members have for what is left, when the faults are over.
const REST: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match Options::parse(&words).and_then(|options| soak(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("rmq-soak: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// One run; true when nothing was lost and every member ended well.
fn soak(options: &Options) -> Result<bool, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (source, include) = (here.join("member.c"), here.join("../../include"));
    let program = CProgram::compile(&source, &include, options.library.as_deref())?;
    Driver::prepare();
    let cluster = Cluster::builder(Version::V5_5_0).try_start()?;
    Driver::try_shared()?;
    cluster.create_topic(TOPIC, QUEUES);
    eprintln!("rmq-soak: {} minutes at {} msg/s, seed={}", options.minutes, options.rate, options.seed);

    let begun = Instant::now();
    let members = Members::new(&program, &cluster.namesrv());
    let mut faults = Faults::new(options.seed);
    let (sent, samples) = std::thread::scope(|scope| {
        let producer = Producer::start(scope, &cluster, options.rate);
        let sampler = Sampler::start(scope, &members, &producer);
        let end = begun + Duration::from_secs(60 * options.minutes);
        faults.befall(&cluster, &members, end);
        let sent = producer.stop();
        let stored = ends(&cluster).iter().map(|end| end.unsigned_abs()).sum();
        let finished = members.wait_for_all(stored, REST);
        if !finished {
            eprintln!("rmq-soak: not everything was consumed within {REST:?}");
        }
        members.stop_all();
        (sent, sampler.stop())
    });

    let stored = ends(&cluster);
    let accounts = Mode::ALL.map(|mode| (mode, members.ledger(mode, |ledger| ledger.account(&stored))));
    let report = Report {
        options,
        took: begun.elapsed(),
        sent,
        accounts,
        faults: faults.counts(),
        ends: members.ends(),
        samples: &samples,
    };
    let folder = build_dir().parent().expect("a folder of builds").join("soak");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let (page, line) = (folder.join("report.md"), folder.join("timeline.svg"));
    std::fs::write(&page, report.to_string()).map_err(|e| format!("{}: {e}", page.display()))?;
    chart::draw(&line, &samples)?;
    println!("{report}");
    println!("{}\n{}", page.display(), line.display());
    Ok(report.is_good())
}

/// Where the topic's queues end.
fn ends(cluster: &Cluster) -> Vec<i64> {
    (0..QUEUES).map(|queue| cluster.max_offset(TOPIC, queue)).collect()
}
