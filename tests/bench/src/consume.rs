//! The C program `consume.c`, compiled against the library under test.

use std::path::Path;
use std::process::Command;

use rmq_testbed::CProgram;

/// The compiled program; it finds the library beside itself.
pub(crate) struct Consume(CProgram);

impl Consume {
    /// Compiles it against `library`, or the librmq.so cargo made for this very program.
    pub(crate) fn compile(library: Option<&str>) -> Result<Consume, String> {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (source, include) = (bench.join("consume.c"), bench.join("../../include"));
        CProgram::compile(&source, &include, library.map(Path::new)).map(Consume)
    }

    /// Where the library under test is, as librmq.so.0.
    pub(crate) fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// It with its options.
    pub(crate) fn command(&self, options: Vec<String>) -> Command {
        let mut command = self.0.command();
        command.args(options);
        command
    }
}
