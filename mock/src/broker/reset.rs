//! Commits, and offsets that an administrator moves, as a 5.5.0 broker does it by itself.

use rmq::message::MessageQueue;
use rmq::protocol::command::{Request, UpdateConsumerOffset};
use rmq::protocol::json::Json;
use rmq::protocol::queue_json::offsets_to_json;
use rmq::protocol::{Fields, Frame, Header, ResponseCode};

use super::store::no_topic;
use super::{Broker, Outcome};
use crate::effects::{Caller, Effects, Refusal};

/// What a consumer knows a dropped commit by.
const DROPPED: &str = "Offset has been previously reset";

impl Broker {
    /// UPDATE_CONSUMER_OFFSET: any queue of a known topic for a known group.
    pub(super) fn commit(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        match self.take_commit(frame) {
            Ok(remark) => {
                let header = Header { remark, ..Header::request(0, Fields::default()) };
                effects.answer_with(caller, &Frame { header, body: bytes::Bytes::new() });
            }
            Err(refusal) => effects.refuse(caller, refusal),
        }
    }

    /// What is remarked of it.
    fn take_commit(&mut self, frame: &Frame) -> Outcome<Option<String>> {
        let UpdateConsumerOffset { consumer_group: group, topic, queue_id, commit_offset } =
            UpdateConsumerOffset::read_request(&frame.header, &frame.body)?;
        self.known(&topic, &group)?;
        if self.offsets.is_reset(&group, &topic, queue_id) {
            return Ok(Some(DROPPED.to_owned()));
        }
        self.offsets.set(&group, &topic, queue_id, Some(commit_offset));
        Ok(None)
    }

    fn known(&self, topic: &str, group: &str) -> Outcome<()> {
        if self.store().queue_count(topic).is_none() {
            return Err(no_topic(topic));
        }
        if !self.groups.is_known(group) {
            let remark = format!("Group {group} not exist!");
            return Err(Refusal::new(ResponseCode::SubscriptionGroupNotExist, remark));
        }
        Ok(())
    }

    /// INVOKE_BROKER_TO_RESET_OFFSET: one queue to an offset, or all to a time.
    pub(super) fn ask_for_reset(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        match self.reset_as_asked(&frame.header.fields) {
            Ok(offsets) => {
                let table = offsets_to_json(offsets.iter().map(|(queue, offset)| (queue, *offset)));
                let body = Json::object([("offsetTable", table)]).to_string().into_bytes().into();
                effects.answer_with(caller, &Frame { header: Header::request(0, Fields::default()), body });
            }
            Err(refusal) => effects.refuse(caller, refusal),
        }
    }

    fn reset_as_asked(&mut self, fields: &Fields) -> Outcome<Vec<(MessageQueue, i64)>> {
        let text = |name| fields.find(name).unwrap_or_default();
        let number = |name| fields.find(name).and_then(|value| value.parse::<i64>().ok());
        let (topic, group) = (text("topic"), text("group"));
        self.known(topic, group)?;
        let queue = number("queueId").and_then(|queue| i32::try_from(queue).ok()).filter(|queue| *queue >= 0);
        if let (Some(queue), Some(offset)) = (queue, number("offset").filter(|offset| *offset >= 0)) {
            return Ok(vec![self.reset_queue(group, topic, queue, offset)]);
        }
        self.reset_to_time(group, topic, number("timestamp").unwrap_or(-1))
    }

    /// Moves a group in all queues of a topic to what was stored at a time; below 0 to the end.
    pub(super) fn reset_to_time(
        &mut self,
        group: &str,
        topic: &str,
        time: i64,
    ) -> Outcome<Vec<(MessageQueue, i64)>> {
        let count = self.store().queue_count(topic).ok_or_else(|| no_topic(topic))?;
        let found = |queue| match time < 0 {
            true => self.store().max(topic, queue),
            false => self.store().search(topic, queue, time),
        };
        let offsets = (0..count).map(|queue| Ok((queue, found(queue)?))).collect::<Outcome<Vec<_>>>()?;
        Ok(offsets.into_iter().map(|(queue, offset)| self.reset_queue(group, topic, queue, offset)).collect())
    }

    /// Moves a group in one queue.
    pub(super) fn reset_queue(
        &mut self,
        group: &str,
        topic: &str,
        queue: i32,
        offset: i64,
    ) -> (MessageQueue, i64) {
        self.offsets.reset(group, topic, queue, offset);
        (MessageQueue { topic: topic.into(), broker: self.name.as_ref().into(), id: queue }, offset)
    }
}
