//! Keeps floods of equal warnings and errors away from the log and from those who get events: within a second one of
//! them passes, and one more tells how many there were.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::engine::Engine;
use super::event::Event;
use super::events::Events;
use super::seldom::{HOLD, Seldom, Told};
use crate::log::{Level, Log};

/// What records and events pass on their way out. Records less important than warnings pass unseen.
pub(crate) struct Floods {
    log: Log,
    events: Arc<Events>,
    held: Mutex<Held>,
    /// Told when something is held back.
    bell: Notify,
}

/// Events are equal by [`Event::likeness`], records by the part of the library that speaks and by their words.
#[derive(Default)]
struct Held {
    events: Seldom<String, Event>,
    records: Seldom<(Level, String, String), Record>,
}

struct Record {
    level: Level,
    target: String,
    text: String,
}

impl Floods {
    /// In front of a log and of those who get events.
    pub(crate) fn before(log: Log, events: Arc<Events>) -> Arc<Floods> {
        Arc::new(Floods { log, events, held: Mutex::default(), bell: Notify::new() })
    }

    /// A log whose records pass here.
    pub(crate) fn log(self: &Arc<Floods>) -> Log {
        let floods = Arc::clone(self);
        match self.log.most() {
            Some(most) => {
                Log::new(most, Arc::new(move |level, target, text| floods.write(level, target, text)))
            }
            None => Log::off(),
        }
    }

    /// An event that stands for `times` of its like.
    pub(crate) fn raise(&self, event: Event, times: u64) {
        let Some((likeness, burst)) = event.likeness() else { return self.events.raise(event) };
        // In a statement of its own, so that the lock is let go.
        let told = self.held().events.pass(Instant::now(), likeness, burst, event, times);
        match told {
            Some(told) => self.events.raise(told.report.counted(told.times)),
            None => self.bell.notify_one(),
        }
    }

    fn write(&self, level: Level, target: &str, text: &str) {
        if level > Level::Warn {
            return self.log.write(level, target, text);
        }
        let record = Record { level, target: target.to_owned(), text: text.to_owned() };
        let key = (level, record.target.clone(), shape(text));
        let told = self.held().records.pass(Instant::now(), key, 1, record, 1);
        match told {
            Some(told) => self.log_one(told),
            None => self.bell.notify_one(),
        }
    }

    /// Tells what was held back for its second; everything at the `end`. True while more is held back.
    pub(crate) fn tell_held(&self, end: bool) -> bool {
        let (events, records, more) = {
            let (now, mut held) = (Instant::now(), self.held());
            let Held { events, records } = &mut *held;
            match end {
                true => (events.drain(), records.drain(), false),
                false => (events.due(now), records.due(now), events.is_holding() || records.is_holding()),
            }
        };
        records.into_iter().for_each(|told| self.log_one(told));
        events.into_iter().for_each(|told| self.events.raise(told.report.counted(told.times)));
        more
    }

    fn log_one(&self, Told { report, times }: Told<Record>) {
        self.log.write(report.level, &report.target, format_args!("{}{}", report.text, counted(times)));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said behind a text that stands for several.
pub(super) fn counted(times: u64) -> String {
    if times > 1 { format!(" ({times} times)") } else { String::new() }
}

/// A text without what differs from one time to the next: numbers, ids of messages, workers. Queues and addresses stay,
/// since there are not so many of them and each is news.
fn shape(text: &str) -> String {
    let shown = |word| if differs(word) { "#" } else { word };
    text.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

fn differs(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_id = word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    is_id || is_number || word.starts_with("rmq-work-")
}

/// Tells what is held back when its second is over, until the consumer stops; the end is told by the shutdown.
pub(crate) async fn keep_telling(engine: Arc<Engine>) {
    let (stopped, floods) = (engine.tasks.stopped().clone(), engine.status.floods());
    let mut more = false;
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = floods.bell.notified(), if !more => {}
            () = sleep(HOLD), if more => {}
        }
        if more {
            more = floods.tell_held(false);
        } else {
            more = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use std::time::Duration;

    type Lines = Arc<Mutex<Vec<String>>>;

    fn floods() -> (Arc<Floods>, Lines, Arc<Events>) {
        let (lines, events) = (Lines::default(), Arc::new(Events::default()));
        let sink = Arc::clone(&lines);
        let log = Log::new(
            Level::Debug,
            Arc::new(move |level, target, text| {
                sink.lock().unwrap().push(format!("{level:?} {target}: {text}"));
            }),
        );
        (Floods::before(log, Arc::clone(&events)), lines, events)
    }

    #[test]
    fn a_flood_of_records_is_two_lines_with_a_count() {
        let (floods, lines, _) = floods();
        let log = floods.log();
        for offset in 0..1000 {
            log.warn(
                "pull",
                format_args!(
                    "rmq-work-{offset}: no route to T/b/1 at {offset}, 7F0000010BC418B4{offset:016}"
                ),
            );
        }
        log.warn("retry", "no route to T/b/1");
        log.error("pull", "no route to T/b/1");
        log.warn("pull", "no route to T/b/1");
        log.warn("pull", "no route to T/b/2");
        floods.tell_held(true);
        let expected = [
            "Warn pull: rmq-work-0: no route to T/b/1 at 0, 7F0000010BC418B40000000000000000",
            "Warn retry: no route to T/b/1",
            "Error pull: no route to T/b/1",
            "Warn pull: no route to T/b/1",
            "Warn pull: no route to T/b/2",
            "Warn pull: rmq-work-999: no route to T/b/1 at 999, 7F0000010BC418B40000000000000999 (999 times)",
        ];
        assert_eq!(*lines.lock().unwrap(), expected);
    }

    #[test]
    fn less_than_warnings_pass_unseen() {
        let (floods, lines, _) = floods();
        (0..10).for_each(|_| floods.log().info("pull", "again"));
        assert_eq!(lines.lock().unwrap().len(), 10);
        assert!(Floods::before(Log::off(), Arc::default()).log().most().is_none());
    }

    #[test]
    fn a_flood_of_errors_is_two_events_with_a_count() {
        let (floods, _, events) = floods();
        let error = |kind, text: &str| Event::error("workers", &Error::new(kind, text));
        for number in 0..500 {
            floods.raise(error(ErrorKind::InvalidArgument, &format!("returned {number}")), 1);
        }
        floods.raise(error(ErrorKind::Panic, "another kind"), 1);
        assert!(!floods.tell_held(true));
        let taken = || events.take(Some(Duration::ZERO)).unwrap();
        let first = taken();
        assert_eq!((first.text(), first.count()), ("returned 0", 1));
        assert_eq!(taken().text(), "another kind");
        let last = taken();
        assert_eq!((last.text(), last.count()), ("returned 499 (499 times)", 499));
        assert!(last.json().contains(r#""count":499"#), "{}", last.json());
        assert!(events.take(Some(Duration::ZERO)).is_err());
    }
}
