//! One name server process.

use crate::folders::TempDir;
use crate::jars::class_path;
use crate::jvm::{Profile, java};
use crate::ports;
use crate::process::Process;
use crate::version::Version;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A name server that keeps its port while its process comes and goes.
#[derive(Debug)]
pub(crate) struct NameServer {
    version: Version,
    addr: SocketAddr,
    home: PathBuf,
    jvm_arguments: Vec<String>,
    process: Mutex<Option<Process>>,
}

impl NameServer {
    /// Starts the process and returns at once; the brokers that register prove that it is up.
    pub(crate) fn launch(
        version: Version,
        run: &TempDir,
        jvm_arguments: Vec<String>,
        properties: &[(String, String)],
    ) -> Result<NameServer, String> {
        let home = run.path().join("namesrv");
        fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
        let listen = ports::reserve()?.listen;
        let mut conf = format!("listenPort={listen}\n");
        for (name, value) in properties {
            conf.push_str(&format!("{name}={value}\n"));
        }
        let conf_path = home.join("namesrv.conf");
        fs::write(&conf_path, conf).map_err(|e| format!("{}: {e}", conf_path.display()))?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, listen));
        let name_server = NameServer { version, addr, home, jvm_arguments, process: Mutex::new(None) };
        name_server.start_process()?;
        Ok(name_server)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// kill -9; returns when the process is gone.
    pub(crate) fn kill(&self) {
        self.process().take();
    }

    /// Starts the process, on the same port; it has no memory, brokers register with it in time.
    pub(crate) fn start_process(&self) -> Result<(), String> {
        let mut command = java(&self.home, &class_path(self.version)?)?;
        command
            .args(["-Xms256m", "-Xmx256m"])
            .args(Profile::Test.start_flags())
            .args(&self.jvm_arguments)
            .arg("org.apache.rocketmq.namesrv.NamesrvStartup")
            .arg("-c")
            .arg(self.home.join("namesrv.conf"));
        *self.process() = Some(Process::start(command, &self.home)?);
        Ok(())
    }

    /// Why it cannot work any more, if so.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut process = self.process();
        let process = process.as_mut()?;
        let status = process.ended()?;
        Some(format!("the {} name server ended, {status}\n{}", self.version, process.tail()))
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
