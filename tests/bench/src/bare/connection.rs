//! One connection over a blocking socket: requests written and answers read by hand.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use rmq::protocol::command::{Answer, Request};
use rmq::protocol::frame::{LENGTH_BYTES, frame_length};
use rmq::protocol::header::Encoding;
use rmq::protocol::{Fields, Frame, Header};

/// A connection to a name server or broker.
pub(super) struct Bare {
    stream: TcpStream,
    next: i32,
}

impl Bare {
    /// Connects.
    pub(super) fn connect(address: &str) -> Bare {
        let stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        stream.set_nodelay(true).unwrap();
        Bare { stream, next: 0 }
    }

    /// Sends a request; its number comes back with the answer.
    pub(super) fn send<R: Request>(&mut self, request: &R) -> i32 {
        let mut fields = Fields::default();
        request.write(&mut fields);
        let mut header = Header::request(R::CODE.into(), fields);
        self.next += 1;
        header.opaque = self.next;
        let frame = Frame { header, body: Bytes::from(request.body()) };
        self.stream.write_all(&frame.encode(Encoding::Json)).unwrap();
        self.next
    }

    /// Reads the next frame.
    pub(super) fn receive(&mut self) -> Frame {
        let mut length = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; frame_length(length).unwrap()];
        self.stream.read_exact(&mut bytes).unwrap();
        Frame::decode(&Bytes::from(bytes)).unwrap()
    }

    /// Sends a request and reads until its answer; pushes of the broker in between are dropped.
    pub(super) fn call<R: Request>(&mut self, request: &R) -> R::Answer {
        let opaque = self.send(request);
        loop {
            let frame = self.receive();
            if frame.header.is_response() && frame.header.opaque == opaque {
                assert!(R::Answer::accepts(frame.header.code.into()), "{:?}", frame.header);
                return R::Answer::read(&frame.header, &frame.body).unwrap();
            }
        }
    }
}
