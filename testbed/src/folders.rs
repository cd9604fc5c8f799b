//! Where things are: everything below `build/testbed` of the project.

use crate::exit;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{process, thread};

/// Logs of a failed run are worth this long.
const KEEP_FAILED: Duration = Duration::from_secs(3600);

/// `build/testbed` below the project root; git ignores it.
pub fn build_dir() -> PathBuf {
    // invariant: the manifest of this crate is one level below the root.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is inside the project")
        .join("build/testbed")
}

/// The folder of the Java and Go sources.
pub(crate) fn source_dir(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(language)
}

/// Holds the lock under which jars are copied and programs compiled, against other test binaries.
pub(crate) fn lock() -> File {
    fs::create_dir_all(build_dir()).expect("build/testbed can be made");
    let lock = File::create(build_dir().join("lock")).expect("build/testbed can be written");
    lock.lock().expect("build/testbed/lock can be locked");
    lock
}

/// Makes an empty folder `build/testbed/run/<pid>-<name>-<n>`.
///
/// It is removed when the value is dropped, or at the end of the process for values in statics; after a panic it stays
/// and a line on stderr says where.
pub fn temp_dir(name: &str) -> TempDir {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    static PRUNE: Once = Once::new();
    let run = build_dir().join("run");
    PRUNE.call_once(|| prune(&run));
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = run.join(format!("{}-{name}-{n}", process::id()));
    fs::create_dir_all(&path).expect("a run folder can be made");
    exit::tidy_at_exit(&path);
    TempDir { path }
}

/// A run folder; see [`temp_dir`].
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("testbed: kept {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
        exit::forget_folder(&self.path);
    }
}

/// Removes old folders of processes that are gone: killed runs, and failed ones somebody had time to look at.
fn prune(run: &Path) {
    let Ok(entries) = fs::read_dir(run) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_string_lossy().split('-').next().unwrap_or_default().to_owned();
        let gone = !Path::new("/proc").join(&pid).exists();
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
        if gone && age.is_some_and(|age| age > KEEP_FAILED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
