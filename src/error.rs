//! Every way a call can fail, in one table: name, C number, sentence, and what a caller may do about it.

use std::fmt;
use std::sync::Arc;

use crate::protocol::{ProtocolError, ResponseCode};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal $sentence:literal $traits:tt,)*) => {
        /// What failed. Its number is what C sees; numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$doc])* #[doc = $sentence] $variant,)*
            /// The broker's own response code, unchanged.
            Broker(ResponseCode),
        }

        impl ErrorKind {
            /// Every kind but the broker's, in the order of the table.
            pub const KNOWN: &'static [ErrorKind] = &[$(ErrorKind::$variant),*];

            /// Every kind, then every code of the broker that has a name.
            pub fn all() -> impl Iterator<Item = ErrorKind> {
                let refusals = ResponseCode::KNOWN.iter().filter(|code| **code != ResponseCode::Success);
                Self::KNOWN.iter().copied().chain(refusals.copied().map(ErrorKind::Broker))
            }

            /// The C number: negative for ours, positive for the broker's.
            pub fn number(self) -> i32 {
                match self {
                    $(ErrorKind::$variant => $number,)*
                    ErrorKind::Broker(code) => code.into(),
                }
            }

            /// The C constant's name; Java's name for a broker's code.
            pub fn name(self) -> &'static str {
                match self {
                    $(ErrorKind::$variant => $name,)*
                    ErrorKind::Broker(code) => code.name(),
                }
            }

            /// One sentence on what it means.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(ErrorKind::$variant => $sentence,)*
                    ErrorKind::Broker(_) => "The broker refused the request; its remark says why.",
                }
            }

            /// True when the same call may succeed later without any change.
            pub fn is_retriable(self) -> bool {
                match self {
                    $(ErrorKind::$variant => matches!(Traits::$traits, Traits::Retriable),)*
                    ErrorKind::Broker(code) => matches!(
                        code,
                        ResponseCode::SystemError
                            | ResponseCode::SystemBusy
                            | ResponseCode::FlushDiskTimeout
                            | ResponseCode::SlaveNotAvailable
                            | ResponseCode::FlushSlaveTimeout
                            | ResponseCode::ServiceNotAvailable
                            | ResponseCode::TopicNotExist
                            | ResponseCode::SubscriptionNotExist
                            | ResponseCode::SubscriptionNotLatest
                            | ResponseCode::FlowControl
                            | ResponseCode::PollingFull
                            | ResponseCode::PollingTimeout
                    ),
                }
            }

            /// True when the consumer can only be destroyed.
            pub fn is_fatal(self) -> bool {
                match self {
                    $(ErrorKind::$variant => matches!(Traits::$traits, Traits::Fatal),)*
                    ErrorKind::Broker(_) => false,
                }
            }

            /// The kind with this C number.
            pub fn from_number(number: i32) -> Option<ErrorKind> {
                match number {
                    $($number => Some(ErrorKind::$variant),)*
                    n if n > 0 => Some(ErrorKind::Broker(ResponseCode::from(n))),
                    _ => None,
                }
            }
        }
    };
}

/// What a caller may do about a kind of failure.
enum Traits {
    Final,
    Retriable,
    Fatal,
}

