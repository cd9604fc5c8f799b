//! Slaves: a copy of the master that consumers can read while it is away.

use crate::broker::{Broker, BrokerSetup};
use crate::cluster::Cluster;
use crate::wait::poll;
use std::fs;
use std::time::Duration;

const GET_RUNTIME_INFO: i32 = 28;
/// It looks for its master every 5 s.
const REPLICATION: Duration = Duration::from_secs(60);

impl Cluster {
    /// Starts a slave of the cluster's broker; returns when it has all messages and the name server knows it. Both
    /// may be read only if the cluster was built with `slaveReadEnable=true`.
    ///
    /// It takes topics and groups along that exist now: by itself it copies them from the master every minute (5.5.0)
    /// or every ten seconds (4.9.7), and refuses to serve others.
    ///
    /// # Panics
    /// When it does not come up, or gets no messages within a minute.
    pub fn add_slave(&self) -> Broker {
        let master = self.master();
        let mut setup = BrokerSetup::slave_of(master.name()).property("slaveReadEnable", "true");
        for name in ["topics.json", "subscriptionGroup.json"] {
            let path = format!("store/config/{name}");
            if let Ok(content) = fs::read(master.home().join(&path)) {
                setup.files.push((path, content));
            }
        }
        let slave = self.add_broker(setup);
        assert!(
            poll(REPLICATION, Duration::from_millis(100), || {
                let end = master.commit_log_end();
                end.is_some() && end == slave.commit_log_end()
            }),
            "the slave does not catch up within {REPLICATION:?}"
        );
        slave
    }
}

impl Broker {
    /// The end of its commit log, or `None` when it does not answer.
    pub fn commit_log_end(&self) -> Option<u64> {
        let answer = self.request(GET_RUNTIME_INFO, &[], &[]).ok()?.text();
        let value = answer.split_once("\"commitLogMaxOffset\":\"")?.1;
        value.split('"').next()?.parse().ok()
    }
}
