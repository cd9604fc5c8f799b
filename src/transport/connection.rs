//! One connection: a reader task, a writer task, and callers that wait for answers.
//!
//! Callers put finished frames into the writer's queue and wait on a oneshot. The queue needs no bound of
//! its own: each entry has a caller who waits, and callers are bounded by the consumer's budgets. When
//! the socket dies, the same error goes to everyone who waits and to everyone who comes later.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::meter::Meter;
use super::pending::Pending;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::RequestCode;
use crate::protocol::frame::{Frame, LENGTH_BYTES, frame_length};
use crate::protocol::header::{Encoding, Header};
use crate::runtime::Tasks;

/// Called on an I/O thread with each request the peer sends; must not block.
pub type Incoming = Arc<dyn Fn(&Connection, Frame) + Send + Sync>;

/// Fields that go with every request of a connection.
pub type Stamp = Arc<[(&'static str, String)]>;

/// The writer collects queued frames up to this many bytes into one write.
const WRITE_CHUNK: usize = 64 * 1024;

/// What a connection is known by and keeps.
pub struct Line<'a> {
    /// Tells it from others to the same peer.
    pub id: u64,
    /// The peer's address as it was asked for.
    pub peer: &'a str,
    /// Goes with every request.
    pub stamp: Stamp,
    /// Counts the requests to the peer.
    pub meter: Arc<Meter>,
}

/// A handle to one connection; clones share it.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    id: u64,
    peer: String,
    stamp: Stamp,
    meter: Arc<Meter>,
    pending: Mutex<Pending<oneshot::Sender<Result<Frame>>>>,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    heard: Heard,
    dead: CancellationToken,
}

impl Connection {
    /// Takes over a connected stream.
    pub fn open<R, W>(line: Line<'_>, reader: R, writer: W, incoming: Incoming, tasks: &Tasks) -> Connection
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let Line { id, peer, stamp, meter } = line;
        let (outbox, queued) = mpsc::unbounded_channel();
        let connection = Connection(Arc::new(Shared {
            id,
            peer: peer.to_owned(),
            stamp,
            meter,
            pending: Mutex::default(),
            outbox,
            heard: Heard::default(),
            dead: CancellationToken::new(),
        }));
        tasks.spawn(format!("read {peer}"), connection.clone().read(reader, incoming));
        tasks.spawn(format!("write {peer}"), connection.clone().write(writer, queued));
        connection
    }

    /// Tells this connection from others to the same peer.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The peer's address as it was asked for.
    pub fn peer(&self) -> &str {
        &self.0.peer
    }

    /// True until the socket dies or [`Connection::close`].
    pub fn is_open(&self) -> bool {
        !self.0.dead.is_cancelled()
    }

    /// Waits until the socket dies or [`Connection::close`].
    pub async fn ended(&self) {
        self.0.dead.cancelled().await;
    }

