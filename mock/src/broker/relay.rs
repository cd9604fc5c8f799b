//! What a broker asks its clients, mostly because somebody else asked it.

use std::sync::Arc;

use rmq::protocol::command::{
    Answer, ConsumeMessageDirectly, ConsumerStatus, GetConsumerRunningInfo, GetConsumerStatus, Reply, Request,
};
use rmq::protocol::json::Json;
use rmq::protocol::message_id::OffsetId;
use rmq::protocol::queue_json::offsets_to_json;
use rmq::protocol::{Fields, Frame, Header, ProtocolError, ResponseCode};

use super::{Broker, Outcome};
use crate::effects::{Caller, Effects, Refusal};
use crate::peer::Peer;

/// Who waits for what clients answer.
#[derive(Default)]
pub(super) struct Relayed {
    last_opaque: i32,
    waiting: Vec<Waiting>,
}

struct Waiting {
    opaque: i32,
    /// The connection that is to answer.
    peer: u64,
    then: Then,
}

enum Then {
    /// The caller gets the answer as it is.
    Relay(Caller),
    /// The caller gets the offsets, under this client id.
    Status(Caller, String),
}

impl Relayed {
    /// Asks a client.
    fn ask(&mut self, effects: &mut Effects, peer: &Arc<Peer>, mut frame: Frame, then: Then) {
        self.last_opaque += 1;
        frame.header.opaque = self.last_opaque;
        self.waiting.push(Waiting { opaque: self.last_opaque, peer: peer.id, then });
        effects.ask(Arc::clone(peer), frame);
    }

    /// A connection has ended: its answers will not come.
    pub(super) fn forget(&mut self, effects: &mut Effects, peer: &Peer) {
        let (gone, left) = std::mem::take(&mut self.waiting).into_iter().partition(|w| w.peer == peer.id);
        self.waiting = left;
        let gone: Vec<Waiting> = gone;
        for Waiting { then: Then::Relay(caller) | Then::Status(caller, _), .. } in gone {
            effects.refuse(caller, Refusal::new(ResponseCode::SystemError, "the client is gone"));
        }
    }
}

impl Broker {
    /// A member's answer to something it was asked for somebody else.
    pub(crate) fn responded(&mut self, effects: &mut Effects, peer: &Peer, frame: &Frame) {
        let asked = |w: &Waiting| w.opaque == frame.header.opaque && w.peer == peer.id;
        let Some(at) = self.relayed.waiting.iter().position(asked) else { return };
        match self.relayed.waiting.remove(at).then {
            Then::Relay(caller) => effects.answer_with(caller, frame),
            Then::Status(caller, client_id) => match status(frame, &client_id) {
                Ok(answer) => effects.answer_with(caller, &answer),
                Err(error) => effects.refuse(caller, error.into()),
            },
        }
    }

    /// GET_CONSUMER_RUNNING_INFO of somebody who is not the member.
    pub(super) fn ask_running_info(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        let request = GetConsumerRunningInfo::read_request(&frame.header, &frame.body);
        let member = request.map_err(Refusal::from).and_then(|request| {
            self.online(&request.consumer_group, request.client_id.as_deref().unwrap_or_default())
        });
        self.relay(effects, caller, member, frame.clone());
    }

    /// CONSUME_MESSAGE_DIRECTLY of somebody who is not the member: the broker adds the message.
    pub(super) fn ask_to_consume(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        let (member, record) = match self.message_to_consume(frame) {
            Ok((member, record)) => (Ok(member), record),
            Err(refusal) => (Err(refusal), Vec::new()),
        };
        let asking = Frame { header: frame.header.clone(), body: record.into() };
        self.relay(effects, caller, member, asking);
    }

    fn message_to_consume(&self, frame: &Frame) -> Outcome<(Arc<Peer>, Vec<u8>)> {
        let request = ConsumeMessageDirectly::read_request(&frame.header, &frame.body)?;
        let find = |name| frame.header.fields.find(name).unwrap_or_default();
        let member = self.online(&request.header.consumer_group, find("clientId"))?;
        let id = OffsetId::parse(find("msgId"))?;
        let store = self.store();
        let stored = store.at(id.commit_log_offset).ok_or_else(|| {
            Refusal::new(ResponseCode::SystemError, format!("no message at {}", id.commit_log_offset))
        })?;
        Ok((member, stored.record.clone()))
    }

    /// INVOKE_BROKER_TO_GET_CONSUMER_STATUS. A real broker asks all members, one after the other; this one asks
    /// the member that is named, else the first.
    pub(super) fn ask_status(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        let request = match GetConsumerStatus::read_request(&frame.header, &frame.body) {
            Ok(request) => request,
            Err(error) => return effects.refuse(caller, error.into()),
        };
        let named = request.client_id.filter(|id| !id.is_empty());
        let Some((client_id, peer)) = self.groups.connected(&request.group, named.as_deref()) else {
            let remark = format!("No Any Consumer online in the consumer group: [{}]", request.group);
            return effects.refuse(caller, Refusal::new(ResponseCode::SystemError, remark));
        };
        let mut fields = Fields::default();
        fields.push("topic", request.topic);
        fields.push("group", request.group);
        let header = Header::request(GetConsumerStatus::CODE.into(), fields);
        let asking = Frame { header, body: bytes::Bytes::new() };
        self.relayed.ask(effects, &peer, asking, Then::Status(caller, client_id));
    }

    fn online(&self, group: &str, client_id: &str) -> Outcome<Arc<Peer>> {
        let found = self.groups.connected(group, Some(client_id));
        found.map(|(_, peer)| peer).ok_or_else(|| {
            let remark = format!("The Consumer <{group}> <{client_id}> not online");
            Refusal::new(ResponseCode::SystemError, remark)
        })
    }

    fn relay(&mut self, effects: &mut Effects, caller: Caller, member: Outcome<Arc<Peer>>, asking: Frame) {
        match member {
            Ok(member) => self.relayed.ask(effects, &member, asking, Then::Relay(caller)),
            Err(refusal) => effects.refuse(caller, refusal),
        }
    }
}

/// Java's `GetConsumerStatusBody`, the part that a broker fills.
fn status(frame: &Frame, client_id: &str) -> Result<Frame, ProtocolError> {
    let status = ConsumerStatus::read(&frame.header, &frame.body)?;
    let offsets = offsets_to_json(status.offsets.iter().map(|(queue, offset)| (queue, *offset)));
    let body = Json::object([
        ("consumerTable", Json::object([(client_id, offsets)])),
        ("messageQueueTable", Json::object([])),
    ]);
    let mut header = frame.header.clone();
    header.code = status.code().into();
    Ok(Frame { header, body: body.to_string().into_bytes().into() })
}
