//! Owns the assignment: the only task that takes queues and gives them up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::DropGuard;

use super::allocation::Allocation;
use super::assignment;
use super::engine::Engine;
use super::event::{Event, EventKind, Reason};
use super::handover::PreviousOwner;
use super::heartbeat::beat_apart;
use super::ownership::own;
use super::queue::{Order, Queue};
use super::rebalance::Delta;
use crate::cluster::Route;
use crate::cluster::command::GetConsumerList;
use crate::config::MessageModel;
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;

/// After a rebalance that could not be completed, as in Java.
const AGAIN: Duration = Duration::from_secs(1);

/// See the module's doc.
pub(crate) struct Coordinator {
    engine: Arc<Engine>,
    owned: BTreeMap<MessageQueue, Arc<Queue>>,
    /// Queues that are being given up, and why.
    leaving: BTreeMap<MessageQueue, Reason>,
    /// The queues of each topic at the last rebalance, to tell why one comes or goes.
    known: BTreeMap<String, BTreeSet<MessageQueue>>,
    /// Assigned queues that do not exist, as they were told.
    absent: Vec<String>,
    ended: (mpsc::UnboundedSender<MessageQueue>, mpsc::UnboundedReceiver<MessageQueue>),
    /// The members as they were before this one joined or the list last changed.
    previous_members: Vec<String>,
    members: Vec<String>,
    allocation: Allocation,
    /// The group has this client id twice, and that was reported.
    duplicate: bool,
}

