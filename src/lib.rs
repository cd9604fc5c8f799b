//! Apache RocketMQ consumer with a C interface.
//!
//! Layers, each importing only those below it: `capi`, `consumer`, `cluster`, `transport`, `protocol`.
//! DESIGN.md tells how a message travels through them.

pub mod capi;
pub mod cluster;
pub mod config;
pub mod consumer;
pub mod error;
pub mod log;
pub mod message;
pub mod protocol;
pub mod runtime;
pub mod transport;

pub use config::{Config, ConsumerConfig};
pub use consumer::{
    Abandoned, Allocator, Batch, Consumer, Context, Division, Event, EventHandler, EventKind, MessageHandler,
    MessageSelector, Outcome, Seek, Share, State, WakeupHandler, dead_letter_topic, is_tag_type,
};
pub use error::{Error, ErrorKind, Result};
pub use log::{Level, Log};
