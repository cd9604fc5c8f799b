//! What follows a frame's length field, with a header of either encoding.

use bytes::Bytes;
use rmq::protocol::Frame;
use rmq::protocol::frame::{LENGTH_BYTES, MAX_FRAME, frame_length};
use rmq::protocol::header::{Encoding, Fields, Header, Language};

/// Bytes before the header.
const HEADER_WORD: usize = 4;

/// The language that stands for all that have no name.
const OTHER: Language = Language(7);

pub fn run(data: &[u8]) {
    if let Some(length) = data.first_chunk().and_then(|field| frame_length(*field).ok()) {
        assert!((HEADER_WORD..=MAX_FRAME).contains(&length));
    }
    let bytes = Bytes::copy_from_slice(data);
    if let Ok(frame) = Frame::decode(&bytes) {
        assert!(frame.body.len() + HEADER_WORD <= data.len());
        assert!(data.ends_with(&frame.body), "the body is the end of the frame");
        round_trips(&frame);
    }
}

/// Either encoding gives back the frame, but for what that encoding cannot say.
pub fn round_trips(frame: &Frame) {
    let named = frame.header.language.name() != "OTHER";
    let language = if named { frame.header.language } else { OTHER };
    assert_eq!(again(frame, Encoding::Json).header, Header { language, ..frame.header.clone() });
    assert_eq!(again(frame, Encoding::Binary).header, as_binary(&frame.header));
}

fn again(frame: &Frame, encoding: Encoding) -> Frame {
    let bytes = Bytes::from(frame.encode(encoding));
    let length = frame_length(*bytes.first_chunk().unwrap()).unwrap();
    assert_eq!(length + LENGTH_BYTES, bytes.len());
    let again = Frame::decode(&bytes.slice(LENGTH_BYTES..)).unwrap();
    assert_eq!(again.body, frame.body);
    again
}

/// The binary encoding has 16 bits for code and version and for the length of a name, and nothing for an empty text.
#[allow(clippy::cast_possible_truncation)]
fn as_binary(header: &Header) -> Header {
    let mut fields = Fields::default();
    for (name, value) in header.fields.iter().filter(|(name, value)| name.len() < 65536 && !value.is_empty())
    {
        fields.push(name.to_owned(), value);
    }
    Header {
        code: i32::from(header.code as i16),
        version: i32::from(header.version as i16),
        remark: header.remark.clone().filter(|remark| !remark.is_empty()),
        fields,
        ..header.clone()
    }
}
