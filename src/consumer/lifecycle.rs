//! What starts a consumer and what stops it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::allocator::{Allocator, Custom};
use super::callback_thread::CallbackThread;
use super::dispatch::MessageHandler;
use super::engine::Engine;
use super::events::EventHandler;
use super::identity;
use super::leaving::leave;
use super::offsets;
use super::opening::open;
use super::state::{Progress, State, not_in};
use super::statistics::Look;
use super::status::Status;
use super::subscriptions::Subscriptions;
use super::tuning::Tuning;
use crate::cluster::Route;
use crate::config::{ConsumerConfig, MessageModel};
use crate::error::{Error, ErrorKind, Result};
use crate::log::Log;
use crate::message::namespace;
use crate::runtime::threads::Promise;
use crate::runtime::turn::Turn;
use crate::runtime::{IoThreads, Tasks};

/// What the handle shares.
pub(super) struct Inner {
    pub(super) config: ConsumerConfig,
    pub(super) client_id: Arc<str>,
    /// Where the offsets are, in broadcasting.
    pub(super) offset_file: Option<PathBuf>,
    pub(super) log: Log,
    pub(super) status: Arc<Status>,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) handler: Mutex<Option<Arc<dyn MessageHandler>>>,
    pub(super) allocator: Mutex<Option<Arc<dyn Allocator>>>,
    pub(super) event_handler: Mutex<Option<Arc<dyn EventHandler>>>,
    pub(super) callback_thread: CallbackThread,
    pub(super) tuning: Tuning,
    pub(super) state: Arc<Progress>,
    /// Taken while a start or a stop is under way, so that they cannot cross.
    turn: Turn,
    run: Mutex<Option<Run>>,
    /// For calls that must not wait for a start or a stop.
    engine: RwLock<Option<Arc<Engine>>>,
}

/// A started consumer's threads and tasks.
struct Run {
    engine: Arc<Engine>,
    io: IoThreads,
    connections: Tasks,
    /// The thread that brings events to a callback.
    event_thread: Option<JoinHandle<()>>,
    /// Set once a shutdown has begun.
    leaving: Option<Promise<()>>,
    /// All is left, but for the end of the event callback.
    left: bool,
}

impl Run {
    fn begin_to_leave(&mut self) -> &Promise<()> {
        // At once, not when the tasks come to it.
        self.engine.workers.refuse_polls();
        let (engine, connections) = (Arc::clone(&self.engine), self.connections.clone());
        self.leaving.get_or_insert_with(|| self.io.run(leave(engine, connections)))
    }
}

impl Inner {
    pub(super) fn new(mut config: ConsumerConfig, log: Log) -> Result<Inner> {
        // Inside, groups and topics have the names that brokers know.
        config.group = namespace::wrap(&config.namespace_prefix, &config.group);
        let client_id: Arc<str> = identity::client_id(&config).into();
        let status = Status::new(log, config.log_queue.then_some(config.log_level));
        Ok(Inner {
            offset_file: offsets::file_of(&config, &client_id)?,
            client_id,
            log: status.log().clone(),
            status: Arc::new(status),
            subscriptions: Arc::new(match config.model {
                MessageModel::Clustering => Subscriptions::new(&config.group),
                MessageModel::Broadcasting => Subscriptions::without_retry(&config.group),
            }),
            handler: Mutex::default(),
            allocator: Mutex::default(),
            event_handler: Mutex::default(),
            callback_thread: CallbackThread::default(),
            tuning: Tuning::default(),
            state: Arc::default(),
            turn: Turn::default(),
            run: Mutex::default(),
            engine: RwLock::default(),
            config,
        })
    }

    pub(super) fn start(&self) -> Result<()> {
        let _turn = self
            .turn
            .take(self.config.start_timeout)
            .ok_or_else(|| Error::new(ErrorKind::State, "start: another start or a shutdown is under way"))?;
        let handler = {
            // Held until the state has changed, so that no other callback can be set in between.
            let (handler, allocator) = (lock(&self.handler), lock(&self.allocator));
            self.require_created("start")?;
            Custom::is_complete(&self.config.strategy, allocator.is_some())?;
            self.state.enter(State::Starting);
            handler.clone()
        };
        match self.open(handler) {
            Ok(started) => {
                *lock(&self.run) = Some(started);
                self.state.enter(State::Running);
                Ok(())
            }
            Err(error) => {
                self.state.enter(State::Created);
                Err(error.context("start"))
            }
        }
    }

