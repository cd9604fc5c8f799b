//! From pulled batches to callbacks: what waits, who works, and what a callback sees.

mod activity;
mod answer;
mod batch;
mod bucket;
mod idle;
mod lane;
mod open;
mod pace;
mod poll;
mod ranges;
mod ready;
mod slot;
mod tuning;
mod unsettled;
mod usual;
mod workers;

pub(crate) use batch::PulledBatch;
pub use batch::{Abandoned, Batch, Context, MessageHandler, Outcome};
pub(crate) use lane::{Lane, Piece};
pub(crate) use open::{Decided, Open, Settler, Verdict};
pub(crate) use poll::{NoBatch, WeakWorkers};
pub(crate) use ranges::ranges;
pub(crate) use workers::{Bounds, Workers};
