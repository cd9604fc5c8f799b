//! A listening port: one thread that accepts, one for each connection.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::peer::Peer;
use crate::world::{Role, Shared};

/// Below what systems give to outgoing connections, so that nobody takes a port while its server is down.
const PORTS: std::ops::Range<u64> = 15_000..32_000;

/// How long a port is tried again that its last owner has just left.
const REBIND: Duration = Duration::from_secs(5);

/// Numbers connections over all clusters of the process.
static NEXT_PEER: AtomicU64 = AtomicU64::new(1);

pub(crate) struct Server {
    address: SocketAddr,
    open: Arc<Open>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Open {
    stopping: AtomicBool,
    /// Each with the thread that listens to it.
    peers: Mutex<Vec<(Weak<Peer>, JoinHandle<()>)>>,
}

/// A port nobody listens on, kept by the listener until the server starts.
pub(crate) fn reserve() -> io::Result<TcpListener> {
    let mut last = io::Error::other("no port was tried");
    for attempt in 0..1000_u32 {
        let chance = RandomState::new().hash_one(attempt) % (PORTS.end - PORTS.start);
        let port = u16::try_from(PORTS.start + chance).unwrap_or(u16::MAX);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Server {
    pub(crate) fn start(listener: TcpListener, role: Role, shared: &Arc<Shared>) -> io::Result<Server> {
        let address = listener.local_addr()?;
        let open = Arc::new(Open::default());
        let (own, shared) = (Arc::clone(&open), Arc::downgrade(shared));
        let name = format!("mock-{}", address.port());
        let accepting =
            thread::Builder::new().name(name).spawn(move || own.accept(&listener, role, &shared))?;
        Ok(Server { address, open, accepting: Some(accepting) })
    }

    /// Listens again where a server was before.
    pub(crate) fn restart(address: SocketAddr, role: Role, shared: &Arc<Shared>) -> io::Result<Server> {
        let deadline = Instant::now() + REBIND;
        loop {
            match TcpListener::bind(address) {
                Ok(listener) => return Server::start(listener, role, shared),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Server {
    /// Refuses new connections, ends the open ones, and waits for their threads.
    fn drop(&mut self) {
        self.open.stopping.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            // Its panic was already printed.
            let _ = accepting.join();
        }
        let peers = std::mem::take(&mut *self.open.peers.lock().unwrap_or_else(PoisonError::into_inner));
        for peer in peers.iter().filter_map(|(peer, _)| peer.upgrade()) {
            peer.close();
        }
        for (_, listening) in peers {
            join(listening);
        }
    }
}

impl Open {
    fn accept(&self, listener: &TcpListener, role: Role, shared: &Weak<Shared>) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            // A client that is already gone, or no thread to be had: the client sees the end.
            let Ok(stream) = stream else { continue };
            let Some(shared) = shared.upgrade() else { return };
            let id = NEXT_PEER.fetch_add(1, Ordering::Relaxed);
            let Ok(peer) = Peer::new(id, role, stream).map(Arc::new) else { continue };
            let weak = Arc::downgrade(&peer);
            let builder = thread::Builder::new().name(format!("mock-peer-{id}"));
            let Ok(listening) = builder.spawn(move || listen(&peer, &shared)) else { continue };
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            for (_, ended) in peers.extract_if(.., |(_, listening)| listening.is_finished()) {
                join(ended);
            }
            peers.push((weak, listening));
        }
    }
}

/// Waits for a thread that is about to end.
fn join(thread: JoinHandle<()>) {
    // Its panic was already printed.
    let _ = thread.join();
}

/// Takes what a client sends until it ends.
fn listen(peer: &Arc<Peer>, shared: &Arc<Shared>) {
    while let Ok(frame) = peer.receive() {
        shared.receive(peer, frame);
    }
    peer.close();
    shared.change(|world, effects| world.disconnected(effects, peer));
}
