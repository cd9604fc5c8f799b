//! A client program as a child: started, heard, and reaped with its bill.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A running client; killed when dropped before its end.
pub(crate) struct Running {
    name: String,
    child: Child,
    output: BufReader<ChildStdout>,
    reaped: bool,
}

/// How a client that did its work ended.
pub(crate) struct Outcome {
    /// What it printed last.
    answer: Value,
    /// User and system time of all its threads, start and end included.
    pub(crate) cpu: Duration,
}

impl Running {
    /// Starts a client; `name` is for messages.
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Running, String> {
        command.env_remove("NAMESRV_ADDR").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = rmq_testbed::spawn(command).map_err(|e| format!("{name} cannot be started: {e}"))?;
        let output = child.stdout.take().map(BufReader::new).ok_or("no pipe to the child")?;
        Ok(Running { name: name.to_owned(), child, output, reaped: false })
    }

    /// Waits until it prints `line`.
    pub(crate) fn await_line(&mut self, line: &str) -> Result<(), String> {
        while let Some(printed) = self.read_line()? {
            if printed == line {
                return Ok(());
            }
        }
        Err(format!("{} ended before it said {line}", self.name))
    }

    /// Waits until it ends well, with its answer in the last line.
    pub(crate) fn finish(mut self) -> Result<Outcome, String> {
        let mut last = String::new();
        while let Some(line) = self.read_line()? {
            last = line;
        }
        let (status, cpu) = self.reap();
        if status != 0 {
            return Err(format!("{} ended with wait status {status:#x}: {last}", self.name));
        }
        let answer = serde_json::from_str(&last).map_err(|e| format!("{}: {last}: {e}", self.name))?;
        Ok(Outcome { answer, cpu })
    }

    fn read_line(&mut self) -> Result<Option<String>, String> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).map_err(|e| format!("{}: {e}", self.name))?;
        Ok((length > 0).then(|| line.trim_end().to_owned()))
    }

    /// Waits for the end; answers wait4's status and the time it used.
    ///
    /// Not wait4's peak RSS: the kernel counts this program's own pages in it, as of before the exec.
    fn reap(&mut self) -> (i32, Duration) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("process ids fit");
        let mut status = 0;
        // SAFETY: a structure of numbers, all of which may be zero.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both places live; the child is ours and waited for here only.
        let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        assert_eq!(waited, pid, "{}", std::io::Error::last_os_error());
        self.reaped = true;
        (status, time(usage.ru_utime) + time(usage.ru_stime))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Outcome {
    /// Messages a second, from the first to the last.
    pub(crate) fn rate(&self) -> f64 {
        self.number("messages") / self.number("first_to_last_nanos") * 1e9
    }

    /// From before its start call to its first message.
    pub(crate) fn first_ms(&self) -> f64 {
        self.number("start_to_first_nanos") / 1e6
    }

    /// CPU seconds a million messages.
    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu.as_secs_f64() / self.number("messages") * 1e6
    }

    /// The most memory it ever had, in megabytes, as it said itself (VmHWM); the bare client does not say.
    pub(crate) fn peak_mb(&self) -> Option<f64> {
        self.answer["peak_rss_kib"].as_f64().map(|kib| kib * 1024.0 / 1e6)
    }

    /// A latency it printed as `<name>_us`, in milliseconds.
    pub(crate) fn latency_ms(&self, name: &str) -> f64 {
        self.number(&format!("{name}_us")) / 1e3
    }

    /// A figure it printed.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.answer[name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", self.answer))
    }
}

fn time(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
}
