//! A TCP relay on loopback that misbehaves as it is told: the network between a client and a server.
//!
//! A client of RocketMQ learns a broker's address from the name server, so a relay before a broker needs one before the
//! name server as well, which puts the first one's address in the place of the broker's ([`Relay::replacing`]). The
//! cluster itself notices nothing, so tests with relays may share one; see [`Relays`].

use crate::cluster::Cluster;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::sleep;

/// How the connections there are end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order: the client reads an end (FIN).
    End,
    /// By a reset (RST): the client's next read or write fails.
    Reset,
    /// On the server's side only. The client hears nothing, and what it sends is taken and thrown away.
    HalfOpen,
}

/// Takes connections for a server and passes on what both sides send.
///
/// Whatever it is told holds from the next chunk of bytes on. It ends with the value, and all its connections with it.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    shared: Arc<Shared>,
    // Its end ends every task.
    _runtime: Runtime,
}

struct Shared {
    server: SocketAddr,
    way: watch::Sender<Way>,
    /// Counts cuts: a connection ends by the first one after its beginning.
    cuts: watch::Sender<(u64, Cut)>,
    damage: Mutex<Option<Damage>>,
    replacing: Vec<(String, String)>,
    open: AtomicUsize,
    made: AtomicUsize,
}

/// Looks at a chunk of what the server sends; true when it changed something and shall not be asked again.
type Damage = Box<dyn FnMut(&mut [u8]) -> bool + Send>;

/// What the way is like that bytes have to go.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    stalled: bool,
    /// Before each chunk, in both directions.
    delay: Duration,
    /// Bytes a second of each direction of each connection; `None` for no limit.
    rate: Option<u32>,
}

const CHUNK: usize = 64 * 1024;
/// A slow way takes as much as its rate allows this often.
const PIECES_A_SECOND: u32 = 50;

impl Relay {
    /// A relay before `server`, which need not run yet.
    pub fn to(server: SocketAddr) -> Relay {
        Relay::start(server, Vec::new()).unwrap_or_else(|e| panic!("no relay to {server}: {e}"))
    }

    /// A relay before a name server, which answers the address on the right of each pair instead of the left one.
    pub fn replacing(server: SocketAddr, pairs: &[(SocketAddr, SocketAddr)]) -> Relay {
        let pairs: Vec<_> = pairs.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
        // Frames say their length.
        assert!(pairs.iter().all(|(from, to)| from.len() == to.len()), "{pairs:?} differ in length");
        Relay::start(server, pairs).unwrap_or_else(|e| panic!("no relay to {server}: {e}"))
    }

    fn start(server: SocketAddr, replacing: Vec<(String, String)>) -> io::Result<Relay> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("relay").enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let shared = Arc::new(Shared {
            server,
            way: watch::Sender::default(),
            cuts: watch::Sender::new((0, Cut::End)),
            damage: Mutex::default(),
            replacing,
            open: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
        });
        let addr = listener.local_addr()?;
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Relay { addr, shared, _runtime: runtime })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Passes nothing on any more; all connections stay, and new ones are made.
    pub fn stall(&self) {
        self.shared.way.send_modify(|way| way.stalled = true);
    }

    /// As at the beginning: passes on what a stall held up, and everything else at once.
    pub fn heal(&self) {
        self.shared.way.send_replace(Way::default());
    }

    /// Lets each chunk of bytes wait, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.shared.way.send_modify(|way| way.delay = delay);
    }

    /// Passes on so many bytes a second at most, in each direction of each connection.
    pub fn slow(&self, bytes_a_second: u32) {
        self.shared.way.send_modify(|way| way.rate = Some(bytes_a_second));
    }

    /// Ends all connections there are; the client may make others.
    pub fn cut(&self, how: Cut) {
        self.shared.cuts.send_modify(|cut| *cut = (cut.0 + 1, how));
    }

    /// Shows `damage` each chunk that the server sends, until it answers that it changed one.
    pub fn damage(&self, damage: impl FnMut(&mut [u8]) -> bool + Send + 'static) {
        *self.shared.damage.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(damage));
    }

    /// True once nothing is left of [`Relay::damage`].
    pub fn has_damaged(&self) -> bool {
        self.shared.damage.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The connections that clients hold now, half-open ones too.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// The connections that clients have made so far.
    pub fn made(&self) -> usize {
        self.shared.made.load(Ordering::SeqCst)
    }
}

