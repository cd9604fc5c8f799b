//! Who is in which group, and what the group subscribes to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rmq::protocol::command::pull_message::pull_flag;
use rmq::protocol::command::{
    ConsumerConnections, ConsumerData, ConsumerList, FieldTable, GetConsumerConnectionList, GetConsumerList,
    Heartbeat, HeartbeatAnswer, NotifyConsumerIdsChanged, PullMessage, Request, SubscriptionData,
    UnregisterClient,
};
use rmq::protocol::{Fields, Header, ResponseCode, java};

use super::{Broker, Outcome};
use crate::effects::{Effects, Refusal};
use crate::peer::Peer;

/// Queues of a group's retry topic: the default of `retryQueueNums`.
const RETRY_QUEUES: i32 = 1;

#[derive(Default)]
pub(super) struct Groups {
    by_name: BTreeMap<String, Group>,
    /// Those that ever had a member.
    known: BTreeSet<String>,
}

#[derive(Default)]
struct Group {
    members: Vec<Member>,
    /// One for all members: a broker keeps what it heard last.
    subscriptions: BTreeMap<String, SubscriptionData>,
}

/// A client on one connection, or one that is only said to be there.
struct Member {
    client_id: String,
    peer: Option<Arc<Peer>>,
}

impl Member {
    fn is_on(&self, peer: &Peer) -> bool {
        self.peer.as_ref().is_some_and(|own| own.id == peer.id)
    }
}

impl Broker {
    pub(super) fn heartbeat(
        &mut self,
        effects: &mut Effects,
        peer: &Arc<Peer>,
        beat: Heartbeat,
    ) -> HeartbeatAnswer {
        for consumer in beat.consumers {
            self.store().create(&format!("%RETRY%{}", consumer.group), RETRY_QUEUES);
            self.groups.register(effects, peer, &beat.client_id, consumer);
        }
        HeartbeatAnswer { broker_version: 0 } // the header's version is what counts
    }

    /// The client ids in a group.
    pub(super) fn members(&self, group: &str) -> Vec<String> {
        self.groups.ids(group)
    }
}

impl Groups {
    fn register(&mut self, effects: &mut Effects, peer: &Arc<Peer>, client_id: &str, consumer: ConsumerData) {
        self.know(&consumer.group);
        let group = self.by_name.entry(consumer.group.clone()).or_default();
        let known = group.members.iter_mut().find(|member| member.is_on(peer));
        let mut changed = known.is_none();
        match known {
            Some(member) => client_id.clone_into(&mut member.client_id),
            None => {
                group.members.push(Member { client_id: client_id.to_owned(), peer: Some(Arc::clone(peer)) });
            }
        }
        let topics = consumer.subscriptions;
        let before = group.subscriptions.len();
        group.subscriptions.retain(|topic, _| topics.iter().any(|s| s.topic == *topic));
        changed |= group.subscriptions.len() != before;
        for subscription in topics {
            let known = group.subscriptions.get(&subscription.topic);
            changed |= known.is_none();
            if known.is_none_or(|known| known.version < subscription.version) {
                group.subscriptions.insert(subscription.topic.clone(), subscription);
            }
        }
        if changed {
            group.notify(effects, &consumer.group);
        }
    }

    /// The connection leaves; another one of the same client id stays.
    pub(super) fn unregister(&mut self, effects: &mut Effects, peer: &Peer, request: &UnregisterClient) {
        if let Some(name) = &request.consumer_group {
            self.remove(effects, name, |member| member.is_on(peer));
        }
    }

    /// Lets a client that has no connection be in a group, as one that is frozen.
    pub(super) fn add_ghost(&mut self, effects: &mut Effects, name: &str, client_id: &str) {
        let group = self.by_name.entry(name.to_owned()).or_default();
        group.members.push(Member { client_id: client_id.to_owned(), peer: None });
        group.notify(effects, name);
    }

    /// Takes every client of that id out of a group.
    pub(super) fn expel(&mut self, effects: &mut Effects, name: &str, client_id: &str) {
        self.remove(effects, name, |member| member.client_id == client_id);
    }

    /// A connection has ended.
    pub(super) fn forget(&mut self, effects: &mut Effects, peer: &Peer) {
        let names: Vec<String> = self.by_name.keys().cloned().collect();
        for name in names {
            self.remove(effects, &name, |member| member.is_on(peer));
        }
    }

