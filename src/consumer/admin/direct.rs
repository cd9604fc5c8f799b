//! One message through the user's callback, because an administrator wants to see what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::incoming::{refuse, reply};
use super::Asked;
use crate::cluster::ResponseCode;
use crate::cluster::command::{ConsumeMessageDirectly, ConsumedDirectly, DirectResult};
use crate::cluster::record::{DecodeOptions, Decoded, decode_records};
use crate::consumer::budget::Budget;
use crate::consumer::dispatch::{Batch, Outcome, PulledBatch, WeakWorkers};
use crate::consumer::engine::Engine;
use crate::consumer::queue::Queue;
use crate::consumer::statistics::TopicCounters;
use crate::message::{Message, MessageQueue};

/// Decodes the message and has a thread of its own call for it. No offset moves, nothing is sent back, no
/// counter counts it: its queue may belong to another member.
pub(super) fn consume(asked: &Asked<'_>, request: ConsumeMessageDirectly) {
    if !asked.is_ours(&request.header.consumer_group) {
        return;
    }
    let engine = asked.engine;
    let broker: Arc<str> = request.header.broker_name.as_deref().unwrap_or_default().into();
    let options = DecodeOptions { check_crc: engine.config.check_crc, ..DecodeOptions::new(&broker) };
    let Decoded { messages, broken } = decode_records(&request.record, &options);
    let Some(first) = messages.first() else {
        let why = broken.first().map_or_else(|| "there is none".to_owned(), |one| one.error.to_string());
        return asked.refuse(ResponseCode::SystemError, format!("the message cannot be read: {why}"));
    };
    let what = format!("{} at the wish of an administrator", first.message_id());
    let batches = batches(engine, broker, messages);
    let (connection, header) = (asked.connection.clone(), asked.frame.header.clone());
    let begun = engine.direct.start(what, batches, move |called| match called {
        Some((outcome, spent)) => reply(&connection, &header, &result(&outcome, spent)),
        None => refuse(&connection, &header, ResponseCode::SystemError, "the consumer stops".to_owned()),
    });
    if let Err(error) = begun {
        asked.refuse(ResponseCode::SystemBusy, error.text().to_owned());
    }
}

/// What became of the callback: `Err` has the text of a panic.
pub(super) type Called = std::result::Result<Outcome, String>;

/// Java's words for it. Whatever is no outcome counts as [`Outcome::Later`] in ordinary consumption; here it is
/// told apart, as Java tells a listener that returned null.
fn result(called: &Called, spent: Duration) -> ConsumedDirectly {
    let (result, remark) = match called {
        Ok(Outcome::Success) => (DirectResult::Success, None),
        Ok(Outcome::Later | Outcome::Suspend) => (DirectResult::Later, None),
        Ok(Outcome::Commit) => (DirectResult::Commit, None),
        Ok(Outcome::Rollback) => (DirectResult::Rollback, None),
        Ok(Outcome::Deferred) => {
            (DirectResult::Later, Some("the callback defers its answer, which cannot be awaited".to_owned()))
        }
        Ok(Outcome::Unknown(value)) => {
            (DirectResult::ReturnNull, Some(format!("the callback returned {value}, which is no outcome")))
        }
        Err(text) => (DirectResult::ThrowException, Some(text.clone())),
    };
    let spent_ms = i64::try_from(spent.as_millis()).unwrap_or(i64::MAX);
    ConsumedDirectly { order: false, auto_commit: true, result, remark, spent_ms }
}

/// Batches as a callback may expect them, of a queue that is in no books. More than one only for the messages
/// of an inner batch.
fn batches(engine: &Engine, broker: Arc<str>, messages: Vec<Message>) -> Vec<Batch> {
    let (topic, id) = messages.first().map_or(("", -1), |first| (first.stored_topic(), first.queue_id()));
    let queue = Queue::new(
        MessageQueue { topic: topic.into(), broker, id },
        engine.config.queue_limit,
        engine.config.span_max,
        Arc::new(Budget::new(engine.config.topic_limit)),
        Arc::new(Budget::new(engine.config.all_limit)),
        CancellationToken::new(),
        None,
        Arc::new(TopicCounters::default()),
    );
    let count = messages.len();
    let pulled =
        Arc::new(PulledBatch { queue: Arc::new(queue), id: 0, messages, workers: WeakWorkers::default() });
    let size = engine.config.batch_size.max(1);
    let range = |start: usize| start..count.min(start + size);
    (0..count).step_by(size).map(|start| Batch::new(Arc::clone(&pulled), range(start))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_a_callback_ends_has_javas_word() {
        let word = |called: Called| result(&called, Duration::from_millis(7)).result.name();
        assert_eq!(word(Ok(Outcome::Success)), "CR_SUCCESS");
        assert_eq!(word(Ok(Outcome::Later)), "CR_LATER");
        assert_eq!(word(Ok(Outcome::Unknown(9))), "CR_RETURN_NULL");
        assert_eq!(word(Err("boom".to_owned())), "CR_THROW_EXCEPTION");
        let failed = result(&Err("boom".to_owned()), Duration::from_millis(7));
        assert_eq!((failed.remark.as_deref(), failed.spent_ms), (Some("boom"), 7));
    }
}
