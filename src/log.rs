//! One log handle per consumer: a level and a sink. Nothing process-wide, no files.

use std::fmt;
use std::sync::Arc;

/// How much a record matters; the numbers are syslog's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something failed that the library cannot mend.
    Error = 3,
    /// Something is wrong and is being worked around.
    Warn = 4,
    /// A change of state worth knowing.
    Info = 6,
    /// What the library does, step by step.
    Debug = 7,
}

/// Where records go: level, the part of the library that speaks, the sentence.
pub type Sink = dyn Fn(Level, &str, &str) + Send + Sync;

/// A consumer's log. Cheap to clone; without a sink it costs a comparison.
#[derive(Clone)]
pub struct Log {
    most: Level,
    sink: Option<Arc<Sink>>,
}

impl Log {
    /// A log that passes records up to and including `most` on to `sink`.
    pub fn new(most: Level, sink: Arc<Sink>) -> Log {
        Log { most, sink: Some(sink) }
    }

    /// A log that says nothing.
    pub fn off() -> Log {
        Log { most: Level::Error, sink: None }
    }

    /// The least important level that is written; `None` when nothing is.
    pub fn most(&self) -> Option<Level> {
        self.sink.as_ref().map(|_| self.most)
    }

    /// Writes one record; `text` is only formatted when somebody listens.
    pub fn write(&self, level: Level, target: &str, text: impl fmt::Display) {
        if level <= self.most
            && let Some(sink) = &self.sink
        {
            sink(level, target, &text.to_string());
        }
    }

    /// Writes at [`Level::Error`].
    pub fn error(&self, target: &str, text: impl fmt::Display) {
        self.write(Level::Error, target, text);
    }

    /// Writes at [`Level::Warn`].
    pub fn warn(&self, target: &str, text: impl fmt::Display) {
        self.write(Level::Warn, target, text);
    }

    /// Writes at [`Level::Info`].
    pub fn info(&self, target: &str, text: impl fmt::Display) {
        self.write(Level::Info, target, text);
    }

    /// Writes at [`Level::Debug`].
    pub fn debug(&self, target: &str, text: impl fmt::Display) {
        self.write(Level::Debug, target, text);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({:?})", self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn records_above_the_level_are_neither_formatted_nor_passed_on() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let log = Log::new(
            Level::Warn,
            Arc::new(move |level, target, text| {
                sink.lock().unwrap().push((level, target.to_owned(), text.to_owned()));
            }),
        );
        log.warn("route", "no route");
        log.info("route", format_args!("{}", "unseen"));
        Log::off().error("route", "unseen");
        assert_eq!(*seen.lock().unwrap(), [(Level::Warn, "route".to_owned(), "no route".to_owned())]);
    }
}
