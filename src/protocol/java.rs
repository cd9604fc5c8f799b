//! What Java's own classes define and the protocol relies on.

/// Java's `String#hashCode`: over UTF-16 code units, wrapping. Brokers filter tags by it.
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        for (text, hash) in [("", 0), ("a", 97), ("TagA", 2_598_919), ("中", 20013), ("😀", 1_772_899)] {
            assert_eq!(string_hash(text), hash, "{text}");
        }
        assert_eq!(string_hash("polygenelubricants"), i32::MIN);
    }
}