    /// Sends a request and waits for its answer. A connection on which nothing was heard for as long as that may
    /// take is dead although nobody said so, and is given up. A slow one is not: giving it up would throw away what
    /// is under way, and the next try would get no further.
    pub async fn call(&self, mut header: Header, body: Bytes, within: Duration) -> Result<Frame> {
        for (name, value) in self.0.stamp.iter() {
            header.fields.push(*name, value);
        }
        let (waiter, answer) = oneshot::channel();
        header.opaque = self.pending().register(waiter)?;
        let _forget = Forget { connection: self, opaque: header.opaque };
        let held = RequestCode::from(header.code).may_be_held();
        let (begun, before) = (Instant::now(), self.0.heard.count(held));
        self.send(&Frame { header, body })?;
        self.0.meter.sent();
        let result = match timeout(within, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.death()),
            Err(_) => Err(Error::new(
                ErrorKind::RequestTimeout,
                format!("{}: no answer within {} ms", self.0.peer, within.as_millis()),
            )),
        };
        self.0.meter.ended(&result, held, begun.elapsed());
        if let Err(error) = &result
            && error.kind() == ErrorKind::RequestTimeout
            && self.0.heard.count(held) == before
        {
            let text = format!("{}: silent for {} ms", self.0.peer, within.as_millis());
            self.close(Error::new(ErrorKind::Disconnected, text));
        }
        result
    }

    /// Answers a request of the peer.
    pub fn answer(&self, frame: &Frame) -> Result<()> {
        self.send(frame)
    }

    /// Ends the connection; everyone who waits gets `why`.
    pub fn close(&self, why: Error) {
        let waiters = self.pending().close(why.clone());
        self.0.dead.cancel();
        for waiter in waiters {
            // Who no longer listens has stopped waiting.
            let _ = waiter.send(Err(why.clone()));
        }
    }

    fn send(&self, frame: &Frame) -> Result<()> {
        self.0.outbox.send(frame.encode(Encoding::Json)).map_err(|_| self.death())
    }

    fn pending(&self) -> MutexGuard<'_, Pending<oneshot::Sender<Result<Frame>>>> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn death(&self) -> Error {
        let closed = self.pending().closed().cloned();
        closed.unwrap_or_else(|| Error::new(ErrorKind::Disconnected, format!("{}: closed", self.0.peer)))
    }

    async fn read<R: AsyncRead + Unpin>(self, mut reader: R, incoming: Incoming) {
        let result = tokio::select! {
            biased;
            () = self.0.dead.cancelled() => return,
            result = self.read_frames(&mut reader, &incoming) => result,
        };
        if let Err(why) = result {
            self.close(why.context(&self.0.peer));
        }
    }

    /// Reads frame after frame. Each gets a buffer of its own, so that a message that is kept pins its own
    /// frame only; the four bytes read beyond it are usually the next frame's length.
    async fn read_frames<R: AsyncRead + Unpin>(&self, reader: &mut R, incoming: &Incoming) -> Result<()> {
        let mut ahead = BytesMut::with_capacity(LENGTH_BYTES);
        loop {
            self.fill(reader, &mut ahead, LENGTH_BYTES, LENGTH_BYTES).await?;
            let length = frame_length([ahead[0], ahead[1], ahead[2], ahead[3]])?;
            let mut frame = BytesMut::with_capacity(length + LENGTH_BYTES);
            self.fill(reader, &mut frame, length, length + LENGTH_BYTES).await?;
            ahead.clear();
            ahead.put_slice(&frame[length..]);
            frame.truncate(length);
            self.0.heard.frames.fetch_add(1, Ordering::Relaxed);
            self.dispatch(Frame::decode(&frame.freeze())?, incoming)?;
        }
    }

    /// Reads until `buffer` holds at least `least` bytes, never more than `most`.
    async fn fill<R: AsyncRead + Unpin>(
        &self,
        reader: &mut R,
        buffer: &mut BytesMut,
        least: usize,
        most: usize,
    ) -> Result<()> {
        while buffer.len() < least {
            let room = most - buffer.len();
            let read = reader.read_buf(&mut buffer.limit(room)).await;
            match read {
                Ok(0) => return Err(Error::new(ErrorKind::Disconnected, "the peer closed the connection")),
                Ok(_) => _ = self.0.heard.reads.fetch_add(1, Ordering::Relaxed),
                Err(error) => return Err(Error::new(ErrorKind::Disconnected, error.to_string())),
            }
        }
        Ok(())
    }

    /// An answer that nobody waits for is late; one to a request never made means that the peer has lost
    /// count, and then some caller would wait in vain.
    fn dispatch(&self, frame: Frame, incoming: &Incoming) -> Result<()> {
        if !frame.header.is_response() {
            incoming(self, frame);
            return Ok(());
        }
        let opaque = frame.header.opaque;
        let waiter = {
            let mut pending = self.pending();
            if !pending.has_given(opaque) {
                let text = format!("an answer to request {opaque}, which was never made");
                return Err(Error::new(ErrorKind::Protocol, text));
            }
            pending.complete(opaque)
        };
        if let Some(waiter) = waiter {
            // A caller that gave up in this moment has no use for the answer.
            let _ = waiter.send(Ok(frame));
        }
        Ok(())
    }

    async fn write<W: AsyncWrite + Unpin>(self, mut writer: W, mut queued: mpsc::UnboundedReceiver<Vec<u8>>) {
        let mut chunk = Vec::with_capacity(4096);
        loop {
            let first = tokio::select! {
                biased;
                () = self.0.dead.cancelled() => break,
                first = queued.recv() => first,
            };
            let Some(first) = first else { break };
            chunk.clear();
            chunk.extend_from_slice(&first);
            while chunk.len() < WRITE_CHUNK
                && let Ok(more) = queued.try_recv()
            {
                chunk.extend_from_slice(&more);
            }
            // A contiguous `write` becomes send(MSG_NOSIGNAL); a vectored one could raise SIGPIPE.
            let written = tokio::select! {
                biased;
                () = self.0.dead.cancelled() => break,
                written = writer.write_all(&chunk) => written,
            };
            if let Err(error) = written {
                self.close(Error::new(ErrorKind::Disconnected, format!("{}: {error}", self.0.peer)));
                break;
            }
        }
        // The peer may already be gone; there is nobody to tell.
        let _ = writer.shutdown().await;
    }
}

