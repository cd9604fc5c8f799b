//! A name server and its brokers.

use crate::access::Access;
use crate::broker::{Broker, BrokerSetup};
use crate::driver::Driver;
use crate::folders::{TempDir, temp_dir};
use crate::jvm::Profile;
use crate::name_server::NameServer;
use crate::remoting::{self, Response};
use crate::version::Version;
use crate::wait::wait_until;
use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

/// A route reaches the name server with the broker's next registration, which a new topic causes at once.
const ROUTE_DEADLINE: Duration = Duration::from_secs(30);

/// One name server and one master broker, `broker-a`, of cluster `DefaultCluster`; more brokers can join.
#[derive(Debug)]
pub struct Cluster {
    version: Version,
    access: Access,
    // Dropped in this order: the folder goes last.
    broker: Broker,
    name_server: NameServer,
    run: TempDir,
}

impl Cluster {
    /// Starts a cluster of the caller's own.
    ///
    /// # Panics
    /// When it does not come up; the text has the end of the process's log.
    pub fn start(version: Version) -> Cluster {
        Cluster::builder(version).start()
    }

    /// Sets up a cluster that differs from the usual one.
    pub fn builder(version: Version) -> ClusterBuilder {
        ClusterBuilder {
            version,
            access: Access::default(),
            broker: BrokerSetup::new("broker-a"),
            name_server_properties: Vec::new(),
            name_server_jvm_arguments: Vec::new(),
        }
    }

    /// The cluster all tests of this binary share; the first caller starts it.
    ///
    /// Two threads that ask for different versions start them at the same time. Tests that kill or freeze a broker
    /// start a cluster of their own.
    pub fn shared(version: Version) -> &'static Cluster {
        static V4_9_7: OnceLock<Result<Cluster, String>> = OnceLock::new();
        static V5_5_0: OnceLock<Result<Cluster, String>> = OnceLock::new();
        let cell = match version {
            Version::V4_9_7 => &V4_9_7,
            Version::V5_5_0 => &V5_5_0,
        };
        // The failure is kept too: the other tests fail at once instead of trying again for a minute each.
        match cell.get_or_init(|| Cluster::builder(version).try_start()) {
            Ok(cluster) => cluster,
            Err(reason) => panic!("{reason}"),
        }
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The name server's address, as clients are given it.
    pub fn namesrv(&self) -> String {
        self.name_server.addr().to_string()
    }

    pub(crate) fn name_server_addr(&self) -> SocketAddr {
        self.name_server.addr()
    }

    /// The broker's address.
    pub fn broker(&self) -> SocketAddr {
        self.broker.addr()
    }

    /// The broker's `brokerName`.
    pub fn broker_name(&self) -> &str {
        self.broker.name()
    }

    /// What every driver command for this cluster needs: ` ns=...` and the options of [`ClusterBuilder::access`].
    pub(crate) fn driver_words(&self) -> String {
        format!(" ns={}{}", self.namesrv(), self.access.words())
    }

