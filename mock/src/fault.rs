//! The ways in which a cluster can misbehave.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rmq::protocol::frame::MAX_FRAME;
use rmq::protocol::header::Encoding;
use rmq::protocol::{Frame, ResponseCode};

use crate::effects::{Caller, Effects, Refusal};
use crate::peer::Peer;
use crate::world::{Shared, World};

/// What befalls one request. Made for [`crate::On::once`] and its siblings.
#[derive(Clone)]
pub struct Fault(Kind);

#[derive(Clone)]
enum Kind {
    Refuse(ResponseCode, String),
    Delay(Duration),
    Hold(Hold),
    Disconnect,
    Silence,
    Distort(Distortion),
}

/// Changes the body of an answer.
type Edit = dyn Fn(&mut Vec<u8>) + Send + Sync;

/// Where a record has them: behind its size.
const MAGIC_AND_CHECKSUM: std::ops::Range<usize> = 4..12;

/// What befalls an answer on its way.
#[derive(Clone)]
pub(crate) enum Distortion {
    HalfFrame,
    Garbage,
    Oversized,
    WrongOpaque,
    EditBody(Arc<Edit>),
    Lost,
}

impl Fault {
    /// The request is refused with a code and a remark; it has no effect.
    pub fn refuse(code: ResponseCode, remark: impl Into<String>) -> Fault {
        Fault(Kind::Refuse(code, remark.into()))
    }

    /// Refused as a broker under load refuses.
    pub fn busy() -> Fault {
        Fault::refuse(ResponseCode::SystemBusy, "[OVERLOAD]system busy, start flow control for a while")
    }

    /// The request waits, then it is served.
    pub fn delay(delay: Duration) -> Fault {
        Fault(Kind::Delay(delay))
    }

    /// The request waits until [`Hold::release`], then it is served.
    pub fn hold(hold: &Hold) -> Fault {
        Fault(Kind::Hold(hold.clone()))
    }

    /// The connection ends; the request has no effect.
    pub fn disconnect() -> Fault {
        Fault(Kind::Disconnect)
    }

    /// The request is never answered and has no effect.
    pub fn silence() -> Fault {
        Fault(Kind::Silence)
    }

    /// The request is served, but the connection ends instead of its answer.
    pub fn lose_answer() -> Fault {
        Fault(Kind::Distort(Distortion::Lost))
    }

    /// The answer breaks off in the middle and the connection ends.
    pub fn half_frame() -> Fault {
        Fault(Kind::Distort(Distortion::HalfFrame))
    }

    /// Bytes that are no frame come instead of the answer; the connection stays.
    pub fn garbage() -> Fault {
        Fault(Kind::Distort(Distortion::Garbage))
    }

    /// A length larger than any frame comes instead of the answer; the connection stays.
    pub fn oversized() -> Fault {
        Fault(Kind::Distort(Distortion::Oversized))
    }

    /// The answer names a request that nobody made.
    pub fn wrong_opaque() -> Fault {
        Fault(Kind::Distort(Distortion::WrongOpaque))
    }

