//! Apache RocketMQ consumer with a C interface.
//!
//! Layers, each importing only those below it: `capi`, `consumer`, `cluster`, `transport`, `protocol`.
//! DESIGN.md tells how a message travels through them.

pub mod error;
pub mod log;
pub mod message;
pub mod protocol;

pub use error::{Error, ErrorKind, Result};
pub use log::{Level, Log};
