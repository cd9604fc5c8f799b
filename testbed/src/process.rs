//! Child processes that cannot outlive this one.
//!
//! Each child asks the kernel for SIGKILL at the death of its parent. Linux means the parent *thread* by that, so all
//! children are started from one thread that never ends; a test's own thread would take the brokers with it. Children
//! get their own process group: Ctrl-C reaches this process alone, and JVMs do not start their slow shutdown.

use crate::exit;
use crate::jars::missing_tool;
use crate::jvm::{JDK_PACKAGE, LOG_FILE};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Job = (Command, Sender<io::Result<Child>>);

const OUTPUT_FILE: &str = "output.log";
/// Lines of a file shown when its process failed.
const TAIL_LINES: usize = 40;

/// Starts `command` so that it is killed when this process ends.
pub(crate) fn spawn(mut command: Command) -> io::Result<Child> {
    static SPAWNER: LazyLock<Sender<Job>> = LazyLock::new(|| {
        let (jobs, inbox) = channel::<Job>();
        thread::Builder::new()
            .name("testbed-spawner".into())
            .spawn(move || {
                for (mut command, answer) in inbox {
                    let _ = answer.send(command.spawn());
                }
            })
            .expect("a thread can be started");
        jobs
    });
    let parent = libc::pid_t::try_from(std::process::id()).expect("process ids fit");
    // SAFETY: the closure runs between fork and exec and makes async-signal-safe system calls only.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before the request; then nobody would ever send the signal.
            if libc::getppid() != parent {
                libc::_exit(1);
            }
            Ok(())
        })
    };
    let (answer, result) = channel();
    // invariant: the spawner waits on a channel whose sender is static, so it never ends.
    SPAWNER.send((command, answer)).expect("the spawner runs");
    result.recv().expect("the spawner answers")
}

/// A running RocketMQ program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    home: PathBuf,
}

impl Process {
    /// Starts `command` in its own process group, with what it prints appended to `home/output.log`.
    pub(crate) fn start(mut command: Command, home: &Path) -> Result<Process, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let path = home.join(OUTPUT_FILE);
        let unwritable = |e: io::Error| format!("{}: {e}", path.display());
        let output = File::options().create(true).append(true).open(&path).map_err(unwritable)?;
        let errors = output.try_clone().map_err(unwritable)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let child = spawn(command).map_err(|e| cannot_start(&program, &e))?;
        exit::kill_at_exit(child.id());
        Ok(Process { child, home: home.to_owned() })
    }

    /// The exit status, once it ended by itself.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        if status.is_some() {
            exit::forget_process(self.child.id());
        }
        status
    }

    /// Sends `signal`, which must not be one that ends the process: use drop for that.
    pub(crate) fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("process ids fit");
        // SAFETY: a plain system call; the child is not waited for before `self` goes, so the number is its own.
        unsafe { libc::kill(pid, signal) };
    }

    /// All it printed.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.join(OUTPUT_FILE)).unwrap_or_default()).into_owned()
    }

    /// The last lines it printed and logged, for the text of a failure.
    pub(crate) fn tail(&self) -> String {
        [OUTPUT_FILE, LOG_FILE].map(|name| tail(&self.home.join(name))).concat()
    }
}

impl Drop for Process {
    /// kill -9: an orderly stop of a broker takes 7 to 11 seconds.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        exit::forget_process(self.child.id());
    }
}

fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    format!("--- end of {}\n{}\n", path.display(), lines[from..].join("\n"))
}

fn cannot_start(program: &str, error: &io::Error) -> String {
    if program == "java" && error.kind() == io::ErrorKind::NotFound {
        return missing_tool(program, JDK_PACKAGE);
    }
    format!("cannot start {program}: {error}")
}
