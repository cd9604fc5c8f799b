//! The RocketMQ versions tests run against.

use std::fmt;
use std::str::FromStr;

/// A RocketMQ server version; its jars come from Maven Central.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The last 4.x: no POP, no timers, no server-side reset.
    V4_9_7,
    /// The current 5.x.
    V5_5_0,
}

impl Version {
    /// Both versions, older first.
    pub const ALL: [Version; 2] = [Version::V4_9_7, Version::V5_5_0];

    /// As Maven writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V4_9_7 => "4.9.7",
            Version::V5_5_0 => "5.5.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Version::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| format!("unknown RocketMQ version {text}; there are 4.9.7 and 5.5.0"))
    }
}
