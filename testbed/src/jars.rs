//! The jars of a RocketMQ version, copied from Maven Central once.

use crate::folders::{build_dir, lock, source_dir};
use crate::version::Version;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// The class path of the version's jars, for `java -cp`.
pub(crate) fn class_path(version: Version) -> Result<String, String> {
    Ok(format!("{}/*", folder(version)?.display()))
}

/// The folder that holds them; Maven runs only when it is missing.
fn folder(version: Version) -> Result<PathBuf, String> {
    let folder = build_dir().join("lib").join(version.as_str());
    // The folder appears by a rename, so when it is there it is complete.
    if folder.exists() {
        return Ok(folder);
    }
    let _lock = lock();
    if !folder.exists() {
        copy(version, &folder)?;
    }
    Ok(folder)
}

fn copy(version: Version, folder: &PathBuf) -> Result<(), String> {
    eprintln!("testbed: copying the jars of RocketMQ {version} from Maven Central, once ...");
    let start = Instant::now();
    let partial = folder.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(source_dir("java").join("pom.xml"))
        .arg(format!("-Drocketmq.version={version}"))
        .arg("dependency:copy-dependencies")
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", partial.display()));
    run_tool(maven, "maven")?;
    fs::rename(&partial, folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    eprintln!("testbed: ... copied in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a build tool to its end; says which Debian package has it when it is missing.
pub(crate) fn run_tool(mut command: Command, package: &str) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing_tool(&program, package),
        _ => format!("cannot start {program}: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} failed, {}:\n{printed}", output.status))
}

/// The sentence for a program that is not installed.
pub(crate) fn missing_tool(program: &str, package: &str) -> String {
    format!("the test bed needs `{program}`, which the Debian package {package} has")
}
