//! The least of RocketMQ's remoting protocol: one request, one response, one connection.
//!
//! The test bed needs it to bring a broker up before any Java client runs, and tests need it to ask a broker for the
//! truth. It shares nothing with the library under test.

use serde_json::{Map, Value, json};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
/// No answer the test bed asks for is longer; a larger length means the peer speaks something else.
const MAX_FRAME: u32 = 64 << 20;

pub(crate) const QUERY_CONSUMER_OFFSET: i32 = 14;
pub(crate) const UPDATE_CONSUMER_OFFSET: i32 = 15;
pub(crate) const UPDATE_AND_CREATE_TOPIC: i32 = 17;
pub(crate) const GET_MAX_OFFSET: i32 = 30;
pub(crate) const GET_MIN_OFFSET: i32 = 31;
pub(crate) const GET_ROUTE: i32 = 105;
pub(crate) const GET_CLUSTER_INFO: i32 = 106;
pub(crate) const UPDATE_AND_CREATE_GROUP: i32 = 200;

/// What a broker or name server answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// 0 is success; the others are in `ResponseCode`.
    pub code: i32,
    /// The server's sentence, empty when there is none.
    pub remark: String,
    /// The header fields of this response.
    pub fields: Map<String, Value>,
    /// The body as it came; mostly JSON in fastjson's dialect.
    pub body: Vec<u8>,
}

impl Response {
    /// A header field that is a number.
    pub fn number(&self, field: &str) -> Option<i64> {
        self.fields.get(field)?.as_str()?.parse().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request over a connection of its own; waits at most 5 s for the answer.
pub fn request(to: SocketAddr, code: i32, fields: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
    let fields: Map<String, Value> = fields.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    let header =
        json!({"code": code, "language": "OTHER", "version": 0, "opaque": 1, "flag": 0, "extFields": fields});
    let header = header.to_string();
    let mut stream = TcpStream::connect_timeout(&to, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&frame(header.as_bytes(), body)?)?;
    read_response(&mut stream)
}

/// Length of the rest, length of the header (its high byte, 0, says JSON), header, body.
fn frame(header: &[u8], body: &[u8]) -> io::Result<Vec<u8>> {
    let length = |n: usize| u32::try_from(n).map_err(|_| invalid("a request is too long"));
    let mut frame = Vec::with_capacity(8 + header.len() + body.len());
    frame.extend(length(4 + header.len() + body.len())?.to_be_bytes());
    frame.extend(length(header.len())?.to_be_bytes());
    frame.extend(header);
    frame.extend(body);
    Ok(frame)
}

fn read_response(stream: &mut TcpStream) -> io::Result<Response> {
    let mut word = [0; 4];
    stream.read_exact(&mut word)?;
    let length = u32::from_be_bytes(word);
    if !(4..=MAX_FRAME).contains(&length) {
        return Err(invalid("not a RocketMQ frame"));
    }
    let mut rest = vec![0; length as usize];
    stream.read_exact(&mut rest)?;
    let header_length = u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
    let header = rest.get(4..4 + header_length).ok_or_else(|| invalid("a header longer than its frame"))?;
    let mut header: Value = serde_json::from_slice(header)?;
    Ok(Response {
        code: header["code"]
            .as_i64()
            .and_then(|code| i32::try_from(code).ok())
            .ok_or_else(|| invalid("no code"))?,
        remark: header["remark"].as_str().unwrap_or_default().to_owned(),
        fields: match header["extFields"].take() {
            Value::Object(fields) => fields,
            _ => Map::new(),
        },
        body: rest.split_off(4 + header_length),
    })
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
