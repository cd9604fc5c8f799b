//! The only place that starts threads and tasks, reads the clock and asks for chance.

pub mod random;
pub mod tasks;
pub mod threads;

pub use tasks::Tasks;
pub use threads::IoThreads;
