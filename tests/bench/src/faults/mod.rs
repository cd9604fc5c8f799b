//! What members that come, go and die, and a broker that does, cost each client's users.

mod broker_death;
mod group;
mod ledger;
mod membership;

use std::time::Duration;

use broker_death::{Death, Recovery};
use ledger::Account;
use membership::{Cast, Course, Scenario};

use crate::bench::{Bench, QUEUES};
use crate::client::Client;
use crate::goal::Goal;
use crate::stats::median;
use crate::table::Table;

/// The bare loop is no member of anything.
const CLIENTS: [Client; 3] = [Client::Ours, Client::Java, Client::Go];

/// Longest from stored to first callback while members join and leave, beside the longest callback.
const HANDOVER_MS: f64 = 50.0;
/// First delivery from a broker that returned, after the first pull answered to the probe.
const RETURN_SECONDS: f64 = 0.3;

/// Prints one table of members and one of the broker's death.
pub(crate) fn run(bench: &Bench) -> Result<Vec<Goal>, String> {
    let names = bench.options.choice("clients", &CLIENTS.map(Client::name))?;
    let clients: Vec<Client> = CLIENTS.into_iter().filter(|client| names.contains(&client.name())).collect();
    let parts = bench.options.choice("faults", &["members", "mixed", "broker"])?;
    let rounds = bench.options.number("rounds", 3);
    let rate = u32::try_from(bench.options.number("rate", 1000)).map_err(|e| format!("rate: {e}"))?;
    let callback = Duration::from_millis(bench.options.number("callback_ms", 0));

    let mut casts = Vec::new();
    if parts.contains(&"members") {
        casts.extend(clients.iter().map(|&client| Cast {
            title: client.title().to_owned(),
            residents: vec![client],
            guest: client,
        }));
    }
    if parts.contains(&"mixed") {
        let title = "two of ours, a Java guest".to_owned();
        casts.push(Cast { title, residents: vec![Client::Ours; 2], guest: Client::Java });
    }
    let scenario = Scenario { bench, rate, callback };
    let mut courses: Vec<Vec<Course>> = casts.iter().map(|_| Vec::new()).collect();
    let mut deaths: Vec<Death> = Vec::new();
    for round in 1..=rounds {
        for (at, cast) in casts.iter().enumerate() {
            bench.say(&format!("members come and go, round {round} of {rounds}: {}", cast.title));
            courses[at].push(scenario.run(&format!("Members{round}x{at}"), cast)?);
        }
        if parts.contains(&"broker") {
            bench.say(&format!("the broker is killed, round {round} of {rounds}"));
            deaths.push(broker_death::run(bench, &format!("Broker{round}"), &clients, rate, callback)?);
        }
    }

    let mut goals = Vec::new();
    if !casts.is_empty() {
        println!("## Members come and go, {QUEUES} queues, {rate} msg/s, {rounds} rounds\n");
        println!("{}", members_table(&casts, &courses));
        let ours = casts.iter().zip(&courses).find(|(cast, _)| cast.guest == Client::Ours);
        goals.extend(ours.into_iter().flat_map(|(_, courses)| members_goals(courses, callback)));
    }
    if !deaths.is_empty() {
        println!("## The broker is killed -9 and started again 6 s later, {rounds} rounds\n");
        println!("{}", broker_table(&clients, &deaths));
        let ours = clients.iter().position(|client| *client == Client::Ours);
        goals.extend(ours.into_iter().flat_map(|at| broker_goals(&deaths, at)));
    }
    Ok(goals)
}

/// The median of the rounds and, where they differ, the worst.
fn count(counts: impl Iterator<Item = u64>) -> String {
    let counts: Vec<f64> = counts.map(|count| count as f64).collect();
    let (middle, worst) = (median(&counts), worst(&counts));
    if middle < worst { format!("{middle:.0} ({worst:.0})") } else { format!("{middle:.0}") }
}

fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn latest(courses: &[Course], event: impl Fn(&Course) -> Account) -> f64 {
    median(&courses.iter().map(|course| event(course).latest_ms).collect::<Vec<_>>())
}

