//! Apache RocketMQ consumer with a C interface.
//!
//! Layers, each importing only those below it: `capi`, `consumer`, `cluster`, `transport`, `protocol`.
//! DESIGN.md tells how a message travels through them.

pub mod config;
pub mod error;
pub mod log;
pub mod message;
pub mod protocol;

pub use config::{Config, ConsumerConfig};
pub use error::{Error, ErrorKind, Result};
pub use log::{Level, Log};
