//! C programs that are measured or run for long, compiled against one library.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folders::{TempDir, temp_dir};

/// A compiled program in a folder of its own; it finds the library beside itself.
pub struct CProgram {
    folder: TempDir,
    path: PathBuf,
}

impl CProgram {
    /// Compiles `source` with the header in `include` against `library`, or the librmq.so cargo made for this very
    /// program.
    pub fn compile(source: &Path, include: &Path, library: Option<&Path>) -> Result<CProgram, String> {
        let library = library.map_or_else(own_library, |path| Ok(path.to_owned()))?;
        let library = library.canonicalize().map_err(|e| format!("{}: {e}", library.display()))?;
        let name = source.file_stem().ok_or_else(|| format!("{} is no file", source.display()))?;
        let folder = temp_dir(&name.to_string_lossy());
        // The name in the SONAME, which programs look for; cargo makes none.
        symlink(&library, folder.path().join("librmq.so.0")).map_err(|e| format!("librmq.so.0: {e}"))?;
        let path = folder.path().join(name);
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-std=gnu11", "-pthread", "-I"]).arg(include).arg(source).arg("-o").arg(&path);
        let status = compiler
            .arg(library)
            .arg("-Wl,-rpath,$ORIGIN")
            .status()
            .map_err(|e| format!("cc is needed, install the Debian package gcc: {e}"))?;
        if status.success() { Ok(CProgram { folder, path }) } else { Err(format!("cc: {status}")) }
    }

    /// Where it is, with the library as librmq.so.0.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// It, without arguments.
    pub fn command(&self) -> Command {
        Command::new(&self.path)
    }
}

/// Beside the programs of a build, in `deps`. (The one in the folder above may be of an older build.)
fn own_library() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let library = program.with_file_name("deps").join("librmq.so");
    if library.exists() { Ok(library) } else { Err(format!("cargo built no {}", library.display())) }
}