fn members_table(casts: &[Cast], courses: &[Vec<Course>]) -> Table {
    let mut table = Table::new(&[
        "median (worst round)",
        "lost",
        "twice: join",
        "leave",
        "kill -9",
        "of at most",
        "latest, ms: calm",
        "join",
        "leave",
        "kill -9",
    ]);
    for (cast, courses) in casts.iter().zip(courses) {
        let counted = |what: fn(&Course) -> u64| count(courses.iter().map(what));
        let late = |event: fn(&Course) -> Account| format!("{:.0}", latest(courses, event));
        table.row([
            cast.title.clone(),
            counted(|course| course.lost),
            counted(|course| course.join.repeated),
            counted(|course| course.leave.repeated),
            counted(|course| course.kill.repeated),
            counted(|course| course.uncommitted),
            late(|course| course.calm),
            late(|course| course.join),
            late(|course| course.leave),
            late(|course| course.kill),
        ]);
    }
    table
}

fn members_goals(courses: &[Course], callback: Duration) -> Vec<Goal> {
    let most = |what: fn(&Course) -> u64| courses.iter().map(what).max().unwrap_or(0) as f64;
    let none = |what: &str, measured| Goal::at_most(format!("ours: {what}"), 0.0, "messages", measured);
    let limit = HANDOVER_MS + callback.as_secs_f64() * 1e3;
    let soon = |what: &str, measured| Goal::at_most(format!("ours: {what}"), limit, "ms", measured);
    let mut goals = vec![
        none("lost as members come and go", most(|course| course.lost)),
        none("delivered twice at a join", most(|course| course.join.repeated)),
        none("delivered twice at a graceful leave", most(|course| course.leave.repeated)),
        soon("latest first delivery at a join", latest(courses, |course| course.join)),
        soon("latest first delivery at a graceful leave", latest(courses, |course| course.leave)),
    ];
    // The bound is another one in each round: the round that is nearest to its own, or farthest beyond.
    let excess = |course: &&Course| course.kill.repeated as f64 - course.uncommitted as f64;
    if let Some(course) = courses.iter().max_by(|a, b| excess(a).total_cmp(&excess(b))) {
        let (limit, measured) = (course.uncommitted as f64, course.kill.repeated as f64);
        goals.push(Goal::at_most("ours: delivered twice after kill -9", limit, "messages", measured));
    }
    goals
}

/// How much later than the probe's answer a client's first delivery was, in each round.
fn delays(deaths: &[Death], at: usize) -> Vec<f64> {
    deaths.iter().map(|death| death.clients[at].first - death.answered).collect()
}

fn broker_table(clients: &[Client], deaths: &[Death]) -> Table {
    let mut table = Table::new(&[
        "seconds after the process was started, medians",
        "first delivery",
        "− probe",
        "worst round",
        "from all queues",
        "lost",
        "twice",
    ]);
    let answered = median(&deaths.iter().map(|death| death.answered).collect::<Vec<_>>());
    let nothing = || "–".to_owned();
    let probe = ["probe: first pull answered".to_owned(), format!("{answered:.2}")];
    table.row(probe.into_iter().chain(std::iter::repeat_with(nothing).take(5)));
    for (at, client) in clients.iter().enumerate() {
        let each = || deaths.iter().map(|death| &death.clients[at]);
        let middle =
            |what: fn(&Recovery) -> f64| format!("{:.2}", median(&each().map(what).collect::<Vec<_>>()));
        let delays = delays(deaths, at);
        table.row([
            client.title().to_owned(),
            middle(|recovery| recovery.first),
            format!("{:+.2}", median(&delays)),
            format!("{:+.2}", delays.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            middle(|recovery| recovery.all_queues),
            count(each().map(|recovery| recovery.lost)),
            count(each().map(|recovery| recovery.repeated)),
        ]);
    }
    table
}

fn broker_goals(deaths: &[Death], at: usize) -> Vec<Goal> {
    let lost = deaths.iter().map(|death| death.clients[at].lost).max().unwrap_or(0);
    vec![
        Goal::at_most(
            "ours: broker returned, first delivery − first pull answered",
            RETURN_SECONDS,
            "s",
            median(&delays(deaths, at)),
        ),
        Goal::at_most("ours: lost as the broker died", 0.0, "messages", lost as f64),
    ]
}
