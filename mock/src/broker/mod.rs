//! A broker: which request it serves where.

mod groups;
mod handle;
mod locks;
mod offsets;
mod pull;
mod retry;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rmq::protocol::command::{
    CheckClientConfig, ConsumerSendMessageBack, GetConsumerList, GetMaxOffset, GetMinOffset, Heartbeat,
    LockQueues, QueryConsumerOffset, Reply, Request, SearchOffset, SendMessage, UnlockQueues,
    UnregisterClient, UpdateConsumerOffset,
};
use rmq::protocol::{Frame, RequestCode, ResponseCode};

pub use handle::MockBroker;
pub use store::Stored;

use crate::effects::{Caller, Effects, Refusal};
use crate::peer::Peer;
use groups::Groups;
use locks::Locks;
use offsets::Offsets;
use pull::Parked;
use store::Store;

/// What a request is answered, or why it is refused.
type Outcome<R> = Result<R, Refusal>;

/// See the module's doc.
pub(crate) struct Broker {
    /// Its place among the brokers.
    index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) running: bool,
    /// How long a message that was sent back rests, whatever its level.
    retry_delay: Duration,
    store: Store,
    offsets: Offsets,
    groups: Groups,
    locks: Locks,
    parked: Parked,
}

impl Broker {
    pub(crate) fn new(index: usize, name: &str, address: SocketAddr, retry_delay: Duration) -> Broker {
        Broker {
            index,
            name: name.into(),
            address,
            running: true,
            retry_delay,
            store: Store::new(address),
            offsets: Offsets::default(),
            groups: Groups::default(),
            locks: Locks::default(),
            parked: Parked::default(),
        }
    }

    /// How many queues a topic has here; `None` when it does not exist.
    pub(crate) fn queue_count(&self, topic: &str) -> Option<i32> {
        self.store.queue_count(topic)
    }

    /// Forgets what a broker keeps in memory only: members, locks, held pulls. Messages and offsets stay.
    pub(crate) fn stop(&mut self) {
        self.running = false;
        self.groups = Groups::default();
        self.locks = Locks::default();
        self.parked = Parked::default();
    }

    pub(crate) fn disconnected(&mut self, effects: &mut Effects, peer: &Peer) {
        self.parked.forget(peer);
        self.groups.forget(effects, peer);
    }

    pub(crate) fn serve(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        match RequestCode::from(frame.header.code) {
            RequestCode::PullMessage => self.pull(effects, caller, frame),
            RequestCode::HeartBeat => {
                let peer = Arc::clone(&caller.peer);
                answer(effects, caller, frame, |effects, beat: Heartbeat| {
                    Ok(self.heartbeat(effects, &peer, beat))
                });
            }
            RequestCode::UnregisterClient => {
                answer(effects, caller, frame, |effects, request: UnregisterClient| {
                    self.groups.unregister(effects, &request);
                    Ok(())
                });
            }
            RequestCode::GetConsumerListByGroup => {
                answer(effects, caller, frame, |_, request: GetConsumerList| self.groups.list(&request));
            }
            RequestCode::CheckClientConfig => {
                answer(effects, caller, frame, |_, _: CheckClientConfig| Ok(()))
            }
            RequestCode::QueryConsumerOffset => {
                answer(effects, caller, frame, |_, request: QueryConsumerOffset| {
                    let min = self.store.min(&request.topic, request.queue_id)?;
                    Ok(self.offsets.query(&request, min))
                });
            }
            RequestCode::UpdateConsumerOffset => {
                answer(effects, caller, frame, |_, request: UpdateConsumerOffset| {
                    Ok(self.offsets.update(&request))
                });
            }
            RequestCode::GetMaxOffset => answer(effects, caller, frame, |_, request: GetMaxOffset| {
                self.store.max(&request.topic, request.queue_id).map(store::offset_answer)
            }),
            RequestCode::GetMinOffset => answer(effects, caller, frame, |_, request: GetMinOffset| {
                self.store.min(&request.topic, request.queue_id).map(store::offset_answer)
            }),
            RequestCode::SearchOffsetByTimestamp => {
                answer(effects, caller, frame, |_, request: SearchOffset| {
                    self.store
                        .search(&request.topic, request.queue_id, request.timestamp)
                        .map(store::offset_answer)
                });
            }
            RequestCode::LockBatchMq => {
                answer(effects, caller, frame, |_, request: LockQueues| Ok(self.locks.lock(request)));
            }
            RequestCode::UnlockBatchMq => answer(effects, caller, frame, |_, request: UnlockQueues| {
                self.locks.unlock(&request);
                Ok(())
            }),
            RequestCode::ConsumerSendMsgBack => {
                answer(effects, caller, frame, |effects, request: ConsumerSendMessageBack| {
                    self.send_back(effects, &request)
                });
            }
            RequestCode::SendMessageV2 => {
                answer(effects, caller, frame, |effects, request: SendMessage| self.send(effects, request))
            }
            _ => {
                let remark = format!(" request type {} not supported", frame.header.code);
                effects.refuse(caller, Refusal::new(ResponseCode::RequestCodeNotSupported, remark));
            }
        }
    }
}

/// Reads a request, serves it and sends what came of it.
fn answer<Q, R>(
    effects: &mut Effects,
    caller: Caller,
    frame: &Frame,
    serve: impl FnOnce(&mut Effects, Q) -> Outcome<R>,
) where
    Q: Request<Answer = R>,
    R: Reply,
{
    let request = Q::read_request(&frame.header, &frame.body).map_err(Refusal::from);
    match request.and_then(|request| serve(effects, request)) {
        Ok(reply) => effects.answer(caller, &reply),
        Err(refusal) => effects.refuse(caller, refusal),
    }
}
