//! Watches whether all members of the group subscribe to the same.
//!
//! A broker has one table of subscriptions for a group: the topics of the heartbeat that came last, and of each
//! topic the expression with the greatest version. So a member sees there that another has a newer expression or
//! more topics; whoever has the newest or the most sees itself. Three signs together leave nobody out: the table;
//! pulls that were refused because a heartbeat without the topic came in between; and the subscriptions of the
//! next member in the list, asked of it by way of the broker: when each asks its next one, some pair must differ.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::subscription::Subscription;
use super::unequal::{Difference, Told, differences};
use crate::cluster::command::{ConsumerConnections, GetConsumerConnectionList, GetConsumerRunningInfo};
use crate::consumer::engine::Engine;
use crate::consumer::event::Event;
use crate::consumer::heartbeat::beat_apart;
use crate::message::namespace;

/// At least this long between two looks: while members join, rebalances come in bursts.
const SPACING: Duration = Duration::from_secs(1);

/// At most this often a broker is told again of topics that another member's heartbeat took out of its table.
const REMIND: Duration = Duration::from_secs(5);

/// The members, and the versions of our subscriptions.
type Situation = (Vec<String>, Vec<i64>);

/// Compares after each rebalance; the timer makes one at least every `rebalance.interval.ms`.
pub(crate) async fn keep_comparing(engine: Arc<Engine>) {
    let stopped = engine.tasks.stopped().clone();
    let mut watch = Watch { engine: &engine, told: Told::default(), asked: None, round: 0, reminded: None };
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = engine.compare.notified() => {}
        }
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = watch.look() => {}
        }
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            () = sleep(SPACING) => {}
        }
    }
}

struct Watch<'a> {
    engine: &'a Arc<Engine>,
    told: Told,
    /// For which situation the next member was asked.
    asked: Option<Situation>,
    /// Brokers are asked in turn: each has a table of its own.
    round: usize,
    /// When a broker was last told again what we subscribe to.
    reminded: Option<Instant>,
}

