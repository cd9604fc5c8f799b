//! The properties of a message: one run of bytes, `key 0x01 value 0x02`, as Java's
//! `MessageDecoder#string2messageProperties` reads it.

/// Names that RocketMQ itself gives a meaning: Java's `MessageConst`, as far as a consumer meets it.
pub mod name {
    /// The tag of the message.
    pub const TAGS: &str = "TAGS";
    /// Business keys, separated by spaces.
    pub const KEYS: &str = "KEYS";
    /// The id the producer's client gave it.
    pub const UNIQ_KEY: &str = "UNIQ_KEY";
    /// Delay level of a delayed or retried message.
    pub const DELAY: &str = "DELAY";
    /// The topic a message had before it went to `%RETRY%group`.
    pub const RETRY_TOPIC: &str = "RETRY_TOPIC";
    /// The topic a held-back message (delayed, transactional) is meant for.
    pub const REAL_TOPIC: &str = "REAL_TOPIC";
    /// "true" on the message of a transaction.
    pub const TRAN_MSG: &str = "TRAN_MSG";
    /// Offset id of the first delivery of a retried message; when Java republished it, what its producer called it.
    pub const ORIGIN_MESSAGE_ID: &str = "ORIGIN_MESSAGE_ID";
    /// The topic a dead letter was sent to; no broker of 4.9.7 or 5.5.0 writes it, but Java names it.
    pub const DLQ_ORIGIN_TOPIC: &str = "DLQ_ORIGIN_TOPIC";
    /// Likewise its id.
    pub const DLQ_ORIGIN_MESSAGE_ID: &str = "DLQ_ORIGIN_MESSAGE_ID";
    /// How often a message sent back by its consumer was tried.
    pub const RECONSUME_TIME: &str = "RECONSUME_TIME";
    /// After how many tries it becomes a dead letter.
    pub const MAX_RECONSUME_TIMES: &str = "MAX_RECONSUME_TIMES";
    /// "false" asks not to write a trace for this message.
    pub const TRACE_ON: &str = "TRACE_ON";
    /// The region of the broker, used by traces.
    pub const MSG_REGION: &str = "MSG_REGION";
    /// Before a group's name: the topic of what it wants again.
    pub const RETRY_PREFIX: &str = "%RETRY%";
    /// Before a group's name: the topic of what it has given up.
    pub const DEAD_LETTER_PREFIX: &str = "%DLQ%";
    /// Messages of one value go to one queue.
    pub const SHARDING_KEY: &str = "__SHARDINGKEY";
}

const KEY_END: u8 = 0x01;
const VALUE_END: u8 = 0x02;

/// Properties as they are stored. Values need not be UTF-8: Java replaces bad bytes, this keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Properties<'a>(pub &'a [u8]);

impl<'a> Properties<'a> {
    /// The value of a key. When a key stands twice the last one counts, as in Java's map: a 4.9 broker
    /// appends the batch's properties to those of each message.
    pub fn find(self, key: &[u8]) -> Option<&'a [u8]> {
        let mut rest = self.0;
        loop {
            let start = last_position(rest, VALUE_END).map_or(0, |at| at + 1);
            if let Some(value) = value_of(&rest[start..], key) {
                return Some(value);
            }
            rest = &rest[..start.checked_sub(1)?];
        }
    }

    /// Every key and value in the order they are stored, repetitions included. An entry without key or
    /// without value is none.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = position(rest, VALUE_END).unwrap_or(rest.len());
                let entry = &rest[..end];
                rest = rest.get(end + 1..).unwrap_or_default();
                let at = position(entry, KEY_END).unwrap_or(0);
                if at > 0 && at + 1 < end {
                    return Some((&entry[..at], &entry[at + 1..]));
                }
            }
            None
        })
    }
}

/// The value of an entry if its key is `key`. The first 0x01 ends the key, so a key that holds one has none.
fn value_of<'a>(entry: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let value = entry.strip_prefix(key)?.strip_prefix(&[KEY_END])?;
    (!key.is_empty() && !value.is_empty() && !key.contains(&KEY_END)).then_some(value)
}

/// Every byte of a word.
const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

/// True when one of eight bytes is `byte`. Searching word by word makes lookups three times as fast, and
/// filtering by tag looks at every message.
fn holds(word: [u8; 8], byte: u8) -> bool {
    let zero_where_equal = u64::from_ne_bytes(word) ^ (ONES * u64::from(byte));
    zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & TOPS != 0
}

/// The first place of a byte.
fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let start = 8 * words.iter().take_while(|word| !holds(**word, byte)).count();
    bytes[start..].iter().position(|b| *b == byte).map(|at| start + at)
}

/// The last place of a byte.
fn last_position(bytes: &[u8], byte: u8) -> Option<usize> {
    let (_, words) = bytes.as_rchunks::<8>();
    let skipped = 8 * words.iter().rev().take_while(|word| !holds(**word, byte)).count();
    bytes[..bytes.len() - skipped].iter().rposition(|b| *b == byte)
}

/// Writes properties as they are stored and sent. Java's `MessageDecoder#messageProperties2String`.
pub fn encode<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (key, value) in properties {
        out.push_str(key);
        out.push(char::from(KEY_END));
        out.push_str(value);
        out.push(char::from(VALUE_END));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_found_where_they_are(bytes in prop::collection::vec(0u8..5, 0..40), byte in 0u8..5) {
            prop_assert_eq!(position(&bytes, byte), bytes.iter().position(|b| *b == byte));
            prop_assert_eq!(last_position(&bytes, byte), bytes.iter().rposition(|b| *b == byte));
        }

        #[test]
        fn find_agrees_with_iter(bytes in prop::collection::vec(0u8..6, 0..60), key in prop::collection::vec(0u8..6, 0..3)) {
            let last = Properties(&bytes).iter().filter(|(k, _)| *k == key).last();
            prop_assert_eq!(Properties(&bytes).find(&key), last.map(|(_, value)| value));
        }
    }

    fn all(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
        Properties(bytes).iter().collect()
    }

    #[test]
    fn entries_end_with_or_without_a_separator() {
        for text in ["a\x01b\x02cc\x01dd\x02", "a\x01b\x02cc\x01dd"] {
            assert_eq!(all(text.as_bytes()), [(&b"a"[..], &b"b"[..]), (b"cc", b"dd")]);
            assert_eq!(Properties(text.as_bytes()).find(b"cc"), Some(&b"dd"[..]));
            assert_eq!(Properties(text.as_bytes()).find(b"c"), None);
        }
        assert_eq!(encode([("a", "b"), ("cc", "dd")]), "a\x01b\x02cc\x01dd\x02");
    }

    #[test]
    fn last_of_two_equal_keys_wins() {
        let text = b"K\x01first\x02x\x01y\x02K\x01last\x02";
        assert_eq!(Properties(text).find(b"K"), Some(&b"last"[..]));
        assert_eq!(all(text).len(), 3);
    }

    #[test]
    fn entries_without_key_or_value_are_dropped() {
        let text = b"\x01v\x02k\x01\x02k\x02\x02\x01\x02K\x01v\x01w\x02";
        assert_eq!(all(text), [(&b"K"[..], &b"v\x01w"[..])]);
        assert_eq!(Properties(text).find(b"k"), None);
        assert_eq!(Properties(text).find(b""), None);
        assert_eq!(Properties(text).find(b"K\x01v"), None);
        assert_eq!(Properties(text).find(b"K"), Some(&b"v\x01w"[..]));
        assert_eq!(Properties(b"").find(b"K"), None);
    }
}
