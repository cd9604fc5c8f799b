//! Where a queue begins, and how its progress reaches the broker.
//!
//! Offsets travel only by UPDATE_CONSUMER_OFFSET with an awaited answer, one at a time for each queue: a
//! broker handles requests of one connection in several threads, and the later of two offsets can lose.

mod bounds;
mod commit;
mod request;
mod start;

pub(crate) use bounds::{bounds, offset_at};
pub(crate) use commit::{commit_final, keep_committing};
pub(crate) use request::CommitRequests;
pub(crate) use start::{committed_offset, start_offset};
