//! How a host with an event loop of its own hears that a poll has something: by a descriptor, by a callback.

use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::wake_fd::WakeFd;

/// The user's side of a wake-up.
pub trait WakeupHandler: Send + Sync {
    /// There may be something to poll. Runs on a thread of the library, or on one that calls it; must not wait for
    /// anything of the consumer.
    fn wake(&self);
}

/// What may wait for a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Messages, a wake-up, or room for more messages.
    Messages,
    /// Events. They count from the first look for one: who never looks must not be woken by them.
    Events,
}

/// See the module's doc. Raised and lowered under the lock of what is polled, so that nothing that comes is missed.
#[derive(Default)]
pub(crate) struct Wakeup(Mutex<Raised>);

#[derive(Default)]
struct Raised {
    messages: bool,
    events: bool,
    /// Somebody looks for events.
    events_count: bool,
    /// Every poll answers that it is over.
    closed: bool,
    fd: Option<WakeFd>,
    handler: Option<Arc<dyn WakeupHandler>>,
}

/// To be called without the lock under which it was made.
#[must_use]
pub(crate) struct Ring(Option<Arc<dyn WakeupHandler>>);

impl Ring {
    /// Calls the user, if there is one to be called.
    pub(crate) fn ring(self) {
        if let Some(handler) = self.0 {
            handler.wake();
        }
    }
}

impl Raised {
    fn is_up(&self) -> bool {
        self.messages || self.events || self.closed
    }

    /// Changes what is raised; tells whoever listens.
    fn change(&mut self, change: impl FnOnce(&mut Raised)) -> Ring {
        let before = self.is_up();
        change(self);
        let after = self.is_up();
        if let Some(fd) = &self.fd {
            match (before, after) {
                (false, true) => fd.set(),
                (true, false) => fd.clear(),
                _ => {}
            }
        }
        Ring(self.handler.clone().filter(|_| !before && after))
    }
}

impl Wakeup {
    /// Something came.
    pub(crate) fn raise(&self, source: Source) -> Ring {
        self.raised().change(|raised| match source {
            Source::Messages => raised.messages = true,
            Source::Events => raised.events |= raised.events_count,
        })
    }

    /// A poll found nothing.
    pub(crate) fn lower(&self, source: Source) {
        // Nobody is told that there is nothing.
        let Ring(_) = self.raised().change(|raised| match source {
            Source::Messages => raised.messages = false,
            Source::Events => (raised.events, raised.events_count) = (false, true),
        });
    }

    /// Polls answer from now on that all is over.
    pub(crate) fn close(&self) -> Ring {
        self.raised().change(|raised| raised.closed = true)
    }

    /// Undoes [`Wakeup::close`], for a consumer whose start failed.
    pub(crate) fn reopen(&self) {
        let Ring(_) = self.raised().change(|raised| (raised.closed, raised.messages) = (false, false));
    }

    /// Sets who is called; answers who was.
    pub(crate) fn set_handler(
        &self,
        handler: Option<Arc<dyn WakeupHandler>>,
    ) -> Option<Arc<dyn WakeupHandler>> {
        std::mem::replace(&mut self.raised().handler, handler)
    }

    /// The descriptor, which lives as long as this.
    pub(crate) fn fd(&self) -> Result<RawFd> {
        self.with_fd(|fd| Ok(fd.fd()))
    }

    /// A copy for one who closes it.
    pub(crate) fn duplicate(&self) -> Result<OwnedFd> {
        self.with_fd(|fd| fd.duplicate().map_err(|e| refused(&e)))
    }

    fn with_fd<T>(&self, get: impl FnOnce(&WakeFd) -> Result<T>) -> Result<T> {
        let mut raised = self.raised();
        if raised.fd.is_none() {
            let fd = WakeFd::new().map_err(|e| refused(&e))?;
            if raised.is_up() {
                fd.set();
            }
            raised.fd = Some(fd);
        }
        raised.fd.as_ref().map_or_else(|| Err(Error::new(ErrorKind::Io, "no descriptor")), get)
    }

    fn raised(&self) -> MutexGuard<'_, Raised> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("no descriptor for wake-ups: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl WakeupHandler for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_callback_is_called_once_until_somebody_looked() {
        let (wakeup, count) = (Wakeup::default(), Arc::new(Count::default()));
        wakeup.set_handler(Some(Arc::clone(&count) as _));
        wakeup.raise(Source::Messages).ring();
        wakeup.raise(Source::Messages).ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        wakeup.lower(Source::Messages);
        wakeup.raise(Source::Messages).ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn events_count_once_somebody_looks_for_them() {
        let wakeup = Wakeup::default();
        let _ = wakeup.raise(Source::Events);
        assert!(!wakeup.raised().is_up());
        wakeup.lower(Source::Events);
        let _ = wakeup.raise(Source::Events);
        assert!(wakeup.raised().is_up());
        wakeup.lower(Source::Messages);
        assert!(wakeup.raised().is_up(), "the one does not hide the other");
    }

    #[test]
    fn the_end_stays_raised() {
        let wakeup = Wakeup::default();
        let _ = wakeup.close();
        wakeup.lower(Source::Messages);
        wakeup.lower(Source::Events);
        assert!(wakeup.raised().is_up());
        wakeup.reopen();
        assert!(!wakeup.raised().is_up());
    }
}
