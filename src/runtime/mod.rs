//! Threads, tasks, chance and waiting times: the only place that starts something that runs by itself.

pub mod backoff;
pub mod blocking;
pub mod random;
pub mod tasks;
pub mod threads;
pub mod turn;
pub mod wake_fd;

pub use backoff::Backoff;
pub use tasks::Tasks;
pub use threads::IoThreads;
