//! Where a queue begins, and how its progress reaches the broker.
//!
//! Offsets travel only by UPDATE_CONSUMER_OFFSET with an awaited answer, one at a time for each queue: a
//! broker handles requests of one connection in several threads, and the later of two offsets can lose.

mod commit;
mod start;

pub(crate) use commit::{commit_final, keep_committing};
pub(crate) use start::start_offset;
