//! One connection per address, made when first needed and made again after it died.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, Ids, Incoming};
use super::dial::dial;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Header, ResponseCode};
use crate::runtime::{Backoff, Tasks, random};

/// The request that must be answered before anybody else may use a new connection; `None` for none.
/// A broker forgets a consumer when its last connection ends, so a heartbeat comes first on each.
pub type Greeting = Arc<dyn Fn() -> Option<(Header, Bytes)> + Send + Sync>;

/// First and longest wait between two tries to connect.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// Connections by address.
pub struct Pool {
    peers: Mutex<HashMap<String, Arc<Peer>>>,
    connect_timeout: Duration,
    greeting_timeout: Duration,
    greeting: Greeting,
    incoming: Incoming,
    ids: Ids,
    tasks: Tasks,
}

/// One address. The async mutex makes connecting a thing one caller does for all.
struct Peer {
    open: Mutex<Option<Connection>>,
    dialing: tokio::sync::Mutex<Attempts>,
}

struct Attempts {
    backoff: Backoff,
    not_before: Instant,
    /// What whoever waited for an attempt shares of its outcome.
    last_error: Option<Error>,
}

impl Pool {
    /// A pool without connections.
    pub fn new(
        connect_timeout: Duration,
        greeting_timeout: Duration,
        greeting: Greeting,
        incoming: Incoming,
        tasks: Tasks,
    ) -> Pool {
        Pool {
            peers: Mutex::default(),
            connect_timeout,
            greeting_timeout,
            greeting,
            incoming,
            ids: Ids::default(),
            tasks,
        }
    }

    /// The open connection to `address`, made now if there is none. After failures this waits out the
    /// back-off first; callers that wait together share one attempt and its error.
    pub async fn connection(&self, address: &str) -> Result<Connection> {
        let peer = self.peer(address);
        if let Some(connection) = peer.open() {
            return Ok(connection);
        }
        let (mut attempts, waited) = match peer.dialing.try_lock() {
            Ok(attempts) => (attempts, false),
            Err(_) => (peer.dialing.lock().await, true),
        };
        if let Some(connection) = peer.open() {
            return Ok(connection);
        }
        if waited && let Some(error) = &attempts.last_error {
            return Err(error.clone());
        }
        sleep_until(attempts.not_before).await;
        match self.connect(address).await {
            Ok(connection) => {
                attempts.backoff.reset();
                attempts.last_error = None;
                *peer.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                let wait = attempts.backoff.next_wait(random::fraction());
                attempts.not_before = Instant::now() + wait;
                attempts.last_error = Some(error.clone());
                Err(error)
            }
        }
    }

    /// The connection to `address` if one is open now.
    pub fn established(&self, address: &str) -> Option<Connection> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.get(address).and_then(|peer| peer.open())
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
            dialing: tokio::sync::Mutex::new(Attempts {
                backoff: Backoff::new(RECONNECT.0, RECONNECT.1),
                not_before: Instant::now(),
                last_error: None,
            }),
        });
        peers.insert(address.to_owned(), Arc::clone(&peer));
        peer
    }

    async fn connect(&self, address: &str) -> Result<Connection> {
        let stream = dial(address, self.connect_timeout).await?;
        let (reader, writer) = stream.into_split();
        let incoming = Arc::clone(&self.incoming);
        let connection = Connection::open(self.ids.next(), address, reader, writer, incoming, &self.tasks);
        let mut fresh = Fresh { connection, greeted: false };
        if let Some((header, body)) = (self.greeting)() {
            let answer = fresh.connection.call(header, body, self.greeting_timeout).await?;
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
}

fn accepted(header: &Header, address: &str) -> Result<()> {
    match ResponseCode::from(header.code) {
        ResponseCode::Success => Ok(()),
        code => Err(Error::broker(code, header.remark.as_deref(), format_args!("heartbeat to {address}"))),
    }
}
