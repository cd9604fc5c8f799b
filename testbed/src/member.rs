//! Members of groups that write a line for each delivery, and how they end.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::process::spawn;
use crate::wait::poll;

/// A process whose output is a file, so that what it wrote before a kill -9 counts; killed when dropped.
#[derive(Debug)]
pub struct Member {
    child: Child,
    lines: PathBuf,
    /// Bytes of whole lines handed out so far.
    read: u64,
    errors: PathBuf,
}

impl Member {
    /// Starts `command` with its output in `folder/NAME.lines` and its errors in `folder/NAME.err`.
    pub fn start(mut command: Command, folder: &Path, name: &str) -> io::Result<Member> {
        let [lines, errors] = ["lines", "err"].map(|end| folder.join(format!("{name}.{end}")));
        command.stdin(Stdio::null()).stdout(File::create(&lines)?).stderr(File::create(&errors)?);
        Ok(Member { child: spawn(command)?, lines, read: 0, errors })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The whole lines it wrote since the last call, also after its end. A kill may cut the last one, and what runs may
    /// be about to write it.
    pub fn new_lines(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        File::open(&self.lines)
            .and_then(|mut file| file.seek(SeekFrom::Start(self.read)).map(|_| file))
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .unwrap_or_else(|e| panic!("{}: {e}", self.lines.display()));
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.read += whole as u64;
        String::from_utf8_lossy(&bytes[..whole]).lines().map(str::to_owned).collect()
    }

    /// What it said on stderr.
    pub fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default().trim().to_owned()
    }

    /// Its end, once it came.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGTERM, and the end; `None` for one that had to be killed because it was not gone `within` that time.
    pub fn leave(&mut self, within: Duration) -> Option<ExitStatus> {
        if let Some(status) = self.ended() {
            return Some(status);
        }
        let pid = libc::pid_t::try_from(self.id()).expect("process ids fit");
        // SAFETY: a plain system call; the child was not waited for, so the number is its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let mut status = None;
        poll(within, Duration::from_millis(10), || {
            status = self.ended();
            status.is_some()
        });
        if status.is_none() {
            self.kill();
        }
        status
    }

    /// kill -9; returns when it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}
