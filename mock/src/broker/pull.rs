//! Pulls, and those that are held until something arrives.

use std::time::Duration;

use bytes::Bytes;
use rmq::protocol::Frame;
use rmq::protocol::command::pull_message::pull_flag;
use rmq::protocol::command::{PullMessage, PullPosition, PullResult, PullStatus, Request, SubscriptionData};

use super::store::no_topic;
use super::{Broker, Outcome};
use crate::effects::{Caller, Effects};
use crate::peer::Peer;

/// However many messages a pull asks for: the default of `maxTransferCountOnMessageInMemory`.
const MOST_MESSAGES: i32 = 32;

/// Bytes of one answer at most: the default of `maxTransferBytesOnMessageInMemory`. No version minds what the pull
/// says itself.
const MOST_BYTES: usize = 256 * 1024;

/// Pulls that wait at the broker.
#[derive(Default)]
pub(super) struct Parked {
    next: u64,
    pulls: Vec<Waiting>,
}

struct Waiting {
    id: u64,
    caller: Caller,
    pull: PullMessage,
    /// What wakes it. Once awake it is filtered by what the group subscribes to then.
    filter: SubscriptionData,
}

impl Parked {
    pub(super) fn forget(&mut self, peer: &Peer) {
        self.pulls.retain(|waiting| waiting.caller.peer.id != peer.id);
    }

    fn add(&mut self, caller: Caller, pull: PullMessage, filter: SubscriptionData) -> u64 {
        self.next += 1;
        self.pulls.push(Waiting { id: self.next, caller, pull, filter });
        self.next
    }

    fn take(&mut self, wanted: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let at = self.pulls.iter().position(wanted)?;
        Some(self.pulls.remove(at))
    }
}

impl Broker {
    pub(super) fn pull(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        let pull = match PullMessage::read_request(&frame.header, &frame.body) {
            Ok(pull) => pull,
            Err(error) => return effects.refuse(caller, error.into()),
        };
        self.pull_or_wait(effects, caller, pull);
    }

    /// Wakes the pulls that wait for a message that has just arrived.
    pub(super) fn arrived(&mut self, effects: &mut Effects, topic: &str, queue: i32, offset: i64) {
        let hash = match self.store().read(topic, queue, offset) {
            Ok([stored, ..]) => stored.tag_hash(),
            _ => return,
        };
        let wanted = |waiting: &Waiting| {
            let pull = &waiting.pull;
            pull.topic == topic && pull.queue_id == queue && wants(&waiting.filter, hash)
        };
        let mut woken = Vec::new();
        while let Some(waiting) = self.parked.take(wanted) {
            woken.push(waiting);
        }
        for Waiting { caller, pull, .. } in woken {
            self.pull_or_wait(effects, caller, pull);
        }
    }

    fn pull_or_wait(&mut self, effects: &mut Effects, caller: Caller, pull: PullMessage) {
        match self.read(&pull) {
            Ok(result)
                if result.status == PullStatus::NoNewMessage && pull.sys_flag & pull_flag::SUSPEND != 0 =>
            {
                let held = Duration::from_millis(u64::try_from(pull.suspend_timeout_ms).unwrap_or(0));
                let filter = self.groups.subscription(&pull).unwrap_or_default();
                let (id, index) = (self.parked.add(caller, pull, filter), self.index);
                effects.later(held, move |world, effects| world.brokers[index].held_long_enough(effects, id));
            }
            Ok(result) => effects.answer(caller, &result),
            Err(refusal) => effects.refuse(caller, refusal),
        }
    }

    fn held_long_enough(&mut self, effects: &mut Effects, id: u64) {
        if let Some(Waiting { caller, pull, .. }) = self.parked.take(|waiting| waiting.id == id) {
            match self.read(&pull) {
                Ok(result) => effects.answer(caller, &result),
                Err(refusal) => effects.refuse(caller, refusal),
            }
        }
    }

    fn read(&mut self, pull: &PullMessage) -> Outcome<PullResult> {
        self.groups.know(&pull.consumer_group);
        if self.store().queue_count(&pull.topic).is_none() {
            return Err(no_topic(&pull.topic));
        }
        let subscription = self.groups.subscription(pull)?;
        let (topic, queue, asked) = (&pull.topic, pull.queue_id, pull.queue_offset);
        let reset = self.offsets.take_reset(&pull.consumer_group, topic, queue);
        let store = self.store();
        let (min, max) = (store.min(topic, queue)?, store.max(topic, queue)?);
        let answer = |status, next_begin_offset, body| {
            let (min_offset, max_offset) = (min, max);
            let suggest_broker_id = Some(self.suggested);
            let offset_delta = None;
            let position =
                PullPosition { suggest_broker_id, next_begin_offset, min_offset, max_offset, offset_delta };
            Ok(PullResult { status, position, body })
        };
        if let Some(offset) = reset {
            return answer(PullStatus::OffsetMoved, offset, Bytes::new());
        }
        if self.is_slave() && asked > max {
            // Its copy may end before the master's queue.
            return answer(PullStatus::NoMatchedMessage, asked, Bytes::new());
        }
        if asked < min || asked > max {
            return answer(PullStatus::OffsetMoved, asked.clamp(min, max), Bytes::new());
        }
        if asked == max {
            return answer(PullStatus::NoNewMessage, asked, Bytes::new());
        }
        let most = usize::try_from(pull.max_messages.min(MOST_MESSAGES)).unwrap_or(1);
        let (mut body, mut count, mut next) = (Vec::new(), 0, asked);
        for stored in store.read(topic, queue, asked)? {
            // Looked at first: a full answer ends before the next message, whether that matches or not.
            if count == most || (count > 0 && body.len() + stored.record.len() > MOST_BYTES) {
                break;
            }
            if wants(&subscription, stored.tag_hash()) {
                count += 1;
                body.extend_from_slice(&stored.record);
            }
            next = stored.message.queue_offset + 1;
        }
        let status = if count > 0 { PullStatus::Found } else { PullStatus::NoMatchedMessage };
        answer(status, next, body.into())
    }
}

/// The broker compares hashes only.
fn wants(subscription: &SubscriptionData, tag_hash: i32) -> bool {
    subscription.codes.is_empty() || subscription.codes.contains(&tag_hash)
}
