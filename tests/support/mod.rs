//! What the tests of the C face share: tools of the machine, the library as it was built, places for output.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder with the librmq.so of this very build: cargo makes it beside the tests of the package. (The one in the
/// folder above is put there by `cargo build` only, and may be an old one.)
pub fn library_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap().to_owned();
    assert!(folder.join("librmq.so").exists(), "cargo built no librmq.so in {}", folder.display());
    folder
}

/// A folder for the output of one test, empty.
pub fn output(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A tool of the machine; its absence fails the test and says which Debian package has it.
pub fn tool(name: &str, package: &str) -> Command {
    assert!(has(name), "{name} is not installed: install the Debian package {package}");
    Command::new(name)
}

/// Whether a tool is there.
pub fn has(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs to a successful end and answers what was printed.
pub fn run(command: &mut Command) -> String {
    let output = end(command);
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, both(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs to its end, whatever that is. A program that hangs is killed, and fails the test.
pub fn end(command: &mut Command) -> Output {
    const LIMIT: Duration = Duration::from_secs(600);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = started.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let process = Pid::from_raw(child.id().try_into().unwrap());
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait_with_output()));
    let output = end.recv_timeout(LIMIT).unwrap_or_else(|_| {
        let _ = kill(process, Signal::SIGKILL);
        // What it printed; not all of it where a child of its own still holds the pipe.
        let printed = end.recv_timeout(Duration::from_secs(5)).map(|output| both(&output.unwrap()));
        panic!("{command:?} did not end within {LIMIT:?}\n{}", printed.unwrap_or_default());
    });
    output.unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// Everything a program printed.
pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Flags under which the header and the programs must be silent.
pub const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"];

/// Builds a C or C++ program of tests/capi, given by its file's name, against the shared library.
pub fn compile(source: &str) -> PathBuf {
    compile_file(&root().join("tests/capi").join(source))
}

/// Builds an example of c-examples, given by its name, against the shared library. Without an ending it is one of C.
pub fn compile_example(name: &str) -> PathBuf {
    let path = root().join("c-examples").join(name);
    compile_file(&if path.extension().is_some() { path } else { path.with_extension("c") })
}

/// Builds a program of several C files, given by its folder in c-examples.
pub fn compile_folder(name: &str) -> PathBuf {
    let folder = root().join("c-examples").join(name);
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let main = folder.join(name).with_extension("c");
    let others: Vec<String> = files
        .filter(|path| path.extension() == Some(OsStr::new("c")) && *path != main)
        .map(|path| path.display().to_string())
        .collect();
    let flags: Vec<&str> = others.iter().map(String::as_str).collect();
    Build { flags: &flags, ..Build::new(&main, &format!("c-examples-{name}")) }.run()
}

fn compile_file(source: &Path) -> PathBuf {
    let standard = if source.extension().is_some_and(|language| language == "c") { "gnu11" } else { "c++17" };
    let folder = source.parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap();
    let name = source.file_stem().and_then(OsStr::to_str).unwrap();
    Build { standard, ..Build::new(source, &format!("{folder}-{name}")) }.run()
}

/// How a program is built against the shared library.
pub struct Build<'a> {
    pub source: &'a Path,
    /// The folder of its output, and so no other test's.
    pub folder: &'a str,
    pub compiler: &'a str,
    /// Where Debian has the compiler.
    pub package: &'a str,
    pub standard: &'a str,
    /// Flags that stand before the library.
    pub flags: &'a [&'a str],
    pub linked: bool,
}

impl<'a> Build<'a> {
    pub fn new(source: &'a Path, folder: &'a str) -> Build<'a> {
        let compiler = if source.extension().is_some_and(|language| language == "c") { "gcc" } else { "g++" };
        Build { source, folder, compiler, package: compiler, standard: "gnu11", flags: &[], linked: true }
    }

    pub fn run(self) -> PathBuf {
        let library = library_folder();
        let program = output(self.folder).join(self.source.file_stem().unwrap());
        let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
        rpath.push(&library);
        let mut command = tool(self.compiler, self.package);
        command
            .arg(format!("-std={}", self.standard))
            .args(["-g", "-pthread"])
            .args(STRICT)
            .arg("-I")
            .arg(root().join("include"))
            .arg(self.source)
            .arg("-o")
            .arg(&program)
            .args(self.flags)
            .args(sanitizer().iter().flat_map(|flags| flags.split_whitespace()));
        if self.linked {
            // By its path: the folder has no librmq.so.0, which the program would look for.
            command.arg("-L").arg(&library).arg(linkable(&library)).arg(rpath);
            // Programs of tests/capi have the header by mock_check.h.
            let text = std::fs::read_to_string(self.source).unwrap();
            if ["rmq_mock.h", "mock_check.h"].iter().any(|header| text.contains(header)) {
                command.arg(mock_for_programs());
            }
        }
        run(&mut command);
        program
    }
}

/// The library for a program of another language to load or link.
pub fn library_for_programs() -> PathBuf {
    linkable(&library_folder())
}

/// The mock's library for a program to link.
pub fn mock_for_programs() -> PathBuf {
    linkable_as(&library_folder(), "librmq_mock.so")
}

/// The library under the name that programs look for, beside itself.
fn linkable(library: &Path) -> PathBuf {
    linkable_as(library, "librmq.so")
}

fn linkable_as(library: &Path, name: &str) -> PathBuf {
    let soname = library.join(format!("{name}.0"));
    let target = Path::new(name);
    // Tests run at once; the first makes the link and the others find it.
    match std::os::unix::fs::symlink(target, &soname) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(e) => panic!("{}: {e}", soname.display()),
    }
    library.join(name)
}

/// A program, without variables that change what the library does.
pub fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    command.env_remove("NAMESRV_ADDR").env("RUST_BACKTRACE", "0");
    command
}

/// How scripts/sanitize.sh has programs built that use a library with a sanitizer in it.
fn sanitizer() -> Option<String> {
    std::env::var("RMQ_SANITIZER_FLAGS").ok()
}

/// A program under valgrind: an error or a leak ends it with 99. With a sanitizer inside, which looks for the same and
/// more, it cannot run there and runs once more as it is.
pub fn under_valgrind(path: impl AsRef<OsStr>) -> Command {
    if sanitizer().is_some() {
        return program(path);
    }
    let mut command = tool("valgrind", "valgrind");
    command
        .args(["-q", "--error-exitcode=99", "--leak-check=full"])
        .arg("--show-leak-kinds=definite,indirect,possible")
        .arg("--errors-for-leak-kinds=definite,indirect,possible")
        .arg(path)
        .env_remove("NAMESRV_ADDR")
        // A caught panic with a backtrace leaves a cache of symbols behind.
        .env("RUST_BACKTRACE", "0");
    command
}

/// The functions that rmq.h declares, sorted.
pub fn declared() -> Vec<String> {
    declared_in("rmq.h")
}

/// The functions that a header declares, sorted.
pub fn declared_in(header: &str) -> Vec<String> {
    let header = std::fs::read_to_string(root().join("include").join(header)).unwrap();
    // The macro may stand on the line before, and parameters on those after.
    let mut names: Vec<String> = header
        .replace("\nRMQ_MOCK_EXPORT", "\nRMQ_EXPORT")
        .split("\nRMQ_EXPORT")
        .skip(1)
        .map(|text| text.split('(').next().unwrap().split([' ', '*', '\n']).next_back().unwrap().to_owned())
        .collect();
    names.sort();
    names
}