    /// The cluster's name.
    pub fn cluster_name(&self) -> &'static str {
        "DefaultCluster"
    }

    /// The broker, for what is not on the cluster itself.
    pub fn master(&self) -> &Broker {
        &self.broker
    }

    /// Starts one more broker; returns when the name server knows it. Its folder is inside the cluster's.
    pub fn add_broker(&self, setup: BrokerSetup) -> Broker {
        Broker::launch(self.version, setup, self.name_server.addr(), self.access.clone(), &self.run)
            .and_then(|broker| broker.await_registration(|| None).map(|()| broker))
            .unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Creates a topic on the broker, or changes its queue count; returns when the name server serves that route.
    pub fn create_topic(&self, topic: &str, queues: u32) {
        self.create_topic_with(topic, queues, &[]);
    }

    /// Like [`Cluster::create_topic`] with more header fields, such as `("attributes", "+queue.type=BatchCQ")`.
    pub fn create_topic_with(&self, topic: &str, queues: u32, fields: &[(&str, &str)]) {
        self.broker.write_topic(topic, queues, fields).unwrap_or_else(|reason| panic!("{reason}"));
        let count = format!("\"readQueueNums\":{queues}");
        wait_until(&format!("the route of {topic}"), ROUTE_DEADLINE, || {
            self.access
                .request(self.name_server.addr(), remoting::GET_ROUTE, &[("topic", topic)], &[])
                .is_ok_and(|response| {
                    let route = response.text();
                    response.code == 0 && route.contains(&count) && route.contains(self.broker_name())
                })
        });
    }

    /// Creates a consumer group before any member does, allowing `retries` before the dead-letter queue.
    pub fn create_group(&self, group: &str, retries: u32) {
        let config = serde_json::json!({
            "groupName": group, "consumeEnable": true, "consumeFromMinEnable": true,
            "consumeBroadcastEnable": true, "retryQueueNums": 1, "retryMaxTimes": retries,
        });
        self.ask(remoting::UPDATE_AND_CREATE_GROUP, &[], config.to_string().as_bytes());
    }

    /// kill -9 the broker; returns when it is gone.
    pub fn kill_broker(&self) {
        self.broker.kill();
    }

    /// Starts the broker again, same port and store; returns when the name server knows it.
    pub fn restart_broker(&self) {
        self.broker.restart();
    }

    /// SIGSTOP for the broker: connections stay, nobody answers.
    pub fn freeze_broker(&self) {
        self.broker.freeze();
    }

    /// SIGCONT for a frozen broker.
    pub fn thaw_broker(&self) {
        self.broker.thaw();
    }

    /// kill -9 the name server; returns when it is gone.
    pub fn kill_name_server(&self) {
        self.name_server.kill();
    }

    /// Starts the name server again on its port; returns when the broker is registered with it.
    pub fn restart_name_server(&self) {
        self.name_server.kill();
        self.name_server
            .start_process()
            .and_then(|()| self.broker.await_registration(|| self.name_server.failure()))
            .unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Runs mqadmin of the cluster's own version, for example `consumerProgress -g billing`; `-n` is added. Returns
    /// what it prints, also when that is a complaint: mqadmin has no status worth the name.
    ///
    /// # Panics
    /// When mqadmin refuses the command line.
    pub fn admin(&self, command: &str) -> String {
        Driver::admin(self.version)
            .call(&format!("admin {command} -n {}{}", self.name_server.addr(), self.access.words()))
            .unwrap_or_else(|reason| panic!("mqadmin {command}: {reason}"))
    }

    /// Sends one request to the broker, with the cluster's access; the answer may be a refusal.
    pub fn request(&self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        self.access.request(self.broker(), code, fields, body)
    }

    /// The answer to a request that must not fail.
    pub(crate) fn ask(&self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> Response {
        match self.request(code, fields, body) {
            Ok(response) if response.code == 0 => response,
            Ok(response) => panic!("request {code} {fields:?}: {} {}", response.code, response.remark),
            Err(e) => panic!("request {code} {fields:?}: {e}"),
        }
    }
}

/// A cluster to be; see [`Cluster::builder`].
#[derive(Debug)]
pub struct ClusterBuilder {
    version: Version,
    access: Access,
    broker: BrokerSetup,
    name_server_properties: Vec<(String, String)>,
    name_server_jvm_arguments: Vec<String>,
}

impl ClusterBuilder {
    /// Another `brokerName` than `broker-a`.
    pub fn broker_name(mut self, name: &str) -> ClusterBuilder {
        name.clone_into(&mut self.broker.name);
        self
    }

    /// How much the broker gets.
    pub fn profile(mut self, profile: Profile) -> ClusterBuilder {
        self.broker = self.broker.profile(profile);
        self
    }

    /// Adds a line to broker.conf; it wins over the test bed's own line of that name.
    pub fn broker_property(mut self, name: &str, value: &str) -> ClusterBuilder {
        self.broker = self.broker.property(name, value);
        self
    }

    /// Adds a line to namesrv.conf.
    pub fn name_server_property(mut self, name: &str, value: &str) -> ClusterBuilder {
        self.name_server_properties.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an argument for both JVMs, such as `-Dtls.config.file=...`.
    pub fn jvm_argument(mut self, argument: &str) -> ClusterBuilder {
        self.broker = self.broker.jvm_argument(argument);
        self.name_server_jvm_arguments.push(argument.to_owned());
        self
    }

    /// For a cluster with ACL or TLS only: the driver's options `ak=USER sk=SECRET` or `tls=true`, which everything the
    /// test bed asks of this cluster then uses. mqadmin takes credentials but no TLS.
    pub fn access(mut self, options: &str) -> ClusterBuilder {
        self.access = Access::new(options);
        self
    }

    /// Starts it; see [`Cluster::start`].
    pub fn start(self) -> Cluster {
        self.try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Starts it, or says why not.
    pub fn try_start(self) -> Result<Cluster, String> {
        let run = temp_dir(&format!("cluster-{}", self.version));
        // Both at once: the broker takes longer, and looks for the name server when it is done.
        let name_server = NameServer::launch(
            self.version,
            &run,
            self.name_server_jvm_arguments,
            &self.name_server_properties,
        )?;
        let broker =
            Broker::launch(self.version, self.broker, name_server.addr(), self.access.clone(), &run)?;
        broker.await_registration(|| name_server.failure())?;
        Ok(Cluster { version: self.version, access: self.access, broker, name_server, run })
    }
}