/// Relays before all of a cluster that a consumer talks to: the name server and the master broker.
#[derive(Debug)]
pub struct Relays {
    /// Before the name server.
    pub name_server: Relay,
    /// Before the broker.
    pub broker: Relay,
}

impl Cluster {
    /// Relays for one consumer; who is given the cluster's own addresses goes past them.
    pub fn relays(&self) -> Relays {
        let broker = Relay::to(self.broker());
        let name_server = Relay::replacing(self.name_server_addr(), &[(self.broker(), broker.addr())]);
        Relays { name_server, broker }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.made.fetch_add(1, Ordering::SeqCst);
        shared.open.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _ = shared.carry(client).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

impl Shared {
    /// One connection, from its beginning to its end.
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let mut cuts = self.cuts.subscribe();
        let mut server = match TcpStream::connect(self.server).await {
            Ok(server) => server,
            // As the server itself would: nobody is there.
            Err(_) => return client.set_zero_linger(),
        };
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let how = {
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            tokio::select! {
                _ = self.pass(from_client, to_server, false) => Cut::End,
                _ = self.pass(from_server, to_client, true) => Cut::End,
                Ok(()) = cuts.changed() => cuts.borrow().1,
            }
        };
        match how {
            Cut::End => client.shutdown().await,
            Cut::Reset => client.set_zero_linger(),
            Cut::HalfOpen => {
                drop(server);
                let mut nowhere = [0; 4096];
                while client.read(&mut nowhere).await? > 0 {}
                Ok(())
            }
        }
    }

    /// Passes on one direction until one of its sides ends.
    async fn pass(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        answers: bool,
    ) -> io::Result<()> {
        let mut way = self.way.subscribe();
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            match answers && !self.replacing.is_empty() {
                true => self.read_frame(&mut from, &mut chunk).await?,
                false if from.read_buf(&mut chunk).await? == 0 => return Ok(()),
                false => {}
            }
            let Ok(Way { delay, .. }) = way.wait_for(|way| !way.stalled).await.map(|way| *way) else {
                // Nobody can heal it any more.
                return pending().await;
            };
            if answers {
                self.spoil(&mut chunk);
            }
            if !delay.is_zero() {
                sleep(delay).await;
            }
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                // Looked up for each piece: a way that is healed takes the rest at once.
                let rate = way.borrow().rate;
                let mut piece = rest.len();
                if let Some(rate) = rate {
                    piece = piece.min(usize::try_from(rate / PIECES_A_SECOND).unwrap_or(usize::MAX).max(1));
                    sleep(Duration::from_secs(1) / PIECES_A_SECOND).await;
                }
                to.write_all(&rest[..piece]).await?;
                rest = &rest[piece..];
            }
        }
    }

    /// Reads a whole frame: what is to be replaced may not lie across two chunks.
    async fn read_frame(&self, from: &mut (impl AsyncRead + Unpin), frame: &mut Vec<u8>) -> io::Result<()> {
        let length = from.read_u32().await?;
        frame.extend(length.to_be_bytes());
        from.take(length.into()).read_to_end(frame).await?;
        for (old, new) in &self.replacing {
            while let Some(at) = frame.windows(old.len()).position(|bytes| bytes == old.as_bytes()) {
                frame[at..at + new.len()].copy_from_slice(new.as_bytes());
            }
        }
        Ok(())
    }

    fn spoil(&self, chunk: &mut [u8]) {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        if damage.as_mut().is_some_and(|damage| damage(chunk)) {
            *damage = None;
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::wait_until;
    use std::io::{ErrorKind, Read, Write};
    use std::net;
    use std::thread;
    use std::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    /// Answers every byte by itself, on any number of connections.
    fn echo() -> SocketAddr {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        addr
    }

    fn connect(relay: &Relay) -> net::TcpStream {
        let stream = net::TcpStream::connect(relay.addr()).unwrap();
        stream.set_read_timeout(Some(SECOND)).unwrap();
        stream
    }

    fn read(stream: &mut net::TcpStream, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    }

    fn says(stream: &mut net::TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(bytes)?;
        read(stream, bytes.len())
    }

    #[test]
    fn a_stall_holds_everything_up_and_loses_nothing() {
        let relay = Relay::to(echo());
        let mut stream = connect(&relay);
        assert_eq!(says(&mut stream, b"before").unwrap(), b"before");
        relay.stall();
        let held = says(&mut stream, b"held ").unwrap_err();
        assert!(matches!(held.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{held}");
        let mut other = connect(&relay);
        other.write_all(b"new").unwrap();
        relay.heal();
        assert_eq!(read(&mut stream, 5).unwrap(), b"held ");
        assert_eq!(read(&mut other, 3).unwrap(), b"new");
        assert_eq!((relay.open(), relay.made()), (2, 2));
    }

    #[test]
    fn a_cut_ends_all_connections_as_it_says() {
        let relay = Relay::to(echo());
        for how in [Cut::End, Cut::Reset] {
            let mut both = [connect(&relay), connect(&relay)];
            for stream in &mut both {
                says(stream, b"x").unwrap();
            }
            relay.cut(how);
            for stream in &mut both {
                match (how, stream.read(&mut [0])) {
                    (Cut::End, Ok(0)) => {}
                    (Cut::Reset, Err(e)) if e.kind() == ErrorKind::ConnectionReset => {}
                    (how, read) => panic!("{how:?}: {read:?}"),
                }
            }
            wait_until("no connection", SECOND, || relay.open() == 0);
        }
        assert_eq!(says(&mut connect(&relay), b"again").unwrap(), b"again");
    }

    #[test]
    fn a_half_open_connection_takes_everything_and_answers_nothing() {
        let relay = Relay::to(echo());
        let mut stream = connect(&relay);
        says(&mut stream, b"x").unwrap();
        relay.cut(Cut::HalfOpen);
        for _ in 0..2 {
            let silence = says(&mut stream, b"anybody?").unwrap_err();
            assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
        }
        assert_eq!(says(&mut connect(&relay), b"new").unwrap(), b"new");
        drop(stream);
        wait_until("the end of both", SECOND, || relay.open() == 0);
    }

    #[test]
    fn a_slow_way_takes_its_time() {
        let relay = Relay::to(echo());
        let mut stream = connect(&relay);
        relay.slow(2000);
        let begun = Instant::now();
        assert_eq!(says(&mut stream, &[7; 400]).unwrap(), [7; 400]);
        let slow = begun.elapsed();
        assert!(slow > Duration::from_millis(200), "{slow:?}");
        relay.heal();
        relay.delay(Duration::from_millis(100));
        let begun = Instant::now();
        says(&mut stream, b"x").unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(200), "there and back: {:?}", begun.elapsed());
    }

    #[test]
    fn answers_are_damaged_once() {
        let relay = Relay::to(echo());
        let mut stream = connect(&relay);
        relay.damage(|chunk| match chunk.iter_mut().find(|byte| **byte == b'x') {
            Some(byte) => {
                *byte ^= 0xff;
                true
            }
            None => false,
        });
        assert_eq!(says(&mut stream, b"abc").unwrap(), b"abc");
        assert_eq!(says(&mut stream, b"xyx").unwrap(), [b'x' ^ 0xff, b'y', b'x']);
        assert!(relay.has_damaged());
        assert_eq!(says(&mut stream, b"xyx").unwrap(), b"xyx");
    }

    #[test]
    fn an_address_in_a_frame_is_replaced_wherever_it_is_cut() {
        let [old, new] = ["127.0.0.1:18002", "127.0.0.1:40000"].map(|addr| addr.parse().unwrap());
        let relay = Relay::replacing(echo(), &[(old, new)]);
        let mut stream = connect(&relay);
        stream.set_nodelay(true).unwrap();
        let text = b"{\"a\":\"127.0.0.1:18002\",\"b\":\"127.0.0.1:18002\"}";
        let frame = [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat();
        stream.write_all(&frame[..15]).unwrap();
        stream.write_all(&frame[15..]).unwrap();
        let answer = String::from_utf8(read(&mut stream, frame.len()).unwrap()[4..].to_vec()).unwrap();
        assert_eq!(answer, "{\"a\":\"127.0.0.1:40000\",\"b\":\"127.0.0.1:40000\"}");
    }

    #[test]
    fn without_a_server_a_connection_ends_at_once() {
        let nobody = net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let relay = Relay::to(nobody);
        assert!(says(&mut connect(&relay), b"x").is_err());
    }
}
