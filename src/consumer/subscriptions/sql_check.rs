//! Lets brokers check SQL conditions. Nobody else can: a broker that gets a bad one with a heartbeat says
//! nothing, and its group consumes nothing.
//!
//! A condition is checked before brokers hear of it: its heartbeat would replace the condition of the other
//! members. Hence the connections on which brokers do not hear of us.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;

use super::selector::ExpressionType;
use super::subscription::Subscription;
use crate::cluster::ResponseCode;
use crate::cluster::command::CheckClientConfig;
use crate::consumer::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// A condition at a broker: topic, condition, address.
type Key = (String, String, String);

/// What brokers have said so far.
#[derive(Default)]
pub(crate) struct SqlChecks {
    accepted: Mutex<BTreeSet<Key>>,
    /// Topic and condition of refusals that were reported.
    told: Mutex<BTreeSet<(String, String)>>,
}

impl SqlChecks {
    fn is_accepted(&self, key: &Key) -> bool {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    fn accept(&self, key: Key) {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.retain(|(topic, condition, _)| *topic != key.0 || *condition == key.1);
        accepted.insert(key);
    }

    /// True when a refusal has yet to be reported.
    fn is_news(&self, topic: &str, expression: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert((topic.to_owned(), expression.to_owned()))
    }
}

/// Asks the brokers of a topic that have not accepted the condition yet; no route means nobody to ask. The
/// first refusal is the answer.
pub(crate) async fn check(engine: &Engine, subscription: &Subscription) -> Result<()> {
    if subscription.kind != ExpressionType::Sql92 {
        return Ok(());
    }
    let Some(route) = engine.cluster.route(&subscription.topic) else { return Ok(()) };
    let masters = route.brokers.values().filter_map(|ids| ids.values().next()).cloned();
    let request = CheckClientConfig {
        client_id: engine.client_id.to_string(),
        group: engine.config.group.clone(),
        namespace: None,
        subscription: subscription.data(),
    };
    let open = masters
        .map(|address| (subscription.topic.clone(), subscription.expression.clone(), address))
        .filter(|key| !engine.sql.is_accepted(key));
    let asked = open.map(|key| async {
        let answer = engine.cluster.ask_unknown(&key.2, &request).await;
        if answer.is_ok() {
            engine.sql.accept(key);
        }
        answer.map_err(|error| explain(error, subscription))
    });
    let mut answers = join_all(asked).await;
    // A refusal says more than a broker that is away.
    answers.sort_by_key(|answer| !answer.as_ref().is_err_and(is_refusal));
    answers.into_iter().collect()
}

/// Fetches the topic's route first; a topic that does not exist yet is checked when it appears.
pub(crate) async fn check_new(engine: Arc<Engine>, subscription: Subscription) -> Result<()> {
    match engine.cluster.refresh_route(&subscription.topic).await {
        Err(error) if error.kind() != ErrorKind::Broker(ResponseCode::TopicNotExist) => return Err(error),
        _ => {}
    }
    check(&engine, &subscription).await
}

/// Checks all; the first failure is the answer.
pub(crate) async fn check_all(engine: &Engine) -> Result<()> {
    let subscriptions = engine.subscriptions.all();
    let answers = join_all(subscriptions.iter().map(|subscription| check(engine, subscription))).await;
    answers.into_iter().collect()
}

/// Checks what has become possible to check since; refusals are reported, and the pulls go on being refused.
pub(crate) async fn check_later(engine: &Engine) {
    for subscription in engine.subscriptions.all() {
        if let Err(error) = check(engine, &subscription).await {
            report(engine, &subscription.topic, &subscription.expression, error);
        }
    }
}

/// Reports a refusal once for each condition; who cannot be asked is asked again later.
pub(crate) fn report(engine: &Engine, topic: &str, expression: &str, error: Error) {
    if !is_refusal(&error) {
        engine.log.warn("subscriptions", error);
    } else if engine.sql.is_news(topic, expression) {
        engine.status.report("subscriptions", error);
    }
}

/// True when a broker said no; else it could not be asked.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Broker(code) if code != ResponseCode::SystemBusy)
}

fn explain(error: Error, subscription: &Subscription) -> Error {
    let (topic, expression) = (&subscription.topic, &subscription.expression);
    // 5.5.0 and 4.9.7 answer this code only for a filter that is switched off; its text does not say how to switch it on.
    let off = error.kind() == ErrorKind::Broker(ResponseCode::SystemError);
    let error = error.context(format_args!("SQL92 {expression:?} for topic {topic}"));
    if off { error.hint("brokers filter by SQL92 with enablePropertyFilter=true only") } else { error }
}
