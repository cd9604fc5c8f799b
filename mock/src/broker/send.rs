//! Messages that producers send, and that consumers send again because the broker did not take them back.

use rmq::message::property::{Properties, name};
use rmq::protocol::command::send_message::SendResultHeader;
use rmq::protocol::command::{SendMessage, SendResult};
use rmq::protocol::message_id::OffsetId;
use rmq::protocol::record_builder::RecordBuilder;
use rmq::protocol::{Fields, ResponseCode};

use super::retry::{DEFAULT_MAX, RETRY, with};
use super::{Broker, Outcome};
use crate::effects::{Effects, Refusal};

/// The property that says which queue a message rests for.
const REAL_QUEUE: &str = "REAL_QID";

/// The names of SEND_MESSAGE, and those of the same fields in SEND_MESSAGE_V2.
const NAMES: [(&str, &str); 13] = [
    ("producerGroup", "a"),
    ("topic", "b"),
    ("defaultTopic", "c"),
    ("defaultTopicQueueNums", "d"),
    ("queueId", "e"),
    ("sysFlag", "f"),
    ("bornTimestamp", "g"),
    ("flag", "h"),
    ("properties", "i"),
    ("reconsumeTimes", "j"),
    ("unitMode", "k"),
    ("maxReconsumeTimes", "l"),
    ("batch", "m"),
];

/// The header of SEND_MESSAGE as one of SEND_MESSAGE_V2.
pub(super) fn short_names(long: &Fields) -> Fields {
    let mut fields = Fields::default();
    for (name, short) in NAMES {
        if let Some(value) = long.find(name) {
            fields.push(short, value);
        }
    }
    fields
}

impl Broker {
    /// Java's `SendMessageProcessor#sendMessage` and `#sendBatchMessage`.
    pub(super) fn send(&mut self, effects: &mut Effects, request: SendMessage) -> Outcome<SendResult> {
        let SendMessage { header, body } = request;
        let queue_id = header.queue_id.max(0);
        self.store().min(&header.topic, queue_id)?;
        let message = RecordBuilder {
            topic: header.topic.clone(),
            queue_id,
            body: body.to_vec(),
            properties: header.properties.unwrap_or_default().into_bytes(),
            sys_flag: header.sys_flag,
            flag: header.flag,
            born_timestamp: header.born_timestamp,
            reconsume_times: header.reconsume_times.unwrap_or(0),
            ..RecordBuilder::default()
        };
        let group = header.topic.strip_prefix(RETRY);
        // The count has this try in it already.
        let dead = message.reconsume_times > header.max_reconsume_times.unwrap_or(DEFAULT_MAX);
        let messages = if header.batch { children(&message)? } else { vec![message] };
        let (mut ids, mut first) = (Vec::new(), None);
        for mut message in messages {
            if let Some(group) = group.filter(|_| dead) {
                message.topic = self.dead_letters(group);
                message.properties = with(&message.properties, &[(name::DELAY, "-1".to_owned())]);
                message.queue_id = 0;
            }
            let (offset, id) = self.take(effects, message)?;
            first.get_or_insert(offset);
            ids.push(id);
        }
        let header = SendResultHeader {
            message_id: ids.join(","),
            queue_id,
            queue_offset: first.unwrap_or(0),
            transaction_id: None,
        };
        Ok(SendResult { code: ResponseCode::Success, header })
    }
}

impl Broker {
    /// Stores a message now, or after its rest if it has a delay level. Answers its offset and its id; of one
    /// that rests, those are not known yet.
    pub(super) fn take(
        &mut self,
        effects: &mut Effects,
        mut message: RecordBuilder,
    ) -> Outcome<(i64, String)> {
        let level = Properties(&message.properties).find(name::DELAY.as_bytes());
        let level = level.and_then(|level| std::str::from_utf8(level).ok()?.parse::<i32>().ok());
        if level.is_none_or(|level| level <= 0) {
            let offset = self.append(effects, message)?;
            return Ok((offset.0, OffsetId { host: self.address, commit_log_offset: offset.1 }.to_string()));
        }
        let set = [(name::REAL_TOPIC, message.topic.clone()), (REAL_QUEUE, message.queue_id.to_string())];
        message.properties = with(&message.properties, &set);
        let index = self.index;
        effects.later(self.retry_delay, move |world, effects| {
            // It was there when the message came; topics are only deleted by tests that want them gone.
            let _ = world.brokers[index].append(effects, message);
        });
        Ok((0, OffsetId { host: self.address, commit_log_offset: 0 }.to_string()))
    }
}

/// The messages of a batch: Java's `MessageDecoder#decodeMessages`.
fn children(batch: &RecordBuilder) -> Outcome<Vec<RecordBuilder>> {
    let mut rest = &batch.body[..];
    let mut children = Vec::new();
    while !rest.is_empty() {
        let (child, next) = child(batch, rest).ok_or_else(|| {
            Refusal::new(ResponseCode::MessageIllegal, "the batch is not a row of whole messages")
        })?;
        children.push(child);
        rest = next;
    }
    Ok(children)
}

/// Size, magic, CRC, flag; then body and properties, each behind its length.
fn child<'a>(batch: &RecordBuilder, bytes: &'a [u8]) -> Option<(RecordBuilder, &'a [u8])> {
    let number = |at: usize| Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let size = usize::try_from(number(0)?).ok()?;
    let (whole, next) = bytes.split_at_checked(size)?;
    let body = whole.get(20..20 + usize::try_from(number(16)?).ok()?)?;
    let properties = whole.get(20 + body.len() + 2..)?;
    let child = RecordBuilder {
        body: body.to_vec(),
        properties: properties.to_vec(),
        flag: number(12)?,
        ..batch.clone()
    };
    Some((child, next))
}
