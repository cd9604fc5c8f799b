//! One command on the wire: a length, a header in one of two encodings, a body.
//!
//! ```text
//! u32  total length, not counting itself
//! u8   header encoding: 0 = JSON, 1 = binary
//! u24  header length
//!      header, body
//! ```

use bytes::Bytes;

use super::ProtocolError;
use super::header::{Encoding, Header};

/// The largest total length: `com.rocketmq.remoting.frameMaxLength` in every released broker.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// Bytes of the length field that starts a frame.
pub const LENGTH_BYTES: usize = 4;

/// Bytes of the word that names the header's encoding and length.
const HEADER_WORD: usize = 4;

/// A request or a response.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Code, correlation and string fields.
    pub header: Header,
    /// What follows the header; its meaning depends on the code.
    pub body: Bytes,
}

impl Frame {
    /// Decodes what follows the length field.
    pub fn decode(bytes: &Bytes) -> Result<Frame, ProtocolError> {
        let word = bytes.first_chunk::<HEADER_WORD>().ok_or(ProtocolError::Truncated {
            what: "frame header word",
            needed: HEADER_WORD,
            left: bytes.len(),
        })?;
        let encoding = Encoding::from_wire(word[0])?;
        let header_length = (u32::from_be_bytes(*word) & 0x00ff_ffff) as usize;
        let rest = bytes.slice(HEADER_WORD..);
        if header_length > rest.len() {
            return Err(ProtocolError::Truncated {
                what: "frame header",
                needed: header_length,
                left: rest.len(),
            });
        }
        let header = Header::decode(encoding, &rest[..header_length])?;
        Ok(Frame { header, body: rest.slice(header_length..) })
    }

    /// Encodes the whole frame, its length field included, as one contiguous run of bytes.
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + self.body.len());
        out.extend_from_slice(&[0; LENGTH_BYTES + HEADER_WORD]);
        self.header.encode(encoding, &mut out);
        let header_length = out.len() - LENGTH_BYTES - HEADER_WORD;
        out.extend_from_slice(&self.body);
        let total = out.len() - LENGTH_BYTES;
        let word = (u32::from(encoding.to_wire()) << 24) | length_u32(header_length);
        out[..LENGTH_BYTES].copy_from_slice(&length_u32(total).to_be_bytes());
        out[LENGTH_BYTES..LENGTH_BYTES + HEADER_WORD].copy_from_slice(&word.to_be_bytes());
        out
    }
}

/// Checks the length field of a frame before anything is allocated for it.
pub fn frame_length(field: [u8; LENGTH_BYTES]) -> Result<usize, ProtocolError> {
    let value = i32::from_be_bytes(field);
    match usize::try_from(value) {
        Ok(length) if (HEADER_WORD..=MAX_FRAME).contains(&length) => Ok(length),
        _ => Err(ProtocolError::Length {
            what: "frame length",
            value: i64::from(value),
            min: HEADER_WORD as i64,
            max: MAX_FRAME as i64,
        }),
    }
}

/// Frames are built by us and bounded far below 4 GiB.
fn length_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::header::Fields;

    fn frame() -> Frame {
        let mut header = Header::request(11, Fields::default());
        header.opaque = 77;
        header.fields.push("topic", "T");
        Frame { header, body: Bytes::from_static(b"body") }
    }

    #[test]
    fn both_encodings_round_trip() {
        for encoding in [Encoding::Json, Encoding::Binary] {
            let bytes = frame().encode(encoding);
            let length = frame_length([bytes[0], bytes[1], bytes[2], bytes[3]]).unwrap();
            assert_eq!(length, bytes.len() - LENGTH_BYTES);
            assert_eq!(Frame::decode(&Bytes::from(bytes).slice(LENGTH_BYTES..)).unwrap(), frame());
        }
    }

    #[test]
    fn hostile_lengths_are_refused_before_allocation() {
        for field in [[0xff; 4], [0, 0, 0, 3], [0x01, 0, 0, 1], [0x80, 0, 0, 0]] {
            assert!(matches!(frame_length(field), Err(ProtocolError::Length { .. })), "{field:?}");
        }
        assert_eq!(frame_length([0x01, 0, 0, 0]), Ok(MAX_FRAME));
    }

    #[test]
    fn header_longer_than_the_frame_is_refused() {
        let bytes = Bytes::from_static(&[0, 0, 1, 0, b'{', b'}']);
        assert!(matches!(Frame::decode(&bytes), Err(ProtocolError::Truncated { .. })));
        assert!(matches!(Frame::decode(&Bytes::from_static(&[0, 0])), Err(ProtocolError::Truncated { .. })));
        let unknown = Bytes::from_static(&[9, 0, 0, 0]);
        assert!(matches!(Frame::decode(&unknown), Err(ProtocolError::Unknown { .. })));
    }
}
