//! Keeps the routes of all subscribed topics up to date.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::engine::Engine;
use super::heartbeat::announce;
use super::lost::Lost;
use super::subscriptions::sql_check;
use crate::cluster::ResponseCode;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, random};

/// First and longest wait before a topic without a route is looked for again. A new group's retry topic
/// comes up a moment after the first heartbeat; a topic that somebody has yet to create may take long.
const MISSING: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// At least this long between two rounds, however many ask for one.
const SPACING: Duration = Duration::from_millis(100);

/// What a round of questions brought.
#[derive(Default)]
pub(crate) struct Round {
    /// Some route differs from before.
    pub(crate) changed: bool,
    /// Topics without a route.
    pub(crate) missing: BTreeSet<String>,
    /// Those of them of which a name server said that it does not know them.
    pub(crate) unknown: BTreeSet<String>,
    /// The last failure to reach a name server at all.
    pub(crate) failed: Option<Error>,
}

/// Asks for the routes of these topics, all at once.
pub(crate) async fn refresh(engine: &Engine, topics: &BTreeSet<String>) -> Round {
    let asked = topics.iter().map(|topic| async move {
        let answer: Result<bool> = engine.cluster.refresh_route(topic).await;
        (topic, answer)
    });
    let mut round = Round::default();
    for (topic, answer) in join_all(asked).await {
        match answer {
            Ok(changed) => round.changed |= changed,
            Err(error) if error.kind() == ErrorKind::Broker(ResponseCode::TopicNotExist) => {
                if engine.cluster.route(topic).is_none() {
                    round.missing.insert(topic.clone());
                    round.unknown.insert(topic.clone());
                }
            }
            Err(error) => {
                if engine.cluster.route(topic).is_none() {
                    round.missing.insert(topic.clone());
                }
                round.failed = Some(error);
            }
        }
    }
    round
}

/// The same, given up at `until`; then the name servers that kept silent are named.
pub(crate) async fn refresh_until(engine: &Engine, topics: &BTreeSet<String>, until: Instant) -> Round {
    timeout_at(until, refresh(engine, topics)).await.unwrap_or_else(|_| {
        let text = format!("no name server answered in time: {}", engine.cluster.name_servers().join("; "));
        let failed = Some(Error::new(ErrorKind::NoNameServer, text));
        Round { missing: topics.clone(), failed, ..Round::default() }
    })
}

/// Every subscribed topic, the retry topic too.
pub(crate) fn subscribed(engine: &Engine) -> BTreeSet<String> {
    engine.subscriptions.all().iter().map(|subscription| subscription.topic.clone()).collect()
}

/// Refreshes on the timer, when told to or when a broker's connection ends, and often while a topic has no
/// route or a broker is lost. `missing` are the topics that the start did not find; they are asked for again a
/// moment later, and told of then.
pub(crate) async fn keep_routes(engine: Arc<Engine>, mut missing: BTreeSet<String>) {
    let stopped = engine.tasks.stopped().clone();
    let interval = engine.config.name_server_interval;
    let mut backoff = Backoff::new(MISSING.0, MISSING.1);
    let mut search = Search::default();
    let mut warned = BTreeSet::new();
    let mut reachable = true;
    let mut next_full = Instant::now() + interval;
    loop {
        search.look(&engine);
        let next_search = search.next.unwrap_or(next_full);
        let next_missing = match missing.is_empty() {
            true => next_full,
            false => Instant::now() + backoff.next_wait(random::fraction()),
        };
        let full = tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = engine.reroute.notified() => true,
            () = engine.cluster.broker_lost() => true,
            () = sleep_until(next_full.min(next_missing).min(next_search)) => {
                Instant::now() >= next_full.min(next_search)
            }
        };
        let topics = match full {
            true => subscribed(&engine),
            false => missing.intersection(&subscribed(&engine)).cloned().collect(),
        };
        let round = tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            round = refresh(&engine, &topics) => round,
        };
        if full {
            next_full = Instant::now() + interval;
            backoff.reset();
        }
        if round.failed.is_some() == reachable {
            reachable = round.failed.is_none();
            match &round.failed {
                Some(error) => engine.log.warn("routing", error),
                None => engine.log.info("routing", "a name server answers again"),
            }
        }
        warn_unknown(&engine, &round.unknown, &mut warned);
        missing = round.missing;
        // Before the announcement: brokers shall not hear of a condition that they cannot read.
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = sql_check::check_later(&engine) => {}
        }
        if round.changed {
            announce(&engine).await;
        } else if full {
            reconnect(&engine).await;
        }
        sleep(SPACING).await;
    }
}

/// First and longest wait before a lost broker is looked for again.
const SEARCH: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// When to look for lost brokers again.
struct Search {
    lost: Lost,
    backoff: Backoff,
    /// `None` while none is lost.
    next: Option<Instant>,
}

impl Default for Search {
    fn default() -> Search {
        Search { lost: Lost::default(), backoff: Backoff::new(SEARCH.0, SEARCH.1), next: None }
    }
}

impl Search {
    /// Lost is a broker that left a route, and one of the routes that we are not connected to.
    fn look(&mut self, engine: &Engine) {
        let absent = engine.cluster.routes().absent();
        let names = absent.into_iter().map(|(name, id)| format!("{name}/{id}"));
        let missing = names.chain(engine.cluster.unconnected()).collect();
        let now = Instant::now();
        if self.lost.update(missing, now.into_std()) {
            self.backoff.reset();
            self.next = None;
        }
        if !self.lost.is_wanted(now.into_std()) {
            self.next = None;
        } else if self.next.is_none_or(|next| next <= now) {
            self.next = Some(now + self.backoff.next_wait(random::fraction()));
        }
    }
}

/// How long a broker that is lost may take to be connected to, so that it delays nobody.
const RECONNECT: Duration = Duration::from_millis(500);

/// Makes the connections that are missing: a broker that has none of ours takes us for gone.
async fn reconnect(engine: &Engine) {
    let lost = engine.cluster.unconnected();
    let made = join_all(lost.iter().map(|address| timeout(RECONNECT, engine.cluster.connect(address)))).await;
    for error in made.into_iter().flatten().filter_map(Result::err) {
        engine.log.debug("routing", error);
    }
}

/// A topic that does not exist is waited for, and told once.
fn warn_unknown(engine: &Engine, unknown: &BTreeSet<String>, warned: &mut BTreeSet<String>) {
    for topic in unknown {
        if topic != engine.subscriptions.retry_topic() && warned.insert(topic.clone()) {
            let text = format_args!("topic {topic} has no route yet; it is consumed when it appears");
            engine.log.warn("routing", text);
        }
    }
}
