//! The C program `consume.c`, compiled against the library under test.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rmq_testbed::{TempDir, temp_dir};

/// The compiled program; it finds the library beside itself.
pub(crate) struct Consume(TempDir);

impl Consume {
    /// Compiles it against `library`, or the librmq.so cargo made for this very program.
    pub(crate) fn compile(library: Option<&str>) -> Result<Consume, String> {
        let library = library.map_or_else(own_library, |path| Ok(PathBuf::from(path)))?;
        let library = library.canonicalize().map_err(|e| format!("{}: {e}", library.display()))?;
        let folder = temp_dir("consume");
        // The name in the SONAME, which programs look for; cargo makes none.
        symlink(&library, folder.path().join("librmq.so.0")).map_err(|e| format!("librmq.so.0: {e}"))?;
        let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status = Command::new("cc")
            .args(["-O2", "-std=gnu11", "-pthread", "-I"])
            .arg(bench.join("../../include"))
            .arg(bench.join("consume.c"))
            .arg("-o")
            .arg(folder.path().join("consume"))
            .arg(library)
            .arg("-Wl,-rpath,$ORIGIN")
            .status()
            .map_err(|e| format!("cc is needed, install the Debian package gcc: {e}"))?;
        if !status.success() {
            return Err(format!("cc: {status}"));
        }
        Ok(Consume(folder))
    }

    /// Where the library under test is, as librmq.so.0.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// It with its options.
    pub(crate) fn command(&self, options: Vec<String>) -> Command {
        let mut command = Command::new(self.0.path().join("consume"));
        command.args(options);
        command
    }
}

/// Beside the programs of a build, in `deps`. (The one in the folder above may be of an older build.)
fn own_library() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let library = program.with_file_name("deps").join("librmq.so");
    if library.exists() { Ok(library) } else { Err(format!("cargo built no {}", library.display())) }
}
