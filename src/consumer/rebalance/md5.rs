//! MD5 as a source of numbers that every member, also one written in Java, finds alike.

use md5::{Digest, Md5};

/// The first four bytes: the hash of Java's `ConsistentHashRouter`.
pub(super) fn first_four(text: &str) -> u32 {
    let [a, b, c, d, ..] = digest(text);
    u32::from_be_bytes([a, b, c, d])
}

/// The first eight bytes.
pub(super) fn first_eight(text: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest(text);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn digest(text: &str) -> [u8; 16] {
    Md5::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_first_bytes_of_the_digest() {
        // RFC 1321: MD5("abc") = 900150983cd24fb0d6963f7d28e17f72
        assert_eq!(first_four("abc"), 0x9001_5098);
        assert_eq!(first_eight("abc"), 0x9001_5098_3cd2_4fb0);
    }
}