/// What came from the peer, counted. Relaxed: nothing else is read by what they say.
#[derive(Default)]
struct Heard {
    reads: AtomicU64,
    frames: AtomicU64,
}

impl Heard {
    /// Any sign of life. In the long time that a held request may take there must be a whole frame: a damaged length
    /// makes all that follows a part of one.
    fn count(&self, held: bool) -> u64 {
        if held { &self.frames } else { &self.reads }.load(Ordering::Relaxed)
    }
}

/// Takes a waiter out of the table when its caller stops waiting.
struct Forget<'a> {
    connection: &'a Connection,
    opaque: i32,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.connection.pending().complete(self.opaque);
    }
}

/// Numbers for [`Connection::open`].
#[derive(Default)]
pub struct Ids(AtomicU64);

impl Ids {
    /// A number not given before by this counter.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::header::Fields;
    use tokio::io::{DuplexStream, duplex, split};
    use tokio::runtime::Handle;

    const SECOND: Duration = Duration::from_secs(1);

    fn tasks() -> Tasks {
        Tasks::new(Handle::current(), Arc::new(|_| {}))
    }

    fn connect(incoming: Incoming) -> (Connection, DuplexStream) {
        let (ours, theirs) = duplex(1 << 16);
        let (reader, writer) = split(ours);
        let line = Line { id: 1, peer: "peer", stamp: Arc::default(), meter: Arc::default() };
        (Connection::open(line, reader, writer, incoming, &tasks()), theirs)
    }

    async fn receive(peer: &mut DuplexStream) -> Frame {
        let mut length = [0; 4];
        peer.read_exact(&mut length).await.unwrap();
        let mut bytes = vec![0; frame_length(length).unwrap()];
        peer.read_exact(&mut bytes).await.unwrap();
        Frame::decode(&Bytes::from(bytes)).unwrap()
    }

    async fn reply(peer: &mut DuplexStream, request: &Frame, body: &'static [u8]) {
        let header = Header::response(&request.header, 0, None, Fields::default());
        let frame = Frame { header, body: Bytes::from_static(body) };
        peer.write_all(&frame.encode(Encoding::Binary)).await.unwrap();
    }

    /// Any sign of life.
    async fn peer_asks(peer: &mut DuplexStream) {
        let frame = Frame { header: request(), body: Bytes::new() };
        peer.write_all(&frame.encode(Encoding::Binary)).await.unwrap();
    }

    fn heartbeat() -> Header {
        Header::request(34, Fields::default())
    }

    fn request() -> Header {
        Header::request(11, Fields::default())
    }

