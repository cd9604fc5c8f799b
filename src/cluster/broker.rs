//! Typed calls to brokers and name servers over one pool of connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::{call, encode};
use super::name_server::NameServers;
use super::route::{MASTER, Route, Routes, SLAVE};
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;
use crate::protocol::command::{Answer, ConsumerList, GetConsumerList, GetRouteInfo, Request};
use crate::protocol::{Frame, ResponseCode};
use crate::runtime::Tasks;
use crate::transport::pool::{Greeting, Manners, Question};
use crate::transport::{Connection, Incoming, Link, Pool, Stamp};

/// What a cluster is reached by.
pub struct Setup {
    /// `host:port` of each name server.
    pub name_servers: Vec<String>,
    /// For a connection to be made.
    pub connect_timeout: Duration,
    /// For a request to be answered.
    pub request_timeout: Duration,
    /// Named in every request; empty for none.
    pub namespace: String,
    /// The group and the client id that no broker may list yet when it is greeted; `None` does not ask.
    pub no_twin: Option<(String, Arc<str>)>,
}

/// The name servers, the routes they gave, and the connections to the brokers in them.
pub struct Cluster {
    name_servers: NameServers,
    /// Connections without heartbeats: to name servers, and to brokers that shall not know us yet.
    plain: Pool,
    brokers: Pool,
    routes: Mutex<Routes>,
    timeout: Duration,
}

impl Cluster {
    /// A cluster of which nothing is known yet. Connections run as `tasks`; a broker's first request on each
    /// is `greeting`, when there is one.
    pub fn new<R: Request>(
        setup: Setup,
        greeting: impl Fn() -> Option<R> + Send + Sync + 'static,
        incoming: Incoming,
        tasks: &Tasks,
    ) -> Cluster {
        let Setup { name_servers, connect_timeout, request_timeout, namespace, no_twin } = setup;
        let stamp = namespace_fields(&namespace);
        let pool = |greeting, question| {
            let manners = Manners {
                connect_timeout,
                greeting_timeout: request_timeout,
                stamp: Arc::clone(&stamp),
                question,
                greeting,
            };
            Pool::new(manners, Arc::clone(&incoming), tasks.clone())
        };
        Cluster {
            name_servers: NameServers::new(name_servers, request_timeout),
            plain: pool(Arc::new(|| None), None),
            brokers: pool(encoded(greeting), no_twin.map(|(group, id)| twin_question(group, id))),
            routes: Mutex::default(),
            timeout: request_timeout,
        }
    }

    /// Asks a name server for a topic's route. True when it changed; an unknown topic is the error
    /// TOPIC_NOT_EXIST and keeps the last route, since a name server that restarts knows nothing for a while.
    pub async fn refresh_route(&self, topic: &str) -> Result<bool> {
        let request = GetRouteInfo { topic: topic.to_owned(), ..GetRouteInfo::default() };
        let data = self.ask_name_server(&request).await?;
        Ok(self.routes().update(topic, Route::from_data(topic, &data)))
    }

    /// Asks other name servers from now on; ends the connections to those that are not among them.
    pub fn set_name_servers(&self, addresses: &[String]) {
        let before = self.name_servers.replace(addresses);
        for address in before.iter().filter(|address| !addresses.contains(address)) {
            self.plain.forget(address);
        }
    }

    /// `host:port` of each name server.
    pub fn name_servers(&self) -> Arc<[String]> {
        self.name_servers.addresses()
    }

    /// Asks a name server.
    pub async fn ask_name_server<R: Request>(&self, request: &R) -> Result<R::Answer> {
        self.name_servers.ask(&self.plain, request).await
    }

    /// Asks a broker over a connection on which it hears nothing of a group.
    pub async fn ask_unknown<R: Request>(&self, address: &str, request: &R) -> Result<R::Answer> {
        call(&self.plain.connection(address).await?, request, self.timeout).await
    }

    /// The known routes.
    pub fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The route of a topic, if one is known.
    pub fn route(&self, topic: &str) -> Option<Arc<Route>> {
        self.routes().topic(topic)
    }

