//! From pulled batches to callbacks: what waits, who works, and what a callback sees.

mod activity;
mod batch;
mod lane;
mod open;
mod poll;
mod ready;
mod slot;
mod unsettled;
mod usual;
mod workers;

pub(crate) use batch::PulledBatch;
pub use batch::{Abandoned, Batch, Context, MessageHandler, Outcome};
pub(crate) use lane::{Lane, Piece};
pub(crate) use open::{Decided, Open, Settler, Verdict};
pub(crate) use poll::NoBatch;
pub(crate) use workers::{Bounds, Workers};
