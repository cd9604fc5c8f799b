//! A RocketMQ cluster in the process of a test: a name server and brokers on loopback ports that speak the
//! real protocol over TCP, keep their messages in memory, and misbehave when told to.
//!
//! ```
//! use rmq_mock::{Fault, MockCluster, Produced, RequestCode};
//!
//! let cluster = MockCluster::start();
//! cluster.create_topic("Orders", 4);
//! assert_eq!(cluster.produce("Orders", 0, Produced::new("hello").tag("new")), 0);
//! cluster.on(RequestCode::PullMessage).once(Fault::busy());
//! // … a consumer of `cluster.namesrv()` is refused once, then gets the message …
//! assert_eq!(cluster.committed("group", "Orders", 0), None);
//! ```
//!
//! What brokers answer is held to the truth: `tests/conformance` runs one table of scenarios against this cluster,
//! 5.5.0 and 4.9.7. Where those two differ this one does as 5.5.0. It knows no SQL92: every expression is taken for
//! good and matches all. Slaves have all messages of their master at once, a message's rest does not depend on its
//! level, and of transactions, access rules, TLS and POP there is nothing.
//!
//! A request travels `server` → `peer` → `journal` → `script` → `name_server` or `broker`. All state is one
//! [`world::World`] behind one lock; what a change causes outside of it (answers, pushes, timers) is listed
//! in [`effects::Effects`] and done after the lock is free.

mod broker;
pub mod capi;
mod clock;
mod cluster;
mod effects;
mod fault;
mod journal;
mod name_server;
mod peer;
mod produced;
mod script;
mod server;
mod world;

pub use broker::{MockBroker, Stored};
pub use cluster::{MockCluster, Options};
pub use fault::{Fault, Hold};
pub use journal::Recorded;
pub use produced::Produced;
pub use rmq::protocol::{RequestCode, ResponseCode};
pub use script::On;
