//! Whom we are connected to, for people who ask.

use super::broker::Cluster;
use super::route::BrokerId;
use crate::transport::Link;

/// A broker's address: which broker it is, as far as the routes know, and how it is reached.
pub struct BrokerLink {
    /// `None` when no route names the address any more.
    pub broker: Option<BrokerId>,
    /// Its connection.
    pub link: Link,
}

/// Every address that was asked.
pub struct Links {
    /// Name servers.
    pub name_servers: Vec<Link>,
    /// Brokers, over connections on which they know us.
    pub brokers: Vec<BrokerLink>,
}

impl Cluster {
    /// How every address that was asked is reached now.
    pub fn links(&self) -> Links {
        let (mut name_servers, brokers) = self.pools();
        name_servers.retain(|link| self.is_name_server(&link.address));
        let routes = self.routes();
        let named = |link: Link| BrokerLink { broker: routes.broker_at(&link.address), link };
        Links { name_servers, brokers: brokers.into_iter().map(named).collect() }
    }
}
