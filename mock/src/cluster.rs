//! The cluster as a test sees it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rmq::protocol::RequestCode;

use crate::broker::{Broker, MockBroker};
use crate::journal::Recorded;
use crate::produced::Produced;
use crate::script::{On, Script};
use crate::server::{self, Server};
use crate::world::{Role, Shared};

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many brokers, `broker-a`, `broker-b`, …; at least one.
    pub brokers: u8,
    /// How many slaves each of them has, with the ids 1, 2, … They have copied whatever their master has at once;
    /// offsets, members and locks are their own.
    pub slaves: u8,
    /// How long a message that was sent back rests before it is in the retry topic, whatever its level.
    pub retry_delay: Duration,
}

impl Default for Options {
    /// One broker without slaves, retries after 20 ms.
    fn default() -> Options {
        Options { brokers: 1, slaves: 0, retry_delay: Duration::from_millis(20) }
    }
}

/// A name server and its brokers. They end when this is dropped.
pub struct MockCluster(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    name_server: SocketAddr,
    /// Those that listen now: the name server is `None`.
    servers: Mutex<HashMap<Option<usize>, Server>>,
}

impl MockCluster {
    /// A cluster of one broker.
    ///
    /// # Panics
    /// When ports or threads cannot be had.
    pub fn start() -> MockCluster {
        MockCluster::with(&Options::default())
    }

    /// A cluster as described.
    ///
    /// # Panics
    /// When ports or threads cannot be had.
    pub fn with(options: &Options) -> MockCluster {
        MockCluster::open(options).unwrap_or_else(|error| panic!("cannot start a mock cluster: {error}"))
    }

    /// A cluster as described, or why it cannot be.
    pub fn open(options: &Options) -> io::Result<MockCluster> {
        let name_listener = server::reserve()?;
        let name_server = name_listener.local_addr()?;
        let (mut listeners, mut brokers) = (Vec::new(), Vec::new());
        for index in 0..options.brokers.max(1) {
            let listener = server::reserve()?;
            let name = format!("broker-{}", char::from(b'a' + index % 26));
            let broker = Broker::new(index.into(), &name, listener.local_addr()?, options.retry_delay);
            brokers.push(broker);
            listeners.push(listener);
        }
        // Behind all masters, whose places are their numbers.
        for (master, id) in
            (0..brokers.len()).flat_map(|master| (1..=options.slaves).map(move |id| (master, id)))
        {
            let listener = server::reserve()?;
            let slave = brokers[master].slave(brokers.len(), id.into(), listener.local_addr()?);
            brokers.push(slave);
            listeners.push(listener);
        }
        let shared = Shared::new(brokers)?;
        let mut servers = HashMap::new();
        servers.insert(None, Server::start(name_listener, Role::NameServer, &shared)?);
        for (index, listener) in listeners.into_iter().enumerate() {
            servers.insert(Some(index), Server::start(listener, Role::Broker(index), &shared)?);
        }
        Ok(MockCluster(Arc::new(Inner { shared, name_server, servers: Mutex::new(servers) })))
    }

    /// The name server's `host:port`; the same after it was down.
    pub fn namesrv(&self) -> String {
        self.0.name_server.to_string()
    }

    /// The first broker.
    pub fn broker(&self) -> MockBroker {
        MockBroker { inner: Arc::clone(&self.0), index: 0 }
    }

    /// All brokers, without slaves.
    pub fn brokers(&self) -> Vec<MockBroker> {
        self.all_brokers(|id| id == 0)
    }

    /// All slaves: the first broker's, then the second's.
    pub fn slaves(&self) -> Vec<MockBroker> {
        self.all_brokers(|id| id != 0)
    }

    fn all_brokers(&self, wanted: impl Fn(i64) -> bool) -> Vec<MockBroker> {
        let ids: Vec<i64> = self.0.shared.world().brokers.iter().map(|broker| broker.id).collect();
        (0..ids.len())
            .filter(|index| wanted(ids[*index]))
            .map(|index| MockBroker { inner: Arc::clone(&self.0), index })
            .collect()
    }

    /// Ends the name server with its connections.
    pub fn name_server_down(&self) {
        self.0.stop(None);
    }

    /// Starts the name server again at its old address.
    ///
    /// # Panics
    /// When somebody else has taken its port.
    pub fn name_server_up(&self) {
        self.try_name_server_up().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts the name server again at its old address, unless somebody else has taken its port.
    pub fn try_name_server_up(&self) -> io::Result<()> {
        self.0.start(None, self.0.name_server, Role::NameServer)
    }

    /// Creates a topic with `queues` queues on each broker.
    pub fn create_topic(&self, topic: &str, queues: i32) {
        for broker in self.brokers() {
            broker.create_topic(topic, queues);
        }
    }

    /// Stores a message at the first broker and answers its offset.
    ///
    /// # Panics
    /// Without such a topic and queue.
    pub fn produce(&self, topic: &str, queue: i32, produced: impl Into<Produced>) -> i64 {
        self.broker().produce(topic, queue, produced)
    }

    /// What a group has committed at the first broker.
    pub fn committed(&self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        self.broker().committed(group, topic, queue)
    }

    /// The client ids that the first broker has in a group.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.broker().members(group)
    }

    /// Begins to script what befalls requests of this kind.
    pub fn on(&self, code: RequestCode) -> On {
        On { shared: Arc::clone(&self.0.shared), code, at: None, fields: Vec::new() }
    }

    /// Forgets all faults that have not happened.
    pub fn behave(&self) {
        self.0.shared.world().script = Script::default();
    }

    /// The requests of one kind, in the order they came, to the name server and all brokers.
    pub fn requests(&self, code: RequestCode) -> Vec<Recorded> {
        self.all_requests().into_iter().filter(|recorded| recorded.code == code).collect()
    }

    /// All requests in the order they came.
    pub fn all_requests(&self) -> Vec<Recorded> {
        self.0.shared.world().journal.all().to_vec()
    }

    /// Waits for a request of this kind that `wanted` accepts; `None` when it did not come within the time.
    pub fn wait_for_request(
        &self,
        code: RequestCode,
        within: Duration,
        wanted: impl Fn(&Recorded) -> bool,
    ) -> Option<Recorded> {
        let deadline = Instant::now() + within;
        loop {
            let found = self.requests(code).into_iter().find(|recorded| wanted(recorded));
            if found.is_some() || Instant::now() >= deadline {
                return found;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Inner {
    pub(crate) fn stop_broker(&self, index: usize) {
        self.stop(Some(index));
    }

    pub(crate) fn start_broker(&self, index: usize) -> io::Result<()> {
        let address = self.shared.world().brokers[index].address;
        self.start(Some(index), address, Role::Broker(index))
    }

    /// Starts a broker that is down at a new port.
    pub(crate) fn move_broker(&self, index: usize) -> io::Result<()> {
        let listener = server::reserve()?;
        self.shared.world().brokers[index].moved(listener.local_addr()?);
        let server = Server::start(listener, Role::Broker(index), &self.shared)?;
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).insert(Some(index), server);
        Ok(())
    }

    fn stop(&self, which: Option<usize>) {
        let server = self.servers.lock().unwrap_or_else(PoisonError::into_inner).remove(&which);
        drop(server);
    }

    fn start(&self, which: Option<usize>, address: SocketAddr, role: Role) -> io::Result<()> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if servers.contains_key(&which) {
            return Ok(());
        }
        let server = Server::restart(address, role, &self.shared).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {address} again: {error}"))
        })?;
        servers.insert(which, server);
        Ok(())
    }
}
