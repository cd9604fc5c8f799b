//! Behaviour under scripted faults, against the mock cluster. Each test has a cluster of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, unreachable_pub, missing_docs)]

mod allocation;
mod alone;
mod assign;
mod broadcast;
mod commits;
mod events;
mod faults;
#[path = "../common/gate.rs"]
mod gate;
mod handover;
mod knobs;
#[path = "../common/member.rs"]
mod member;
mod orderly;
mod orderly_races;
mod outcomes;
mod overdue;
mod poll;
mod properties;
mod queues;
mod races;
mod records;
mod refusals;
mod restarts;
#[path = "../common/schema.rs"]
mod schema;
mod shutdown;
mod slaves;
mod start;
mod statistics;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
mod tools;
mod wakeup;
mod watchdog;
mod wire;