    pub(super) fn list(&self, request: &GetConsumerList) -> Outcome<ConsumerList> {
        let ids = self.ids(&request.consumer_group);
        if ids.is_empty() {
            let remark = format!("no consumer for this group, {}", request.consumer_group);
            return Err(Refusal::new(ResponseCode::SystemError, remark));
        }
        Ok(ConsumerList { ids })
    }

    /// A member with a connection: the one of that id, else the first.
    pub(super) fn connected(&self, group: &str, client_id: Option<&str>) -> Option<(String, Arc<Peer>)> {
        let mut members = self.by_name.get(group)?.members.iter();
        members.find_map(|member| {
            let wanted = client_id.is_none_or(|id| id == member.client_id);
            member.peer.as_ref().filter(|_| wanted).map(|peer| (member.client_id.clone(), Arc::clone(peer)))
        })
    }

    /// Who is in a group and what it subscribes to.
    pub(super) fn connections(&self, request: &GetConsumerConnectionList) -> Outcome<ConsumerConnections> {
        let name = &request.consumer_group;
        let group = self.by_name.get(name).ok_or_else(|| {
            let remark = format!("the consumer group[{name}] not online");
            Refusal::new(ResponseCode::ConsumerNotOnline, remark)
        })?;
        let subscriptions = group.subscriptions.values().cloned().collect();
        Ok(ConsumerConnections { clients: self.ids(name), subscriptions })
    }

    fn ids(&self, group: &str) -> Vec<String> {
        let members = self.by_name.get(group).map_or(&[][..], |group| &group.members);
        members.iter().map(|member| member.client_id.clone()).collect()
    }

    /// From now on there is such a group, whether it has members or not. A real broker makes one for any pull.
    pub(super) fn know(&mut self, name: &str) {
        self.known.insert(name.to_owned());
    }

    /// Whether anybody ever was in the group.
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// The subscription that a pull is filtered by: the group's, on whichever connection it was announced.
    pub(super) fn subscription(&self, pull: &PullMessage) -> Outcome<SubscriptionData> {
        if pull.sys_flag & pull_flag::SUBSCRIPTION != 0 {
            return Ok(own_subscription(pull));
        }
        let not_exist = |remark: &str| Refusal::new(ResponseCode::SubscriptionNotExist, remark);
        let group = self.by_name.get(&pull.consumer_group);
        let group = group.ok_or_else(|| not_exist("the consumer's group info not exist"))?;
        let subscription = group.subscriptions.get(&pull.topic);
        let subscription = subscription.ok_or_else(|| not_exist("the consumer's subscription not exist"))?;
        if subscription.version < pull.sub_version {
            let remark = "the consumer's subscription not latest";
            return Err(Refusal::new(ResponseCode::SubscriptionNotLatest, remark));
        }
        Ok(subscription.clone())
    }

    fn remove(&mut self, effects: &mut Effects, name: &str, gone: impl Fn(&Member) -> bool) {
        let Some(group) = self.by_name.get_mut(name) else { return };
        let before = group.members.len();
        group.members.retain(|member| !gone(member));
        if group.members.is_empty() {
            self.by_name.remove(name);
        } else if group.members.len() != before {
            group.notify(effects, name);
        }
    }
}

/// What a pull says itself that it wants: its tags, as a broker parses them.
fn own_subscription(pull: &PullMessage) -> SubscriptionData {
    let expression = pull.subscription.clone().unwrap_or_default();
    let tags: Vec<String> = match expression.as_str() {
        "" | "*" => Vec::new(),
        tags => tags.split("||").map(|tag| tag.trim().to_owned()).collect(),
    };
    let codes = tags.iter().map(|tag| java::string_hash(tag)).collect();
    SubscriptionData { topic: pull.topic.clone(), expression, tags, codes, ..SubscriptionData::default() }
}

impl Group {
    fn notify(&self, effects: &mut Effects, name: &str) {
        for peer in self.members.iter().filter_map(|member| member.peer.as_ref()) {
            let mut fields = Fields::default();
            NotifyConsumerIdsChanged { consumer_group: name.to_owned() }.write(&mut fields);
            let header = Header::request(NotifyConsumerIdsChanged::CODE.into(), fields);
            effects.push(Arc::clone(peer), header);
        }
    }
}