impl Coordinator {
    /// Owns nothing yet.
    pub(crate) fn new(engine: Arc<Engine>) -> Coordinator {
        Coordinator {
            engine,
            owned: BTreeMap::new(),
            leaving: BTreeMap::new(),
            known: BTreeMap::new(),
            absent: Vec::new(),
            ended: mpsc::unbounded_channel(),
            previous_members: Vec::new(),
            members: Vec::new(),
            allocation: Allocation::default(),
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
                Some(queue) = self.ended.1.recv() => self.forget(queue),
                () = sleep_until(next) => {}
            }
        }
        self.give_up_all().await;
    }

    /// Brings the assignment in line with the group's members and the topics' queues. False when something
    /// could not be found out; what is owned of that topic then stays as it is.
    async fn rebalance(&mut self) -> bool {
        if let Ok(queue) = self.ended.1.try_recv() {
            self.forget(queue);
        }
        if let Some(assigned) = self.engine.subscriptions.assigned() {
            let due = assignment::due(&assigned.wanted, &self.engine);
            self.apply(&due);
            self.tell_absent(assignment::absent(&assigned.wanted, &self.engine));
            // One that is still being given up is taken again when that has ended, and then this comes again.
            if !due.values().flatten().flatten().any(|queue| self.leaving.contains_key(queue)) {
                self.engine.subscriptions.note_applied(assigned.round);
            }
            return due.values().all(Option::is_some);
        }
        let subscriptions = self.engine.subscriptions.all();
        let mut complete = true;
        let mut due: BTreeMap<String, Option<BTreeSet<MessageQueue>>> = BTreeMap::new();
        let topics: Vec<Topic> = subscriptions.iter().map(|s| self.look_up(&s.topic)).collect();
        if self.engine.config.model == MessageModel::Broadcasting {
            self.apply(&all_queues(topics));
            return true;
        }
        let lists = self.ask_members(&topics).await;
        self.note_members(&lists);
        for topic in topics {
            let Some((route, lister)) = topic.route else {
                due.insert(topic.name, None);
                continue;
            };
            let allocated = match lists.get(&lister) {
                Some(Ok(members)) => {
                    self.allocation.divide(&self.engine, &topic.name, &route.queues, members).await
                }
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
            // The broker may have moved.
            self.engine.reroute.notify_one();
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
            let text = format_args!("members of the group ({}): {}", members.len(), members.join(", "));
            self.engine.log.info("coordinator", text);
            self.previous_members = std::mem::replace(&mut self.members, members);
            self.engine.members.send_replace(self.members.as_slice().into());
        }
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
        let routed = self.routed(due.keys());
        let gone = removed.into_iter().map(|queue| (self.why(reason(&queue, &routed)), queue));
        self.give_up(gone.collect());
        let come = added.into_iter().map(|queue| (self.why(reason(&queue, &self.known)), queue));
        for (reason, queues) in by_reason(come.collect()) {
            self.tell(EventKind::Assigned, reason, &queues, Vec::new());
            for queue in queues {
                self.take(queue);
            }
        }
        self.known = routed;
    }

    /// Warns of assigned queues that do not exist: a mistyped one would look like an empty one.
    fn tell_absent(&mut self, absent: Vec<String>) {
        if !absent.is_empty() && absent != self.absent {
            let text = format!("assigned queues that their topics do not have: {}", absent.join(", "));
            self.engine.log.warn("coordinator", &text);
            let details = Map::from_iter([("queues".to_owned(), Value::from(absent.clone()))]);
            self.engine.status.tell(Event::warning("absent_queues", text, details));
        }
        self.absent = absent;
    }

    /// Without membership only the user gives and takes.
    fn why(&self, reason: Reason) -> Reason {
        match reason {
            Reason::Members if self.engine.subscriptions.is_assigned() => Reason::Subscription,
            reason => reason,
        }
    }

    /// The queues of these topics by the present routes.
    fn routed<'a>(
        &self,
        topics: impl Iterator<Item = &'a String>,
    ) -> BTreeMap<String, BTreeSet<MessageQueue>> {
        let queues = |topic: &String| {
            let route = self.engine.cluster.route(topic);
            route.map(|route| route.queues.iter().cloned().collect()).unwrap_or_default()
        };
        topics.map(|topic| (topic.clone(), queues(topic))).collect()
    }

    fn tell(&self, kind: EventKind, reason: Reason, queues: &[MessageQueue], heard: Vec<DropGuard>) {
        let shown: Vec<MessageQueue> = queues.iter().map(|queue| self.engine.shown(queue)).collect();
        let event = Event::queues(kind, reason, &shown, heard);
        self.engine.log.info("coordinator", event.text());
        self.engine.status.tell(event);
    }

    fn take(&mut self, name: MessageQueue) {
        let engine = &self.engine;
        let previous_owner = self.previous_owner(&name);
        let queue = Queue::new(
            name.clone(),
            engine.config.queue_limit,
            engine.config.span_max,
            engine.topic_budget(&name.topic),
            Arc::clone(&engine.all_budget),
            engine.tasks.stopped().child_token(),
            engine.config.orderly.then(|| Order::new(engine.config.suspend_queue, engine.shares_queues())),
        );
        let queue = Arc::new(queue.counted(engine.statistics.topic(&name.topic)));
        // Before it pulls: it may be paused.
        engine.status.assigned(&queue);
        let ended = Ended { name: name.clone(), sender: self.ended.0.clone() };
        let life = own(Arc::clone(engine), Arc::clone(&queue), previous_owner);
        engine.tasks.spawn(format!("queue {name}"), async move {
            let _ended = ended;
            life.await;
        });
        self.owned.insert(name, queue);
    }

    /// Who had the queue before: by the members before the last change, else by those without us.
    fn previous_owner(&self, queue: &MessageQueue) -> PreviousOwner {
        let me = &*self.engine.client_id;
        let mut before = self.previous_members.clone();
        if before.is_empty() {
            before = self.members.iter().filter(|member| *member != me).cloned().collect();
        }
        Allocation::owner(&self.engine, queue, &before)
    }

    /// Begins to give queues up: tells the user, then stops them. They stay in the books until they are handed
    /// over, so that they are not taken again before.
    fn give_up(&mut self, queues: Vec<(Reason, MessageQueue)>) {
        let fresh = queues.into_iter().filter(|(_, queue)| !self.leaving.contains_key(queue));
        for (reason, queues) in by_reason(fresh.collect()) {
            let owned: Vec<&Arc<Queue>> = queues.iter().filter_map(|queue| self.owned.get(queue)).collect();
            let mut heard: Vec<DropGuard> =
                owned.iter().map(|queue| queue.heard().clone().drop_guard()).collect();
            if !self.engine.status.events().has_listener() {
                // Nobody may ever poll: that must not hold up the hand-over.
                heard.clear();
            }
            self.tell(EventKind::Revoking, reason, &queues, heard);
            for queue in owned {
                queue.stop().cancel();
                // Its task comes to it in a moment; whoever asked for this may count on it now.
                queue.close();
                self.engine.workers.discard(queue);
            }
            self.leaving.extend(queues.into_iter().map(|queue| (queue, reason)));
        }
    }

    /// Strikes out a queue that is handed over, and all others that are by now.
    fn forget(&mut self, first: MessageQueue) {
        let mut ended = vec![first];
        while let Ok(queue) = self.ended.1.try_recv() {
            ended.push(queue);
        }
        let mut released = Vec::new();
        for queue in ended {
            let reason = self.leaving.remove(&queue).unwrap_or(Reason::Lost);
            if let Some(owned) = self.owned.remove(&queue) {
                self.engine.status.released(&owned);
                released.push((reason, queue));
            }
        }
        for (reason, queues) in by_reason(released) {
            self.tell(EventKind::Released, reason, &queues, Vec::new());
        }
    }

    async fn give_up_all(&mut self) {
        let all = self.owned.keys().map(|queue| (Reason::Shutdown, queue.clone()));
        self.give_up(all.collect());
        while !self.owned.is_empty() {
            match self.ended.1.recv().await {
                Some(queue) => self.forget(queue),
                None => return,
            }
        }
    }
}

/// Why a queue comes or goes, given the queues of each topic before or after.
fn reason(queue: &MessageQueue, known: &BTreeMap<String, BTreeSet<MessageQueue>>) -> Reason {
    match known.get(&*queue.topic) {
        None => Reason::Subscription,
        Some(queues) if !queues.contains(queue) => Reason::Route,
        Some(_) => Reason::Members,
    }
}

fn by_reason(queues: Vec<(Reason, MessageQueue)>) -> BTreeMap<Reason, Vec<MessageQueue>> {
    let mut groups: BTreeMap<Reason, Vec<MessageQueue>> = BTreeMap::new();
    for (reason, queue) in queues {
        groups.entry(reason).or_default().push(queue);
    }
    groups
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

/// In broadcasting everybody has every queue.
fn all_queues(topics: Vec<Topic>) -> BTreeMap<String, Option<BTreeSet<MessageQueue>>> {
    let queues = |(route, _): (Arc<Route>, String)| route.queues.iter().cloned().collect();
    topics.into_iter().map(|topic| (topic.name, topic.route.map(queues))).collect()
}

/// The group's members by the broker that listed them.
type Lists = BTreeMap<String, Result<Vec<String>>>;
