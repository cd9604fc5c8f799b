//! The id that names where a broker stored a message.

use std::fmt::Write;

/// Upper-case hex of the storing broker's address and port, and of the offset in its commit log: Java's
/// `MessageDecoder#createMessageId`. `host` is what the record holds, 4 or 16 address bytes and a 32-bit port.
pub(crate) fn offset_id(host: &[u8], commit_log_offset: i64) -> String {
    let mut text = String::with_capacity(2 * (host.len() + 8));
    for byte in host.iter().chain(&commit_log_offset.to_be_bytes()) {
        // Writing to a String has no way to fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}
