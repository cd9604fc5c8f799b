//! Behaviour against real brokers, both versions. Groups and topics share the brokers of this binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, unreachable_pub, missing_docs)]

mod basics;
#[path = "../common/member.rs"]
mod member;