    #[tokio::test]
    async fn answers_reach_their_callers_out_of_order() {
        let (connection, mut peer) = connect(Arc::new(|_, _| {}));
        let (a, b) = (connection.clone(), connection.clone());
        let a = tokio::spawn(async move { a.call(request(), Bytes::from_static(b"a"), SECOND).await });
        let first = receive(&mut peer).await;
        let b = tokio::spawn(async move { b.call(request(), Bytes::from_static(b"b"), SECOND).await });
        let second = receive(&mut peer).await;
        reply(&mut peer, &second, b"to b").await;
        reply(&mut peer, &first, b"to a").await;
        assert_eq!(a.await.unwrap().unwrap().body, "to a");
        assert_eq!(b.await.unwrap().unwrap().body, "to b");
        let meter = &connection.0.meter;
        assert_eq!((meter.requests(), meter.timeouts()), (2, 0));
        // The code is PULL_MESSAGE, whose answers say nothing of the way.
        assert_eq!(meter.round_trips(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_answers_and_timeouts_are_counted() {
        let (connection, mut peer) = connect(Arc::new(|_, _| {}));
        let own = connection.clone();
        let call = tokio::spawn(async move { own.call(heartbeat(), Bytes::new(), SECOND).await });
        let request = receive(&mut peer).await;
        reply(&mut peer, &request, b"ok").await;
        call.await.unwrap().unwrap();
        connection.call(heartbeat(), Bytes::new(), SECOND).await.unwrap_err();
        let meter = &connection.0.meter;
        assert_eq!((meter.requests(), meter.timeouts()), (2, 1));
        assert!(meter.round_trips().is_some());
    }

    #[tokio::test]
    async fn a_dying_connection_gives_all_callers_the_same_error() {
        let (connection, mut peer) = connect(Arc::new(|_, _| {}));
        let calls: Vec<_> = (0..3)
            .map(|_| {
                let connection = connection.clone();
                tokio::spawn(async move { connection.call(request(), Bytes::new(), SECOND).await })
            })
            .collect();
        for _ in 0..3 {
            receive(&mut peer).await;
        }
        drop(peer);
        let mut errors = Vec::new();
        for call in calls {
            errors.push(call.await.unwrap().unwrap_err());
        }
        assert_eq!(errors[0].kind(), ErrorKind::Disconnected);
        assert!(errors.iter().all(|e| *e == errors[0]));
        assert!(!connection.is_open());
        assert_eq!(connection.call(request(), Bytes::new(), SECOND).await.unwrap_err(), errors[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_is_forgotten() {
        let (connection, mut peer) = connect(Arc::new(|_, _| {}));
        let caller = connection.clone();
        let call = tokio::spawn(async move { caller.call(request(), Bytes::new(), SECOND).await });
        let late = receive(&mut peer).await;
        peer_asks(&mut peer).await;
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::RequestTimeout);
        reply(&mut peer, &late, b"too late").await;
        let again = connection.clone();
        let again = tokio::spawn(async move { again.call(request(), Bytes::new(), SECOND).await });
        let next = receive(&mut peer).await;
        reply(&mut peer, &next, b"in time").await;
        assert_eq!(again.await.unwrap().unwrap().body, "in time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_silent_for_as_long_as_an_answer_may_take_is_given_up() {
        let (connection, _peer) = connect(Arc::new(|_, _| {}));
        let held = connection.clone();
        let held = tokio::spawn(async move { held.call(request(), Bytes::new(), 30 * SECOND).await });
        let error = connection.call(heartbeat(), Bytes::new(), SECOND).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RequestTimeout);
        assert!(!connection.is_open());
        let error = held.await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.text()), (ErrorKind::Disconnected, "peer: silent for 1000 ms"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_of_a_frame_is_a_sign_of_life_but_not_for_as_long_as_a_pull_may_take() {
        let (connection, mut peer) = connect(Arc::new(|_, _| {}));
        let caller = connection.clone();
        let pull = tokio::spawn(async move { caller.call(request(), Bytes::new(), 30 * SECOND).await });
        for part in [&[0, 1, 0][..], &[0, 7, 7], &[7; 100]] {
            let caller = connection.clone();
            let call = tokio::spawn(async move { caller.call(heartbeat(), Bytes::new(), SECOND).await });
            receive(&mut peer).await;
            peer.write_all(part).await.unwrap();
            assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::RequestTimeout);
            assert!(connection.is_open());
        }
        assert_eq!(pull.await.unwrap().unwrap_err().kind(), ErrorKind::RequestTimeout);
        assert!(!connection.is_open());
    }

    #[tokio::test]
    async fn garbage_ends_the_connection_with_a_protocol_error() {
        for garbage in [&[0xff, 0xff, 0xff, 0xff, 0][..], &[0, 0, 0, 4, 0, 0, 0, 9][..], b"HTTP/1.1 400"] {
            let (connection, mut peer) = connect(Arc::new(|_, _| {}));
            let caller = connection.clone();
            let call = tokio::spawn(async move { caller.call(request(), Bytes::new(), SECOND).await });
            receive(&mut peer).await;
            peer.write_all(garbage).await.unwrap();
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{garbage:?}: {error}");
        }
    }

    #[tokio::test]
    async fn requests_of_the_peer_are_handed_over_and_can_be_answered() {
        let (connection, mut peer) = connect(Arc::new(|connection, frame| {
            let header = Header::response(&frame.header, 0, None, Fields::default());
            connection.answer(&Frame { header, body: Bytes::from_static(b"mine") }).unwrap();
        }));
        let mut header = Header::request(307, Fields::default());
        header.opaque = 5;
        let frame = Frame { header, body: Bytes::new() };
        peer.write_all(&frame.encode(Encoding::Json)).await.unwrap();
        let answer = receive(&mut peer).await;
        assert!(answer.header.is_response());
        assert_eq!((answer.header.opaque, &answer.body[..]), (5, &b"mine"[..]));
        assert!(connection.is_open());
    }
}
