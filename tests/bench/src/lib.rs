//! What the bench programs share: the least a client must do to be answered by a broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

pub mod bare;
pub mod options;
