//! Threads, tasks, chance, waiting times and times taken: the only place that starts something that runs by itself.

pub mod backoff;
pub mod blocking;
pub mod random;
pub mod recent;
pub mod tasks;
pub mod threads;
pub mod turn;
pub mod wake_fd;

pub use backoff::Backoff;
pub use recent::{Recent, Summary};
pub use tasks::Tasks;
pub use threads::IoThreads;
