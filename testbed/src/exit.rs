//! The end of the process: children killed, run folders removed or kept.
//!
//! Clusters shared by the tests of a binary live in statics, which are never dropped; an `atexit` handler does for them
//! what `Drop` does for the others. It is for tidiness and speed only: when it does not run (`kill -9`, abort), the
//! kernel still ends the children (see `process`).

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

#[derive(Default)]
struct Left {
    pids: Vec<u32>,
    folders: Vec<PathBuf>,
}

static LEFT: Mutex<Left> = Mutex::new(Left { pids: Vec::new(), folders: Vec::new() });
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Kills `pid` at exit, unless forgotten before.
pub(crate) fn kill_at_exit(pid: u32) {
    left().pids.push(pid);
}

/// The process was waited for; its number may belong to another one soon.
pub(crate) fn forget_process(pid: u32) {
    left().pids.retain(|&known| known != pid);
}

/// Removes `folder` at exit, or keeps it when a thread panicked, unless forgotten before.
pub(crate) fn tidy_at_exit(folder: &Path) {
    left().folders.push(folder.to_owned());
}

/// The folder was dealt with.
pub(crate) fn forget_folder(folder: &Path) {
    left().folders.retain(|known| known != folder);
}

/// Whether any thread of this process panicked so far.
pub(crate) fn panicked() -> bool {
    PANICKED.load(Ordering::Relaxed)
}

fn left() -> MutexGuard<'static, Left> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // SAFETY: `at_exit` is a function that lives as long as the program and takes nothing.
        unsafe { libc::atexit(at_exit) };
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED.store(true, Ordering::Relaxed);
            previous(info);
        }));
    });
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn at_exit() {
    let left = std::mem::take(&mut *LEFT.lock().unwrap_or_else(PoisonError::into_inner));
    for pid in left.pids {
        let Ok(pid) = libc::pid_t::try_from(pid) else { continue };
        // SAFETY: plain system calls; `pid` is a child of ours nobody has waited for, so the number is still its own.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        }
    }
    for folder in left.folders {
        if panicked() {
            eprintln!("testbed: kept {}", folder.display());
        } else {
            // Best effort: the next run removes what is left.
            let _ = fs::remove_dir_all(&folder);
        }
    }
}
