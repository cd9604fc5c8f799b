//! What happens to a consumer and its user may want to know.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::DropGuard;

use super::dispatch::Batch;
use super::floods::counted;
use crate::error::{Error, ErrorKind};
use crate::log::Level;
use crate::message::{Message, MessageQueue};

/// The kinds of events. Each is one bit, so that a mask can choose among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum EventKind {
    /// Queues were assigned.
    Assigned = 1,
    /// Queues are about to be given up; what is held of them may still be settled.
    Revoking = 2,
    /// Queues were given up.
    Released = 4,
    /// Something failed that is not the direct answer to a call.
    Error = 8,
    /// A bug ended the consumer.
    Fatal = 16,
    /// The group is not set up as it should be, or messages or offsets had to be given up.
    Warning = 32,
    /// Messages have been in a callback or unsettled for longer than `slow.message.ms`.
    SlowMessage = 64,
    /// Messages outran `consume.timeout.ms`.
    ConsumeTimeout = 128,
    /// The statistics, every `stats.interval.ms`.
    Stats = 256,
    /// A log record, with `log.queue`.
    Log = 512,
    /// A queue stood still for `watchdog.queue.ms`.
    Stalled = 1024,
}

impl EventKind {
    /// The mask that lets every event pass, also of kinds that are added later.
    pub const EVERY: i32 = i32::MAX;

    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Assigned => "assigned",
            EventKind::Revoking => "revoking",
            EventKind::Released => "released",
            EventKind::Error => "error",
            EventKind::Fatal => "fatal",
            EventKind::Warning => "warning",
            EventKind::SlowMessage => "slow_message",
            EventKind::ConsumeTimeout => "consume_timeout",
            EventKind::Stats => "stats",
            EventKind::Log => "log",
            EventKind::Stalled => "stalled",
        }
    }

    fn level(self) -> Level {
        match self {
            EventKind::Assigned | EventKind::Revoking | EventKind::Released => Level::Info,
            EventKind::Stats | EventKind::Log => Level::Info,
            EventKind::Error | EventKind::Fatal => Level::Error,
            EventKind::Warning | EventKind::SlowMessage | EventKind::ConsumeTimeout | EventKind::Stalled => {
                Level::Warn
            }
        }
    }
}

/// Why queues come or go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The topic was subscribed or unsubscribed, or the user assigned queues.
    Subscription,
    /// The topic's route has other queues.
    Route,
    /// The group has other members.
    Members,
    /// The consumer stops.
    Shutdown,
    /// Another member holds the queue's lock.
    Lost,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Reason::Subscription => "subscription",
            Reason::Route => "route",
            Reason::Members => "members",
            Reason::Shutdown => "shutdown",
            Reason::Lost => "lost",
        }
    }
}

/// One event: a sentence for people, JSON for programs.
pub struct Event {
    kind: EventKind,
    level: Level,
    error: Option<ErrorKind>,
    text: String,
    details: Map<String, Value>,
    /// The part of the library that speaks, of failures and log records.
    target: Option<String>,
    /// What its like have in common.
    likeness: Option<Likeness>,
    /// For how many of its like it stands.
    count: u64,
    /// The JSON as a whole, of statistics.
    json: Option<String>,
    /// Cancels its tokens when everybody is done with the event.
    _heard: Vec<DropGuard>,
}

/// What makes events alike, so that a flood of them can be held back, and how many may come within a second.
struct Likeness {
    of: String,
    burst: u32,
}

/// So many events of slow or overdue messages of one queue may come within a second: each names other messages.
const MESSAGES_BURST: u32 = 32;

impl Event {
    fn new(kind: EventKind, text: String) -> Event {
        Event {
            kind,
            level: kind.level(),
            error: None,
            text,
            details: Map::new(),
            target: None,
            likeness: None,
            count: 1,
            json: None,
            _heard: Vec::new(),
        }
    }

