//! Takes big-endian values off the front of bytes; never reads behind the end, never allocates.

use super::ProtocolError;
use super::frame::MAX_FRAME;

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], ProtocolError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ProtocolError::Truncated {
            what,
            needed: length,
            left: self.0.len(),
        })?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ProtocolError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(ProtocolError::Truncated {
            what,
            needed: N,
            left: self.0.len(),
        })?;
        self.0 = rest;
        Ok(*taken)
    }

    #[inline]
    pub(super) fn i32(&mut self, what: &'static str) -> Result<i32, ProtocolError> {
        Ok(i32::from_be_bytes(self.array(what)?))
    }

    #[inline]
    pub(super) fn i64(&mut self, what: &'static str) -> Result<i64, ProtocolError> {
        Ok(i64::from_be_bytes(self.array(what)?))
    }

    /// A length that Java writes as a signed 32-bit number.
    #[inline]
    pub(super) fn length_i32(&mut self, what: &'static str) -> Result<usize, ProtocolError> {
        let value = self.i32(what)?;
        usize::try_from(value).map_err(|_| ProtocolError::Length {
            what,
            value: i64::from(value),
            min: 0,
            max: MAX_FRAME as i64,
        })
    }

    pub(super) fn text(&mut self, length: usize, what: &'static str) -> Result<&'a str, ProtocolError> {
        std::str::from_utf8(self.take(length, what)?).map_err(|_| ProtocolError::Utf8(what))
    }
}