impl Watch<'_> {
    async fn look(&mut self) {
        let Some(address) = self.broker() else { return };
        let own = self.own();
        let request = GetConsumerConnectionList { consumer_group: self.engine.config.group.clone() };
        let group = match self.engine.cluster.call(&address, &request).await {
            Ok(group) => group,
            // A broker may not let us ask; then nothing is known, and nothing is wrong with consuming.
            Err(error) => return self.engine.log.debug("group watch", error),
        };
        // What changed meanwhile is looked at again after its own announcement.
        if versions(&own) != versions(&self.own()) {
            return;
        }
        let mut others: Vec<&str> = group.clients.iter().map(String::as_str).collect();
        others.retain(|id| *id != &*self.engine.client_id);
        others.sort_unstable();
        if others.is_empty() {
            self.told.note(Instant::now(), BTreeMap::new(), |_| false);
            return self.prevail(&own, &group);
        }
        // With two members it is clear who differs.
        let member = Some(others[0]).filter(|_| others.len() == 1);
        let mut found = differences(&own, &group.subscriptions, member);
        if found.values().any(|one| one.theirs.is_none()) {
            self.remind(&address).await;
        }
        for topic in self.engine.subscriptions.take_forgotten() {
            if let Some(own) = own.iter().find(|own| own.topic == topic) {
                let only_ours = differences(&[Arc::clone(own)], &[], member);
                found.extend(
                    only_ours.into_iter().filter(|(topic, _)| !found.contains_key(topic)).collect::<Vec<_>>(),
                );
            }
        }
        for (topic, difference) in self.next_member(&address, &own, &others).await {
            found.entry(topic).or_insert(difference);
        }
        found.remove(self.engine.subscriptions.retry_topic());
        self.tell(found);
    }

    /// Puts our topics back into a broker's table, without waiting for a pull that is refused. The broker then tells
    /// everybody that the table has changed, so that members who follow a pattern look for the topic.
    async fn remind(&mut self, address: &str) {
        if self.reminded.is_some_and(|at| at.elapsed() < REMIND) {
            return;
        }
        self.reminded = Some(Instant::now());
        if let Err(error) = beat_apart(self.engine, address).await {
            self.engine.log.warn("group watch", error);
        }
    }

    /// One of the brokers that list the group, another one each time.
    fn broker(&mut self) -> Option<String> {
        let cluster = &self.engine.cluster;
        let mut addresses = cluster.routes().all_addresses();
        addresses.retain(|address| cluster.established(address).is_some());
        self.round += 1;
        addresses.get(self.round % addresses.len().max(1)).cloned()
    }

    fn own(&self) -> Vec<Arc<Subscription>> {
        self.engine.subscriptions.all()
    }

    /// How the next member in the sorted list differs from us; asked once for each situation.
    async fn next_member(
        &mut self,
        address: &str,
        own: &[Arc<Subscription>],
        others: &[&str],
    ) -> BTreeMap<String, Difference> {
        let situation: Situation = (others.iter().map(|id| (*id).to_owned()).collect(), versions(own));
        if self.asked.as_ref() == Some(&situation) {
            return BTreeMap::new();
        }
        self.asked = Some(situation);
        let me = &*self.engine.client_id;
        let Some(next) = others.iter().find(|id| **id > me).or(others.first()) else {
            return BTreeMap::new();
        };
        let request = GetConsumerRunningInfo {
            consumer_group: self.engine.config.group.clone(),
            client_id: Some((*next).to_owned()),
            threads: Some(false),
        };
        match self.engine.cluster.call(address, &request).await {
            Ok(answer) => differences(own, &answer.subscriptions, Some(next)),
            // Not every client answers this, and not every broker lets us ask.
            Err(error) => {
                self.engine.log.debug("group watch", error);
                BTreeMap::new()
            }
        }
    }

    /// Alone in the group, and the broker still has the newer expression of a member that has left: it would go
    /// on filtering by that one.
    fn prevail(&self, own: &[Arc<Subscription>], group: &ConsumerConnections) {
        for topic in differences(own, &group.subscriptions, None).keys() {
            let newer = |s: &&Arc<Subscription>| {
                let theirs = group.subscriptions.iter().find(|theirs| theirs.topic == s.topic);
                s.topic == *topic && theirs.is_some_and(|theirs| theirs.version >= s.version)
            };
            if own.iter().any(|s| newer(&s)) {
                let text =
                    format_args!("topic {topic}: the broker filters as a member that left; announced anew");
                self.engine.log.info("group watch", text);
                self.engine.subscriptions.renew(topic);
                self.engine.resubscribed.notify_one();
            }
        }
    }

    fn tell(&mut self, found: BTreeMap<String, Difference>) {
        let subscriptions = &self.engine.subscriptions;
        // Somebody has found a topic that we have yet to look for.
        if found.iter().any(|(topic, one)| one.ours.is_none() && subscriptions.is_by_pattern(topic)) {
            self.engine.repattern.notify_one();
        }
        let space = &self.engine.config.namespace_prefix;
        let group = namespace::unwrap(space, &self.engine.config.group);
        for (topic, difference) in
            self.told.note(Instant::now(), found, |topic| subscriptions.is_by_pattern(topic))
        {
            let topic = namespace::unwrap(space, &topic);
            let text = format!(
                "members of group {group} subscribe differently to topic {topic}: {difference}; messages may be lost to the group"
            );
            self.engine.log.warn("group watch", &text);
            let details = json!({
                "topic": topic,
                "ours": difference.ours,
                "theirs": difference.theirs,
                "member": difference.member,
            });
            let details = details.as_object().cloned().unwrap_or_default();
            self.engine.status.tell(Event::warning("unequal_subscriptions", text, details));
        }
    }
}

fn versions(subscriptions: &[Arc<Subscription>]) -> Vec<i64> {
    subscriptions.iter().map(|subscription| subscription.version).collect()
}
