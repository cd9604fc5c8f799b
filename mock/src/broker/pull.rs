//! Pulls, and those that are held until something arrives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rmq::protocol::Frame;
use rmq::protocol::command::pull_message::pull_flag;
use rmq::protocol::command::{PullMessage, PullPosition, PullResult, PullStatus, Request, SubscriptionData};

use super::{Broker, Outcome};
use crate::effects::{Caller, Effects};
use crate::peer::Peer;

/// However many messages a pull asks for: the default of `maxTransferCountOnMessageInMemory`.
const MOST_MESSAGES: i32 = 32;

/// Bytes of one answer at most: the default of `maxTransferBytesOnMessageInMemory`.
const MOST_BYTES: i32 = 256 * 1024;

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
        let hash = match self.store.read(topic, queue, offset) {
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
        match self.read(&caller.peer, &pull) {
            Ok(result)
                if result.status == PullStatus::NoNewMessage && pull.sys_flag & pull_flag::SUSPEND != 0 =>
            {
                let held = Duration::from_millis(u64::try_from(pull.suspend_timeout_ms).unwrap_or(0));
                let filter = self.groups.subscription(&caller.peer, &pull).unwrap_or_default();
                let (id, index) = (self.parked.add(caller, pull, filter), self.index);
                effects.later(held, move |world, effects| world.brokers[index].held_long_enough(effects, id));
            }
            Ok(result) => effects.answer(caller, &result),
            Err(refusal) => effects.refuse(caller, refusal),
        }
    }

    fn held_long_enough(&mut self, effects: &mut Effects, id: u64) {
        if let Some(Waiting { caller, pull, .. }) = self.parked.take(|waiting| waiting.id == id) {
            match self.read(&caller.peer, &pull) {
                Ok(result) => effects.answer(caller, &result),
                Err(refusal) => effects.refuse(caller, refusal),
            }
        }
    }

    fn read(&self, peer: &Arc<Peer>, pull: &PullMessage) -> Outcome<PullResult> {
        let subscription = self.groups.subscription(peer, pull)?;
        let (topic, queue, asked) = (&pull.topic, pull.queue_id, pull.queue_offset);
        let (min, max) = (self.store.min(topic, queue)?, self.store.max(topic, queue)?);
        let answer = |status, next_begin_offset, body| {
            let (min_offset, max_offset) = (min, max);
            let suggest_broker_id = Some(0);
            let offset_delta = None;
            let position =
                PullPosition { suggest_broker_id, next_begin_offset, min_offset, max_offset, offset_delta };
            Ok(PullResult { status, position, body })
        };
        if asked < min || asked > max {
            return answer(PullStatus::OffsetMoved, asked.clamp(min, max), Bytes::new());
        }
        if asked == max {
            return answer(PullStatus::NoNewMessage, asked, Bytes::new());
        }
        let most_bytes = usize::try_from(pull.max_bytes.unwrap_or(i32::MAX).min(MOST_BYTES)).unwrap_or(0);
        let most = usize::try_from(pull.max_messages.min(MOST_MESSAGES)).unwrap_or(1);
        let (mut body, mut count, mut next) = (Vec::new(), 0, asked);
        for stored in self.store.read(topic, queue, asked)? {
            if wants(&subscription, stored.tag_hash()) {
                if count == most || (count > 0 && body.len() + stored.record.len() > most_bytes) {
                    break;
                }
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
