//! Typed calls to brokers and name servers over one pool of connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::name_server::NameServers;
use super::route::{MASTER, Route, Routes};
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;
use crate::protocol::command::{Answer, GetRouteInfo, Request};
use crate::protocol::{Fields, Header, ResponseCode};
use crate::runtime::Tasks;
use crate::transport::pool::Greeting;
use crate::transport::{Connection, Incoming, Pool};

/// What a cluster is reached by.
pub struct Setup {
    /// `host:port` of each name server.
    pub name_servers: Vec<String>,
    /// For a connection to be made.
    pub connect_timeout: Duration,
    /// For a request to be answered.
    pub request_timeout: Duration,
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
        let Setup { name_servers, connect_timeout, request_timeout } = setup;
        let pool = |greeting| {
            let incoming = Arc::clone(&incoming);
            Pool::new(connect_timeout, request_timeout, greeting, incoming, tasks.clone())
        };
        Cluster {
            name_servers: NameServers::new(name_servers, request_timeout),
            plain: pool(Arc::new(|| None)),
            brokers: pool(encoded(greeting)),
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

    /// Ends all connections.
    pub fn close(&self) {
        self.brokers.close();
        self.plain.close();
    }
}

/// Sends a request over a connection and reads what answers it.
pub async fn call<R: Request>(connection: &Connection, request: &R, within: Duration) -> Result<R::Answer> {
    let mut fields = Fields::default();
    request.write(&mut fields);
    let header = Header::request(R::CODE.into(), fields);
    let frame = connection.call(header, Bytes::from(request.body()), within).await?;
    let code = ResponseCode::from(frame.header.code);
    let what = format_args!("{} to {}", R::CODE.name(), connection.peer());
    if R::Answer::accepts(code) {
        R::Answer::read(&frame.header, &frame.body).map_err(|e| Error::from(e).context(what))
    } else {
        Err(Error::broker(code, frame.header.remark.as_deref(), what))
    }
}

/// Makes a request that is made anew each time into the greeting of a pool's connections.
fn encoded<R: Request>(current: impl Fn() -> Option<R> + Send + Sync + 'static) -> Greeting {
    Arc::new(move || {
        let request = current()?;
        let mut fields = Fields::default();
        request.write(&mut fields);
        Some((Header::request(R::CODE.into(), fields), Bytes::from(request.body())))
    })
}
