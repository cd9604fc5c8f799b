//! What a change of the world causes outside of it, done when the world's lock is free again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rmq::protocol::command::Reply;
use rmq::protocol::header::Language;
use rmq::protocol::{Fields, Frame, Header, ProtocolError, ResponseCode};

use crate::fault::Distortion;
use crate::peer::Peer;
use crate::world::{Shared, World};

/// `MQVersion` ordinal the mock claims: 5.5.0.
const VERSION: i32 = 513;

/// A change that happens later.
pub(crate) type Change = Box<dyn FnOnce(&mut World, &mut Effects) + Send>;

/// A request that waits for its answer.
pub(crate) struct Caller {
    /// Where the answer goes.
    pub(crate) peer: Arc<Peer>,
    /// What is answered.
    pub(crate) request: Header,
    /// The request's place in the journal.
    pub(crate) entry: usize,
    /// What befalls the answer on its way.
    pub(crate) distortion: Option<Distortion>,
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ResponseCode,
    pub(crate) remark: String,
}

impl Refusal {
    pub(crate) fn new(code: ResponseCode, remark: impl Into<String>) -> Refusal {
        Refusal { code, remark: remark.into() }
    }
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Refusal {
        Refusal::new(ResponseCode::SystemError, error.to_string())
    }
}

/// See the module's doc; done in the order they were noted.
#[derive(Default)]
pub(crate) struct Effects(Vec<Effect>);

enum Effect {
    Answer(Caller, Frame),
    Push(Arc<Peer>, Frame),
    Close(Arc<Peer>),
    Later(Duration, Change),
}

impl Effects {
    /// Answers a request, unless it wants no answer.
    pub(crate) fn answer<R: Reply>(&mut self, caller: Caller, reply: &R) {
        let mut fields = Fields::default();
        let body = reply.write_reply(&mut fields);
        let header = Header::response(&caller.request, reply.code().into(), None, fields);
        self.finish(caller, Frame { header, body: body.into() });
    }

    /// Refuses a request.
    pub(crate) fn refuse(&mut self, caller: Caller, refusal: Refusal) {
        let code = refusal.code.into();
        let header = Header::response(&caller.request, code, Some(refusal.remark), Fields::default());
        self.finish(caller, Frame { header, body: bytes::Bytes::new() });
    }

    /// Answers a request with what somebody else answered.
    pub(crate) fn answer_with(&mut self, caller: Caller, answer: &Frame) {
        let Header { code, remark, fields, .. } = answer.header.clone();
        let header = Header::response(&caller.request, code, remark, fields);
        self.finish(caller, Frame { header, body: answer.body.clone() });
    }

    /// Sends a request of the broker's that wants an answer.
    pub(crate) fn ask(&mut self, peer: Arc<Peer>, mut frame: Frame) {
        frame.header = Header { version: VERSION, language: Language(0), flag: 0, ..frame.header };
        self.0.push(Effect::Push(peer, frame));
    }

    /// Sends a request of the broker's that nobody answers.
    pub(crate) fn push(&mut self, peer: Arc<Peer>, header: Header) {
        let header = Header { version: VERSION, language: Language(0), ..header.oneway() };
        self.0.push(Effect::Push(peer, Frame { header, body: bytes::Bytes::new() }));
    }

    /// Ends a connection.
    pub(crate) fn close(&mut self, peer: Arc<Peer>) {
        self.0.push(Effect::Close(peer));
    }

    /// Changes the world after `delay`.
    pub(crate) fn later(
        &mut self,
        delay: Duration,
        change: impl FnOnce(&mut World, &mut Effects) + Send + 'static,
    ) {
        self.0.push(Effect::Later(delay, Box::new(change)));
    }

    fn finish(&mut self, caller: Caller, mut frame: Frame) {
        if caller.request.is_oneway() {
            return;
        }
        frame.header.version = VERSION;
        frame.header.language = Language(0);
        self.0.push(Effect::Answer(caller, frame));
    }

    pub(crate) fn run(self, shared: &Arc<Shared>) {
        for effect in self.0 {
            match effect {
                Effect::Answer(caller, frame) => {
                    // Before it is sent, so that whatever the client does because of it is later.
                    shared.world().journal.answered(caller.entry, frame.header.code.into());
                    match caller.distortion {
                        Some(distortion) => distortion.send(&caller.peer, frame),
                        None => caller.peer.send(&frame),
                    }
                }
                Effect::Push(peer, frame) => peer.send(&frame),
                Effect::Close(peer) => peer.close(),
                Effect::Later(delay, change) => {
                    let weak = Arc::downgrade(shared);
                    let task = move || {
                        if let Some(shared) = weak.upgrade() {
                            shared.change(|world, effects| change(world, effects));
                        }
                    };
                    shared.clock.at(Instant::now() + delay, Box::new(task));
                }
            }
        }
    }
}
