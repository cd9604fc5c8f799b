//! Brings events to the user: to a callback on a thread of its own, else to whoever polls.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::callback_thread::CallbackThread;
use super::event::Event;
use super::wakeup::{Source, Wakeup};
use crate::runtime::threads;

/// How many events wait at most; then the oldest make room. They are news, and nobody may read them.
const MOST: usize = 1024;

/// The user's side of events.
pub trait EventHandler: Send + Sync {
    /// Gets one event. Runs on the thread `rmq-event`, one at a time, in the order of the events.
    fn handle(&self, event: &Event);
}

/// The events of one consumer that nobody has taken yet.
#[derive(Default)]
pub(crate) struct Events {
    waiting: Mutex<Waiting>,
    bell: Condvar,
    wakeup: Arc<Wakeup>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// Events that had to make room.
    lost: u64,
    /// Kinds that a callback gets; `None` without one.
    mask: Option<i32>,
    /// Nothing more will come.
    closed: bool,
    /// The thread of a callback has not ended.
    delivering: bool,
}

/// Why there is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoEvent {
    /// None came in time.
    Timeout,
    /// None will come.
    Closed,
}

impl Events {
    /// None yet; `wakeup` hears of those that wait for a poll.
    pub(crate) fn new(wakeup: Arc<Wakeup>) -> Events {
        Events { wakeup, ..Events::default() }
    }

    /// Adds one.
    pub(crate) fn raise(&self, event: Event) {
        let ring = {
            let mut waiting = self.waiting();
            if waiting.closed || waiting.mask.is_some_and(|mask| mask & event.kind() as i32 == 0) {
                return;
            }
            waiting.events.push_back(event);
            if waiting.events.len() > MOST {
                waiting.events.pop_front();
                waiting.lost += 1;
            }
            self.wakeup.raise(Source::Events)
        };
        self.bell.notify_all();
        ring.ring();
    }

    /// True when a callback gets the events: then somebody is sure to hear of them soon.
    pub(crate) fn has_listener(&self) -> bool {
        self.waiting().mask.is_some()
    }

    /// Events that had to make room for newer ones.
    pub(crate) fn lost(&self) -> u64 {
        self.waiting().lost
    }

    /// Takes the oldest; `None` waits without a bound.
    pub(crate) fn take(&self, within: Option<Duration>) -> Result<Event, NoEvent> {
        let deadline = within.and_then(|within| Instant::now().checked_add(within));
        let mut waiting = self.waiting();
        loop {
            if let Some(event) = waiting.events.pop_front() {
                return Ok(event);
            }
            if waiting.closed {
                return Err(NoEvent::Closed);
            }
            waiting = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    self.wakeup.lower(Source::Events);
                    return Err(NoEvent::Timeout);
                }
                Some(left) => self.bell.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Says which kinds a callback gets, `None` without one. What waits and is not among them is dropped.
    pub(crate) fn listen(&self, mask: Option<i32>) {
        let mut waiting = self.waiting();
        waiting.mask = mask;
        if let Some(mask) = mask {
            waiting.events.retain(|event| mask & event.kind() as i32 != 0);
        }
    }

    /// Nothing more will come; what waits may still be taken.
    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.bell.notify_all();
    }

    /// Undoes [`Events::close`], for a consumer whose start failed.
    pub(crate) fn reopen(&self) {
        self.waiting().closed = false;
    }

    /// Waits for the end of a callback's thread, after [`Events::close`]. False when it did not come in time.
    pub(crate) fn delivered(&self, within: Duration) -> bool {
        let delivering = |waiting: &mut Waiting| waiting.delivering;
        let waited = self.bell.wait_timeout_while(self.waiting(), within, delivering);
        !waited.unwrap_or_else(PoisonError::into_inner).0.delivering
    }

    fn set_delivering(&self, delivering: bool) {
        self.waiting().delivering = delivering;
        self.bell.notify_all();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that brings events to a callback. It ends after [`Events::close`], when all are told.
pub(crate) fn deliver(
    events: Arc<Events>,
    handler: Arc<dyn EventHandler>,
    thread: CallbackThread,
) -> io::Result<JoinHandle<()>> {
    events.set_delivering(true);
    let told = Arc::clone(&events);
    let started = threads::spawn("rmq-event".to_owned(), 0, move || {
        thread.enter();
        while let Ok(event) = events.take(None) {
            // A panic of Rust user code costs this event only.
            let _ = catch_unwind(AssertUnwindSafe(|| handler.handle(&event)));
        }
        events.set_delivering(false);
    });
    if started.is_err() {
        told.set_delivering(false);
    }
    started
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn event(text: &str) -> Event {
        Event::error("t", &Error::new(ErrorKind::State, text))
    }

    #[test]
    fn events_come_in_order_until_the_end() {
        let events = Events::default();
        events.raise(event("one"));
        events.raise(event("two"));
        assert_eq!(events.take(None).unwrap().text(), "one");
        events.close();
        events.raise(event("late"));
        assert_eq!(events.take(Some(Duration::ZERO)).unwrap().text(), "two");
        assert_eq!(events.take(None).err(), Some(NoEvent::Closed));
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let events = Events::default();
        for i in 0..MOST + 2 {
            events.raise(event(&i.to_string()));
        }
        assert_eq!(events.take(None).unwrap().text(), "2");
        assert_eq!(events.lost(), 2);
    }

    #[test]
    fn a_mask_lets_only_its_kinds_pass() {
        let events = Events::default();
        events.raise(event("before"));
        events.listen(Some(crate::consumer::EventKind::Assigned as i32));
        events.raise(event("after"));
        assert_eq!(events.take(Some(Duration::from_millis(1))).err(), Some(NoEvent::Timeout));
        assert!(events.has_listener());
    }

    #[test]
    fn who_waits_is_told() {
        let events = Arc::new(Events::default());
        let waiter = {
            let events = Arc::clone(&events);
            std::thread::spawn(move || events.take(None).map(|event| event.text().to_owned()))
        };
        events.raise(event("news"));
        assert_eq!(waiter.join().unwrap(), Ok("news".to_owned()));
    }
}