    /// The body of the answer is changed.
    pub fn edit_body(edit: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Fault {
        Fault(Kind::Distort(Distortion::EditBody(Arc::new(edit))))
    }

    /// One record of a pull's answer is changed, as on a bad line; the first is 0. Without so many it stays as it is.
    pub fn edit_record(nth: usize, edit: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Fault {
        Fault::edit_body(move |body| {
            if let Some(record) = record(body, nth) {
                edit(record);
            }
        })
    }

    /// One record of a pull's answer arrives damaged: its magic number is none, and the checksum is not its body's.
    pub fn corrupt_record(nth: usize) -> Fault {
        Fault::edit_record(nth, |record| {
            if let Some(bytes) = record.get_mut(MAGIC_AND_CHECKSUM) {
                bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
            }
        })
    }

    pub(crate) fn befall(self, world: &mut World, effects: &mut Effects, mut caller: Caller, frame: Frame) {
        match self.0 {
            Kind::Refuse(code, remark) => effects.refuse(caller, Refusal::new(code, remark)),
            Kind::Delay(delay) => {
                effects.later(delay, move |world, effects| world.serve(effects, caller, &frame));
            }
            Kind::Hold(hold) => hold.take(world, effects, caller, frame),
            Kind::Disconnect => effects.close(caller.peer),
            Kind::Silence => {}
            Kind::Distort(distortion) => {
                caller.distortion = Some(distortion);
                world.serve(effects, caller, &frame);
            }
        }
    }
}

/// A record of a pull's body: each begins with its size.
fn record(body: &mut [u8], nth: usize) -> Option<&mut [u8]> {
    let size = body.first_chunk().map(|size| i32::from_be_bytes(*size))?;
    let (first, rest) = body.split_at_mut_checked(usize::try_from(size).ok().filter(|size| *size > 0)?)?;
    if nth == 0 { Some(first) } else { record(rest, nth - 1) }
}

impl Distortion {
    pub(crate) fn send(self, peer: &Peer, mut frame: Frame) {
        match self {
            Distortion::HalfFrame => {
                let bytes = frame.encode(Encoding::Json);
                peer.send_bytes(&bytes[..bytes.len() / 2]);
                peer.close();
            }
            // "HTTP" as a length is larger than any frame; this is a small one with an unknown encoding.
            Distortion::Garbage => {
                peer.send_bytes(&[0, 0, 0, 8, 0x7f, 0xff, 0xff, 0xff, b'?', b'?', b'?', b'?'])
            }
            Distortion::Oversized => {
                let length = u32::try_from(MAX_FRAME + 1).unwrap_or(u32::MAX);
                peer.send_bytes(&length.to_be_bytes());
            }
            Distortion::WrongOpaque => {
                frame.header.opaque = i32::MAX;
                peer.send(&frame);
            }
            Distortion::EditBody(edit) => {
                let mut body = frame.body.to_vec();
                edit(&mut body);
                frame.body = body.into();
                peer.send(&frame);
            }
            Distortion::Lost => peer.close(),
        }
    }
}

/// Keeps requests until a test lets them go, so that it can order two events without sleeping.
#[derive(Clone, Default)]
pub struct Hold(Arc<Holding>);

#[derive(Default)]
struct Holding {
    state: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    cluster: Weak<Shared>,
    released: bool,
    reached: usize,
    waiting: Vec<(Caller, Frame)>,
}

impl Hold {
    /// A hold that keeps what reaches it.
    pub fn new() -> Hold {
        Hold::default()
    }

    /// Waits until `count` requests have reached it in all. False when they did not within the time.
    pub fn wait_for(&self, count: usize, within: Duration) -> bool {
        let fewer = |held: &mut Held| held.reached < count;
        let waited = self.0.changed.wait_timeout_while(self.state(), within, fewer);
        waited.unwrap_or_else(PoisonError::into_inner).0.reached >= count
    }

    /// Serves what is kept; whatever comes later is not kept any more.
    pub fn release(&self) {
        let (cluster, waiting) = {
            let mut held = self.state();
            held.released = true;
            (held.cluster.upgrade(), std::mem::take(&mut held.waiting))
        };
        let Some(cluster) = cluster else { return };
        cluster.change(|world, effects| {
            for (caller, frame) in waiting {
                world.serve(effects, caller, &frame);
            }
        });
    }

    fn take(&self, world: &mut World, effects: &mut Effects, caller: Caller, frame: Frame) {
        let mut held = self.state();
        held.reached += 1;
        self.0.changed.notify_all();
        if held.released {
            drop(held);
            return world.serve(effects, caller, &frame);
        }
        held.cluster = world.shared.clone();
        held.waiting.push((caller, frame));
    }

    fn state(&self) -> MutexGuard<'_, Held> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
