//! One connection per address, made when first needed and made again after it died.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, Ids, Incoming, Line, Stamp};
use super::dial::dial;
use super::meter::Meter;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Frame, Header, ResponseCode};
use crate::runtime::{Backoff, Tasks, random};

/// The request that must be answered before anybody else may use a new connection; `None` for none.
/// A broker forgets a consumer when its last connection ends, so a heartbeat comes first on each.
pub type Greeting = Arc<dyn Fn() -> Option<(Header, Bytes)> + Send + Sync>;

/// Why an answer forbids the greeting, if so.
type Objection = Arc<dyn Fn(&Frame) -> Option<Error> + Send + Sync>;

/// Asked of each address before it is greeted for the first time, while it does not know us.
#[derive(Clone)]
pub struct Question {
    /// What is asked.
    pub request: Arc<dyn Fn() -> (Header, Bytes) + Send + Sync>,
    /// Why that answer forbids the greeting, if so.
    pub objection: Objection,
}

/// How the connections of a pool are made.
pub struct Manners {
    /// For a connection to be made.
    pub connect_timeout: Duration,
    /// For each of the first answers.
    pub greeting_timeout: Duration,
    /// Fields that go with every request.
    pub stamp: Stamp,
    /// What is asked before the first greeting.
    pub question: Option<Question>,
    /// What is said first on each.
    pub greeting: Greeting,
}

/// First and longest wait between two tries to connect. The queues of a broker that returns wait as long, and a refused
/// connection costs its host next to nothing.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(100));

/// Connections by address.
pub struct Pool {
    peers: Mutex<HashMap<String, Arc<Peer>>>,
    manners: Manners,
    incoming: Incoming,
    ids: Ids,
    tasks: Tasks,
}

/// One address. The async mutex makes connecting a thing one caller does for all.
struct Peer {
    open: Mutex<Option<Connection>>,
    /// It was greeted once: from then on it may know us, and is not asked again.
    greeted: AtomicBool,
    dialing: tokio::sync::Mutex<Attempts>,
    /// How many attempts have failed: whoever waited for one shares its error, and nobody else's.
    failed: AtomicU64,
    meter: Arc<Meter>,
}

/// How an address is reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// A connection is open.
    Connected,
    /// One is being made.
    Connecting,
    /// The last try to make one failed.
    Failed,
    /// There is none, and none is being made.
    Disconnected,
}

impl LinkState {
    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            LinkState::Connected => "connected",
            LinkState::Connecting => "connecting",
            LinkState::Failed => "failed",
            LinkState::Disconnected => "disconnected",
        }
    }
}

/// An address, how it is reached, and what was counted of it.
pub struct Link {
    /// As it was asked for.
    pub address: String,
    /// Its connection.
    pub state: LinkState,
    /// Over all its connections.
    pub meter: Arc<Meter>,
}

struct Attempts {
    backoff: Backoff,
    not_before: Instant,
    /// What whoever waited for an attempt shares of its outcome.
    last_error: Option<Error>,
}

impl Pool {
    /// A pool without connections.
    pub fn new(manners: Manners, incoming: Incoming, tasks: Tasks) -> Pool {
        Pool { peers: Mutex::default(), manners, incoming, ids: Ids::default(), tasks }
    }

    /// The open connection to `address`, made now if there is none. After failures this waits out the
    /// back-off first; callers that wait together share one attempt and its error.
    pub async fn connection(&self, address: &str) -> Result<Connection> {
        let peer = self.peer(address);
        if let Some(connection) = peer.open() {
            return Ok(connection);
        }
        let failed_before = peer.failed.load(Ordering::Acquire);
        let mut attempts = peer.dialing.lock().await;
        if let Some(connection) = peer.open() {
            return Ok(connection);
        }
        if peer.failed.load(Ordering::Acquire) != failed_before
            && let Some(error) = &attempts.last_error
        {
            return Err(error.clone());
        }
        sleep_until(attempts.not_before).await;
        match self.connect(address, &peer).await {
            Ok(connection) => {
                attempts.backoff.reset();
                attempts.last_error = None;
                self.keep(address, &peer, connection)
            }
            Err(error) => {
                let wait = attempts.backoff.next_wait(random::fraction());
                attempts.not_before = Instant::now() + wait;
                attempts.last_error = Some(error.clone());
                peer.failed.fetch_add(1, Ordering::AcqRel);
                Err(error)
            }
        }
    }

