//! The way in: the offsets' file if there is one, routes, then heartbeats, then the tasks; each begins when the one
//! before has ended.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::coordinator::Coordinator;
use super::engine::Engine;
use super::floods::keep_telling;
use super::heartbeat::{beat_all, keep_announcing, keep_beating};
use super::offsets::keep_saving;
use super::overdue::watch_callbacks;
use super::routing::{self, keep_routes};
use super::statistics::{keep_publishing, keep_sampling};
use super::subscriptions::group_watch::keep_comparing;
use super::subscriptions::patterns::{self, keep_looking};
use super::subscriptions::sql_check;
use super::watchdog::watch_queues;
use crate::error::{Error, ErrorKind};
use crate::runtime::{Backoff, random};

/// First and longest wait between two tries to start.
const START_RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Reaches name servers and brokers, trying again until `timeout`, and starts the tasks. With a timeout of 0 it
/// tries once and leaves the rest to the tasks.
pub(super) async fn open(engine: Arc<Engine>, timeout: Duration) -> Result<(), Error> {
    engine.store.open(&engine.status).await?;
    let deadline = Instant::now() + timeout;
    let mut backoff = Backoff::new(START_RETRY.0, START_RETRY.1);
    let mut twin = Twin::default();
    let mut before: Option<Error> = None;
    let missing = loop {
        // The last try gets a little more, so that its error can say something.
        let until = deadline.max(Instant::now() + MIN_TRY);
        let (missing, failed) = reach(&engine, until).await;
        let Some(error) = failed else { break missing };
        if error.is_final {
            return Err(error.error);
        }
        // A last try that was cut short says less than the one before it.
        let error = match (error.error, before.take()) {
            (error, Some(before)) if error.kind() == ErrorKind::Timeout => before,
            (error, _) => error,
        };
        before = Some(error.clone());
        if timeout.is_zero() {
            // Whatever it was, the brokers have yet to be asked for a twin.
            engine.tasks.spawn("twin watch", watch_for_twin(Arc::clone(&engine)));
            engine.log.warn("opening", error);
            break missing;
        }
        let again = Instant::now() + backoff.next_wait(random::fraction());
        if again >= deadline || twin.stays(&error, again) {
            return Err(error);
        }
        sleep_until(again).await;
    };
    let stopped = engine.tasks.stopped().clone();
    engine.tasks.spawn("bell", engine.workers.clone().ring(stopped.clone()));
    engine.tasks.spawn("pace", engine.workers.clone().pace(stopped));
    engine.tasks.spawn("coordinator", Coordinator::new(Arc::clone(&engine)).run());
    engine.tasks.spawn("routing", keep_routes(Arc::clone(&engine), missing));
    engine.tasks.spawn("heartbeat", keep_beating(Arc::clone(&engine)));
    engine.tasks.spawn("patterns", keep_looking(Arc::clone(&engine)));
    engine.tasks.spawn("group watch", keep_comparing(Arc::clone(&engine)));
    engine.tasks.spawn("subscriptions", keep_announcing(Arc::clone(&engine)));
    engine.tasks.spawn("offset file", keep_saving(Arc::clone(&engine)));
    engine.tasks.spawn("statistics", keep_sampling(Arc::clone(&engine)));
    engine.tasks.spawn("statistics events", keep_publishing(Arc::clone(&engine)));
    engine.tasks.spawn("floods", keep_telling(Arc::clone(&engine)));
    engine.tasks.spawn("callback watch", watch_callbacks(Arc::clone(&engine)));
    engine.tasks.spawn("queue watch", watch_queues(Arc::clone(&engine)));
    Ok(())
}

/// How long another consumer with our client id may take to go: a broker forgets one that died within
/// moments, as soon as its connections end.
const TWIN_PATIENCE: Duration = Duration::from_secs(3);

/// Another consumer with our client id.
#[derive(Default)]
struct Twin {
    since: Option<Instant>,
}

impl Twin {
    /// True when a try that failed with `error` says that it is still there after [`TWIN_PATIENCE`].
    fn stays(&mut self, error: &Error, now: Instant) -> bool {
        if error.kind() != ErrorKind::DuplicateClient {
            self.since = None;
            return false;
        }
        now.duration_since(*self.since.get_or_insert(now)) >= TWIN_PATIENCE
    }
}

/// For a start that did not wait: brokers that list a consumer with our client id are not joined until it is
/// gone, and that is told once.
async fn watch_for_twin(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    let mut backoff = Backoff::new(START_RETRY.0, START_RETRY.1);
    let (mut twin, mut told) = (Twin::default(), false);
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = sleep(backoff.next_wait(random::fraction())) => {}
        }
        let failures = beat_all(&engine).await;
        let found = failures.into_iter().find(|error| error.kind() == ErrorKind::DuplicateClient);
        let known = engine.cluster.routes().all_addresses().len();
        let Some(error) = found else {
            match engine.cluster.unconnected().len() < known {
                true => return engine.rebalance.notify_one(),
                // Nobody has been asked yet.
                false => continue,
            }
        };
        if twin.stays(&error, Instant::now()) && !told {
            told = true;
            engine.status.report("opening", error);
        }
    }
}

/// What a try to start is given at least, so that its error can say something.
const MIN_TRY: Duration = Duration::from_millis(100);

/// Why a try failed.
struct Failure {
    error: Error,
    /// Trying again would not help.
    is_final: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, is_final: false }
    }
}

/// One try: the topics without a route, and what failed. Whoever does not answer until then is named.
async fn reach(engine: &Engine, until: Instant) -> (BTreeSet<String>, Option<Failure>) {
    let failed = within(until, "no name server listed its topics in time", find_topics(engine)).await.err();
    let topics = routing::subscribed(engine);
    if failed.is_some() {
        return (topics, failed);
    }
    let round = routing::refresh_until(engine, &topics, until).await;
    if let Some(error) = round.failed {
        return (round.missing, Some(error.into()));
    }
    // Before the heartbeats: see `sql_check`.
    let checked = async { sql_check::check_all(engine).await.map_err(refusal) };
    let mut failed =
        within(until, "not every broker checked the SQL92 conditions in time", checked).await.err();
    if failed.is_none() {
        let brokers = || engine.cluster.routes().all_addresses().join("; ");
        failed = match timeout_at(until, beat_all(engine)).await {
            // A second start cannot mend a twin, so that is told first.
            Ok(failures) => failures
                .into_iter()
                .min_by_key(|error| error.kind() != ErrorKind::DuplicateClient)
                .map(Failure::from),
            Err(_) => {
                let text = format!("not every broker answered the heartbeat in time: {}", brokers());
                Some(Error::new(ErrorKind::Timeout, text).into())
            }
        };
    }
    (round.missing, failed)
}

/// Subscribes to what the patterns match.
async fn find_topics(engine: &Engine) -> Result<(), Failure> {
    let look = patterns::look(engine).await?;
    look.refused.into_iter().next().map_or(Ok(()), |(_, error)| Err(refusal(error)))
}

/// A condition that a broker does not take will not be taken at the next try.
fn refusal(error: Error) -> Failure {
    Failure { is_final: sql_check::is_refusal(&error), error }
}

async fn within(
    until: Instant,
    late: &str,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let late = || Err(Error::new(ErrorKind::Timeout, late).into());
    timeout_at(until, work).await.unwrap_or_else(|_| late())
}
