//! The Java process that plays producers, consumers and mqadmin; `java/src/rmq/testbed/DriverMain.java` is its other side.

use crate::classes::class_path_of;
use crate::folders::{TempDir, temp_dir};
use crate::jvm::{Profile, java};
use crate::process::Process;
use crate::version::Version;
use crate::wait::poll;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

const START_DEADLINE: Duration = Duration::from_secs(60);
/// Longer than any command takes; a driver that hangs must not hang the test.
const CALL_TIMEOUT: Duration = Duration::from_secs(300);

/// A running driver. `call("help")` lists its commands.
#[derive(Debug)]
pub struct Driver {
    port: u16,
    _process: Process,
    run: TempDir,
}

impl Driver {
    /// The driver of this test binary, made from the 5.5.0 client; the first caller starts it. It serves clusters of
    /// both versions.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Driver {
        Driver::try_shared().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// [`Driver::shared`], or why there is none.
    pub fn try_shared() -> Result<&'static Driver, String> {
        static DRIVER: OnceLock<Result<Driver, String>> = OnceLock::new();
        DRIVER.get_or_init(|| Driver::start("DriverMain", Version::V5_5_0)).as_ref().map_err(String::clone)
    }

    /// Starts the shared driver in the background; worth it before a cluster is started, for both take seconds.
    pub fn prepare() {
        // Whoever uses it hears of a failure.
        thread::spawn(|| drop(Driver::try_shared()));
    }

    /// The process that has mqadmin of `version`: tools of one version do not suit brokers of the other.
    pub(crate) fn admin(version: Version) -> &'static Driver {
        static ADMIN_4_9_7: OnceLock<Result<Driver, String>> = OnceLock::new();
        match version {
            Version::V5_5_0 => Driver::shared(),
            Version::V4_9_7 => ADMIN_4_9_7
                .get_or_init(|| Driver::start("AdminMain", version))
                .as_ref()
                .unwrap_or_else(|reason| panic!("{reason}")),
        }
    }

    /// The loopback port it listens on, for use from a shell.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder that is the home directory to its clients.
    pub fn home(&self) -> &Path {
        self.run.path()
    }

    /// Runs one command line and returns its answer, or the exception's text as the error.
    pub fn call(&self, line: &str) -> Result<String, String> {
        let gone = |e: std::io::Error| format!("the Java driver does not answer `{line}`: {e}");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(gone)?;
        stream.set_read_timeout(Some(CALL_TIMEOUT)).map_err(gone)?;
        stream.write_all(format!("{}\n", line.replace('\n', "\\n")).as_bytes()).map_err(gone)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(gone)?;
        let answer = answer.strip_suffix('\n').unwrap_or(&answer);
        let (body, last) = answer.rsplit_once('\n').unwrap_or(("", answer));
        match last {
            "ok" => Ok(body.to_owned()),
            "failed" => Err(body.to_owned()),
            _ => Err(format!("the Java driver broke off its answer to `{line}`: {answer}")),
        }
    }

    fn start(main: &str, version: Version) -> Result<Driver, String> {
        let run = temp_dir(&format!("driver-{version}"));
        let mut command = java(run.path(), &class_path_of(main, version)?)?;
        command
            .args(["-Xms128m", "-Xmx1g"])
            .args(Profile::Test.start_flags())
            // mqadmin calls System.exit; only a security manager can say no.
            .arg("-Djava.security.manager=allow")
            // 20 s by default: how late a consumer would look for the retry topic of its new group.
            .arg("-Drocketmq.client.rebalance.waitInterval=1000")
            .arg(format!("rmq.testbed.{main}"));
        let mut process = Process::start(command, run.path())?;
        let mut port = None;
        poll(START_DEADLINE, Duration::from_millis(20), || {
            port = listening_port(&process.output());
            port.is_some() || process.ended().is_some()
        });
        let port = port.ok_or_else(|| format!("the Java driver does not start\n{}", process.tail()))?;
        Ok(Driver { port, _process: process, run })
    }
}

/// Puts `value` into double quotes as the driver reads them.
pub fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn listening_port(output: &str) -> Option<u16> {
    output.lines().find_map(|line| line.strip_prefix("listening on ")?.trim().parse().ok())
}
