//! The way in: routes, then heartbeats, then the tasks; each begins when the one before has ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::coordinator::Coordinator;
use super::engine::Engine;
use super::heartbeat::{beat_all, keep_announcing, keep_beating};
use super::overdue::watch_callbacks;
use super::routing::{self, keep_routes};
use super::statistics::keep_sampling;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, random};

/// First and longest wait between two tries to start.
const START_RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Reaches name servers and brokers, trying again until `timeout`, and starts the tasks. With a timeout of 0 it
/// tries once and leaves the rest to the tasks.
pub(super) async fn open(engine: Arc<Engine>, timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + timeout;
    let mut backoff = Backoff::new(START_RETRY.0, START_RETRY.1);
    let topics = routing::subscribed(&engine);
    let mut twin = Twin::default();
    let missing = loop {
        // The last try gets a little more, so that its error can say something.
        let until = deadline.max(Instant::now() + MIN_TRY);
        let (missing, failed) = reach(&engine, &topics, until).await;
        let Some(error) = failed else { break missing };
        if timeout.is_zero() {
            if error.kind() == ErrorKind::DuplicateClient {
                engine.tasks.spawn("twin watch", wait_for_twin(Arc::clone(&engine)));
            }
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
    engine.tasks.spawn("bell", engine.workers.clone().ring(stopped));
    engine.tasks.spawn("coordinator", Coordinator::new(Arc::clone(&engine)).run());
    engine.tasks.spawn("routing", keep_routes(Arc::clone(&engine), missing));
    engine.tasks.spawn("heartbeat", keep_beating(Arc::clone(&engine)));
    engine.tasks.spawn("subscriptions", keep_announcing(Arc::clone(&engine)));
    engine.tasks.spawn("statistics", keep_sampling(Arc::clone(&engine)));
    engine.tasks.spawn("callback watch", watch_callbacks(Arc::clone(&engine)));
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
async fn wait_for_twin(engine: Arc<Engine>) {
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
        let Some(error) = found else { return engine.rebalance.notify_one() };
        if twin.stays(&error, Instant::now()) && !told {
            told = true;
            engine.status.report("opening", error);
        }
    }
}

/// What a try to start is given at least, so that its error can say something.
const MIN_TRY: Duration = Duration::from_millis(100);

/// One try: the topics without a route, and what failed. Whoever does not answer until then is named.
async fn reach(
    engine: &Engine,
    topics: &BTreeSet<String>,
    until: Instant,
) -> (BTreeSet<String>, Option<Error>) {
    let round = routing::refresh_until(engine, topics, until).await;
    if round.failed.is_some() {
        return (round.missing, round.failed);
    }
    let failed = match timeout_at(until, beat_all(engine)).await {
        // A second start cannot mend a twin, so that is told first.
        Ok(failures) => failures.into_iter().min_by_key(|error| error.kind() != ErrorKind::DuplicateClient),
        Err(_) => {
            let brokers = engine.cluster.routes().all_addresses().join("; ");
            let text = format!("not every broker answered the heartbeat in time: {brokers}");
            Some(Error::new(ErrorKind::Timeout, text))
        }
    };
    (round.missing, failed)
}
