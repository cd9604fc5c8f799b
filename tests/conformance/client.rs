//! A client that sends what it is told over one plain connection, and keeps what the broker asks of it.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rmq::protocol::command::{Reply, Request};
use rmq::protocol::frame::{LENGTH_BYTES, frame_length};
use rmq::protocol::header::Encoding;
use rmq::protocol::{Fields, Frame, Header, RequestCode};

/// Longer than any broker holds a pull here.
const WITHIN: Duration = Duration::from_secs(30);

/// The codes of all requests that were answered, and of those that brokers made.
pub type Used = Arc<Mutex<BTreeSet<i32>>>;

pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    last_opaque: i32,
    responses: Vec<Frame>,
    requests: Vec<Frame>,
    used: Used,
}

impl Client {
    pub fn connect(address: &str, used: &Used) -> Client {
        let stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("connect to {address}: {e}"));
        stream.set_nodelay(true).unwrap();
        Client {
            stream,
            received: Vec::new(),
            last_opaque: 0,
            responses: Vec::new(),
            requests: Vec::new(),
            used: Arc::clone(used),
        }
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, request: &impl Request) -> Frame {
        let opaque = self.send(request);
        self.response(opaque)
    }

    /// The same for a request that the library has no type for.
    pub fn ask_by_code(&mut self, code: i32, fields: &[(&'static str, &str)], body: &[u8]) -> Frame {
        let opaque = self.send_by_code(code, fields, body);
        self.response(opaque)
    }

    /// Sends a request and answers what its response will be known by.
    pub fn send<R: Request>(&mut self, request: &R) -> i32 {
        let mut fields = Fields::default();
        request.write(&mut fields);
        self.write_request(R::CODE.into(), fields, request.body().into())
    }

    pub fn send_by_code(&mut self, code: i32, fields: &[(&'static str, &str)], body: &[u8]) -> i32 {
        let mut table = Fields::default();
        for (name, value) in fields {
            table.push(*name, *value);
        }
        self.write_request(code, table, Bytes::copy_from_slice(body))
    }

    pub fn response(&mut self, opaque: i32) -> Frame {
        let found = |client: &mut Client| {
            let at = client.responses.iter().position(|frame| frame.header.opaque == opaque)?;
            Some(client.responses.remove(at))
        };
        self.wait(WITHIN, found).expect("no response came")
    }

    /// Whether a response is there within the time; it stays to be asked for.
    pub fn is_answered(&mut self, opaque: i32, within: Duration) -> bool {
        let found = |client: &mut Client| {
            client.responses.iter().any(|frame| frame.header.opaque == opaque).then_some(())
        };
        self.wait(within, found).is_some()
    }

    /// The next request of this kind that the broker makes.
    pub fn request(&mut self, code: RequestCode, within: Duration) -> Option<Frame> {
        let found = |client: &mut Client| {
            let at = client.requests.iter().position(|f| RequestCode::from(f.header.code) == code)?;
            Some(client.requests.remove(at))
        };
        self.wait(within, found)
    }

    /// Answers a request of the broker's.
    pub fn answer(&mut self, request: &Frame, reply: &impl Reply) {
        let mut fields = Fields::default();
        let body = reply.write_reply(&mut fields).into();
        let header = Header::response(&request.header, reply.code().into(), None, fields);
        self.stream.write_all(&Frame { header, body }.encode(Encoding::Json)).unwrap();
    }

    fn write_request(&mut self, code: i32, fields: Fields, body: Bytes) -> i32 {
        self.used.lock().unwrap().insert(code);
        self.last_opaque += 1;
        let header = Header { opaque: self.last_opaque, ..Header::request(code, fields) };
        self.stream.write_all(&Frame { header, body }.encode(Encoding::Json)).unwrap();
        self.last_opaque
    }

    /// Reads until `found` finds something or the time is over.
    fn wait<T>(&mut self, within: Duration, mut found: impl FnMut(&mut Client) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(what) = found(self) {
                return Some(what);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.read(left);
        }
    }

    fn read(&mut self, within: Duration) {
        self.stream.set_read_timeout(Some(within.max(Duration::from_millis(1)))).unwrap();
        let mut piece = [0; 64 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => panic!("the server has ended the connection"),
            Ok(count) => self.received.extend_from_slice(&piece[..count]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            Err(e) => panic!("read: {e}"),
        }
        while let Some(frame) = self.next_frame() {
            if frame.header.is_response() {
                self.responses.push(frame);
            } else {
                self.used.lock().unwrap().insert(frame.header.code);
                self.requests.push(frame);
            }
        }
    }

    fn next_frame(&mut self) -> Option<Frame> {
        let length = frame_length(*self.received.first_chunk::<LENGTH_BYTES>()?).unwrap();
        let whole = LENGTH_BYTES + length;
        if self.received.len() < whole {
            return None;
        }
        let frame: Vec<u8> = self.received.drain(..whole).collect();
        Some(Frame::decode(&Bytes::from(frame).slice(LENGTH_BYTES..)).unwrap())
    }
}
