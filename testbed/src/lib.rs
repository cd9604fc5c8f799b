//! Real RocketMQ brokers and a Java peer for tests, the demo and the benches.
//!
//! ```no_run
//! use rmq_testbed::{Cluster, Version};
//! use std::time::Duration;
//!
//! let cluster = Cluster::shared(Version::V5_5_0);
//! cluster.create_topic("Orders", 8);
//! assert_eq!(cluster.send("Orders", 100).tags(&["new", "paid"]).run().stored, 100);
//! let java = cluster.java_consumer("billing", "Orders").start();
//! java.wait_for(100, Duration::from_secs(20));
//! ```
//!
//! # What runs
//!
//! A [`Cluster`] is one name server and one master broker, each a JVM on free loopback ports, started from the jars on
//! Maven Central. The jars are copied once per version into `build/testbed/lib`; later runs need no network. A
//! [`Driver`] is one more JVM which hosts any number of Java producers and consumers, for all clusters of the process;
//! `cluster.send(..)`, `cluster.java_consumer(..)` and `cluster.admin(..)` talk to it.
//!
//! # What remains
//!
//! Nothing: every child is killed when this process ends, however it ends (see `process`), and the run folder
//! `build/testbed/run/<pid>-...` is removed unless a thread panicked; then its logs stay, and a line says where.
// Test support: a failed set-up must stop the test with its reason, and a person reads what it prints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod access;
mod broadcast;
mod broker;
mod c_program;
mod classes;
mod cluster;
mod driver;
mod exit;
mod folders;
mod foreground;
mod jars;
mod java_consumer;
mod jvm;
mod loops;
mod member;
mod name_server;
mod offsets;
mod peers;
mod ports;
mod process;
mod producer;
mod relay;
mod remoting;
mod slave;
mod version;
mod wait;

pub use broadcast::JavaBroadcast;
pub use broker::{Broker, BrokerSetup};
pub use c_program::CProgram;
pub use cluster::{Cluster, ClusterBuilder};
pub use driver::{Driver, quote};
pub use folders::{TempDir, build_dir, temp_dir};
pub use foreground::run_foreground;
pub use java_consumer::{Delivery, JavaConsumer, JavaConsumerBuilder, JavaQueue};
pub use jvm::Profile;
pub use loops::loops;
pub use member::Member;
pub use peers::{Measure, Peer};
pub use process::spawn;
pub use producer::{Sending, Sent};
pub use relay::{Cut, Relay, Relays};
pub use remoting::{Response, request};
pub use version::Version;
pub use wait::{poll, slower, wait_until};
