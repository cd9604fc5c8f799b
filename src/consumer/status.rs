//! What a consumer tells of itself: its last failure, and counters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::dispatch::Outcome;
use super::event::Event;
use super::events::{Events, tells_record};
use super::floods::Floods;
use super::queue::Queue;
use super::queue::pauses::{Pauses, Selection};
use super::wakeup::Wakeup;
use crate::error::{Error, ErrorKind};
use crate::log::{Level, Log};
use crate::message::MessageQueue;

/// Counters since the start; each only grows.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Messages pulled, before the filter.
    pub(crate) pulled: AtomicU64,
    /// Messages the client's own filter dropped.
    pub(crate) filtered: AtomicU64,
    /// Messages a callback was done with.
    pub(crate) consumed: AtomicU64,
    /// Messages a callback wants again.
    pub(crate) failed: AtomicU64,
    /// Records that could not be decoded and were skipped.
    pub(crate) broken: AtomicU64,
    /// Messages whose callback outran `consume.timeout.ms`.
    pub(crate) timed_out: AtomicU64,
    /// Queues begun without the hand-over barrier.
    pub(crate) without_barrier: AtomicU64,
    /// Times that a queue stood still for `watchdog.queue.ms`.
    pub(crate) stalled: AtomicU64,
    /// Commits the broker acknowledged.
    pub(crate) commits: AtomicU64,
}

