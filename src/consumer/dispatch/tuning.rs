//! What of the workers can be changed while they work: how many they are, and how fast they get messages.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::batch::PulledBatch;
use super::pace::Topical;
use super::slot::{Called, Slot};
use super::workers::{Shared, State, Workers};
use crate::message::Message;

impl Workers {
    /// Allows so many threads from now on. Those that are too many end, each after its callback.
    pub(crate) fn set_thread_max(&self, most: usize) {
        {
            let state = self.0.state();
            self.0.thread_max.store(most, Ordering::Relaxed);
            if self.0.note_too_many(&state) {
                state.idle.iter().for_each(|slot| slot.bell.notify_one());
            }
        }
        self.0.nudge();
    }

    /// How many threads there may be.
    pub(crate) fn thread_max(&self) -> usize {
        self.0.thread_max.load(Ordering::Relaxed)
    }

    /// Limits how many messages of a topic, or of all, are handed out in a second; 0 takes the limit away.
    pub(crate) fn set_rate_limit(&self, topic: Option<&str>, per_second: u32) {
        {
            let state = &mut *self.0.state();
            state.pace.limit(topic, per_second, &mut state.ready, Instant::now());
        }
        self.0.paced.notify_one();
    }

    /// Lets go what waits for its rate, until `stop`.
    pub(crate) async fn pace(self, stop: CancellationToken) {
        loop {
            let pause = {
                let mut state = self.0.state();
                if self.0.let_go(&mut state) {
                    self.0.nudge();
                }
                state.pace.pause()
            };
            let timer = async {
                match pause {
                    Some(pause) => sleep(pause).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.0.paced.notified() => {}
                () = timer => {}
            }
        }
    }
}

impl Shared {
    /// Lets go what may leave of what was just held; false when that is nothing. For the rest a timer is set.
    pub(super) fn release(&self, state: &mut State) -> bool {
        let released = self.let_go(state);
        if state.pace.pause().is_some() {
            self.paced.notify_one();
        }
        released
    }

    fn let_go(&self, state: &mut State) -> bool {
        let most = if self.handler.is_some() { self.bounds.batch_size } else { usize::MAX };
        state.pace.release(&mut state.ready, most, Instant::now())
    }

    /// True when a thread has to go.
    pub(super) fn too_many(&self, state: &State) -> bool {
        state.threads > self.thread_max.load(Ordering::Relaxed)
    }

    /// How many threads stay without work.
    pub(super) fn thread_min(&self) -> usize {
        self.bounds.thread_min.min(self.thread_max.load(Ordering::Relaxed))
    }

    /// A worker ends. Another one may have to do what it leaves.
    pub(super) fn leave(self: &Arc<Self>, state: &mut State, slot: &Arc<Slot>) -> Called {
        state.threads -= 1;
        state.slots.retain(|other| !Arc::ptr_eq(other, slot));
        self.note_too_many(state);
        if state.closing { Called::Nobody } else { self.call_for_work(state) }
    }

    fn note_too_many(&self, state: &State) -> bool {
        let too_many = self.too_many(state);
        self.too_many.store(too_many, Ordering::Relaxed);
        too_many
    }
}

impl Topical for PulledBatch {
    fn topic_of(&self, index: usize) -> &str {
        self.messages.get(index).map_or("", Message::topic)
    }
}
