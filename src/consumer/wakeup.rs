//! How a host with an event loop of its own hears that a poll has something: by a descriptor, by a callback.

use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

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
pub(crate) struct Wakeup {
    raised: Mutex<Raised>,
    ringing: Arc<Ringing>,
}

/// How many calls of the user there are, or will be in a moment.
#[derive(Default)]
struct Ringing {
    calls: Mutex<usize>,
    ended: Condvar,
}

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
pub(crate) struct Ring(Option<Call>);

/// Counts until it is dropped.
struct Call {
    handler: Arc<dyn WakeupHandler>,
    ringing: Arc<Ringing>,
}

impl Ring {
    /// Calls the user, if there is one to be called.
    pub(crate) fn ring(self) {
        if let Some(call) = self.0 {
            call.handler.wake();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        *self.ringing.calls() -= 1;
        self.ringing.ended.notify_all();
    }
}

impl Ringing {
    fn calls(&self) -> MutexGuard<'_, usize> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Raised {
    fn is_up(&self) -> bool {
        self.messages || self.events || self.closed
    }

    /// What is raised.
    fn each(&self) -> [bool; 3] {
        [self.messages, self.events, self.closed]
    }

    /// Changes what is raised. True when whoever listens has to be told: of the first that is up, and again when one of
    /// several was taken down, since the host may take it for the only one.
    fn change(&mut self, change: impl FnOnce(&mut Raised)) -> bool {
        let (up_before, before) = (self.is_up(), self.each());
        change(self);
        let up = self.is_up();
        let fell = before.iter().zip(self.each()).any(|(before, after)| *before && !after);
        if let Some(fd) = &self.fd {
            if fell {
                fd.clear();
            }
            if up && (fell || !up_before) {
                fd.set();
            }
        }
        up && (fell || !up_before)
    }
}

impl Wakeup {
    /// Something came.
    pub(crate) fn raise(&self, source: Source) -> Ring {
        self.change(|raised| match source {
            Source::Messages => raised.messages = true,
            Source::Events => raised.events |= raised.events_count,
        })
    }

    /// A poll found nothing.
    pub(crate) fn lower(&self, source: Source) -> Ring {
        self.change(|raised| match source {
            Source::Messages => raised.messages = false,
            Source::Events => (raised.events, raised.events_count) = (false, true),
        })
    }

    /// Polls answer from now on that all is over.
    pub(crate) fn close(&self) -> Ring {
        self.change(|raised| raised.closed = true)
    }

    /// A poll answered that all is over: others who wait have to hear it too, and the host may have read the byte.
    pub(crate) fn remind(&self) {
        let raised = self.raised();
        if let Some(fd) = raised.fd.as_ref().filter(|_| raised.closed) {
            fd.clear();
            fd.set();
        }
    }

    /// Undoes [`Wakeup::close`], for a consumer whose start failed.
    pub(crate) fn reopen(&self) {
        let ring = self.change(|raised| (raised.closed, raised.messages) = (false, false));
        ring.ring();
    }

    /// From now on nobody is called, and nobody is being called.
    pub(crate) fn silence(&self) {
        drop(self.set_handler(None));
        let ringing = self.ringing.ended.wait_while(self.ringing.calls(), |calls| *calls > 0);
        drop(ringing.unwrap_or_else(PoisonError::into_inner));
    }

    fn change(&self, change: impl FnOnce(&mut Raised)) -> Ring {
        let mut raised = self.raised();
        if !raised.change(change) {
            return Ring(None);
        }
        Ring(raised.handler.clone().map(|handler| {
            *self.ringing.calls() += 1;
            Call { handler, ringing: Arc::clone(&self.ringing) }
        }))
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
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
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
        wakeup.lower(Source::Messages).ring();
        wakeup.raise(Source::Messages).ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    /// Else a host that looked for messages before they came, and for events after, would sleep on both.
    #[test]
    fn what_is_left_when_another_is_taken_down_is_told_again() {
        let (wakeup, count) = (Wakeup::default(), Arc::new(Count::default()));
        wakeup.set_handler(Some(Arc::clone(&count) as _));
        wakeup.lower(Source::Events).ring();
        wakeup.raise(Source::Events).ring();
        wakeup.lower(Source::Messages).ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "no messages were there to be taken down");
        wakeup.raise(Source::Messages).ring();
        wakeup.lower(Source::Events).ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        wakeup.lower(Source::Messages).ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn silence_waits_for_a_call_that_runs() {
        struct Slow(std::sync::Barrier, std::sync::atomic::AtomicBool);
        impl WakeupHandler for Slow {
            fn wake(&self) {
                self.0.wait();
                std::thread::sleep(std::time::Duration::from_millis(50));
                self.1.store(true, Ordering::SeqCst);
            }
        }
        let slow = Arc::new(Slow(std::sync::Barrier::new(2), false.into()));
        let wakeup = Wakeup::default();
        wakeup.set_handler(Some(Arc::clone(&slow) as _));
        std::thread::scope(|scope| {
            scope.spawn(|| wakeup.raise(Source::Messages).ring());
            slow.0.wait();
            wakeup.silence();
            assert!(slow.1.load(Ordering::SeqCst), "the call has ended");
        });
        wakeup.lower(Source::Messages).ring();
        wakeup.raise(Source::Messages).ring();
    }

    #[test]
    fn events_count_once_somebody_looks_for_them() {
        let wakeup = Wakeup::default();
        let _ = wakeup.raise(Source::Events);
        assert!(!wakeup.raised().is_up());
        wakeup.lower(Source::Events).ring();
        let _ = wakeup.raise(Source::Events);
        assert!(wakeup.raised().is_up());
        wakeup.lower(Source::Messages).ring();
        assert!(wakeup.raised().is_up(), "the one does not hide the other");
    }

    #[test]
    fn the_end_stays_raised() {
        let wakeup = Wakeup::default();
        let _ = wakeup.close();
        wakeup.lower(Source::Messages).ring();
        wakeup.lower(Source::Events).ring();
        assert!(wakeup.raised().is_up());
        wakeup.reopen();
        assert!(!wakeup.raised().is_up());
    }
}
