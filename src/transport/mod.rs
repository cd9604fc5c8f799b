//! One connection per peer as request and response: pipelined, correlated, failing as one.

pub mod connection;
pub mod dial;
pub mod meter;
pub mod pending;
pub mod pool;

pub use connection::{Connection, Incoming, Stamp};
pub use meter::Meter;
pub use pool::{Link, LinkState, Pool};