    /// The address of a broker's master.
    pub fn master(&self, broker: &str) -> Result<String> {
        let address = self.routes().address(broker, MASTER);
        address.ok_or_else(|| Error::new(ErrorKind::NoRoute, format!("broker {broker} has no master now")))
    }

    /// Where a broker's offsets are kept now: at its master, or at a slave while the name server knows no
    /// master, so that queues can change their owner meanwhile. As in Java.
    pub fn keeper(&self, broker: &str) -> Result<String> {
        let slave = || self.routes().address(broker, SLAVE);
        self.master(broker).or_else(|error| slave().ok_or(error))
    }

    /// Sends a request to where a queue's offsets are kept.
    pub async fn call_keeper<R: Request>(&self, queue: &MessageQueue, request: &R) -> Result<R::Answer> {
        let address = self.keeper(&queue.broker)?;
        self.call(&address, request).await.map_err(|e| e.context(queue))
    }

    /// Sends a request to an address and waits for its answer.
    pub async fn call<R: Request>(&self, address: &str, request: &R) -> Result<R::Answer> {
        call(&self.connect(address).await?, request, self.timeout).await
    }

    /// Sends a request to the master of a queue's broker.
    pub async fn call_master<R: Request>(&self, queue: &MessageQueue, request: &R) -> Result<R::Answer> {
        let address = self.master(&queue.broker)?;
        self.call(&address, request).await.map_err(|e| e.context(queue))
    }

    /// The connection to a broker, made and greeted now if there is none.
    pub async fn connect(&self, address: &str) -> Result<Connection> {
        self.brokers.connection(address).await
    }

    /// The connection to a broker if there is one now.
    pub fn established(&self, address: &str) -> Option<Connection> {
        self.brokers.established(address)
    }

    /// The brokers of the present routes that we have no connection to, masters and slaves.
    pub fn unconnected(&self) -> Vec<String> {
        let addresses = self.routes().all_addresses();
        self.brokers.unconnected(addresses)
    }

    /// Waits until the connection to a broker ends.
    pub async fn broker_lost(&self) {
        self.brokers.one_ended().await;
    }

    /// What each pool says of its addresses: the one without heartbeats, and that of the brokers.
    pub(super) fn pools(&self) -> (Vec<Link>, Vec<Link>) {
        (self.plain.links(), self.brokers.links())
    }

    pub(super) fn is_name_server(&self, address: &str) -> bool {
        self.name_servers.has(address)
    }

    /// Ends all connections.
    pub fn close(&self) {
        self.brokers.close();
        self.plain.close();
    }
}

/// Makes a request that is made anew each time into the greeting of a pool's connections.
fn encoded<R: Request>(current: impl Fn() -> Option<R> + Send + Sync + 'static) -> Greeting {
    Arc::new(move || Some(encode(&current()?)))
}

/// Java's `NamespaceRpcHook`.
fn namespace_fields(namespace: &str) -> Stamp {
    match namespace.is_empty() {
        true => Arc::default(),
        false => Arc::new([("nsd", "true".to_owned()), ("ns", namespace.to_owned())]),
    }
}

/// Asks who is in the group, before we are: another one with our client id would share our queues with us.
fn twin_question(group: String, client_id: Arc<str>) -> Question {
    let list = GetConsumerList { consumer_group: group.clone() };
    Question {
        request: Arc::new(move || encode(&list)),
        objection: Arc::new(move |answer: &Frame| {
            // A group that nobody is in is a failure to brokers; other refusals meet the heartbeat, too.
            if ResponseCode::from(answer.header.code) != ResponseCode::Success {
                return None;
            }
            let list = ConsumerList::read(&answer.header, &answer.body).ok()?;
            list.ids.iter().any(|id| **id == *client_id).then(|| {
                let text = format!(
                    "client id {client_id} is in group {group} already: give each consumer its own instance.name"
                );
                Error::new(ErrorKind::DuplicateClient, text)
            })
        }),
    }
}
