//! A broker: which request it serves where.

mod groups;
mod handle;
mod locks;
mod offsets;
mod pull;
mod relay;
mod reset;
mod retry;
mod send;
mod store;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmq::protocol::command::{
    CheckClientConfig, ConsumerSendMessageBack, GetConsumerConnectionList, GetConsumerList, GetMaxOffset,
    GetMinOffset, Heartbeat, LockQueues, OffsetAnswer, QueryConsumerOffset, Reply, Request, SearchOffset,
    SendMessage, UnlockQueues, UnregisterClient, UpdateAndCreateTopic,
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
use relay::Relayed;
use store::Store;

/// What a slave refuses.
const WRITES: [RequestCode; 4] = [
    RequestCode::SendMessage,
    RequestCode::SendMessageV2,
    SEND_BATCH_MESSAGE,
    RequestCode::ConsumerSendMsgBack,
];
/// What producers send batches by, with the header of SEND_MESSAGE_V2.
const SEND_BATCH_MESSAGE: RequestCode = RequestCode::Unknown(320);
/// INVOKE_BROKER_TO_RESET_OFFSET.
const ASK_FOR_RESET: RequestCode = RequestCode::Unknown(222);
/// INVOKE_BROKER_TO_GET_CONSUMER_STATUS.
const ASK_FOR_STATUS: RequestCode = RequestCode::Unknown(223);

/// What a request is answered, or why it is refused.
type Outcome<R> = Result<R, Refusal>;

/// See the module's doc.
pub(crate) struct Broker {
    /// Its place among the brokers.
    index: usize,
    pub(crate) name: Arc<str>,
    /// 0 for a master; its slaves have the same name and other ids.
    pub(crate) id: i64,
    /// Which id it tells clients to pull from.
    pub(crate) suggested: i64,
    pub(crate) address: SocketAddr,
    pub(crate) running: bool,
    /// How long a message that was sent back rests, whatever its level.
    retry_delay: Duration,
    /// A master's slaves have the same: what the master stores they have copied at once.
    store: Arc<Mutex<Store>>,
    offsets: Offsets,
    groups: Groups,
    locks: Locks,
    parked: Parked,
    relayed: Relayed,
}

impl Broker {
    pub(crate) fn new(index: usize, name: &str, address: SocketAddr, retry_delay: Duration) -> Broker {
        Broker {
            index,
            name: name.into(),
            address,
            running: true,
            id: 0,
            suggested: 0,
            retry_delay,
            store: Arc::new(Mutex::new(Store::new(address))),
            offsets: Offsets::default(),
            groups: Groups::default(),
            locks: Locks::default(),
            parked: Parked::default(),
            relayed: Relayed::default(),
        }
    }

    /// A slave of this broker.
    pub(crate) fn slave(&self, index: usize, id: i64, address: SocketAddr) -> Broker {
        let store = Arc::clone(&self.store);
        Broker { id, store, ..Broker::new(index, &self.name, address, self.retry_delay) }
    }

    /// It has another address from now on.
    pub(crate) fn moved(&mut self, address: SocketAddr) {
        self.address = address;
        self.store().moved(address);
    }

    /// Every topic here.
    pub(crate) fn topics(&self) -> Vec<String> {
        self.store().topics()
    }

    fn is_slave(&self) -> bool {
        self.id != 0
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many queues a topic has here; `None` when it does not exist.
    pub(crate) fn queue_count(&self, topic: &str) -> Option<i32> {
        self.store().queue_count(topic)
    }

    /// Forgets what a broker keeps in memory only: members, locks, held pulls. Messages and offsets stay.
    pub(crate) fn stop(&mut self) {
        self.running = false;
        self.groups = Groups::default();
        self.locks = Locks::default();
        self.parked = Parked::default();
        self.relayed = Relayed::default();
    }

    pub(crate) fn disconnected(&mut self, effects: &mut Effects, peer: &Peer) {
        self.parked.forget(peer);
        self.relayed.forget(effects, peer);
        self.groups.forget(effects, peer);
    }

    pub(crate) fn serve(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        if self.is_slave() && WRITES.contains(&RequestCode::from(frame.header.code)) {
            let remark = "[REJECTREQUEST]system busy, start flow control for a while";
            return effects.refuse(caller, Refusal::new(ResponseCode::SystemBusy, remark));
        }
        match RequestCode::from(frame.header.code) {
            RequestCode::PullMessage => self.pull(effects, caller, frame),
            RequestCode::HeartBeat => {
                let peer = Arc::clone(&caller.peer);
                answer(effects, caller, frame, |effects, beat: Heartbeat| {
                    Ok(self.heartbeat(effects, &peer, beat))
                });
            }
            RequestCode::UnregisterClient => {
                let peer = Arc::clone(&caller.peer);
                answer(effects, caller, frame, |effects, request: UnregisterClient| {
                    self.groups.unregister(effects, &peer, &request);
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
                    let young = self.store().has_first(&request.topic, request.queue_id);
                    Ok(self.offsets.query(&request, young))
                });
            }
            RequestCode::UpdateConsumerOffset => self.commit(effects, caller, frame),
            RequestCode::GetMaxOffset => answer(effects, caller, frame, |_, request: GetMaxOffset| {
                Ok(offset_answer(self.store().max(&request.topic, request.queue_id)))
            }),
            RequestCode::GetMinOffset => answer(effects, caller, frame, |_, request: GetMinOffset| {
                Ok(offset_answer(self.store().min(&request.topic, request.queue_id)))
            }),
            RequestCode::SearchOffsetByTimestamp => {
                answer(effects, caller, frame, |_, request: SearchOffset| {
                    let found = self.store().search(&request.topic, request.queue_id, request.timestamp);
                    Ok(offset_answer(found))
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
            _ => self.serve_others(effects, caller, frame),
        }
    }

    /// What producers and administrators ask for.
    fn serve_others(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        match RequestCode::from(frame.header.code) {
            RequestCode::SendMessageV2 | SEND_BATCH_MESSAGE => {
                answer(effects, caller, frame, |effects, request: SendMessage| self.send(effects, request))
            }
            RequestCode::SendMessage => {
                let mut frame = frame.clone();
                frame.header.fields = send::short_names(&frame.header.fields);
                answer(effects, caller, &frame, |effects, request: SendMessage| self.send(effects, request))
            }
            RequestCode::UpdateAndCreateTopic => {
                answer(effects, caller, frame, |_, request: UpdateAndCreateTopic| {
                    self.store().create(&request.topic, request.read_queues);
                    Ok(())
                });
            }
            RequestCode::GetConsumerConnectionList => {
                answer(effects, caller, frame, |_, request: GetConsumerConnectionList| {
                    self.groups.connections(&request)
                });
            }
            RequestCode::GetConsumerRunningInfo => self.ask_running_info(effects, caller, frame),
            RequestCode::ConsumeMessageDirectly => self.ask_to_consume(effects, caller, frame),
            ASK_FOR_STATUS => self.ask_status(effects, caller, frame),
            ASK_FOR_RESET => self.ask_for_reset(effects, caller, frame),
            _ => {
                let remark = format!(" request type {} not supported", frame.header.code);
                effects.refuse(caller, Refusal::new(ResponseCode::RequestCodeNotSupported, remark));
            }
        }
    }
}

/// A real broker answers 0 for a queue and a topic that it has not.
fn offset_answer(offset: Outcome<i64>) -> OffsetAnswer {
    OffsetAnswer { offset: offset.unwrap_or(0) }
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
