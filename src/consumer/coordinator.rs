//! Owns the assignment: the only task that takes queues and gives them up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::engine::Engine;
use super::heartbeat::beat_apart;
use super::ownership::own;
use super::queue::Queue;
use super::rebalance::{self, Delta};
use crate::cluster::Route;
use crate::cluster::command::GetConsumerList;
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;

/// After a rebalance that could not be completed, as in Java.
const AGAIN: Duration = Duration::from_secs(1);

/// See the module's doc.
pub(crate) struct Coordinator {
    engine: Arc<Engine>,
    owned: BTreeMap<MessageQueue, Arc<Queue>>,
    ended: (mpsc::UnboundedSender<MessageQueue>, mpsc::UnboundedReceiver<MessageQueue>),
    /// The members as they were before this one joined or the list last changed.
    previous_members: Vec<String>,
    members: Vec<String>,
    /// The group has this client id twice, and that was reported.
    duplicate: bool,
}

impl Coordinator {
    /// Owns nothing yet.
    pub(crate) fn new(engine: Arc<Engine>) -> Coordinator {
        Coordinator {
            engine,
            owned: BTreeMap::new(),
            ended: mpsc::unbounded_channel(),
            previous_members: Vec::new(),
            members: Vec::new(),
            duplicate: false,
        }
    }

    /// Rebalances at once, whenever told to, and on the timer; at the stop gives everything up and ends
    /// when the last queue is handed over.
    pub(crate) async fn run(mut self) {
        let stopped = self.engine.tasks.stopped().clone();
        loop {
            // Told of changes during the rebalance means one more afterwards.
            let complete = tokio::select! {
                biased;
                () = stopped.cancelled() => break,
                complete = self.rebalance() => complete,
            };
            let pause = if complete { self.engine.config.rebalance_interval } else { AGAIN };
            let next = Instant::now() + pause;
            tokio::select! {
                biased;
                () = stopped.cancelled() => break,
                () = self.engine.rebalance.notified() => {}
                Some(queue) = self.ended.1.recv() => self.forget(&queue),
                () = sleep_until(next) => {}
            }
        }
        self.give_up_all().await;
    }

    /// Brings the assignment in line with the group's members and the topics' queues. False when something
    /// could not be found out; what is owned of that topic then stays as it is.
    async fn rebalance(&mut self) -> bool {
        while let Ok(queue) = self.ended.1.try_recv() {
            self.forget(&queue);
        }
        let subscriptions = self.engine.subscriptions.all();
        let mut complete = true;
        let mut due: BTreeMap<String, Option<BTreeSet<MessageQueue>>> = BTreeMap::new();
        let topics: Vec<Topic> = subscriptions.iter().map(|s| self.look_up(&s.topic)).collect();
        let lists = self.ask_members(&topics).await;
        self.note_members(&lists);
        for topic in topics {
            let Some((route, lister)) = topic.route else {
                due.insert(topic.name, None);
                continue;
            };
            let allocated = match lists.get(&lister) {
                Some(Ok(members)) => Some(self.allocate(&route.queues, members)),
                _ => None,
            };
            complete &= allocated.is_some();
            due.insert(topic.name, allocated);
        }
        self.apply(&due);
        self.engine.compare.notify_one();
        complete
    }

    /// Asks, for each topic, one of its brokers for the group's members; every broker once.
    async fn ask_members(&self, topics: &[Topic]) -> Lists {
        let listers = topics.iter().filter_map(|topic| topic.route.as_ref());
        let addresses: BTreeSet<&String> = listers.map(|(_, lister)| lister).collect();
        let asked = addresses
            .into_iter()
            .map(|address| async move { (address.clone(), self.members_at(address).await) });
        let lists: Lists = join_all(asked).await.into_iter().collect();
        for error in lists.values().filter_map(|list| list.as_ref().err()) {
            self.engine.log.warn("coordinator", error);
        }
        lists
    }

    /// The route of a topic with queues, and the broker to ask for the group's members on its behalf: one we
    /// are connected to, since a dead one may stand in the route for a while.
    fn look_up(&self, topic: &str) -> Topic {
        let cluster = &self.engine.cluster;
        let route = cluster.route(topic).filter(|route| !route.queues.is_empty());
        let route = route.and_then(|route| {
            let mut addresses = route.brokers.values().filter_map(|ids| ids.values().next());
            let open = addresses.clone().find(|address| cluster.established(address).is_some());
            let lister = open.or_else(|| addresses.next())?.clone();
            Some((route, lister))
        });
        Topic { name: topic.to_owned(), route }
    }

    /// The members as one broker lists them, sorted. A broker that lists others and not us has forgotten us,
    /// so it hears of us before the answer counts: else all queues would go, until the next heartbeat.
    async fn members_at(&self, address: &str) -> Result<Vec<String>> {
        let request = GetConsumerList { consumer_group: self.engine.config.group.clone() };
        let mut members = self.engine.cluster.call(address, &request).await?.ids;
        if !members.iter().any(|member| **member == *self.engine.client_id) {
            beat_apart(&self.engine, address).await?;
            members = self.engine.cluster.call(address, &request).await?.ids;
        }
        members.sort();
        Ok(members)
    }