impl Counters {
    /// Name and value of each, in a fixed order.
    pub(crate) fn each(&self) -> [(&'static str, u64); 9] {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("pulled", value(&self.pulled)),
            ("filtered", value(&self.filtered)),
            ("consumed", value(&self.consumed)),
            ("failed", value(&self.failed)),
            ("broken", value(&self.broken)),
            ("timed_out", value(&self.timed_out)),
            ("without_barrier", value(&self.without_barrier)),
            ("stalled", value(&self.stalled)),
            ("commits", value(&self.commits)),
        ]
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

/// See the module's doc.
pub(crate) struct Status {
    log: Log,
    events: Arc<Events>,
    floods: Arc<Floods>,
    wakeup: Arc<Wakeup>,
    last_error: Mutex<Option<Error>>,
    fatal_error: Mutex<Option<Error>>,
    assignment: Mutex<BTreeMap<MessageQueue, Arc<Queue>>>,
    pauses: Mutex<Pauses>,
    pub(crate) counters: Counters,
}

impl Status {
    /// Nothing failed, nothing counted. With `log_events` records become events and `log` gets none.
    pub(crate) fn new(log: Log, log_events: Option<Level>) -> Status {
        let wakeup: Arc<Wakeup> = Arc::default();
        let events = Arc::new(Events::new(Arc::clone(&wakeup)));
        let log = match log_events {
            Some(most) => records_as_events(most, &events),
            None => log,
        };
        let floods = Floods::before(log, Arc::clone(&events));
        Status {
            log: floods.log(),
            events,
            floods,
            wakeup,
            last_error: Mutex::default(),
            fatal_error: Mutex::default(),
            assignment: Mutex::default(),
            pauses: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// Keeps a failure as the last one, logs it as an error and raises an event of it. Of a flood of them the log and
    /// the events get one a second with a count.
    pub(crate) fn report(&self, target: &str, error: Error) {
        self.log.error(target, &error);
        let event = Event::error(target, &error);
        // Whoever hears of it may ask for it.
        self.keep(error);
        self.tell(event);
    }

    /// The same for a bug that ended the consumer.
    pub(crate) fn report_fatal(&self, target: &str, error: Error) {
        self.log.error(target, &error);
        let event = Event::fatal(&error);
        // The first one ended it.
        lock(&self.fatal_error).get_or_insert_with(|| error.clone());
        self.keep(error);
        self.events.raise(event);
    }

    fn keep(&self, error: Error) {
        *lock(&self.last_error) = Some(error);
    }

    /// Raises an event, or of a flood of its like one a second with a count.
    pub(crate) fn tell(&self, event: Event) {
        self.floods.raise(event, 1);
    }

    /// The same for an event that stands for several.
    pub(crate) fn tell_times(&self, event: Event, times: usize) {
        self.floods.raise(event, times as u64);
    }

    /// What holds floods back.
    pub(crate) fn floods(&self) -> &Arc<Floods> {
        &self.floods
    }

    /// No events any more, after what was held back.
    pub(crate) fn close_events(&self) {
        self.floods.tell_held(true);
        self.events.close();
    }

    /// What the user is told of.
    pub(crate) fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// Tells a host's event loop that there is something to poll.
    pub(crate) fn wakeup(&self) -> &Arc<Wakeup> {
        &self.wakeup
    }

    /// Where records go.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The last failure that was kept.
    pub(crate) fn last_error(&self) -> Option<Error> {
        lock(&self.last_error).clone()
    }

    /// The bug that ended the consumer.
    pub(crate) fn fatal_error(&self) -> Option<Error> {
        lock(&self.fatal_error).clone()
    }

    /// A callback answered what it cannot mean.
    pub(crate) fn odd_outcome(&self, outcome: Outcome, orderly: bool) {
        let what = match outcome {
            Outcome::Unknown(value) => value.to_string(),
            Outcome::Deferred => "DEFERRED without retaining the batch".to_owned(),
            Outcome::Rollback if orderly => "ROLLBACK although it commits by itself".to_owned(),
            Outcome::Suspend => "SUSPEND, which is for consume.mode=orderly".to_owned(),
            Outcome::Commit => "COMMIT, which is for consume.mode=orderly".to_owned(),
            Outcome::Rollback => "ROLLBACK, which is for consume.mode=orderly".to_owned(),
            Outcome::Success | Outcome::Later => "an answer of the other mode".to_owned(),
        };
        let taken = if orderly { "SUSPEND" } else { "RECONSUME_LATER" };
        let text = format!("the message callback returned {what}, taken as {taken}");
        self.report("workers", Error::new(ErrorKind::InvalidArgument, text));
    }

    /// A queue was taken; it is paused if a pause covers it.
    pub(crate) fn assigned(&self, queue: &Arc<Queue>) {
        self.assignment().insert(queue.name.clone(), Arc::clone(queue));
        let pauses = self.pauses();
        queue.steering().set_paused(pauses.paused(&queue.name));
    }

    /// Pauses or resumes queues, those that are taken later too. Answers those that were paused now.
    pub(crate) fn set_paused(&self, selection: Selection, paused: bool) -> Vec<Arc<Queue>> {
        // Held over all of it, so that neither two calls nor a queue that is being taken can cross.
        let mut pauses = self.pauses();
        pauses.set(selection, paused);
        let mut queues = self.queues();
        queues.retain(|queue| {
            let paused = pauses.paused(&queue.name);
            queue.steering().set_paused(paused) && paused
        });
        queues
    }

    /// A queue that is owned and not being given up.
    pub(crate) fn queue(&self, name: &MessageQueue) -> Option<Arc<Queue>> {
        let queue = self.assignment().get(name).cloned();
        queue.filter(|queue| !queue.stop().is_cancelled())
    }

    /// A queue was handed over.
    pub(crate) fn released(&self, queue: &Arc<Queue>) {
        self.assignment().remove(&queue.name);
    }

    /// The queues owned now, those on their way in or out too.
    pub(crate) fn queues(&self) -> Vec<Arc<Queue>> {
        self.assignment().values().cloned().collect()
    }

    fn pauses(&self) -> MutexGuard<'_, Pauses> {
        lock(&self.pauses)
    }

    fn assignment(&self) -> MutexGuard<'_, BTreeMap<MessageQueue, Arc<Queue>>> {
        lock(&self.assignment)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A log whose records wait among the events. Raising an event logs nothing, and what a callback that has a record
/// makes the library log goes nowhere: so no record causes another.
fn records_as_events(most: Level, events: &Arc<Events>) -> Log {
    let events = Arc::clone(events);
    let raise = move |level, target: &str, text: &str| {
        if !tells_record() {
            events.raise(Event::log(level, target, text));
        }
    };
    Log::new(most, Arc::new(raise))
}
