//! What the tests of every command share.

use std::fmt::Debug;

use bytes::Bytes;

use super::{Answer, Reply, Request};
use crate::protocol::frame::LENGTH_BYTES;
use crate::protocol::header::Encoding;
use crate::protocol::{Fields, Frame, Header};

/// Sends a request through a frame of each encoding, reads it back, and returns its fields.
pub(super) fn request_round_trip<R: Request + PartialEq + Debug>(request: &R) -> Fields {
    let mut fields = Fields::default();
    request.write(&mut fields);
    let header = Header::request(R::CODE.into(), fields.clone());
    for encoding in [Encoding::Json, Encoding::Binary] {
        let frame = travel(header.clone(), request.body(), encoding);
        assert_eq!(&R::read_request(&frame.header, &frame.body).unwrap(), request);
    }
    fields
}

/// Sends an answer likewise.
pub(super) fn answer_round_trip<A: Reply + PartialEq + Debug>(answer: &A) -> Frame {
    let mut fields = Fields::default();
    let body = answer.write_reply(&mut fields);
    let mut header =
        Header::response(&Header::request(0, Fields::default()), answer.code().into(), None, fields);
    header.remark = (answer.code() != crate::protocol::ResponseCode::Success).then(|| "because".to_owned());
    assert!(A::accepts(answer.code()));
    let frame = travel(header, body, Encoding::Json);
    assert_eq!(&A::read(&frame.header, &frame.body).unwrap(), answer);
    frame
}

/// The error of an answer with these fields.
pub(super) fn field_error<A: Answer>(fields: &[(&'static str, &str)]) -> Option<String> {
    read_answer::<A>(fields, b"").err().map(|error| error.to_string())
}

/// The error of an answer with this body.
pub(super) fn body_error<A: Answer>(body: &[u8]) -> Option<String> {
    read_answer::<A>(&[], body).err().map(|error| error.to_string())
}

/// Reads a successful answer of these fields and this body.
pub(super) fn read_answer<A: Answer>(
    fields: &[(&'static str, &str)],
    body: &[u8],
) -> Result<A, crate::protocol::ProtocolError> {
    let mut header = Header::request(0, Fields::default());
    for (name, value) in fields {
        header.fields.push(*name, *value);
    }
    A::read(&header, &Bytes::copy_from_slice(body))
}

fn travel(header: Header, body: Vec<u8>, encoding: Encoding) -> Frame {
    let bytes = Frame { header, body: Bytes::from(body) }.encode(encoding);
    Frame::decode(&Bytes::from(bytes).slice(LENGTH_BYTES..)).unwrap()
}