    /// Publishes the members to those who wait for one of them to leave.
    fn note_members(&mut self, lists: &Lists) {
        let heard: Vec<&String> = lists.values().flatten().flatten().collect();
        if heard.is_empty() {
            return;
        }
        let me = &*self.engine.client_id;
        let twice = |list: &Vec<String>| list.iter().filter(|member| *member == me).count() > 1;
        let duplicate = lists.values().flatten().any(twice);
        // Once as long as it lasts: a rebalance comes every few seconds.
        if duplicate && !self.duplicate {
            let text = format!("client id {me} is in the group twice: give each its own instance.name");
            self.engine.status.report("coordinator", Error::new(ErrorKind::DuplicateClient, text));
        }
        self.duplicate = duplicate;
        let mut members: Vec<String> = heard.into_iter().cloned().collect();
        members.sort();
        members.dedup();
        if members != self.members {
            let text = format_args!("the group has {} members: {}", members.len(), members.join(", "));
            self.engine.log.info("coordinator", text);
            self.previous_members = std::mem::replace(&mut self.members, members);
            self.engine.members.send_replace(self.members.as_slice().into());
        }
    }

    fn allocate(&self, queues: &[MessageQueue], members: &[String]) -> BTreeSet<MessageQueue> {
        let strategy = self.engine.config.strategy;
        rebalance::allocate(strategy, &self.engine.client_id, queues, members).into_iter().collect()
    }

    /// Takes and gives up. Topics with `None` stay as they are, topics that are not named are given up.
    fn apply(&mut self, due: &BTreeMap<String, Option<BTreeSet<MessageQueue>>>) {
        let owned: BTreeSet<MessageQueue> = self.owned.keys().cloned().collect();
        let mut wanted = BTreeSet::new();
        for queue in &owned {
            if matches!(due.get(&*queue.topic), Some(None)) {
                wanted.insert(queue.clone());
            }
        }
        wanted.extend(due.values().flatten().flatten().cloned());
        let Delta { added, removed } = Delta::between(&owned, &wanted);
        for queue in removed {
            self.give_up(&queue);
        }
        for queue in added {
            self.take(queue);
        }
    }

    fn take(&mut self, name: MessageQueue) {
        let engine = &self.engine;
        let previous_owner = self.previous_owner(&name);
        let queue = Arc::new(Queue::new(
            name.clone(),
            engine.config.queue_limit,
            engine.config.span_max,
            engine.topic_budget(&name.topic),
            Arc::clone(&engine.all_budget),
            engine.tasks.stopped().child_token(),
        ));
        engine.log.info("coordinator", format_args!("{name} assigned"));
        let ended = Ended { name: name.clone(), sender: self.ended.0.clone() };
        let life = own(Arc::clone(engine), Arc::clone(&queue), previous_owner);
        engine.tasks.spawn(format!("queue {name}"), async move {
            let _ended = ended;
            life.await;
        });
        engine.status.assigned(&queue);
        self.owned.insert(name, queue);
    }

    /// Who had the queue before: by the members before the last change, else by those without us.
    fn previous_owner(&self, queue: &MessageQueue) -> Option<String> {
        let route = self.engine.cluster.route(&queue.topic)?;
        let me = &*self.engine.client_id;
        let mut before = self.previous_members.clone();
        if before.is_empty() {
            before = self.members.iter().filter(|member| *member != me).cloned().collect();
        }
        rebalance::owner(self.engine.config.strategy, queue, &route.queues, &before).map(str::to_owned)
    }

    /// Begins to give a queue up; it stays in the books until it is handed over, so that it is not taken again
    /// before.
    fn give_up(&mut self, queue: &MessageQueue) {
        if let Some(owned) = self.owned.get(queue)
            && !owned.stop().is_cancelled()
        {
            self.engine.log.info("coordinator", format_args!("{queue} revoked"));
            owned.stop().cancel();
        }
    }

    fn forget(&mut self, queue: &MessageQueue) {
        if let Some(owned) = self.owned.remove(queue) {
            self.engine.status.released(&owned);
        }
    }

    async fn give_up_all(&mut self) {
        for owned in self.owned.values() {
            owned.stop().cancel();
        }
        while !self.owned.is_empty() {
            match self.ended.1.recv().await {
                Some(queue) => self.forget(&queue),
                None => return,
            }
        }
    }
}

/// Tells the coordinator that a queue's task has ended, however it did.
struct Ended {
    name: MessageQueue,
    sender: mpsc::UnboundedSender<MessageQueue>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // The coordinator outlives the queues, except when the whole consumer is torn down.
        let _ = self.sender.send(self.name.clone());
    }
}

/// A subscribed topic, with its route and the broker that lists the group's members for it.
struct Topic {
    name: String,
    route: Option<(Arc<Route>, String)>,
}

/// The group's members by the broker that listed them.
type Lists = BTreeMap<String, Result<Vec<String>>>;
