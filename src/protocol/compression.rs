//! Inflates message bodies, never beyond a limit that the caller sets.

use std::io::{self, Read};

use super::ProtocolError;
use crate::message::sys_flag;

/// The compression of a body, from the record's sysFlag: Java's `CompressionType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1950; also what a record without a type means (clients before 5.0).
    Zlib,
    /// LZ4 *frame* format.
    Lz4,
    /// One Zstandard frame.
    Zstd,
}

impl Compression {
    /// What a sysFlag says, `None` for a plain body.
    pub fn of(flag: i32) -> Result<Option<Compression>, ProtocolError> {
        if flag & sys_flag::COMPRESSED == 0 {
            return Ok(None);
        }
        match flag & sys_flag::COMPRESSION_TYPE {
            0 | sys_flag::ZLIB => Ok(Some(Compression::Zlib)),
            sys_flag::LZ4 => Ok(Some(Compression::Lz4)),
            sys_flag::ZSTD => Ok(Some(Compression::Zstd)),
            other => Err(ProtocolError::Unknown { what: "compression type", value: i64::from(other >> 8) }),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Compression::Zlib => "zlib",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }

    /// Inflates `bytes`; more than `limit` bytes of output are an error, whatever the header promises.
    pub fn inflate(self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, ProtocolError> {
        let result = match self {
            // Of those that read from a slice: flate2::read has a buffer of 32 KiB for each body.
            Compression::Zlib => read_limited(flate2::bufread::ZlibDecoder::new(bytes), bytes.len(), limit),
            Compression::Lz4 => {
                let decoder = lz4_flex::frame::FrameDecoder::new(bytes.chain(NothingLeft));
                read_limited(decoder, bytes.len(), limit)
            }
            Compression::Zstd => ruzstd::decoding::StreamingDecoder::new(bytes)
                .map_err(io::Error::other)
                .and_then(|decoder| read_limited(decoder, bytes.len(), limit)),
        };
        result.map_err(|e| ProtocolError::Compression { algorithm: self.name(), problem: e.to_string() })
    }
}

/// What follows the compressed bytes. The LZ4 decoder takes an end between two blocks for the end of the
/// frame, so that a cut body would pass for a short one; an error it passes on.
struct NothingLeft;

impl Read for NothingLeft {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("ends within the frame"))
    }
}

/// Reads to the end; the buffer grows with what really comes out, not with what a header promises.
fn read_limited(reader: impl Read, input: usize, limit: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(input.saturating_mul(2).min(limit));
    let limit_u64 = u64::try_from(limit).unwrap_or(u64::MAX);
    reader.take(limit_u64.saturating_add(1)).read_to_end(&mut out)?;
    if out.len() > limit {
        return Err(io::Error::other(format!("inflates to more than {limit} bytes")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn all(bytes: &[u8]) -> [(Compression, Vec<u8>); 3] {
        [(Compression::Zlib, zlib(bytes)), (Compression::Lz4, lz4(bytes)), (Compression::Zstd, zstd(bytes))]
    }

    #[test]
    fn every_kind_inflates() {
        let text = b"to be or not to be ".repeat(100);
        for (kind, bytes) in all(&text) {
            assert_eq!(kind.inflate(&bytes, text.len()).unwrap(), text, "{kind:?}");
        }
    }

    #[test]
    fn bomb_is_refused_at_the_limit() {
        let bomb = vec![0u8; 4 << 20];
        for (kind, bytes) in all(&bomb) {
            let error = kind.inflate(&bytes, 1 << 16).unwrap_err();
            assert!(error.to_string().contains("more than 65536 bytes"), "{error}");
        }
    }

    #[test]
    fn broken_and_cut_bodies_are_errors() {
        let text = b"0123456789".repeat(50);
        for (kind, bytes) in all(&text) {
            for cut in 0..bytes.len() {
                assert!(kind.inflate(&bytes[..cut], 1 << 20).is_err(), "{kind:?} cut at {cut}");
            }
            assert!(kind.inflate(b"no such format", 1 << 20).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn flags_name_the_kind() {
        assert_eq!(Compression::of(0x300), Ok(None));
        assert_eq!(Compression::of(0x1), Ok(Some(Compression::Zlib)));
        assert_eq!(Compression::of(0x301), Ok(Some(Compression::Zlib)));
        assert_eq!(Compression::of(0x101), Ok(Some(Compression::Lz4)));
        assert_eq!(Compression::of(0x201), Ok(Some(Compression::Zstd)));
        assert!(Compression::of(0x401).is_err());
    }
}
