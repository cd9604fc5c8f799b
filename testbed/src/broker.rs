//! One broker process: started, registered, killed, started again on the same store.

use crate::access::Access;
use crate::folders::TempDir;
use crate::jars::class_path;
use crate::jvm::{Profile, java};
use crate::ports;
use crate::process::Process;
use crate::remoting::{GET_CLUSTER_INFO, Response, UPDATE_AND_CREATE_TOPIC};
use crate::version::Version;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const START_DEADLINE: Duration = Duration::from_secs(90);
const START_POLL: Duration = Duration::from_millis(200);
/// Made only because making a topic registers the broker.
const REGISTRATION_TOPIC: &str = "TESTBED_REGISTRATION";

/// JDK 17 hides what the broker's memory mapping uses.
const MODULE_FLAGS: [&str; 5] = [
    "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
];

/// What a broker is to be.
#[derive(Clone, Debug)]
pub struct BrokerSetup {
    pub(crate) name: String,
    pub(crate) profile: Profile,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) jvm_arguments: Vec<String>,
    /// Files below its folder that are there before it starts.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl BrokerSetup {
    /// A master; masters of one cluster differ by name.
    pub fn new(name: &str) -> BrokerSetup {
        BrokerSetup {
            name: name.to_owned(),
            profile: Profile::Test,
            properties: Vec::new(),
            jvm_arguments: Vec::new(),
            files: Vec::new(),
        }
    }

    /// A slave of the master `name`; give both `slaveReadEnable=true` if consumers shall read from it.
    pub fn slave_of(name: &str) -> BrokerSetup {
        BrokerSetup::new(name).property("brokerId", "1").property("brokerRole", "SLAVE")
    }

    /// Adds a line to broker.conf; it wins over the test bed's own line of that name.
    pub fn property(mut self, name: &str, value: &str) -> BrokerSetup {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an argument for the JVM, such as `-Dtls.server.mode=permissive`.
    pub fn jvm_argument(mut self, argument: &str) -> BrokerSetup {
        self.jvm_arguments.push(argument.to_owned());
        self
    }

    /// How much it gets.
    pub fn profile(mut self, profile: Profile) -> BrokerSetup {
        self.profile = profile;
        self
    }
}

