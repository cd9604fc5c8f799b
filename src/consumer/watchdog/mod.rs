//! Looks after queues that do not go on: they are brought on, counted, and told of.
//!
//! Every wait in a queue's life has an end of its own, so a standstill is a peer that takes connections and answers
//! nothing, or a bug. Either way a new connection and a step begun anew cost nothing that was pulled: what callbacks
//! have stays in the books, and the queue is pulled from where it stands.

mod standstill;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::engine::Engine;
use super::event::Event;
use super::offsets::Store;
use super::queue::Queue;
use super::queue::steps::{Commits, Life, Step, Trouble};
use super::status::count;
use crate::cluster::Connection;
use crate::config::ConsumerConfig;
use crate::error::{Error, ErrorKind};
use crate::message::MessageQueue;
use standstill::{Facts, Rounds, Sight, Times, Verdict, Watch, connection_is_well};

/// Watches the queues until the consumer stops. What a stop waits for is bounded by its own deadline.
pub(crate) async fn watch_queues(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    let times = Times::from(&engine.config);
    let mut rounds = Rounds::new(Instant::now(), times.look_every());
    let mut watchdog = Watchdog { engine, times, watched: BTreeMap::new(), reconnected: BTreeMap::new() };
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = sleep(times.look_every()) => {}
        }
        let now = Instant::now();
        watchdog.look(rounds.since(now), now);
    }
}

impl From<&ConsumerConfig> for Times {
    fn from(config: &ConsumerConfig) -> Times {
        Times {
            patience: config.watchdog,
            pull_suspend: config.pull_suspend,
            pull_interval: config.pull_interval,
            request_timeout: config.request_timeout,
            handover_timeout: config.handover_timeout,
            commit_interval: config.offset_commit_interval,
        }
    }
}

struct Watchdog {
    engine: Arc<Engine>,
    times: Times,
    watched: BTreeMap<MessageQueue, Watched>,
    /// When a connection was given up last, by address: queues share them.
    reconnected: BTreeMap<String, Instant>,
}

/// One queue as it was seen up to now.
struct Watched {
    /// Tells it from another one of that name.
    queue: Weak<Queue>,
    life: Watch,
    commits: Watch,
}

impl Watchdog {
    fn look(&mut self, since: Duration, now: Instant) {
        let queues = self.engine.status.queues();
        self.watched.retain(|_, watched| watched.queue.strong_count() > 0);
        self.reconnected.retain(|_, at| now.duration_since(*at) < self.times.patience);
        for queue in queues {
            let (life, commits) = queue.steps().look();
            let (on_life, on_commits) = (self.life(&queue, &life), self.commits(&queue, &commits));
            let weak = Arc::downgrade(&queue);
            let fresh = || Watched { queue: weak.clone(), life: Watch::default(), commits: Watch::default() };
            let watched = self.watched.entry(queue.name.clone()).or_insert_with(fresh);
            if !Weak::ptr_eq(&watched.queue, &weak) {
                *watched = fresh();
            }
            let verdicts = (watched.life.look(&on_life, since), watched.commits.look(&on_commits, since));
            self.on_life(&queue, &life, verdicts.0, now);
            self.on_commits(&queue, &commits, verdicts.1, now);
        }
    }

    fn life(&self, queue: &Queue, life: &Life) -> Sight {
        let step = if queue.stop().is_cancelled() { Step::Leave } else { life.step };
        let facts = Facts {
            step,
            next: queue.steering().next(),
            has_room: queue.has_room(),
            is_subscribed: self.engine.subscriptions.topic(&queue.name.topic).is_some(),
            is_busy: queue.is_busy(),
        };
        Sight { progress: life.progress, is_excused: facts.is_excused(), limit: self.times.at(step) }
    }

    /// A file that cannot be written is told by its store, and no connection would help.
    fn commits(&self, queue: &Queue, commits: &Commits) -> Sight {
        let engine = &self.engine;
        let by_itself = engine.config.auto_commit && matches!(engine.store, Store::Broker);
        let is_wanted = commits.wanted || queue.wants_commit();
        let is_excused = !by_itself || !is_wanted || queue.stop().is_cancelled();
        Sight { progress: commits.made, is_excused, limit: self.times.commit() }
    }

