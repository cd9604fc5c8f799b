//! Holds the mock cluster to the truth: one table of scenarios, each a client that sends requests and says what
//! came back, for the mock and for real brokers of both versions. What they answer is written down here as 5.5.0
//! answers it; where 4.9.7 truly differs that stands beside it with the reason, and the mock does as 5.5.0.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

mod admin;
mod client;
mod groups;
mod offsets;
mod pulls;
mod scene;
mod sends;
mod slaves;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rmq::protocol::RequestCode;
use rmq_mock::{MockCluster, Options};
use rmq_testbed::{Cluster, Version};

use client::Used;
use scene::{Scene, Target, group_name, topic_name};

/// Something a client does.
pub struct Scenario {
    name: &'static str,
    run: fn(&mut Scene<'_>),
    /// What is seen at 5.5.0 and at the mock.
    expected: &'static str,
    /// What is seen at 4.9.7, and why it is something else.
    older: Option<(&'static str, &'static str)>,
    /// What is seen at the mock, which lacks something, and what that is.
    mock: Option<(&'static str, &'static str)>,
}

const fn same(name: &'static str, run: fn(&mut Scene<'_>), expected: &'static str) -> Scenario {
    Scenario { name, run, expected, older: None, mock: None }
}

const fn differs(
    name: &'static str,
    run: fn(&mut Scene<'_>),
    expected: &'static str,
    older: &'static str,
    reason: &'static str,
) -> Scenario {
    Scenario { older: Some((older, reason)), ..same(name, run, expected) }
}

const fn lacks(
    name: &'static str,
    run: fn(&mut Scene<'_>),
    expected: &'static str,
    mock: &'static str,
    reason: &'static str,
) -> Scenario {
    Scenario { mock: Some((mock, reason)), ..same(name, run, expected) }
}

const TABLES: &[&[Scenario]] = &[groups::TABLE, offsets::TABLE, pulls::TABLE, sends::TABLE, admin::TABLE];

/// How many scenarios run at once; most of them wait.
const AT_ONCE: usize = 6;

/// The number of the first scenario with a slave.
const SLAVES: usize = 900;

#[test]
fn the_broker_5_5_0_answers_as_the_table_says() {
    a_real_cluster_answers_as_the_table_says(Version::V5_5_0);
}

#[test]
fn the_broker_4_9_7_answers_as_the_table_says() {
    a_real_cluster_answers_as_the_table_says(Version::V4_9_7);
}

fn a_real_cluster_answers_as_the_table_says(version: Version) {
    let cluster = Cluster::builder(version).broker_property("slaveReadEnable", "true").start();
    let mut target = Target {
        name: version.to_string(),
        name_server: cluster.namesrv(),
        broker: cluster.broker().to_string(),
        slave: None,
        pass: Box::new(thread::sleep),
    };
    let older = |scenario: &Scenario| match (version, scenario.older) {
        (Version::V4_9_7, Some((older, _))) => older,
        _ => scenario.expected,
    };
    let mut wrong = hold_to_the_table(&target, older);
    for number in 0..slaves::TABLE.len() {
        cluster.create_topic(&topic_name(SLAVES + number), 1);
        cluster.create_group(&group_name(SLAVES + number), 16);
    }
    let slave = cluster.add_slave();
    target.slave = Some(slave.addr().to_string());
    wrong.extend(hold_to(slaves::TABLE, SLAVES, &target, &Used::default(), older));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_mock_answers_as_the_table_says() {
    // A retry rests as long as at the real ones of the test bed.
    let options = Options { retry_delay: Duration::from_secs(1), ..Options::default() };
    let cluster = MockCluster::with(&options);
    let broker = cluster.broker();
    let mut target = Target {
        name: "mock".to_owned(),
        name_server: cluster.namesrv(),
        broker: cluster.broker().address(),
        slave: None,
        pass: Box::new(move |time| broker.age_locks(time)),
    };
    let expected = |scenario: &Scenario| scenario.mock.map_or(scenario.expected, |(mock, _)| mock);
    let mut wrong = hold_to_the_table(&target, expected);
    let cluster = MockCluster::with(&Options { slaves: 1, ..options });
    for number in 0..slaves::TABLE.len() {
        cluster.create_topic(&topic_name(SLAVES + number), 1);
    }
    target.name_server = cluster.namesrv();
    target.broker = cluster.broker().address();
    target.slave = Some(cluster.slaves()[0].address());
    wrong.extend(hold_to(slaves::TABLE, SLAVES, &target, &Used::default(), expected));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Runs the whole table, which uses every request code; answers a line for each scenario that saw something else.
fn hold_to_the_table(target: &Target, expected: impl Fn(&Scenario) -> &'static str) -> Vec<String> {
    let used = Used::default();
    let scenarios = TABLES.iter().copied().flatten();
    let count = scenarios.clone().count();
    assert!((25..SLAVES).contains(&count), "a table of {count} scenarios");
    let mut wrong = hold_to(scenarios, 0, target, &used, expected);
    let used = used.lock().unwrap();
    let unused = RequestCode::KNOWN.iter().filter(|code| !used.contains(&i32::from(**code)));
    let unused: Vec<_> = unused.filter(|code| !WITHOUT_SCENARIO.contains(code)).collect();
    if !unused.is_empty() {
        wrong.push(format!("{}: no scenario used {unused:?}", target.name));
    }
    wrong
}

/// Runs scenarios, whose topics and groups are numbered from `first` on.
fn hold_to(
    scenarios: impl IntoIterator<Item = &'static Scenario, IntoIter: Send>,
    first: usize,
    target: &Target,
    used: &Used,
    expected: impl Fn(&Scenario) -> &'static str,
) -> Vec<String> {
    let next = Mutex::new((first..).zip(scenarios));
    let seen = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((number, scenario)) = next.lock().unwrap().next() else { return };
                    let outcome = outcome(target, number, scenario, used);
                    seen.lock().unwrap().insert(number, (scenario, outcome));
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    let wrong = seen.values().filter(|(scenario, outcome)| outcome != expected(scenario));
    wrong
        .map(|(scenario, outcome)| {
            let expected = expected(scenario);
            format!("{}: {}: expected [{expected}] got [{outcome}]", target.name, scenario.name)
        })
        .collect()
}

/// Only producers are asked for transactions, and 5.5.0 does resets by itself.
const WITHOUT_SCENARIO: &[RequestCode] =
    &[RequestCode::CheckTransactionState, RequestCode::ResetConsumerClientOffset];

fn outcome(target: &Target, number: usize, scenario: &Scenario, used: &Used) -> String {
    let run = || {
        let mut scene = Scene::new(target, number, used);
        (scenario.run)(&mut scene);
        scene.outcome()
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("panic: {}", text.unwrap_or_default())
    })
}
