//! Messages stored by the Java client.

use crate::cluster::Cluster;
use crate::driver::{Driver, quote};

impl Cluster {
    /// Sets up `count` messages to `topic`: queue by queue, key `<topic>-<i>`, body equal to the key.
    pub fn send(&self, topic: &str, count: u32) -> Sending {
        Sending { line: format!("send {topic} {count}{}", self.driver_words()) }
    }
}

/// Messages about to be sent; message i is the same however many threads send.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before run()"]
pub struct Sending {
    line: String,
}

impl Sending {
    /// Tags in turn: message i has `tags[i % tags.len()]`, and every tag reaches every queue.
    pub fn tags(self, tags: &[&str]) -> Sending {
        self.option("tags", &tags.join(","))
    }

    /// Keys are `<prefix>-<i>`, and bodies begin so; `none` sends no keys.
    pub fn keys(self, prefix: &str) -> Sending {
        self.option("key", prefix)
    }

    /// The number of the first message; 0 unless given.
    pub fn starting_at(self, first: u32) -> Sending {
        self.option("from", &first.to_string())
    }

    /// Fills bodies up to this many bytes.
    pub fn size(self, bytes: usize) -> Sending {
        self.option("size", &bytes.to_string())
    }

    /// The same body for all.
    pub fn body(self, text: &str) -> Sending {
        self.option("body", text)
    }

    /// The same bytes as the body of all.
    pub fn bytes(self, bytes: &[u8]) -> Sending {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.option("hex", &hex)
    }

    /// Bodies begin with the epoch nanoseconds of the moment of sending and a blank.
    pub fn stamped(self) -> Sending {
        self.option("stamp", "true")
    }

    /// One queue only.
    pub fn queue(self, queue: u32) -> Sending {
        self.option("queue", &queue.to_string())
    }

    /// A user property on every message.
    pub fn property(self, name: &str, value: &str) -> Sending {
        self.option(&format!("u.{name}"), value)
    }

    /// A steady rate, in messages a second.
    pub fn rate(self, per_second: u32) -> Sending {
        self.option("rate", &per_second.to_string())
    }

    /// As fast as possible: batches of `messages`, four threads. Batches are stored as ordinary single messages.
    pub fn batches_of(self, messages: u32) -> Sending {
        self.option("batch", &messages.to_string()).option("threads", "4")
    }

    /// Lets the producer gather messages of one tag into batches, which carry that tag; in no order.
    pub fn gathered(self) -> Sending {
        self.option("auto", "true")
    }

    /// Stored for consumers only at this delay level.
    pub fn delay_level(self, level: u32) -> Sending {
        self.option("delay", &level.to_string())
    }

    /// A timer message: due so many milliseconds from now.
    pub fn delay_ms(self, millis: u32) -> Sending {
        self.option("delayMs", &millis.to_string())
    }

    /// Each message in a transaction of its own, decided by its tag: `commit`, `rollback`, or when the broker asks:
    /// `check` is committed then, `refuse` rolled back.
    pub fn transactions(self) -> Sending {
        self.option("tx", "tag")
    }

    /// A name under which [`Sending::halt`] can end it early.
    pub fn named(self, id: &str) -> Sending {
        self.option("id", id)
    }

    /// Any other option of the driver's `send`; see `Driver::call("help")`.
    pub fn option(mut self, name: &str, value: &str) -> Sending {
        self.line.push_str(&format!(" {name}={}", quote(value)));
        self
    }

    /// Sends all; returns when the last one is answered.
    pub fn run(&self) -> Sent {
        let answer =
            Driver::shared().call(&self.line).unwrap_or_else(|reason| panic!("{}: {reason}", self.line));
        Sent::parse(&answer)
    }

    /// Ends the running send named `id`; its `run` returns what it has done so far.
    pub fn halt(id: &str) {
        Driver::shared().call(&format!("halt {}", quote(id))).unwrap_or_else(|reason| panic!("{reason}"));
    }
}

/// What became of a [`Sending`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Messages the broker answered for.
    pub stored: u64,
    /// Messages whose send failed; some may be stored all the same.
    pub failed: u64,
    /// Duration.
    pub millis: u64,
    /// The first failure.
    pub first_error: Option<String>,
}

impl Sent {
    fn parse(answer: &str) -> Sent {
        let number = |name: &str| {
            answer
                .split(' ')
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
                .unwrap_or_else(|| panic!("no {name}= in the driver's answer: {answer}"))
        };
        Sent {
            stored: number("stored"),
            failed: number("failed"),
            millis: number("millis"),
            first_error: answer.split_once("first_error=").map(|(_, text)| text.to_owned()),
        }
    }
}