    fn on_life(&mut self, queue: &Queue, life: &Life, verdict: Verdict, now: Instant) {
        let Some((stood, first)) = self.standing(queue, verdict) else { return };
        let step = if queue.stop().is_cancelled() { Step::Leave } else { life.step };
        let what = match step {
            Step::Lock => "lock",
            Step::Offset => "start_offset",
            Step::Pull => "pull",
            Step::Leave => "hand_over",
        };
        let pulls_for = life.pulls_since.map(|since| now.duration_since(since));
        // Not only as long as an answer is on its way.
        let waits = pulls_for.is_some_and(|pulls_for| pulls_for >= self.times.request_timeout);
        if first {
            let why = match &life.trouble {
                Some(Trouble::Locked) => "another member has its lock".to_owned(),
                Some(Trouble::Failed(error)) => error.text().to_owned(),
                None => silence(step, waits).to_owned(),
            };
            self.tell(queue, what, &why, stood);
        }
        if !connection_is_well(waits, life.trouble.as_ref()) {
            match &life.pulls_over {
                Some(connection) => self.give_up(connection, now),
                None => self.give_up_keeper(queue, now),
            }
        }
        if matches!(step, Step::Offset | Step::Pull) {
            queue.steps().begin_anew();
        }
    }

    fn on_commits(&mut self, queue: &Queue, commits: &Commits, verdict: Verdict, now: Instant) {
        let Some((stood, first)) = self.standing(queue, verdict) else { return };
        if first {
            let why = commits.trouble.as_ref().map_or("a commit is not answered", Error::text);
            self.tell(queue, "commit", why, stood);
        }
        let trouble = commits.trouble.clone().map(Trouble::Failed);
        if !connection_is_well(false, trouble.as_ref()) {
            self.give_up_keeper(queue, now);
        }
        queue.steps().commit_anew();
    }

    /// How long a queue stands and whether that is news; `None` when it does not.
    fn standing(&self, queue: &Queue, verdict: Verdict) -> Option<(Duration, bool)> {
        match verdict {
            Verdict::Well => None,
            Verdict::GoesOn { stood } => {
                let text = format_args!("{} goes on after {} ms", queue.name, stood.as_millis());
                self.engine.log.info("watchdog", text);
                None
            }
            Verdict::Stands { stood, first } => Some((stood, first)),
        }
    }

    fn tell(&self, queue: &Queue, what: &str, why: &str, stood: Duration) {
        let status = &self.engine.status;
        count(&status.counters.stalled, 1);
        let event = Event::stalled(&self.engine.shown(&queue.name), what, why, stood);
        self.engine.log.warn("watchdog", event.text());
        status.tell(event);
    }

    /// Ends the connection to where a queue's offsets and locks are.
    fn give_up_keeper(&mut self, queue: &Queue, now: Instant) {
        let cluster = &self.engine.cluster;
        let keeper = cluster.keeper(&queue.name.broker).ok();
        if let Some(connection) = keeper.and_then(|address| cluster.established(&address)) {
            self.give_up(&connection, now);
        }
    }

    /// Ends a connection, so that the next request makes it anew; no more than once in the watchdog's time, since the
    /// queues of a broker share it.
    fn give_up(&mut self, connection: &Connection, now: Instant) {
        if !connection.is_open() || self.reconnected.contains_key(connection.peer()) {
            return;
        }
        self.reconnected.insert(connection.peer().to_owned(), now);
        let text = format!("{}: given up by the watchdog, since a queue stands still", connection.peer());
        self.engine.log.info("watchdog", &text);
        connection.close(Error::new(ErrorKind::Disconnected, text));
    }
}

/// What is wrong when nothing was told.
fn silence(step: Step, pull_is_under_way: bool) -> &'static str {
    match step {
        Step::Lock => "its lock is neither granted nor refused",
        Step::Offset => "the question where it begins is not answered",
        Step::Pull if pull_is_under_way => "its pull is not answered",
        Step::Pull => "it is not pulled although there is room",
        Step::Leave => "its hand-over does not end",
    }
}
