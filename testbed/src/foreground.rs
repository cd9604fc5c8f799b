//! Running a command as a shell does: it has the terminal, and Ctrl-C is for it.

use crate::process::spawn;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;

/// Runs `command` to its end and returns its status as a shell counts it: 128 + n when signal n ended it.
///
/// From then on this process ignores SIGINT and SIGQUIT, which the terminal sends to both. The command is killed if
/// this process ends first.
pub fn run_foreground(mut command: Command) -> Result<u8, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    // SAFETY: plain system calls without handlers; the closure runs between fork and exec and calls nothing else.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGQUIT] {
                if libc::signal(signal, libc::SIG_DFL) == libc::SIG_ERR {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGQUIT, libc::SIG_IGN);
    }
    let mut child = spawn(command).map_err(|e| format!("cannot start {program}: {e}"))?;
    let status = child.wait().map_err(|e| format!("cannot wait for {program}: {e}"))?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}
