//! Brings events to the user: to a callback on a thread of its own, else to whoever polls.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::callback_thread::CallbackThread;
use super::event::{Event, EventKind};
use super::wakeup::{Source, Wakeup};
use crate::runtime::threads;

/// How many events wait at most; then the oldest make room. They are news, and nobody may read them.
const MOST: usize = 1024;

/// How many log records wait at most beside them, so that records cannot crowd out what happened.
const MOST_RECORDS: usize = 512;

/// The user's side of events.
pub trait EventHandler: Send + Sync {
    /// Gets one event. Runs on the thread `rmq-event`, one at a time, in the order of the events.
    fn handle(&self, event: &Event);
}

thread_local! {
    /// True while an event callback on this thread has a log record.
    static TELLS_RECORD: Cell<bool> = const { Cell::new(false) };
}

/// True in an event callback that has a log record: what it makes the library log must not become its next event.
pub(super) fn tells_record() -> bool {
    TELLS_RECORD.get()
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
    events: Line,
    records: Line,
    /// Only the newest statistics wait.
    stats: Option<(u64, Event)>,
    /// The number of the next event: they are taken in their order, wherever they wait.
    next: u64,
    /// Kinds that a callback gets; `None` without one.
    mask: Option<i32>,
    /// Nothing more will come.
    closed: bool,
    /// The thread of a callback has not ended.
    delivering: bool,
}

/// Events that wait, oldest first, with their numbers.
#[derive(Default)]
struct Line {
    events: VecDeque<(u64, Event)>,
    /// Those that had to make room.
    lost: u64,
}

impl Line {
    fn push(&mut self, number: u64, event: Event, most: usize) {
        self.events.push_back((number, event));
        if self.events.len() > most {
            self.events.pop_front();
            self.lost += 1;
        }
    }

    fn first(&self) -> u64 {
        self.events.front().map_or(u64::MAX, |(number, _)| *number)
    }

    fn take(&mut self) -> Option<Event> {
        self.events.pop_front().map(|(_, event)| event)
    }
}

impl Waiting {
    fn push(&mut self, event: Event) {
        let number = self.next;
        self.next += 1;
        match event.kind() {
            EventKind::Stats => self.stats = Some((number, event)),
            EventKind::Log => self.records.push(number, event, MOST_RECORDS),
            _ => self.events.push(number, event, MOST),
        }
    }

    fn take(&mut self) -> Option<Event> {
        let (event, record) = (self.events.first(), self.records.first());
        if self.stats.as_ref().is_some_and(|(number, _)| *number < event.min(record)) {
            return self.stats.take().map(|(_, event)| event);
        }
        if event < record { self.events.take() } else { self.records.take() }
    }

    fn keep(&mut self, mask: i32) {
        let wanted = |(_, event): &(u64, Event)| mask & event.kind() as i32 != 0;
        self.events.events.retain(wanted);
        self.records.events.retain(wanted);
        self.stats = self.stats.take().filter(wanted);
    }
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
            waiting.push(event);
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
        self.waiting().events.lost
    }

    /// Log records that had to make room for newer ones.
    pub(crate) fn records_lost(&self) -> u64 {
        self.waiting().records.lost
    }

    /// True when events of a kind would reach somebody, or wait for it.
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.waiting().mask.is_none_or(|mask| mask & kind as i32 != 0)
    }

    /// Takes the oldest; `None` waits without a bound.
    pub(crate) fn take(&self, within: Option<Duration>) -> Result<Event, NoEvent> {
        let deadline = within.and_then(|within| Instant::now().checked_add(within));
        let mut waiting = self.waiting();
        loop {
            if let Some(event) = waiting.take() {
                return Ok(event);
            }
            if waiting.closed {
                self.wakeup.remind();
                return Err(NoEvent::Closed);
            }
            waiting = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    let ring = self.wakeup.lower(Source::Events);
                    drop(waiting);
                    ring.ring();
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
            waiting.keep(mask);
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
            TELLS_RECORD.set(event.kind() == EventKind::Log);
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
    fn only_the_newest_statistics_wait() {
        let events = Events::default();
        for i in 0..3 {
            events.raise(Event::stats(i.to_string(), "{}".to_owned()));
            events.raise(event("news"));
        }
        let taken: Vec<String> = std::iter::from_fn(|| events.take(Some(Duration::ZERO)).ok())
            .map(|event| event.text().to_owned())
            .collect();
        assert_eq!(taken, ["news", "news", "2", "news"]);
        assert_eq!(events.lost(), 0);
    }

    #[test]
    fn log_records_crowd_out_nothing_but_older_ones() {
        let events = Events::default();
        events.raise(event("first"));
        for i in 0..MOST_RECORDS + 3 {
            events.raise(Event::log(crate::log::Level::Warn, "pull", &i.to_string()));
        }
        events.raise(event("last"));
        let next = || events.take(Some(Duration::ZERO)).unwrap().text().to_owned();
        assert_eq!((next(), next(), events.records_lost()), ("first".to_owned(), "3".to_owned(), 3));
        let rest: Vec<String> = (1..MOST_RECORDS + 1).map(|_| next()).collect();
        assert_eq!(rest.last().unwrap(), "last");
        assert_eq!(events.lost(), 0);
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
