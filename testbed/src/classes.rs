//! Compiles the Java programs of this crate, once per version and state of their sources.

use crate::folders::{build_dir, lock, source_dir};
use crate::jars::{class_path, run_tool};
use crate::jvm::JDK_PACKAGE;
use crate::version::Version;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The class path to run `main` (a class of the package `rmq.testbed`) with the client and tools of `version`.
pub(crate) fn class_path_of(main: &str, version: Version) -> Result<String, String> {
    let jars = class_path(version)?;
    let sources = source_dir("java").join("src");
    let name = format!("{main}-{version}-{:016x}", fingerprint(&sources)?);
    let folder = build_dir().join("classes").join(name);
    if !folder.exists() {
        let _lock = lock();
        if !folder.exists() {
            compile(&sources, main, &jars, &folder)?;
        }
    }
    Ok(format!("{}:{jars}", folder.display()))
}

/// `-sourcepath` compiles what `main` reaches and no more: most classes need 5.5.0, the admin ones build with 4.9.7 too.
fn compile(sources: &Path, main: &str, jars: &str, folder: &PathBuf) -> Result<(), String> {
    let partial = folder.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    let mut javac = Command::new("javac");
    javac
        .args(["-g", "-nowarn", "-XDsuppressNotes", "-encoding", "UTF-8", "-cp", jars, "-sourcepath"])
        .arg(sources);
    javac.arg("-d").arg(&partial).arg(sources.join("rmq/testbed").join(format!("{main}.java")));
    run_tool(javac, JDK_PACKAGE)?;
    fs::rename(&partial, folder).map_err(|e| format!("{}: {e}", folder.display()))
}

fn fingerprint(sources: &Path) -> Result<u64, String> {
    let folder = sources.join("rmq/testbed");
    let unreadable = |e| format!("{}: {e}", folder.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).map_err(unreadable)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.file_name().hash(&mut hasher);
        fs::read(&file).map_err(unreadable)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}
