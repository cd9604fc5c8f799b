//! Messages that a group wants again, on their way to `%RETRY%group` or `%DLQ%group`.

use std::sync::Arc;
use std::time::Duration;

use rmq::message::property::{self, Properties, name};
use rmq::protocol::ResponseCode;
use rmq::protocol::command::ConsumerSendMessageBack;
use rmq::protocol::record_builder::RecordBuilder;

use super::{Broker, Outcome};
use crate::effects::{Effects, Refusal};

pub(super) const RETRY: &str = "%RETRY%";
const DEAD_LETTERS: &str = "%DLQ%";

/// Queues of a dead-letter topic.
const DEAD_LETTER_QUEUES: i32 = 1;

/// Added to the tries for the delay level of a retry.
const FIRST_RETRY_LEVEL: i32 = 3;

/// What a consumer means that names no limit.
pub(super) const DEFAULT_MAX: i32 = 16;

impl Broker {
    /// Java's `AbstractSendMessageProcessor#consumerSendMsgBack`.
    pub(super) fn send_back(
        &mut self,
        effects: &mut Effects,
        request: &ConsumerSendMessageBack,
    ) -> Outcome<()> {
        let stored = self.store().at(request.offset).cloned().ok_or_else(|| {
            let remark = format!("look message by offset failed, {}", request.offset);
            Refusal::new(ResponseCode::SystemError, remark)
        })?;
        let origin_id = request.origin_message_id.clone().unwrap_or_default();
        let mut set = Vec::new();
        if stored.property(name::RETRY_TOPIC).is_none() {
            set.push((name::RETRY_TOPIC, stored.message.topic.clone()));
        }
        if stored.property(name::ORIGIN_MESSAGE_ID).is_none() {
            set.push((name::ORIGIN_MESSAGE_ID, origin_id));
        }
        let mut message = stored.message.clone();
        let max = request.max_reconsume_times.unwrap_or(DEFAULT_MAX);
        let dead = message.reconsume_times >= max || request.delay_level < 0;
        let level = match request.delay_level {
            0 => FIRST_RETRY_LEVEL + message.reconsume_times,
            level => level,
        };
        let (topic, level) = match dead {
            true => (self.dead_letters(&request.group), 0),
            false => (format!("{RETRY}{}", request.group), level),
        };
        set.push((name::DELAY, level.to_string()));
        message.properties = with(&message.properties, &set);
        message.reconsume_times += 1;
        message.topic = topic;
        message.queue_id = 0;
        message.store_timestamp = 0;
        self.store().create(&message.topic, 1);
        self.take(effects, message).map(|_| ())
    }

    /// Stores a message and wakes who waits for it. Answers its places in the queue and in the commit log.
    pub(super) fn append(&mut self, effects: &mut Effects, message: RecordBuilder) -> Outcome<(i64, i64)> {
        let (topic, queue) = (message.topic.clone(), message.queue_id);
        let place = self.store().append(message)?;
        self.arrived(effects, &topic, queue, place.0);
        let index = self.index;
        if Arc::strong_count(&self.store) > 1 {
            effects.later(Duration::ZERO, move |world, effects| {
                let store = Arc::clone(&world.brokers[index].store);
                let copies = world.brokers.iter_mut().filter(|broker| Arc::ptr_eq(&broker.store, &store));
                for broker in copies.filter(|broker| broker.index != index) {
                    broker.arrived(effects, &topic, queue, place.0);
                }
            });
        }
        Ok(place)
    }

    /// The name of a group's dead-letter topic, which is made if it is not there.
    pub(super) fn dead_letters(&self, group: &str) -> String {
        let topic = format!("{DEAD_LETTERS}{group}");
        self.store().create(&topic, DEAD_LETTER_QUEUES);
        topic
    }
}

/// Properties with some of them set anew.
pub(super) fn with(properties: &[u8], set: &[(&str, String)]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for (key, value) in Properties(properties).iter() {
        if !set.iter().any(|(name, _)| name.as_bytes() == key) {
            out.extend_from_slice(key);
            out.push(1);
            out.extend_from_slice(value);
            out.push(2);
        }
    }
    out.extend_from_slice(property::encode(set.iter().map(|(k, v)| (*k, v.as_str()))).as_bytes());
    out
}
