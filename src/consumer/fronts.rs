//! How a consumer and its user meet: callbacks that are set before the start, or polls.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::allocator::{Allocator, Custom};
use super::dispatch::{Abandoned, Batch, MessageHandler, NoBatch};
use super::engine::Engine;
use super::event::Event;
use super::events::{self, EventHandler, NoEvent};
use super::lifecycle::{Inner, lock};
use super::state::{State, not_in};
use super::wakeup::WakeupHandler;
use crate::error::{Error, ErrorKind, Result};

impl Inner {
    pub(super) fn set_handler(
        &self,
        handler: Option<Arc<dyn MessageHandler>>,
    ) -> Result<Option<Arc<dyn MessageHandler>>> {
        let mut slot = lock(&self.handler);
        self.require_created("set the message callback")?;
        Ok(std::mem::replace(&mut *slot, handler))
    }

    pub(super) fn set_allocator(
        &self,
        allocator: Option<Arc<dyn Allocator>>,
    ) -> Result<Option<Arc<dyn Allocator>>> {
        let mut slot = lock(&self.allocator);
        self.require_created("set the allocate callback")?;
        Custom::fits(&self.config.strategy, allocator.is_some())?;
        Ok(std::mem::replace(&mut *slot, allocator))
    }

    pub(super) fn set_event_handler(
        &self,
        handler: Option<Arc<dyn EventHandler>>,
        mask: i32,
    ) -> Result<Option<Arc<dyn EventHandler>>> {
        let mut slot = lock(&self.event_handler);
        self.require_created("set the event callback")?;
        self.status.events().listen(handler.is_some().then_some(mask));
        Ok(std::mem::replace(&mut *slot, handler))
    }

    pub(super) fn set_wakeup_handler(
        &self,
        handler: Option<Arc<dyn WakeupHandler>>,
    ) -> Result<Option<Arc<dyn WakeupHandler>>> {
        let _starting = self.starting();
        self.require_created("set the wake-up callback")?;
        Ok(self.status.wakeup().set_handler(handler))
    }

    pub(super) fn poll_event(&self, within: Option<Duration>) -> Result<Event> {
        if self.status.events().has_listener() {
            let text = "poll an event: an event callback is set and gets them";
            return Err(Error::new(ErrorKind::State, text));
        }
        self.status.events().take(within).map_err(|none| match none {
            NoEvent::Timeout => Error::new(ErrorKind::Timeout, "poll an event: none came in time"),
            NoEvent::Closed => Error::new(ErrorKind::Closed, "poll an event: the consumer is stopped"),
        })
    }

    /// What polls, while it may.
    fn polled(&self, what: &str) -> Result<Arc<Engine>> {
        if lock(&self.handler).is_some() {
            let text = format!("{what}: a message callback is set and gets the messages");
            return Err(Error::new(ErrorKind::State, text));
        }
        let state = self.state();
        match (state, self.engine()) {
            (State::Created | State::Starting, _) => Err(not_in(state, what)),
            (State::Running | State::Stopping, Some(engine)) => Ok(engine),
            _ => Err(closed(what, state)),
        }
    }

    /// Ends one poll: one that waits, else the next.
    pub(super) fn wake_up(&self) -> Result<()> {
        self.polled("wake up")?.workers.wake_up();
        Ok(())
    }

    /// Waits for messages, for a consumer without a message callback.
    pub(super) fn poll(&self, most: usize, within: Option<Duration>) -> Result<Batch> {
        let engine = self.polled("poll")?;
        let abandoned = match self.config.poll_ack_on_destroy {
            true => Abandoned::Done,
            false => Abandoned::Again,
        };
        engine.workers.poll(most, within, abandoned).map_err(|none| match none {
            NoBatch::Timeout => Error::new(ErrorKind::Timeout, "poll: nothing came in time"),
            NoBatch::Full => {
                let text = format!(
                    "poll: {} messages are not settled, unsettled.max allows no more",
                    engine.workers.unsettled()
                );
                Error::new(ErrorKind::Timeout, text)
            }
            NoBatch::Woken => Error::new(ErrorKind::Woken, "poll: a wake-up ended it"),
            NoBatch::Closed => closed("poll", self.state()),
        })
    }

    /// Starts the thread for the event callback, if there is one.
    pub(super) fn start_events(&self) -> Result<Option<JoinHandle<()>>> {
        let Some(handler) = lock(&self.event_handler).clone() else { return Ok(None) };
        let events = Arc::clone(self.status.events());
        let started = events::deliver(events, handler, self.callback_thread.clone());
        started.map(Some).map_err(|e| Error::new(ErrorKind::Thread, format!("cannot start rmq-event: {e}")))
    }
}

fn closed(what: &str, state: State) -> Error {
    Error::new(ErrorKind::Closed, format!("{what}: the consumer is {}", state.name()))
}