    /// Notes a new connection, unless its address was given up while it was made: nobody would end it then.
    fn keep(&self, address: &str, peer: &Arc<Peer>, connection: Connection) -> Result<Connection> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.get(address).is_some_and(|known| Arc::ptr_eq(known, peer)) {
            *peer.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
            return Ok(connection);
        }
        let error = Error::new(ErrorKind::Disconnected, format!("{address} is not used any more"));
        connection.close(error.clone());
        Err(error)
    }

    /// The connection to `address` if one is open now.
    pub fn established(&self, address: &str) -> Option<Connection> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.get(address).and_then(|peer| peer.open())
    }

    /// The addresses without an open connection, of these.
    pub fn unconnected(&self, addresses: Vec<String>) -> Vec<String> {
        addresses.into_iter().filter(|address| self.established(address).is_none()).collect()
    }

    /// The addresses that were ever asked for, in their order.
    pub fn links(&self) -> Vec<Link> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let link = |(address, peer): (&String, &Arc<Peer>)| Link {
            address: address.clone(),
            state: peer.state(),
            meter: Arc::clone(&peer.meter),
        };
        let mut links: Vec<Link> = peers.iter().map(link).collect();
        links.sort_by(|one, other| one.address.cmp(&other.address));
        links
    }

    /// Waits until one of the open connections ends; forever when there is none.
    pub async fn one_ended(&self) {
        let open: Vec<Connection> = {
            let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            peers.values().filter_map(|peer| peer.open()).collect()
        };
        let mut ends: FuturesUnordered<_> = open.iter().map(Connection::ended).collect();
        if ends.next().await.is_none() {
            pending().await
        }
    }

    /// Ends the connection to an address that is not needed any more.
    pub fn forget(&self, address: &str) {
        let peer = self.peers.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
        if let Some(connection) = peer.and_then(|peer| peer.open()) {
            connection.close(Error::new(ErrorKind::Disconnected, format!("{address} is not used any more")));
        }
    }

    /// Ends all connections.
    pub fn close(&self) {
        let peers = std::mem::take(&mut *self.peers.lock().unwrap_or_else(PoisonError::into_inner));
        for peer in peers.into_values() {
            if let Some(connection) = peer.open() {
                connection.close(Error::new(ErrorKind::Closed, "the consumer is stopped"));
            }
        }
    }

    fn peer(&self, address: &str) -> Arc<Peer> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get(address) {
            return Arc::clone(peer);
        }
        let peer = Arc::new(Peer {
            open: Mutex::default(),
            greeted: AtomicBool::new(false),
            failed: AtomicU64::new(0),
            meter: Arc::default(),
            dialing: tokio::sync::Mutex::new(Attempts {
                backoff: Backoff::new(RECONNECT.0, RECONNECT.1),
                not_before: Instant::now(),
                last_error: None,
            }),
        });
        peers.insert(address.to_owned(), Arc::clone(&peer));
        peer
    }

    async fn connect(&self, address: &str, peer: &Peer) -> Result<Connection> {
        let manners = &self.manners;
        let stream = dial(address, manners.connect_timeout).await?;
        let (reader, writer) = stream.into_split();
        let (incoming, stamp) = (Arc::clone(&self.incoming), Arc::clone(&manners.stamp));
        let line = Line { id: self.ids.next(), peer: address, stamp, meter: Arc::clone(&peer.meter) };
        let connection = Connection::open(line, reader, writer, incoming, &self.tasks);
        let mut fresh = Fresh { connection, greeted: false };
        if let Some((header, body)) = (manners.greeting)() {
            let call = |header, body| fresh.connection.call(header, body, manners.greeting_timeout);
            if let Some(question) = &manners.question
                && !peer.greeted.load(Ordering::Acquire)
            {
                let (header, body) = (question.request)();
                let answer = call(header, body).await?;
                (question.objection)(&answer).map_or(Ok(()), Err)?;
            }
            // Also when the answer gets lost: the broker may have heard it.
            peer.greeted.store(true, Ordering::Release);
            let answer = call(header, body).await?;
            accepted(&answer.header, address)?;
        }
        fresh.greeted = true;
        Ok(fresh.connection.clone())
    }
}

/// A new connection that nobody else knows of yet: whoever makes it may be cut off while the greeting is
/// under way, and then it has to end.
struct Fresh {
    connection: Connection,
    greeted: bool,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.greeted {
            self.connection.close(Error::new(ErrorKind::Closed, "given up during the greeting"));
        }
    }
}

impl Peer {
    fn open(&self) -> Option<Connection> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().filter(|c| c.is_open()).cloned()
    }

    fn state(&self) -> LinkState {
        if self.open().is_some() {
            return LinkState::Connected;
        }
        match self.dialing.try_lock().map(|attempts| attempts.last_error.is_some()) {
            Err(_) => LinkState::Connecting,
            Ok(true) => LinkState::Failed,
            Ok(false) => LinkState::Disconnected,
        }
    }
}

fn accepted(header: &Header, address: &str) -> Result<()> {
    match ResponseCode::from(header.code) {
        ResponseCode::Success => Ok(()),
        code => Err(Error::broker(code, header.remark.as_deref(), format_args!("heartbeat to {address}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use tokio::runtime::Handle;

    #[tokio::test]
    async fn a_connection_whose_address_was_given_up_while_it_was_made_is_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let tasks = Tasks::new(Handle::current(), Arc::new(|task| panic!("{task} panicked")));
        let second = Duration::from_secs(1);
        let manners = Manners {
            connect_timeout: second,
            greeting_timeout: second,
            stamp: Arc::from([]),
            question: None,
            greeting: Arc::new(|| None),
        };
        let pool = Pool::new(manners, Arc::new(|_, _| {}), tasks.clone());
        let peer = pool.peer(&address);
        let made = pool.connect(&address, &peer).await.unwrap();
        pool.forget(&address);
        let error = pool.keep(&address, &peer, made.clone()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        assert!(!made.is_open());
        // Its tasks end: nothing else would end them.
        tasks.join().await;
        assert!(pool.connection(&address).await.unwrap().is_open(), "another is made when it is asked for");
    }
}
