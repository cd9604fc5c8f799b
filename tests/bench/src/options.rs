//! `name=value` options, the same for every bench program.

use std::collections::HashMap;

/// The options of the command line.
pub struct Options(HashMap<String, String>);

impl Options {
    /// Reads the command line.
    pub fn from_args() -> Options {
        let pairs = std::env::args().skip(1);
        Options(pairs.filter_map(|a| a.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect())
    }

    /// The value of an option that must be there.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("option {name}= is missing"))
    }

    /// A number, or `default`.
    pub fn number(&self, name: &str, default: u64) -> u64 {
        self.0.get(name).map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name}={v}")))
    }
}