/// A broker that keeps its name, port and store while its process comes and goes.
#[derive(Debug)]
pub struct Broker {
    version: Version,
    setup: BrokerSetup,
    name_server: SocketAddr,
    access: Access,
    port: AtomicU16,
    home: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Broker {
    /// Starts the process and returns at once; [`Broker::await_registration`] is the second half.
    pub(crate) fn launch(
        version: Version,
        setup: BrokerSetup,
        name_server: SocketAddr,
        access: Access,
        run: &TempDir,
    ) -> Result<Broker, String> {
        let listen = ports::reserve()?.listen;
        let home = run.path().join(format!("{}-{listen}", setup.name));
        fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
        for (name, content) in &setup.files {
            let path = home.join(name);
            path.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&path, content))
                .map_err(|e| format!("{}: {e}", path.display()))?;
        }
        let (port, process) = (AtomicU16::new(listen), Mutex::new(None));
        let broker = Broker { version, setup, name_server, access, port, home, process };
        broker.write_conf()?;
        *broker.process() = Some(broker.start_process()?);
        Ok(broker)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.load(Ordering::Relaxed)))
    }

    /// Its `brokerName`.
    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// Its run folder; the store is in `store`, the logs are `output.log` and `rocketmq.log`.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// kill -9; returns when the process is gone. Does nothing when it is gone already.
    pub fn kill(&self) {
        self.process().take();
    }

    /// Starts it again on the same port and store; returns when the name server knows it. Kills it first if it runs.
    pub fn restart(&self) {
        self.restart_process();
        self.await_registration(|| None).unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Starts it again on another port and the same store; returns when the name server knows it there.
    pub fn restart_elsewhere(&self) {
        self.kill();
        let moved = ports::reserve().map(|ports| self.port.store(ports.listen, Ordering::Relaxed));
        moved.and_then(|()| self.write_conf()).unwrap_or_else(|reason| panic!("{reason}"));
        self.restart();
    }

    /// Creates a topic on this broker, or changes its queue count; the name server hears of it a moment later.
    pub fn create_topic(&self, topic: &str, queues: u32) {
        self.write_topic(topic, queues, &[]).unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Sends one request to this broker; the answer may be a refusal.
    pub fn request(&self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        self.access.request(self.addr(), code, fields, body)
    }

    /// Like [`Broker::restart`], but returns as soon as the process is started.
    pub fn restart_process(&self) {
        self.kill();
        *self.process() = Some(self.start_process().unwrap_or_else(|reason| panic!("{reason}")));
    }

    /// Stops the process in its tracks (SIGSTOP): its sockets stay open and nobody answers.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: libc::c_int) {
        if let Some(process) = self.process().as_ref() {
            process.signal(signal);
        }
    }

    /// Waits until the name server lists this broker.
    ///
    /// A 5.5.0 broker that looks for the name server too early tries again 10 s later only. Making a topic makes it
    /// register at once, but only if the topic's configuration changes: hence the alternating queue count.
    pub(crate) fn await_registration(
        &self,
        mut failure: impl FnMut() -> Option<String>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + START_DEADLINE;
        for attempt in 0.. {
            let ended = self.process().as_mut().and_then(Process::ended);
            let tail = || self.process().as_ref().map(Process::tail).unwrap_or_default();
            if let Some(status) = ended {
                return Err(format!("the {} broker ended, {status}\n{}", self.version, tail()));
            }
            if let Some(reason) = failure() {
                return Err(reason);
            }
            let _ = self.write_topic(REGISTRATION_TOPIC, 1 + attempt % 2, &[]);
            if self.is_registered() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "the {} broker is not registered after {START_DEADLINE:?}\n{}",
                    self.version,
                    tail()
                ));
            }
            thread::sleep(START_POLL);
        }
        unreachable!("the attempts do not end")
    }

    /// Whether the name server lists this broker now.
    pub fn is_registered(&self) -> bool {
        self.access
            .request(self.name_server, GET_CLUSTER_INFO, &[], &[])
            .is_ok_and(|response| response.text().contains(&format!("\"{}\"", self.addr())))
    }

    /// Creates or changes a topic on this broker; `extra` are more header fields, such as `attributes`.
    pub(crate) fn write_topic(&self, topic: &str, queues: u32, extra: &[(&str, &str)]) -> Result<(), String> {
        let queues = queues.to_string();
        let mut fields = vec![
            ("topic", topic),
            ("defaultTopic", "TBW102"),
            ("readQueueNums", &queues),
            ("writeQueueNums", &queues),
            ("perm", "6"),
            ("topicFilterType", "SINGLE_TAG"),
            ("topicSysFlag", "0"),
            ("order", "false"),
        ];
        fields.extend(extra);
        match self.access.request(self.addr(), UPDATE_AND_CREATE_TOPIC, &fields, &[]) {
            Ok(response) if response.code == 0 => Ok(()),
            Ok(response) => Err(format!("topic {topic} refused: {} {}", response.code, response.remark)),
            Err(e) => Err(format!("topic {topic} not created: {e}")),
        }
    }

    fn start_process(&self) -> Result<Process, String> {
        let mut command: Command = java(&self.home, &class_path(self.version)?)?;
        command
            .args(self.setup.profile.broker_flags())
            .args(self.setup.profile.start_flags())
            .args(MODULE_FLAGS)
            .args([
                "-Drocketmq.broker.diskSpaceWarningLevelRatio=0.99",
                "-Drocketmq.broker.diskSpaceCleanForciblyRatio=0.99",
            ])
            .args(&self.setup.jvm_arguments)
            .arg("org.apache.rocketmq.broker.BrokerStartup")
            .arg("-c")
            .arg(self.home.join("broker.conf"));
        Process::start(command, &self.home)
    }

    fn write_conf(&self) -> Result<(), String> {
        let store = self.home.join("store");
        let commit_log_file = match self.setup.profile {
            Profile::Test => "67108864",
            Profile::Bench => "1073741824",
        };
        let mut conf = format!(
            "brokerClusterName=DefaultCluster\nbrokerName={}\nbrokerId=0\nbrokerRole=ASYNC_MASTER\nlistenPort={}\n\
             brokerIP1=127.0.0.1\nbrokerIP2=127.0.0.1\nnamesrvAddr={}\nstorePathRootDir={}\nstorePathCommitLog={}\n\
             mappedFileSizeCommitLog={commit_log_file}\nmappedFileSizeConsumeQueue=600000\n",
            self.setup.name,
            self.addr().port(),
            self.name_server,
            store.display(),
            store.join("commitlog").display(),
        );
        conf.push_str(TEST_PROPERTIES);
        // java.util.Properties keeps the last line of a name.
        for (name, value) in &self.setup.properties {
            conf.push_str(&format!("{name}={value}\n"));
        }
        let path = self.home.join("broker.conf");
        fs::write(&path, conf).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Retries after one second each; nothing by accident (a topic exists when a test made it); a slow machine is no reason
/// to refuse a message.
const TEST_PROPERTIES: &str = "\
autoCreateTopicEnable=false
autoCreateSubscriptionGroup=true
enablePropertyFilter=true
messageDelayLevel=1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s
waitTimeMillsInSendQueue=10000
osPageCacheBusyTimeOutMills=10000
diskMaxUsedSpaceRatio=95
";
