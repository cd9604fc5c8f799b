//! One message through the user's callback, because an administrator wants to see what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::incoming::{refuse, reply};
use super::Asked;
use crate::cluster::ResponseCode;
use crate::cluster::command::{ConsumeMessageDirectly, ConsumedDirectly, DirectResult};
use crate::cluster::record::{DecodeOptions, Decoded, decode_records};
use crate::config::ConsumerConfig;
use crate::consumer::dispatch::{Batch, Outcome, PulledBatch};
use crate::consumer::engine::Engine;
use crate::consumer::queue::budget::Budget;
use crate::consumer::queue::{Order, Queue};
use crate::message::{Message, MessageQueue};

/// Decodes the message and has a thread of its own call for it. No offset moves, nothing is sent back, no
/// counter counts it: its queue may belong to another member.
pub(super) fn consume(asked: &Asked<'_>, request: ConsumeMessageDirectly) {
    if !asked.is_ours(&request.header.consumer_group) {
        return;
    }
    let engine = asked.engine;
    let broker: Arc<str> = request.header.broker_name.as_deref().unwrap_or_default().into();
    let options = DecodeOptions {
        check_crc: engine.config.check_crc,
        namespace: &engine.config.namespace_prefix,
        ..DecodeOptions::new(&broker)
    };
    let Decoded { messages, broken, .. } = decode_records(&request.record, &options);
    let Some(first) = messages.first() else {
        let why = broken.first().map_or_else(|| "there is none".to_owned(), |one| one.error.to_string());
        return asked.refuse(ResponseCode::SystemError, format!("the message cannot be read: {why}"));
    };
    let what = format!("{} at the wish of an administrator", first.message_id());
    let batches = batches(engine, broker, messages);
    let (connection, header) = (asked.connection.clone(), asked.frame.header.clone());
    let config = engine.config.clone();
    let begun = engine.direct.start(what, batches, move |called| match called {
        Some((called, spent)) => reply(&connection, &header, &result(&config, &called, spent)),
        None => refuse(&connection, &header, ResponseCode::SystemError, "the consumer stops".to_owned()),
    });
    if let Err(error) = begun {
        asked.refuse(ResponseCode::SystemBusy, error.text().to_owned());
    }
}

/// What became of the callback.
pub(super) struct Called {
    pub(super) outcome: std::result::Result<Outcome, Failure>,
    /// What it said of committing by itself, in orderly consumption.
    pub(super) auto_commit: Option<bool>,
}

/// Why there is no outcome, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Panic(String),
    NoOutcome(String),
}

/// Java's words for it. Whatever is no outcome counts as [`Outcome::Later`] in ordinary consumption; here it is
/// told apart, as Java tells a listener that returned null.
fn result(config: &ConsumerConfig, called: &Called, spent: Duration) -> ConsumedDirectly {
    let odd = |what: &str| (DirectResult::ReturnNull, Some(format!("the callback returned {what}")));
    let (result, remark) = match &called.outcome {
        Ok(Outcome::Success) => (DirectResult::Success, None),
        Ok(Outcome::Later) => (DirectResult::Later, None),
        Ok(Outcome::Suspend) if config.orderly => (DirectResult::Later, None),
        Ok(Outcome::Commit) if config.orderly => (DirectResult::Commit, None),
        Ok(Outcome::Rollback) if config.orderly => (DirectResult::Rollback, None),
        Ok(Outcome::Deferred) => {
            (DirectResult::Success, Some("deferred: the callback has kept the message".to_owned()))
        }
        Ok(Outcome::Unknown(value)) => odd(&format!("{value}, which is no outcome")),
        Ok(other) => odd(&format!("{other:?}, which this consume.mode does not have")),
        Err(Failure::NoOutcome(text)) => (DirectResult::ReturnNull, Some(text.clone())),
        Err(Failure::Panic(text)) => (DirectResult::ThrowException, Some(text.clone())),
    };
    let spent_ms = i64::try_from(spent.as_millis()).unwrap_or(i64::MAX);
    let auto_commit = !config.orderly || called.auto_commit.unwrap_or(config.orderly_auto_commit);
    ConsumedDirectly { order: config.orderly, auto_commit, result, remark, spent_ms }
}

/// Batches as a callback may expect them, of a queue that is in no books. More than one only for the messages of an
/// inner batch.
fn batches(engine: &Engine, broker: Arc<str>, messages: Vec<Message>) -> Vec<Batch> {
    let (topic, id) = messages.first().map_or(("", -1), |first| (first.stored_topic(), first.queue_id()));
    let queue = Queue::new(
        MessageQueue { topic: topic.into(), broker, id },
        engine.config.queue_limit,
        engine.config.span_max,
        Arc::new(Budget::new(engine.config.topic_limit)),
        Arc::new(Budget::new(engine.config.all_limit)),
        CancellationToken::new(),
        engine.config.orderly.then(|| Order::new(engine.config.suspend_queue, false)),
    );
    let count = messages.len();
    let workers = engine.workers.downgrade();
    let pulled = Arc::new(PulledBatch { queue: Arc::new(queue), id: 0, messages, workers, direct: true });
    let size = engine.config.batch_size.max(1);
    let range = |start: usize| start..count.min(start + size);
    (0..count).step_by(size).map(|start| Batch::new(Arc::clone(&pulled), range(start))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(mode: &str) -> ConsumerConfig {
        let mut config = Config::new();
        for (key, value) in [("consumer.group", "G"), ("namesrv.addr", "127.0.0.1:1"), ("consume.mode", mode)]
        {
            config.set(key, value).unwrap();
        }
        config.snapshot().unwrap()
    }

    fn told(mode: &str, outcome: std::result::Result<Outcome, Failure>) -> ConsumedDirectly {
        result(&config(mode), &Called { outcome, auto_commit: Some(false) }, Duration::from_millis(7))
    }

    #[test]
    fn every_way_a_callback_ends_has_javas_word() {
        let word = |outcome| told("concurrent", outcome).result.name();
        assert_eq!(word(Ok(Outcome::Success)), "CR_SUCCESS");
        assert_eq!(word(Ok(Outcome::Later)), "CR_LATER");
        assert_eq!(word(Ok(Outcome::Unknown(9))), "CR_RETURN_NULL");
        assert_eq!(word(Ok(Outcome::Commit)), "CR_RETURN_NULL");
        assert_eq!(word(Err(Failure::NoOutcome(String::new()))), "CR_RETURN_NULL");
        let failed = told("concurrent", Err(Failure::Panic("boom".to_owned())));
        assert_eq!(failed.result.name(), "CR_THROW_EXCEPTION");
        assert_eq!((failed.remark.as_deref(), failed.spent_ms), (Some("boom"), 7));
        assert!(!failed.order && failed.auto_commit);
    }

    #[test]
    fn in_order_there_are_commit_and_rollback() {
        let word = |outcome| told("orderly", Ok(outcome)).result.name();
        assert_eq!(word(Outcome::Suspend), "CR_LATER");
        assert_eq!(word(Outcome::Commit), "CR_COMMIT");
        assert_eq!(word(Outcome::Rollback), "CR_ROLLBACK");
        let success = told("orderly", Ok(Outcome::Success));
        assert!(success.order && !success.auto_commit);
    }
}
