//! Compressed bodies: the first byte chooses the format.

use rmq::protocol::compression::Compression;

/// The largest body that is wanted.
const LIMIT: usize = 1 << 16;

pub fn run(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let kind = match first % 3 {
        0 => Compression::Zlib,
        1 => Compression::Lz4,
        _ => Compression::Zstd,
    };
    if let Ok(body) = kind.inflate(bytes, LIMIT) {
        assert!(body.len() <= LIMIT);
        assert_eq!(kind.inflate(bytes, body.len()).as_ref(), Ok(&body), "a limit that is just met");
        if let Some(less) = body.len().checked_sub(1) {
            assert!(kind.inflate(bytes, less).is_err(), "a limit that is missed by one");
        }
    }
}