kinds! {
    Unknown = -1 "RMQ_E_UNKNOWN" "Something unclassified failed; the text says more." Final,
    InvalidArgument = -2 "RMQ_E_INVALID_ARG" "An argument is NULL, not UTF-8, negative or out of range." Final,
    State = -3 "RMQ_E_STATE" "Not allowed in the present state." Final,
    Closed = -4 "RMQ_E_CLOSED" "The consumer is stopped." Final,
    InCallback = -5 "RMQ_E_IN_CALLBACK" "Not allowed from a callback of the same consumer." Final,
    Timeout = -6 "RMQ_E_TIMEOUT" "It did not end within the time given." Retriable,
    Woken = -7 "RMQ_E_WOKEN" "A wake-up ended the wait." Retriable,
    Forked = -8 "RMQ_E_FORKED" "The handle was made in the parent process." Final,
    BufferTooSmall = -9 "RMQ_E_BUFFER_TOO_SMALL" "The buffer is too small; the size needed was stored." Final,
    Unsupported = -10 "RMQ_E_UNSUPPORTED" "This platform or build lacks it." Final,
    NoMemory = -11 "RMQ_E_NO_MEMORY" "Memory could not be had." Retriable,
    Thread = -12 "RMQ_E_THREAD" "A thread could not be started." Retriable,
    Io = -13 "RMQ_E_IO" "The operating system refused; the text has its error." Retriable,
    ConfigKey = -20 "RMQ_E_CONFIG_KEY" "No such property." Final,
    ConfigValue = -21 "RMQ_E_CONFIG_VALUE" "The property does not take this value." Final,
    ConfigMissing = -22 "RMQ_E_CONFIG_MISSING" "A required property is not set." Final,
    DuplicateClient = -23 "RMQ_E_DUPLICATE_CLIENT" "Another consumer uses the same client id." Final,
    NotAssigned = -24 "RMQ_E_NOT_ASSIGNED" "The queue is not assigned to this consumer." Final,
    Revoked = -25 "RMQ_E_REVOKED" "The queue was taken away; the message will be delivered elsewhere." Final,
    NoOffset = -26 "RMQ_E_NO_OFFSET" "The group has committed nothing for the queue." Final,
    OffsetFile = -29 "RMQ_E_OFFSET_FILE" "The file of the offsets and its backup cannot be read; the text has the path." Final,
    NoNameServer = -30 "RMQ_E_NO_NAMESRV" "No name server answered; the text has each address and its error." Retriable,
    NoRoute = -31 "RMQ_E_NO_ROUTE" "The topic has no route." Retriable,
    Connect = -32 "RMQ_E_CONNECT" "A connection could not be made." Retriable,
    Disconnected = -33 "RMQ_E_DISCONNECTED" "The connection was lost." Retriable,
    RequestTimeout = -34 "RMQ_E_REQUEST_TIMEOUT" "The broker did not answer in time." Retriable,
    Protocol = -35 "RMQ_E_PROTOCOL" "The peer sent bytes that are not RocketMQ's protocol." Retriable,
    Checksum = -36 "RMQ_E_CHECKSUM" "A message body does not match its checksum." Final,
    Decompress = -37 "RMQ_E_DECOMPRESS" "A message body could not be decompressed." Final,
    Filter = -38 "RMQ_E_FILTER" "The subscription expression is not valid." Final,
    Auth = -40 "RMQ_E_AUTH" "The credentials were refused." Final,
    Panic = -99 "RMQ_E_PANIC" "A bug in the library; the consumer may only be destroyed." Fatal,
}
// Last local code: -40, and -99 for panics.

/// A failure: its kind, and a sentence that names the parameter, the value, the address or the topic.
///
/// Cheap to clone, since one dead connection fails every request that waits on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: Arc<str>,
    remark: Option<Arc<str>>,
}

/// What most functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure of `kind`, told in `text`.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error { kind, text: text.into().into(), remark: None }
    }

    /// A broker's refusal.
    pub fn broker(code: ResponseCode, remark: Option<&str>, what: impl fmt::Display) -> Error {
        let number: i32 = code.into();
        let told = remark.unwrap_or("no remark");
        let text = format!("{what}: {} ({number}): {told}", code.name());
        Error { remark: remark.map(Arc::from), ..Error::new(ErrorKind::Broker(code), text) }
    }

    /// What failed.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the broker itself said, when it was the broker that refused and it said something.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// The same failure, told with what was being done.
    #[must_use]
    pub fn context(self, what: impl fmt::Display) -> Error {
        Error { remark: self.remark.clone(), ..Error::new(self.kind, format!("{what}: {}", self.text)) }
    }

    /// The same failure, with a guess at its cause behind.
    #[must_use]
    pub fn hint(self, guess: impl fmt::Display) -> Error {
        Error { remark: self.remark.clone(), ..Error::new(self.kind, format!("{}; {guess}", self.text)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Error {
        let kind = match error {
            ProtocolError::Checksum { .. } => ErrorKind::Checksum,
            ProtocolError::Compression { .. } => ErrorKind::Decompress,
            _ => ErrorKind::Protocol,
        };
        Error::new(kind, error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::new(ErrorKind::Io, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_negative_and_map_back() {
        let mut numbers: Vec<i32> = ErrorKind::KNOWN.iter().map(|k| k.number()).collect();
        for kind in ErrorKind::KNOWN {
            assert!(kind.number() < 0, "{}", kind.name());
            assert_eq!(ErrorKind::from_number(kind.number()), Some(*kind));
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ErrorKind::KNOWN.len());
        assert_eq!(ErrorKind::from_number(16), Some(ErrorKind::Broker(ResponseCode::NoPermission)));
        assert_eq!(ErrorKind::from_number(-1000), None);
    }

    #[test]
    fn only_a_panic_is_fatal() {
        let fatal: Vec<_> = ErrorKind::KNOWN.iter().filter(|k| k.is_fatal()).collect();
        assert_eq!(fatal, [&ErrorKind::Panic]);
    }

    #[test]
    fn a_brokers_refusal_names_code_and_remark() {
        let error = Error::broker(ResponseCode::SystemBusy, Some("flow control"), "pull T/0");
        assert_eq!(error.text(), "pull T/0: SYSTEM_BUSY (2): flow control");
        assert_eq!(error.clone().context("start").remark(), Some("flow control"));
        assert_eq!(Error::broker(ResponseCode::SystemBusy, None, "pull T/0").remark(), None);
        assert!(error.kind().is_retriable());
    }
}
