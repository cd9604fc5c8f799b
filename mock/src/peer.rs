//! One connection of a client.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rmq::protocol::Frame;
use rmq::protocol::frame::{LENGTH_BYTES, frame_length};
use rmq::protocol::header::Encoding;

use crate::world::Role;

/// A client that reads nothing must not stop the cluster for ever.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// See the module's doc. Written to by any thread, read by one.
pub(crate) struct Peer {
    /// Never the same for two connections.
    pub(crate) id: u64,
    /// Whom the client speaks to.
    pub(crate) role: Role,
    stream: TcpStream,
    /// Held while a frame is written.
    writing: Mutex<()>,
}

impl Peer {
    pub(crate) fn new(id: u64, role: Role, stream: TcpStream) -> io::Result<Peer> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(Peer { id, role, stream, writing: Mutex::new(()) })
    }

    /// The next frame; an error at the end of the connection or when it is none.
    pub(crate) fn receive(&self) -> io::Result<Frame> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut length = [0; LENGTH_BYTES];
        (&self.stream).read_exact(&mut length)?;
        let mut bytes = vec![0; frame_length(length).map_err(invalid)?];
        (&self.stream).read_exact(&mut bytes)?;
        Frame::decode(&Bytes::from(bytes)).map_err(invalid)
    }

    /// Sends a frame.
    pub(crate) fn send(&self, frame: &Frame) {
        self.send_bytes(&frame.encode(Encoding::Json));
    }

    /// Sends any bytes. A client that is gone has no use for them.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if (&self.stream).write_all(bytes).is_err() {
            self.close();
        }
    }

    /// Ends the connection.
    pub(crate) fn close(&self) {
        // It may have ended by itself.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
