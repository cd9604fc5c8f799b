//! The state of the whole cluster, and who may change it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rmq::protocol::Frame;

use crate::broker::Broker;
use crate::clock::Clock;
use crate::effects::{Caller, Effects};
use crate::journal::Journal;
use crate::name_server;
use crate::peer::Peer;
use crate::script::Script;

/// Whom a client speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    NameServer,
    /// By its place among the brokers.
    Broker(usize),
}

/// See the module's doc.
pub(crate) struct World {
    pub(crate) shared: Weak<Shared>,
    pub(crate) brokers: Vec<Broker>,
    pub(crate) journal: Journal,
    pub(crate) script: Script,
}

/// What all threads of a cluster share.
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) clock: Clock,
}

impl Shared {
    pub(crate) fn new(brokers: Vec<Broker>) -> std::io::Result<Arc<Shared>> {
        let clock = Clock::start()?;
        Ok(Arc::new_cyclic(|shared| {
            let (journal, script) = (Journal::default(), Script::default());
            let world = World { shared: shared.clone(), brokers, journal, script };
            Shared { world: Mutex::new(world), clock }
        }))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world, then does what that causes.
    pub(crate) fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut World, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let result = change(&mut self.world(), &mut effects);
        effects.run(self);
        result
    }

    /// A frame came.
    pub(crate) fn receive(self: &Arc<Self>, peer: &Arc<Peer>, frame: Frame) {
        self.change(|world, effects| {
            if frame.header.is_response() {
                return world.responded(effects, peer, &frame);
            }
            let role = peer.role;
            let entry = world.journal.note(peer.id, peer.role, &frame.header, &frame.body);
            let (peer, request) = (Arc::clone(peer), frame.header.clone());
            let caller = Caller { peer, request, entry, distortion: None };
            match world.script.next(role, &frame.header) {
                Some(fault) => fault.befall(world, effects, caller, frame),
                None => world.serve(effects, caller, &frame),
            }
        });
    }
}

impl World {
    /// Serves a request as a healthy cluster does.
    pub(crate) fn serve(&mut self, effects: &mut Effects, caller: Caller, frame: &Frame) {
        match caller.peer.role {
            Role::NameServer => name_server::serve(self, effects, caller, frame),
            Role::Broker(index) => self.brokers[index].serve(effects, caller, frame),
        }
    }

    /// A client answers what its broker asked.
    fn responded(&mut self, effects: &mut Effects, peer: &Peer, frame: &Frame) {
        if let Role::Broker(index) = peer.role {
            self.brokers[index].responded(effects, peer, frame);
        }
    }

    /// A connection has ended.
    pub(crate) fn disconnected(&mut self, effects: &mut Effects, peer: &Peer) {
        if let Role::Broker(index) = peer.role {
            self.brokers[index].disconnected(effects, peer);
        }
    }
}