    fn open(&self, handler: Option<Arc<dyn MessageHandler>>) -> Result<Run> {
        let io = IoThreads::start(self.config.io_threads).map_err(|e| {
            Error::new(ErrorKind::Thread, format!("cannot start {} I/O threads: {e}", self.config.io_threads))
        })?;
        let (engine, connections) = self.assemble(&io, handler);
        if self.subscriptions.is_empty() {
            let text =
                "started without a subscription: nothing comes before rmq_consumer_subscribe is called";
            self.log.warn("lifecycle", text);
        }
        let event_thread = self.start_events()?;
        // Before the first callback may come, which must be known as one of this consumer.
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&engine));
        self.tuning.apply(&engine);
        let timeout = self.config.start_timeout;
        let opened = io.run(open(Arc::clone(&engine), timeout));
        // The future bounds itself; the margin is for a machine that is slow to run it.
        let result = opened.wait(timeout + START_MARGIN).unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Timeout, format!("not done within {} ms", timeout.as_millis())))
        });
        let mut run = Run { engine, io, connections, event_thread, leaving: None, left: false };
        match result {
            Ok(()) => Ok(run),
            Err(error) => {
                self.leave(&mut run, self.config.shutdown_timeout);
                self.close(run);
                self.status.events().reopen();
                self.status.wakeup().reopen();
                Err(error)
            }
        }
    }

    /// Begins to stop and does not wait; whoever calls [`Inner::shutdown`] or [`Inner::wait_stopped`] does.
    pub(super) fn request_stop(&self) -> Result<()> {
        let is_stopping = || matches!(self.state(), State::Stopping | State::Stopped);
        let turn = self.turn.take(Duration::ZERO).or_else(|| match self.state() {
            State::Starting | State::Stopping | State::Stopped => None,
            // Another stop begins just now, or a start is being refused.
            _ => self.turn.take(MOMENT),
        });
        let Some(_turn) = turn else {
            return match is_stopping() {
                true => Ok(()),
                false => Err(Error::new(ErrorKind::State, "request to stop: a start is under way")),
            };
        };
        match &mut *lock(&self.run) {
            Some(run) => {
                self.state.enter(State::Stopping);
                run.begin_to_leave();
            }
            None => self.end_unstarted(),
        }
        Ok(())
    }

    /// Waits until somebody asks for a stop, then for its end. `None` waits without a bound.
    pub(super) fn wait_stopped(&self, timeout: Option<Duration>) -> Result<()> {
        self.refuse_callback_thread("wait for the stop")?;
        if self.state() == State::Created {
            return Err(not_in(State::Created, "wait for the stop"));
        }
        let (timeout, begun) = (timeout.unwrap_or(FOREVER), Instant::now());
        if !self.state.wait_for(|state| !matches!(state, State::Starting | State::Running), timeout) {
            let text = format!("wait for the stop: nobody asked for one within {} ms", timeout.as_millis());
            return Err(Error::new(ErrorKind::Timeout, text));
        }
        match self.state() {
            State::Stopped => Ok(()),
            // The start that was under way has failed.
            state @ (State::Created | State::Fatal) => Err(not_in(state, "wait for the stop")),
            _ => self.shutdown(Some(timeout.saturating_sub(begun.elapsed()))),
        }
    }

    pub(super) fn refuse_callback_thread(&self, what: &str) -> Result<()> {
        if self.is_callback_thread() {
            let text = format!("{what}: not from a callback of the same consumer; do it on another thread");
            return Err(Error::new(ErrorKind::InCallback, text));
        }
        Ok(())
    }

    fn end_unstarted(&self) {
        self.state.enter(State::Stopped);
        self.status.close_events();
        self.status.wakeup().close().ring();
    }

    pub(super) fn shutdown(&self, timeout: Option<Duration>) -> Result<()> {
        self.refuse_callback_thread("shutdown")?;
        let timeout = timeout.unwrap_or(self.config.shutdown_timeout);
        let deadline = Instant::now() + timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        let _turn = self.turn.take(left()).ok_or_else(|| {
            Error::new(ErrorKind::Timeout, "shutdown: a start or another shutdown is still under way")
        })?;
        let Some(mut run) = lock(&self.run).take() else {
            self.end_unstarted();
            self.status.wakeup().silence();
            return Ok(());
        };
        self.state.enter(State::Stopping);
        if !self.leave(&mut run, left()) {
            let mut callbacks = run.engine.workers.running();
            if run.left {
                callbacks.push("rmq-event".to_owned());
            }
            let unsettled = run.engine.workers.unsettled();
            callbacks.extend(run.engine.direct.running().into_iter().map(|(thread, _, _)| thread));
            let tasks = run.engine.tasks.running();
            *lock(&self.run) = Some(run);
            return Err(still_running(timeout, &callbacks, unsettled, &tasks));
        }
        self.close(run);
        self.status.wakeup().silence();
        self.state.enter(State::Stopped);
        Ok(())
    }

    /// Begins to leave, or goes on waiting for it. True when done.
    fn leave(&self, run: &mut Run, timeout: Duration) -> bool {
        let begun = Instant::now();
        run.left = run.left || run.begin_to_leave().wait(timeout).is_some();
        let text = format_args!("left: {}, after {} ms", run.left, begun.elapsed().as_millis());
        self.log.debug("lifecycle", text);
        if run.left {
            self.status.close_events();
        }
        run.left && self.status.events().delivered(timeout.saturating_sub(begun.elapsed()))
    }

    /// Joins all threads of a consumer that has left.
    fn close(&self, run: Run) {
        run.engine.workers.join();
        run.engine.direct.join();
        run.engine.custom.join();
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = None;
        run.io.stop(RESOLVER_BOUND);
        if let Some(thread) = run.event_thread {
            // A panic of the callback was caught around it; there is nothing to learn here.
            let _ = thread.join();
        }
    }

    pub(super) fn state(&self) -> State {
        self.state.state()
    }

    /// What stands before topics and groups at the brokers.
    pub(super) fn namespace_prefix(&self) -> &str {
        &self.config.namespace_prefix
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn last_error(&self) -> Option<Error> {
        self.status.last_error()
    }

    pub(super) fn fatal_error(&self) -> Option<Error> {
        self.status.fatal_error()
    }

    pub(super) fn status(&self) -> &Status {
        &self.status
    }

    pub(super) fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    pub(super) fn route(&self, topic: &str) -> Result<Arc<Route>> {
        let engine = self.engine().ok_or_else(|| not_in(self.state(), "route"))?;
        engine.cluster.route(&namespace::wrap(self.namespace_prefix(), topic)).ok_or_else(|| {
            let text = format!("topic is {topic:?}: it has no route here; it is not subscribed or not known");
            Error::new(ErrorKind::NoRoute, text)
        })
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn config(&self) -> &ConsumerConfig {
        &self.config
    }

    pub(super) fn stats_json(&self) -> String {
        let engine = self.engine();
        Look {
            config: &self.config,
            client_id: &self.client_id,
            state: self.state(),
            status: &self.status,
            subscriptions: &self.subscriptions,
            engine: engine.as_deref(),
        }
        .json()
    }

    pub(super) fn is_callback_thread(&self) -> bool {
        self.callback_thread.is_current()
    }

    pub(super) fn mark_fatal(&self, why: &str) {
        self.status.report_fatal("lifecycle", Error::new(ErrorKind::Panic, why));
        self.state.enter(State::Fatal);
        if let Some(engine) = self.engine() {
            engine.workers.refuse_polls();
        }
    }

    pub(super) fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps a start from beginning while it is held.
    pub(super) fn starting(&self) -> MutexGuard<'_, Option<Arc<dyn MessageHandler>>> {
        lock(&self.handler)
    }

    pub(super) fn require_created(&self, what: &str) -> Result<()> {
        match self.state() {
            State::Created => Ok(()),
            state => Err(not_in(state, what)),
        }
    }

    pub(super) fn refuse_ended(&self, what: &str) -> Result<()> {
        match self.state() {
            State::Created | State::Starting | State::Running => Ok(()),
            state => Err(not_in(state, what)),
        }
    }
}

