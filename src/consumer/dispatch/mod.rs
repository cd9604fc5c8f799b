//! From pulled batches to callbacks: what waits, who works, and what a callback sees.

mod batch;
mod ready;
mod slot;
mod workers;

pub(crate) use batch::PulledBatch;
pub use batch::{Batch, Context, MessageHandler, Outcome};
pub(crate) use workers::{Bounds, Settle, Workers};
