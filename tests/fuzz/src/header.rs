//! A header alone, so that no input is spent on its length: the first byte's lowest bit is the encoding.

use bytes::Bytes;
use rmq::protocol::Frame;

use super::frame::round_trips;

pub fn run(data: &[u8]) {
    let Some((first, header)) = data.split_first() else { return };
    let Ok(length) = u16::try_from(header.len()) else { return };
    let [high, low] = length.to_be_bytes();
    let mut bytes = vec![first & 1, 0, high, low];
    bytes.extend_from_slice(header);
    if let Ok(frame) = Frame::decode(&Bytes::from(bytes)) {
        assert!(frame.body.is_empty());
        let text: usize = frame.header.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        // A number of JSON may be shorter than its usual form: 1e300 is 301 digits.
        assert!(text <= 400 * header.len(), "{text} bytes of fields from {} bytes", header.len());
        round_trips(&frame);
    }
}
