//! Messages that a group wants again, on their way to `%RETRY%group` or `%DLQ%group`.

use rmq::message::property::{self, Properties, name};
use rmq::protocol::ResponseCode;
use rmq::protocol::command::send_message::SendResultHeader;
use rmq::protocol::command::{ConsumerSendMessageBack, SendMessage, SendResult};
use rmq::protocol::record_builder::RecordBuilder;

use super::{Broker, Outcome};
use crate::effects::{Effects, Refusal};

const RETRY: &str = "%RETRY%";
const DEAD_LETTERS: &str = "%DLQ%";

/// Queues of a dead-letter topic.
const DEAD_LETTER_QUEUES: i32 = 1;

/// Added to the tries for the delay level of a retry.
const FIRST_RETRY_LEVEL: i32 = 3;

/// What a consumer means that names no limit.
const DEFAULT_MAX: i32 = 16;

impl Broker {
    /// Java's `AbstractSendMessageProcessor#consumerSendMsgBack`.
    pub(super) fn send_back(
        &mut self,
        effects: &mut Effects,
        request: &ConsumerSendMessageBack,
    ) -> Outcome<()> {
        let stored = self.store.at(request.offset).ok_or_else(|| {
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
        if !dead {
            set.push((name::DELAY, level.to_string()));
        }
        message.properties = with(&message.properties, &set);
        message.reconsume_times += 1;
        self.again(effects, &request.group, message, dead);
        Ok(())
    }

    /// Java's `SendMessageProcessor#sendMessage`, as far as retries go.
    pub(super) fn send(&mut self, effects: &mut Effects, request: SendMessage) -> Outcome<SendResult> {
        let SendMessage { header, body } = request;
        self.store.min(&header.topic, header.queue_id.max(0))?;
        let message = RecordBuilder {
            topic: header.topic.clone(),
            queue_id: header.queue_id.max(0),
            body: body.to_vec(),
            properties: header.properties.unwrap_or_default().into_bytes(),
            sys_flag: header.sys_flag,
            flag: header.flag,
            born_timestamp: header.born_timestamp,
            reconsume_times: header.reconsume_times.unwrap_or(0),
            ..RecordBuilder::default()
        };
        let stored_at = match header.topic.strip_prefix(RETRY) {
            Some(group) => {
                // The count has this try in it already.
                let dead = message.reconsume_times > header.max_reconsume_times.unwrap_or(DEFAULT_MAX);
                self.again(effects, group, message, dead);
                0
            }
            None => self.append(effects, message)?,
        };
        let header = SendResultHeader {
            message_id: format!("{stored_at:032X}"),
            queue_id: header.queue_id.max(0),
            queue_offset: stored_at,
            transaction_id: None,
        };
        Ok(SendResult { code: ResponseCode::Success, header })
    }

    /// Stores a message and wakes who waits for it.
    pub(super) fn append(&mut self, effects: &mut Effects, message: RecordBuilder) -> Outcome<i64> {
        let (topic, queue) = (message.topic.clone(), message.queue_id);
        let offset = self.store.append(message)?;
        self.arrived(effects, &topic, queue, offset);
        Ok(offset)
    }

    /// Dead letters at once, retries after the delay.
    fn again(&mut self, effects: &mut Effects, group: &str, mut message: RecordBuilder, dead: bool) {
        let (prefix, queues, delay) = match dead {
            true => (DEAD_LETTERS, DEAD_LETTER_QUEUES, std::time::Duration::ZERO),
            false => (RETRY, 1, self.retry_delay),
        };
        message.topic = format!("{prefix}{group}");
        message.queue_id = 0;
        message.store_timestamp = 0;
        self.store.create(&message.topic, queues);
        let index = self.index;
        effects.later(delay, move |world, effects| {
            // The topic was created above; topics are only deleted by tests that want them gone.
            let _ = world.brokers[index].append(effects, message);
        });
    }
}

/// Properties with some of them set anew.
fn with(properties: &[u8], set: &[(&str, String)]) -> Vec<u8> {
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
