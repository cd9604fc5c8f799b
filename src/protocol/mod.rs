//! Bytes to values and back: RocketMQ's remoting protocol as a consumer needs it.
//!
//! Nothing here knows of sockets, clocks or logs. A command travels as a [`frame::Frame`]; its header
//! carries string fields ([`header::Fields`]) that every request and answer names in one table
//! ([`command`]); a pulled body holds stored messages ([`record`]).

pub mod code;
pub mod command;
pub mod compression;
pub mod error;
pub mod frame;
pub mod header;
pub mod java;
pub mod json;
pub mod message_id;
pub mod queue_json;
mod reader;
pub mod record;
pub mod record_builder;

pub use code::{RequestCode, ResponseCode};
pub use error::ProtocolError;
pub use frame::Frame;
pub use header::{Fields, Header};
