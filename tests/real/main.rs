//! Behaviour against real brokers, both versions. Groups and topics share the brokers of this binary; only
//! tests that kill a broker have one of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, unreachable_pub, missing_docs)]

/// Makes a test of each function for each broker version.
macro_rules! on_both_versions {
    ($($name:ident),* $(,)?) => {
        mod broker_5_5_0 { $(#[test] fn $name() { super::$name(rmq_testbed::Version::V5_5_0); })* }
        mod broker_4_9_7 { $(#[test] fn $name() { super::$name(rmq_testbed::Version::V4_9_7); })* }
    };
}

mod allocation;
mod assign;
mod auto_commit;
mod basics;
mod broadcast;
mod c_programs;
mod cluster;
mod cpp;
mod crash;
mod dead_letters;
mod deferred;
mod delayed;
mod events;
mod examples;
mod faults;
mod filters;
#[path = "../common/gate.rs"]
mod gate;
mod groups;
mod handover;
mod inner_batches;
mod languages;
#[path = "../common/member.rs"]
mod member;
mod namespaces;
mod offsets;
mod operations;
mod orderly;
mod patterns;
mod poll;
mod queues;
mod resets;
mod retry;
mod rmqcat;
#[path = "../common/schema.rs"]
mod schema;
mod settling;
mod several;
mod statistics;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
mod tuning;
mod twins;
mod unequal;
mod views;
mod wakeup;
mod watchdog;