    /// Events of the same kind that say `of` are alike.
    fn alike(self, of: &str, burst: u32) -> Event {
        let of = format!("{} {of}", self.kind.name());
        Event { likeness: Some(Likeness { of, burst }), ..self }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Event {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Queues that come or go. `heard` is cancelled once the event is dropped.
    pub(crate) fn queues(
        kind: EventKind,
        reason: Reason,
        queues: &[MessageQueue],
        heard: Vec<DropGuard>,
    ) -> Event {
        let names: Vec<String> = queues.iter().map(ToString::to_string).collect();
        let text = format!("{} ({}): {}", kind.name(), reason.name(), names.join(", "));
        let list = queues
            .iter()
            .map(|queue| json!({ "topic": &*queue.topic, "broker": &*queue.broker, "queue_id": queue.id }));
        let event =
            Event::new(kind, text).with("reason", reason.name()).with("queues", list.collect::<Vec<_>>());
        Event { _heard: heard, ..event }
    }

    /// A failure, told by the part of the library named `target`.
    pub(crate) fn error(target: &str, error: &Error) -> Event {
        let event = Event::failure(EventKind::Error, error).with("target", target);
        let of = format!("{target} {}", error.kind().number());
        Event { target: Some(target.to_owned()), ..event }.alike(&of, 1)
    }

    /// The end of a consumer by a bug.
    pub(crate) fn fatal(error: &Error) -> Event {
        Event::failure(EventKind::Fatal, error)
    }

    fn failure(event: EventKind, error: &Error) -> Event {
        let kind = error.kind();
        let event =
            Event::new(event, error.text().to_owned()).with("code", kind.number()).with("name", kind.name());
        Event { error: Some(kind), ..event }
    }

    /// A doubt about how the group is set up, or messages and offsets that are given up; `name` tells
    /// programs which, `details` are members of its JSON.
    pub(crate) fn warning(name: &str, text: String, details: Map<String, Value>) -> Event {
        let topic = details.get("topic").and_then(Value::as_str).unwrap_or_default();
        let of = format!("{name} {topic}");
        Event { details, ..Event::new(EventKind::Warning, text) }.with("warning", name).alike(&of, 1)
    }

    /// A queue that stood still: what it waited for and why.
    pub(crate) fn stalled(queue: &MessageQueue, waits_for: &str, why: &str, stood: Duration) -> Event {
        let millis = u64::try_from(stood.as_millis()).unwrap_or(u64::MAX);
        let text = format!("{queue} stands still for {millis} ms ({waits_for}): {why}; it is begun anew");
        Event::new(EventKind::Stalled, text)
            .with("topic", &*queue.topic)
            .with("broker", &*queue.broker)
            .with("queue_id", queue.id)
            .with("waits_for", waits_for)
            .with("why", why)
            .with("stood_ms", millis)
    }

    /// The statistics as [`Consumer::stats_json`](super::Consumer::stats_json) gives them.
    pub(crate) fn stats(text: String, json: String) -> Event {
        Event { json: Some(json), ..Event::new(EventKind::Stats, text) }
    }

    /// A log record.
    pub(crate) fn log(level: Level, target: &str, text: &str) -> Event {
        let event = Event::new(EventKind::Log, text.to_owned());
        let event = event.with("level", level as i32).with("target", target);
        Event { level, target: Some(target.to_owned()), ..event }
    }

    /// Messages of one queue that are not finished for `took_ms`: which they are, and who has them.
    pub(crate) fn messages(
        kind: EventKind,
        text: String,
        parts: &[Batch],
        holder: &str,
        took_ms: u64,
    ) -> Event {
        let messages = || parts.iter().flat_map(|batch| (0..batch.len()).filter_map(|i| batch.message(i)));
        let ids: Vec<&str> = messages().map(Message::message_id).collect();
        let event = Event::new(kind, text)
            .with("queue_offset", messages().next().map_or(-1, Message::queue_offset))
            .with("message_ids", ids)
            .with("holder", holder)
            .with("took_ms", took_ms);
        match parts.first() {
            Some(batch) => event
                .with("topic", batch.topic())
                .with("broker", batch.broker())
                .with("queue_id", batch.queue_id())
                .alike(&batch.queue_name().to_string(), MESSAGES_BURST),
            None => event,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The failure's kind, if it is one.
    pub fn error_kind(&self) -> Option<ErrorKind> {
        self.error
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The part of the library that speaks; `None` where none does.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// For how many of its like it stands: more than one when a flood of them was held back.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What its like say too, and how many of them may come within a second; `None` for events of which each counts.
    pub(super) fn likeness(&self) -> Option<(String, u32)> {
        self.likeness.as_ref().map(|likeness| (likeness.of.clone(), likeness.burst))
    }

    /// The same, standing for so many.
    pub(super) fn counted(mut self, times: u64) -> Event {
        self.text.push_str(&counted(times));
        Event { count: times, ..self }.with("count", times)
    }

    /// A sentence for people.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An object for programs: `kind`, `text`, and what belongs to the kind; of statistics the statistics themselves.
    pub fn json(&self) -> String {
        if let Some(json) = &self.json {
            return json.clone();
        }
        let mut all = self.details.clone();
        all.insert("kind".to_owned(), self.kind.name().into());
        all.insert("text".to_owned(), self.text.as_str().into());
        Value::Object(all).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_people_and_programs() {
        let queue = MessageQueue { topic: "T".into(), broker: "b".into(), id: 3 };
        let event = Event::queues(EventKind::Revoking, Reason::Members, &[queue], Vec::new());
        assert!(event.text().starts_with("revoking (members): "), "{}", event.text());
        let json: Value = serde_json::from_str(&event.json()).unwrap();
        assert_eq!(json["queues"], json!([{ "topic": "T", "broker": "b", "queue_id": 3 }]));
        assert_eq!((json["kind"].as_str(), json["reason"].as_str()), (Some("revoking"), Some("members")));
    }

    #[test]
    fn a_failure_keeps_its_code() {
        let event = Event::error("pull", &Error::new(ErrorKind::NoRoute, "no route"));
        assert_eq!((event.kind(), event.error_kind()), (EventKind::Error, Some(ErrorKind::NoRoute)));
        let fatal = Event::fatal(&Error::new(ErrorKind::Panic, "bug"));
        assert_eq!(fatal.kind(), EventKind::Fatal);
        assert!(fatal.json().contains(r#""code":-99"#));
    }
}
