//! What the coordinator asks the strategy: the own share of a topic, and who had a queue before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::allocator::{Division, Share};
use super::engine::Engine;
use super::event::Event;
use super::handover::PreviousOwner;
use super::rebalance::{self, configuration};
use crate::config::Strategy;
use crate::error::Result;
use crate::message::MessageQueue;

/// Remembers what was complained of, so that it is told once as long as it lasts.
#[derive(Default)]
pub(super) struct Allocation {
    complaints: BTreeMap<String, String>,
}

impl Allocation {
    /// The share of this member. `None` when the strategy could not say: what is owned then stays as it is.
    pub(super) async fn divide(
        &mut self,
        engine: &Engine,
        topic: &str,
        queues: &[MessageQueue],
        members: &[String],
    ) -> Option<BTreeSet<MessageQueue>> {
        if engine.config.strategy == Strategy::Custom {
            let share = ask(engine, topic, queues, members).await;
            if self.is_news(topic, share.as_ref().err().map(|error| error.text()))
                && let Err(error) = &share
            {
                engine.status.report("allocation", error.clone());
            }
            return share.ok();
        }
        let owners = owners(engine, topic, queues, members);
        if let Strategy::Configuration(named) = &engine.config.strategy {
            let complaint = configuration::complaint(topic, queues, &owners, named);
            if self.is_news(topic, complaint.as_deref())
                && let Some(text) = complaint
            {
                engine.log.warn("allocation", &text);
                let details = Map::from_iter([("topic".to_owned(), Value::from(topic))]);
                engine.status.tell(Event::warning("unowned_queues", text, details));
            }
        }
        Some(rebalance::share(&owners, &engine.client_id, queues, members))
    }

    /// Who had a queue when the group had these members.
    pub(super) fn owner(engine: &Engine, queue: &MessageQueue, members: &[String]) -> PreviousOwner {
        match &engine.config.strategy {
            // The other members may have divided by something else.
            Strategy::Custom | Strategy::Configuration(_) => PreviousOwner::Unknown,
            _ => {
                let Some(route) = engine.cluster.route(&queue.topic) else { return PreviousOwner::Unknown };
                let owners = owners(engine, &queue.topic, &route.queues, members);
                let at = route.queues.iter().position(|other| other == queue);
                let owner = at.and_then(|at| owners[at]).map(|owner| members[owner].clone());
                owner.map_or(PreviousOwner::Nobody, PreviousOwner::Member)
            }
        }
    }

    /// True for a complaint that was not told yet, or that was over meanwhile.
    fn is_news(&mut self, topic: &str, complaint: Option<&str>) -> bool {
        let before = match complaint {
            Some(text) => self.complaints.insert(topic.to_owned(), text.to_owned()),
            None => self.complaints.remove(topic),
        };
        complaint.is_some() && before.as_deref() != complaint
    }
}

/// The owners by the strategy; of a retry topic every queue has one.
fn owners(engine: &Engine, topic: &str, queues: &[MessageQueue], members: &[String]) -> Vec<Option<usize>> {
    let mut owners = rebalance::owners(&engine.config.strategy, queues, members);
    if topic == engine.subscriptions.retry_topic() {
        rebalance::leave_none(&mut owners, members.len());
    }
    owners
}

/// Asks the user's own strategy.
async fn ask(
    engine: &Engine,
    topic: &str,
    queues: &[MessageQueue],
    members: &[String],
) -> Result<BTreeSet<MessageQueue>> {
    // Somebody who is not in the list owns nothing, and needs not ask.
    if !members.iter().any(|member| **member == *engine.client_id) {
        return Ok(BTreeSet::new());
    }
    let division = Division {
        topic: topic.to_owned(),
        client_id: engine.client_id.to_string(),
        members: members.to_vec(),
        queues: queues.to_vec(),
    };
    match engine.custom.ask(&engine.tasks, division).await? {
        Share::Queues(indexes) => Ok(indexes.iter().map(|index| queues[*index].clone()).collect()),
        Share::Avg => {
            let owners = rebalance::owners(&Strategy::Avg, queues, members);
            Ok(rebalance::share(&owners, &engine.client_id, queues, members))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_told_once_as_long_as_it_lasts() {
        let mut allocation = Allocation::default();
        let mut told = |complaint| allocation.is_news("T", complaint);
        assert!(!told(None) && told(Some("a")) && !told(Some("a")) && told(Some("b")));
        assert!(!told(None) && told(Some("b")));
    }
}
