//! Follows the topics that patterns match.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::sleep;

use super::selector::ExpressionType;
use super::sql_check;
use super::subscription::Subscription;
use super::topic_pattern::TopicPattern;
use crate::cluster::command::{GetAllTopics, GetSystemTopics};
use crate::consumer::engine::Engine;
use crate::error::{Error, Result};

/// What a look for topics brought.
#[derive(Default)]
pub(crate) struct Look {
    /// Topics were subscribed or let go.
    pub(crate) changed: bool,
    /// Topics that are not subscribed because a broker refuses their SQL condition, and why.
    pub(crate) refused: Vec<(Subscription, Error)>,
}

/// Looks for topics once: subscribes to new ones and lets those go that are gone.
pub(crate) async fn look(engine: &Engine) -> Result<Look> {
    if engine.subscriptions.patterns().is_empty() {
        return Ok(Look::default());
    }
    let all = engine.cluster.ask_name_server(&GetAllTopics {}).await?;
    // Names of clusters and brokers, which have topics of their names.
    let owners = engine.cluster.ask_name_server(&GetSystemTopics {}).await?;
    let mut found = engine.subscriptions.look(&all.topics, &owners.topics);
    let refused = check_new(engine, &found).await?;
    for (subscription, _) in &refused {
        found.remove(&subscription.topic);
    }
    let (new, gone) = engine.subscriptions.apply(&found);
    for topic in &new {
        engine.log.info("patterns", format_args!("topic {topic} is found and subscribed"));
    }
    for topic in &gone {
        engine.log.info("patterns", format_args!("topic {topic} is gone"));
        engine.cluster.routes().remove(topic);
    }
    Ok(Look { changed: !new.is_empty() || !gone.is_empty(), refused })
}

/// Lets brokers check the SQL conditions of topics that are new, and answers the refusals.
async fn check_new(
    engine: &Engine,
    found: &BTreeMap<String, TopicPattern>,
) -> Result<Vec<(Subscription, Error)>> {
    let mut refused = Vec::new();
    for (topic, pattern) in found.iter().filter(|(_, found)| found.selector.kind == ExpressionType::Sql92) {
        let Some(subscription) = engine.subscriptions.preview(topic, &pattern.selector)? else { continue };
        engine.cluster.refresh_route(topic).await?;
        match sql_check::check(engine, &subscription).await {
            Err(error) if sql_check::is_refusal(&error) => {
                refused.push((subscription, error.context(format_args!("pattern {:?}", pattern.text))));
            }
            checked => checked?,
        }
    }
    Ok(refused)
}

/// Looks on the timer of the name server, and when told to.
pub(crate) async fn keep_looking(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = engine.repattern.notified() => {}
            () = sleep(engine.config.name_server_interval) => {}
        }
        let looked = tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            looked = look(&engine) => looked,
        };
        match looked {
            Ok(Look { changed, refused }) => {
                if changed {
                    engine.resubscribed.notify_one();
                }
                for (subscription, error) in refused {
                    sql_check::report(&engine, &subscription.topic, &subscription.expression, error);
                }
            }
            Err(error) => engine.log.warn("patterns", error),
        }
    }
}
