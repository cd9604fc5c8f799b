//! Who is where, and typed calls to them.

mod broker;
mod call;
mod links;
mod name_server;
mod route;

pub use broker::{Cluster, Setup};
pub use call::call;
pub use links::{BrokerLink, Links};
pub use name_server::NameServers;
pub use route::{BrokerId, Route, Routes};

/// What is said to brokers, for the layer above.
pub use crate::protocol::command;
/// Java's string hash, which brokers filter tags by.
pub use crate::protocol::java;
/// The dialect of JSON that bodies and Java's local files are written in.
pub use crate::protocol::json::Json;
/// Queues and their offsets in that dialect.
pub use crate::protocol::queue_json;
/// A stored message and how it is found in a pulled body.
pub use crate::protocol::record;
pub use crate::protocol::{Fields, Frame, Header, RequestCode, ResponseCode};
/// How long answers took of late.
pub use crate::runtime::Summary;
pub use crate::transport::{Connection, Incoming, Link, LinkState};
