//! A Java push consumer, as a peer in a group or as the reference to compare with.

use crate::cluster::Cluster;
use crate::driver::{Driver, quote};
use crate::wait::poll;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

impl Cluster {
    /// Sets up a Java push consumer of all messages of `topic` (or topics, separated by commas), from the first on.
    pub fn java_consumer(&self, group: &str, topic: &str) -> JavaConsumerBuilder {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = format!("{group}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let words = self.driver_words();
        let line = format!("push {}{words} group={} topic={}", quote(&id), quote(group), quote(topic));
        JavaConsumerBuilder { id, line }
    }
}

/// A Java consumer to be.
#[derive(Debug)]
#[must_use = "nothing runs before start()"]
pub struct JavaConsumerBuilder {
    id: String,
    line: String,
}

impl JavaConsumerBuilder {
    /// A tag expression: `A`, `A || B`, `*`.
    pub fn tags(self, expression: &str) -> Self {
        self.option("tag", expression)
    }

    /// Every message fails this many deliveries.
    pub fn fail(self, deliveries: u32) -> Self {
        self.option("fail", &deliveries.to_string())
    }

    /// Every message takes this long.
    pub fn sleep(self, pause: Duration) -> Self {
        self.option("sleep", &pause.as_millis().to_string())
    }

    /// How it divides queues: `avg`, `circle`, `hash` (the ring), `room` (with option `rooms`) or `nearby`.
    pub fn strategy(self, name: &str) -> Self {
        self.option("strategy", name)
    }

    /// In order per queue, under the broker's lock.
    pub fn orderly(self) -> Self {
        self.option("orderly", "true")
    }

    /// Any other option of the driver's `push`; see `Driver::call("help")`.
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.line.push_str(&format!(" {name}={}", quote(value)));
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When the Java consumer's `start()` throws.
    pub fn start(self) -> JavaConsumer {
        let client_id = call(&self.line);
        JavaConsumer { id: self.id, client_id }
    }
}

/// A running Java push consumer; shut down in order when dropped.
#[derive(Debug)]
pub struct JavaConsumer {
    id: String,
    client_id: String,
}

impl JavaConsumer {
    /// The client id the broker knows it by.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The queues it owns now, retry topic included, sorted.
    pub fn queues(&self) -> Vec<JavaQueue> {
        self.ask("mqs").lines().map(JavaQueue::parse).collect()
    }

    /// Deliveries so far; a message delivered twice counts twice.
    pub fn count(&self) -> u64 {
        let count = self.ask("count");
        count.parse().unwrap_or_else(|_| panic!("not a count: {count}"))
    }

    /// Deliveries so far, in the order they reached the listener; the first 100,000.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.ask("received").lines().map(Delivery::parse).collect()
    }

    /// Deliveries as lines of tab-separated `name=value`, with system flag, times and sorted properties.
    pub fn dump(&self) -> Vec<String> {
        self.ask("dump").lines().map(str::to_owned).collect()
    }

    /// Waits until at least `count` deliveries came.
    ///
    /// # Panics
    /// When they do not come `within` that time.
    #[track_caller]
    pub fn wait_for(&self, count: u64, within: Duration) {
        let arrived = poll(within, Duration::from_millis(50), || self.count() >= count);
        assert!(
            arrived,
            "the Java consumer {} got {} of {count} messages in {within:?}",
            self.id,
            self.count()
        );
    }

    /// Shuts it down: it commits and leaves the group.
    pub fn stop(self) {}

    fn ask(&self, command: &str) -> String {
        call(&format!("{command} {}", quote(&self.id)))
    }
}

impl Drop for JavaConsumer {
    fn drop(&mut self) {
        // A failure here would only hide the one the test is about.
        let _ = Driver::shared().call(&format!("stop {}", quote(&self.id)));
    }
}

/// A queue as Java names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JavaQueue {
    /// The topic.
    pub topic: String,
    /// The `brokerName`.
    pub broker: String,
    /// The queue id; -1 for a POP assignment.
    pub queue: i32,
}

impl JavaQueue {
    fn parse(line: &str) -> JavaQueue {
        let words: Vec<&str> = line.split(' ').collect();
        let [topic, broker, queue] = words[..] else { panic!("not a queue: {line}") };
        JavaQueue { topic: topic.into(), broker: broker.into(), queue: number(queue, line) }
    }
}

/// One message as a Java listener got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Epoch milliseconds at the listener.
    pub at_millis: u64,
    /// The topic the listener saw.
    pub topic: String,
    /// The `brokerName`.
    pub broker: String,
    /// The queue id.
    pub queue: i32,
    /// The offset in the queue.
    pub offset: i64,
    /// How often it was consumed again before this delivery.
    pub reconsume_times: u32,
    /// The unique id the producer gave.
    pub msg_id: String,
    /// The keys, separated by blanks.
    pub keys: String,
    /// The tag, empty when there is none.
    pub tag: String,
    /// The length of the whole body.
    pub body_length: usize,
    /// The first 256 bytes of the body as text; backslash, tab and line ends are escaped.
    pub body: String,
}

impl Delivery {
    fn parse(line: &str) -> Delivery {
        let words: Vec<&str> = line.split('\t').collect();
        let [at, topic, broker, queue, offset, reconsume, msg_id, keys, tag, length, body] = words[..] else {
            panic!("not a delivery: {line}")
        };
        Delivery {
            at_millis: number(at, line),
            topic: topic.into(),
            broker: broker.into(),
            queue: number(queue, line),
            offset: number(offset, line),
            reconsume_times: number(reconsume, line),
            msg_id: msg_id.into(),
            keys: keys.into(),
            tag: tag.into(),
            body_length: number(length, line),
            body: body.into(),
        }
    }
}

fn number<T: std::str::FromStr>(word: &str, line: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("not a number, {word}, in the driver's answer: {line}"))
}

fn call(line: &str) -> String {
    Driver::shared().call(line).unwrap_or_else(|reason| panic!("{line}: {reason}"))
}