impl Drop for Inner {
    /// Without a shutdown nothing is awaited or committed; threads end by themselves.
    fn drop(&mut self) {
        if let Some(run) = lock(&self.run).take() {
            run.engine.tasks.stop();
            run.engine.workers.close();
            run.engine.direct.close();
            run.engine.cluster.close();
            run.io.abandon();
            self.status.close_events();
        }
    }
}

/// A slow machine may take this long beyond `start.timeout.ms`.
const START_MARGIN: Duration = Duration::from_secs(2);

/// How long a call that only looks at the state may hold the turn.
const MOMENT: Duration = Duration::from_secs(1);

/// A wait without a bound, for waits that need one.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How long a name resolution that hangs in the system's resolver is waited for.
const RESOLVER_BOUND: Duration = Duration::from_secs(1);

fn still_running(timeout: Duration, callbacks: &[String], unsettled: usize, tasks: &[String]) -> Error {
    let callbacks = match callbacks {
        [] => None,
        [one] => Some(format!("1 callback still running ({one})")),
        many => Some(format!("{} callbacks still running ({})", many.len(), many.join(", "))),
    };
    let unsettled = match unsettled {
        0 => None,
        1 => Some("1 message is not settled".to_owned()),
        many => Some(format!("{many} messages are not settled")),
    };
    let what: Vec<String> = callbacks.into_iter().chain(unsettled).collect();
    let what = match what.is_empty() {
        true => format!("{} tasks still running ({})", tasks.len(), tasks.join(", ")),
        false => what.join(", "),
    };
    let text = format!("shutdown: {what} after {} ms; call it again to wait on", timeout.as_millis());
    Error::new(ErrorKind::Timeout, text)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_the_state_and_the_way_on() {
        let text = |state| not_in(state, "start").text().to_owned();
        assert_eq!(text(State::Running), "start: the consumer is running; it was started already");
        assert_eq!(
            text(State::Stopped),
            "start: the consumer is stopped; make a new one with rmq_consumer_new"
        );
    }
}
