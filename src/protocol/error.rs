//! What can be wrong with bytes from the network.

/// Why bytes could not be understood. The text names the field, its value and the rule it broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A length field lies outside what the protocol allows; nothing was allocated for it.
    #[error("{what} is {value}, allowed is {min} to {max}")]
    Length {
        /// The field, in words.
        what: &'static str,
        /// The value received.
        value: i64,
        /// The smallest allowed value.
        min: i64,
        /// The largest allowed value.
        max: i64,
    },
    /// The bytes end before the value does.
    #[error("{what} needs {needed} bytes, {left} are left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// How many bytes it takes.
        needed: usize,
        /// How many there were.
        left: usize,
    },
    /// Text that is not valid UTF-8.
    #[error("{0} is not valid UTF-8")]
    Utf8(&'static str),
    /// A header field is missing or is not of its type.
    #[error("header field {name}: {problem}")]
    Field {
        /// The field's name on the wire.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A value no version of the protocol knows.
    #[error("{what} is {value}, which is unknown")]
    Unknown {
        /// What was being read.
        what: &'static str,
        /// The value received.
        value: i64,
    },
    /// JSON, also of the fastjson dialect, that cannot be read.
    #[error("JSON at byte {at}: {problem}")]
    Json {
        /// Offset of the byte where reading failed.
        at: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The body of a message does not match its checksum.
    #[error("body CRC is {actual:#x}, the record says {expected:#x}")]
    Checksum {
        /// What the record says.
        expected: u32,
        /// What the body has.
        actual: u32,
    },
    /// A compressed body that cannot be inflated, or not within the limit.
    #[error("{algorithm} body: {problem}")]
    Compression {
        /// zlib, lz4 or zstd.
        algorithm: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}
