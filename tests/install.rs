//! Built by CMake, installed, and used from there: by find_package and by pkg-config.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use rmq_testbed::{Cluster, TempDir, Version, temp_dir};
use support::{both, end, output, program, root, run, tool};

/// Configures and builds a CMake project that drives cargo.
fn build(source: &Path, build: &Path) {
    // cargo's own folder stays, so that only the first run builds everything.
    let cargo = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cmake-cargo");
    run(tool("cmake", "cmake")
        .arg("-S")
        .arg(source)
        .arg("-B")
        .arg(build)
        // The optimised build takes minutes and installs the same files.
        .arg("-DRMQ_CARGO_PROFILE=dev")
        .arg(format!("-DRMQ_CARGO_TARGET_DIR={}", cargo.display())));
    run(tool("cmake", "cmake").arg("--build").arg(build));
}

/// The library as a user has it: installed, and moved afterwards.
struct Installed {
    prefix: PathBuf,
    /// With the libraries.
    library: PathBuf,
    _folder: TempDir,
}

static INSTALLED: LazyLock<Installed> = LazyLock::new(|| {
    let (built, folder) = (output("install").join("build"), temp_dir("installed"));
    let first = folder.path().join("first");
    build(&root(), &built);
    // The prefix is given as late as possible: nothing may have written it down before.
    run(tool("cmake", "cmake").arg("--install").arg(&built).arg("--prefix").arg(&first));
    // The tree may be moved: the package finds itself.
    let prefix = folder.path().join("moved");
    std::fs::rename(&first, &prefix).unwrap();
    let library = found(&prefix, "librmq.so").parent().unwrap().to_owned();
    Installed { prefix, library, _folder: folder }
});

impl Installed {
    /// What pkg-config answers.
    fn flags(&self, arguments: &[&str]) -> Vec<String> {
        self.flags_of(&["rmq"], arguments)
    }

    fn flags_of(&self, packages: &[&str], arguments: &[&str]) -> Vec<String> {
        let printed = run(tool("pkg-config", "pkg-config")
            .args(arguments)
            .args(packages)
            .env("PKG_CONFIG_PATH", self.library.join("pkgconfig")));
        printed.split_whitespace().map(str::to_owned).collect()
    }

    /// Builds a program as a user would, by one command and pkg-config.
    fn by_pkg_config(&self, source: &Path, program: &Path, flags: &[&str], asked: &[&str]) {
        let (mut compiler, standard) = match source.extension().is_some_and(|language| language == "c") {
            true => (tool("gcc", "gcc"), "-std=c11"),
            false => (tool("g++", "g++"), "-std=c++11"),
        };
        compiler.args([standard, "-pthread"]).args(flags).arg(source).args(self.flags(asked));
        run(compiler.arg("-o").arg(program));
    }

    /// Configures and builds a project that finds the package.
    fn by_cmake(&self, source: &Path, built: &Path) {
        run(tool("cmake", "cmake")
            .arg("-S")
            .arg(source)
            .arg("-B")
            .arg(built)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", self.prefix.display())));
        run(tool("cmake", "cmake").arg("--build").arg(built));
    }
}

fn found(prefix: &Path, name: &str) -> PathBuf {
    let mut folders = vec![prefix.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == name {
                return path;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    panic!("{name} is not in {}", prefix.display());
}

/// What of the library a program or library shows to others, or needs.
fn dynamic(path: &Path) -> String {
    run(tool("readelf", "binutils").args(["-d", "-W"]).arg(path))
}

/// The examples run far enough to show that they found the library: without a group there is only the usage.
fn starts(path: &Path, library: Option<&Path>) {
    let mut command = program(path);
    if let Some(folder) = library {
        command.env("LD_LIBRARY_PATH", folder);
    }
    let output = end(&mut command);
    assert_eq!(output.status.code(), Some(2), "{}: {}", path.display(), both(&output));
    assert!(both(&output).starts_with("usage: "), "{}", both(&output));
}

/// The sources of c-examples.
fn examples() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("c-examples")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|language| language == "c" || language == "cc"))
        .collect()
}

fn name(source: &Path) -> &str {
    source.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn everything_is_installed_under_its_names() {
    for name in [
        "rmq.h",
        "rmq.hpp",
        "librmq.so.0",
        "librmq.so.0.1.0",
        "librmq.a",
        "RmqConfig.cmake",
        "RmqConfigVersion.cmake",
        "RmqTargets.cmake",
        "rmq.pc",
        "rmq_mock.h",
        "librmq_mock.so",
        "librmq_mock.so.0",
        "librmq_mock.so.0.1.0",
        "rmq_mock.pc",
        "building.md",
        "LICENSE",
        "rmqcat",
        "rmqcat.1",
    ] {
        found(&INSTALLED.prefix, name);
    }
    let library = &INSTALLED.library;
    assert_eq!(std::fs::read_link(library.join("librmq.so")).unwrap(), Path::new("librmq.so.0"));
    assert_eq!(std::fs::read_link(library.join("librmq.so.0")).unwrap(), Path::new("librmq.so.0.1.0"));
    let dynamic = dynamic(&library.join("librmq.so.0.1.0"));
    assert!(dynamic.contains("Library soname: [librmq.so.0]") && dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn every_example_builds_by_find_package_and_starts() {
    let built = output("install-cmake");
    INSTALLED.by_cmake(&root().join("c-examples"), &built);
    for source in examples() {
        starts(&built.join(name(&source)), None);
    }
    let version = concat!(env!("CARGO_PKG_VERSION"), "\n");
    for folder in [INSTALLED.prefix.join("bin"), built.clone()] {
        let said = run(program(folder.join("rmqcat")).arg("-V"));
        assert!(said.starts_with("rmqcat ") && said.ends_with(version), "{said}");
    }
    starts(&built.join("push_static"), None);
    starts(&built.join("mock_cluster"), None);
    let needs = dynamic(&built.join("push"));
    assert!(needs.contains("[librmq.so.0]"), "{needs}");
    let needs = dynamic(&built.join("push_static"));
    assert!(!needs.contains("librmq"), "{needs}");
}

#[test]
fn every_example_builds_by_pkg_config_and_starts() {
    let built = output("install-pkg-config");
    for source in examples() {
        let path = built.join(name(&source));
        INSTALLED.by_pkg_config(&source, &path, &[], &["--cflags", "--libs"]);
        starts(&path, Some(&INSTALLED.library));
    }
}

#[test]
fn every_example_is_short_and_run_against_a_broker_by_a_test() {
    let (mut tests, mut folders) = (String::new(), vec![root().join("tests/real")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => tests += &std::fs::read_to_string(path).unwrap(),
            }
        }
    }
    for source in examples() {
        let lines = std::fs::read_to_string(&source).unwrap().lines().count();
        assert!(lines < 120, "{} has {lines} lines", source.display());
        let file = source.file_name().unwrap().to_str().unwrap();
        let compiled =
            [file, name(&source)].iter().any(|name| tests.contains(&format!("compile_example(\"{name}\")")));
        assert!(compiled, "no test in tests/real compiles and runs {file}");
    }
}

/// A folder that is not below the repository.
struct Outside(PathBuf);

impl Outside {
    fn new(name: &str) -> Outside {
        let folder = std::env::temp_dir().join(format!("rmq-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        assert!(!folder.starts_with(root()), "{}", folder.display());
        Outside(folder)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The programs of docs/building.md, as the page has them.
fn programs(folder: &Path) -> [PathBuf; 2] {
    let page = std::fs::read_to_string(root().join("docs/building.md")).unwrap();
    ["c", "cpp"].map(|language| {
        let code = page.split(&format!("\n```{language}\n")).nth(1).unwrap().split("```").next().unwrap();
        let path = folder.join(if language == "c" { "first.c" } else { "second.cc" });
        std::fs::write(&path, code).unwrap();
        path
    })
}

/// Outside of the repository, as somebody begins: shared and static, by both tools, in both languages.
#[test]
fn the_first_programs_build_in_every_way_and_consume_from_a_broker() {
    let cluster = Cluster::shared(Version::V5_5_0);
    cluster.create_topic("TenLines", 1);
    let folder = Outside::new("first-programs");
    let project = "cmake_minimum_required(VERSION 3.18)\nproject(First C CXX)\nfind_package(Rmq 0.1 REQUIRED)\n\
         set(CMAKE_CXX_STANDARD 11)\n\
         add_executable(first first.c)\ntarget_link_libraries(first PRIVATE Rmq::rmq)\n\
         add_executable(second second.cc)\ntarget_link_libraries(second PRIVATE Rmq::rmq)\n\
         add_executable(first_static first.c)\ntarget_link_libraries(first_static PRIVATE Rmq::rmq_static)\n\
         add_executable(second_static second.cc)\ntarget_link_libraries(second_static PRIVATE Rmq::rmq_static)\n";
    std::fs::write(folder.path().join("CMakeLists.txt"), project).unwrap();
    let sources = programs(folder.path());
    let built = folder.path().join("build");
    INSTALLED.by_cmake(folder.path(), &built);
    let mut paths: Vec<PathBuf> =
        ["first", "second", "first_static", "second_static"].map(|name| built.join(name)).to_vec();
    for source in &sources {
        let shared = folder.path().join(format!("{}-shared", name(source)));
        INSTALLED.by_pkg_config(source, &shared, &[], &["--cflags", "--libs"]);
        let inside = folder.path().join(format!("{}-static", name(source)));
        INSTALLED.by_pkg_config(source, &inside, &["-static"], &["--static", "--cflags", "--libs"]);
        assert!(!dynamic(&inside).contains("NEEDED"), "{}", dynamic(&inside));
        paths.extend([shared, inside]);
    }
    for path in &paths {
        // Whoever comes next finds another message: the one before was committed.
        cluster.send("TenLines", 1).run();
        let mut command: Command = program(path);
        command.env("NAMESRV_ADDR", cluster.namesrv()).env("LD_LIBRARY_PATH", &INSTALLED.library);
        let printed = run(&mut command);
        assert!(printed.trim().len() >= 32, "{}: {printed:?}", path.display());
    }
    let sent = i64::try_from(paths.len()).unwrap();
    for group in ["ten-lines-c", "ten-lines-cpp"] {
        let offset = cluster.committed_offset(group, "TenLines", 0).unwrap();
        assert!(offset > 0 && offset <= sent, "{group}: {offset}");
    }
}

/// The page for users who test their consumers: its program builds outside of the repository in every way, and passes.
#[test]
fn a_unit_test_of_a_user_builds_with_the_mock_and_passes() {
    let folder = Outside::new("mock-user");
    let page = std::fs::read_to_string(root().join("docs/mock.md")).unwrap();
    let code = page.split("\n```c\n").nth(1).unwrap().split("```").next().unwrap();
    let (c, cpp) = (folder.path().join("orders_test.c"), folder.path().join("header.cc"));
    std::fs::write(&c, code).unwrap();
    // In C++ the header is compiled and a function of it linked.
    let code = "#include <rmq_mock.h>\nint main()\n{\n    \
         rmq_mock_cluster *cluster = rmq_mock_cluster_new(1, 0, 20, 0, 0);\n    \
         bool named = rmq_mock_cluster_namesrv_addr(cluster) != 0;\n    \
         rmq_mock_cluster_destroy(cluster);\n    return named ? 0 : 1;\n}\n";
    std::fs::write(&cpp, code).unwrap();
    let project = "cmake_minimum_required(VERSION 3.18)\nproject(Orders C CXX)\nfind_package(Rmq 0.1 REQUIRED)\n\
         enable_testing()\nset(CMAKE_C_STANDARD 99)\nset(CMAKE_CXX_STANDARD 11)\n\
         add_executable(orders_test orders_test.c)\n\
         target_link_libraries(orders_test PRIVATE Rmq::rmq Rmq::mock)\nadd_test(NAME orders COMMAND orders_test)\n\
         add_executable(static_test orders_test.c)\n\
         target_link_libraries(static_test PRIVATE Rmq::rmq_static Rmq::mock)\nadd_test(NAME static COMMAND static_test)\n\
         add_executable(header header.cc)\n\
         target_link_libraries(header PRIVATE Rmq::mock)\nadd_test(NAME header COMMAND header)\n";
    std::fs::write(folder.path().join("CMakeLists.txt"), project).unwrap();
    let built = folder.path().join("build");
    INSTALLED.by_cmake(folder.path(), &built);
    run(tool("ctest", "cmake").arg("--output-on-failure").current_dir(&built).env_remove("NAMESRV_ADDR"));
    let flags = INSTALLED.flags_of(&["rmq", "rmq_mock"], &["--cflags", "--libs"]);
    for (compiler, package) in [("gcc", "gcc"), ("clang", "clang")] {
        let path = folder.path().join(compiler);
        run(tool(compiler, package).args(["-std=c99", "-pthread"]).arg(&c).args(&flags).arg("-o").arg(&path));
        run_with(&path, &INSTALLED.library);
    }
    let flags = INSTALLED.flags_of(&["rmq_mock"], &["--cflags", "--libs"]);
    for (compiler, package) in [("g++", "g++"), ("clang++", "clang")] {
        let path = folder.path().join(compiler);
        run(tool(compiler, package).arg("-std=c++11").arg(&cpp).args(&flags).arg("-o").arg(&path));
        run_with(&path, &INSTALLED.library);
    }
}

/// What `make demo` runs, on the mock cluster: with a build that is not optimised, and folders of the test.
#[test]
fn the_demo_consumes_from_the_mock_cluster() {
    let out = output("demo");
    let printed = run(program(root().join("scripts/demo.sh"))
        .env("RMQ_DEMO_PROFILE", "dev")
        .env("RMQ_DEMO_CARGO", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cmake-cargo"))
        .env("RMQ_DEMO_OUT", &out));
    assert!(printed.contains("demo: a mock cluster gets 1000 messages in Orders"), "{printed}");
    // As the program shows its first messages, counts the rest, and sums up.
    assert!(printed.lines().any(|line| line.starts_with("Orders queue ") && line.contains(" key order-")));
    assert!(
        printed.lines().any(|line| line.starts_with("500 messages in ") && line.ends_with("500 expected"))
    );
    assert!(!printed.contains("tag shipped"), "{printed}");
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    assert!(makefile.contains("BROKER ?= mock") && makefile.contains("scripts/demo.sh $(BROKER)"));
}

/// Runs a program that has to find the installed libraries.
fn run_with(path: &Path, library: &Path) -> String {
    run(program(path).env("LD_LIBRARY_PATH", library))
}

#[test]
fn a_users_library_with_the_static_target_shows_nothing_of_it() {
    let folder = output("install-plugin");
    let project = format!(
        "cmake_minimum_required(VERSION 3.18)\nproject(Plugin C)\nfind_package(Rmq 0.1 REQUIRED)\n\
         add_library(plugin SHARED {}/tests/capi/plugin.c)\ntarget_link_libraries(plugin PRIVATE Rmq::rmq_static)\n",
        root().display()
    );
    std::fs::write(folder.join("CMakeLists.txt"), project).unwrap();
    INSTALLED.by_cmake(&folder, &folder.join("build"));
    let plugin = folder.join("build/libplugin.so");
    let symbols = run(tool("nm", "binutils").args(["-D", "--defined-only"]).arg(&plugin));
    let names: Vec<&str> = symbols.lines().filter_map(|line| line.split_whitespace().next_back()).collect();
    assert_eq!(names, ["plugin_consumer", "plugin_end", "plugin_last_error", "plugin_version"]);
}

#[test]
fn a_program_builds_with_the_library_as_a_part_of_its_project() {
    let folder = output("subdirectory");
    let project = format!(
        "cmake_minimum_required(VERSION 3.18)\nproject(Host C CXX)\nadd_subdirectory({root} rmq)\n\
         add_executable(push {root}/c-examples/push.c)\nset_target_properties(push PROPERTIES C_STANDARD 11)\n\
         target_link_libraries(push PRIVATE Rmq::rmq)\n\
         add_executable(raii {root}/c-examples/raii.cc)\nset_target_properties(raii PROPERTIES CXX_STANDARD 11)\n\
         target_link_libraries(raii PRIVATE Rmq::rmq_static)\n",
        root = root().display()
    );
    std::fs::write(folder.join("CMakeLists.txt"), project).unwrap();
    build(&folder, &folder.join("build"));
    starts(&folder.join("build/push"), None);
    starts(&folder.join("build/raii"), None);
}

/// A repository with the files of this one, as they are now.
fn repository(folder: &Path) {
    for entry in std::fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name != "target" && name != "build" && name != ".git" {
            run(tool("cp", "coreutils").arg("-r").arg(entry.path()).arg(folder.join(name)));
        }
    }
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        run(tool("git", "git").current_dir(folder).args(identity).args(arguments));
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--force", "."]);
    git(&["commit", "--quiet", "--message=As it is"]);
}

/// By a file URL, so without a network.
#[test]
fn a_program_builds_with_the_library_as_fetched_content() {
    let folder = output("fetched");
    let origin = folder.join("origin");
    std::fs::create_dir(&origin).unwrap();
    repository(&origin);
    let project = format!(
        "cmake_minimum_required(VERSION 3.18)\nproject(Host C)\ninclude(FetchContent)\n\
         FetchContent_Declare(rmq GIT_REPOSITORY file://{} GIT_TAG main)\nFetchContent_MakeAvailable(rmq)\n\
         add_executable(push {}/c-examples/push.c)\nset_target_properties(push PROPERTIES C_STANDARD 11)\n\
         target_link_libraries(push PRIVATE Rmq::rmq)\n",
        origin.display(),
        root().display()
    );
    std::fs::write(folder.join("CMakeLists.txt"), project).unwrap();
    build(&folder, &folder.join("build"));
    starts(&folder.join("build/push"), None);
}

#[test]
fn cmake_and_cargo_agree_on_the_version() {
    let text = std::fs::read_to_string(root().join("CMakeLists.txt")).unwrap();
    assert!(text.contains(&format!("project(Rmq VERSION {} ", env!("CARGO_PKG_VERSION"))));
}

#[test]
#[ignore = "needs cargo-c, which takes minutes to build; make test-long has it"]
fn cargo_cinstall_installs_a_library_of_the_same_name_that_pkg_config_finds() {
    let cinstall = std::env::var_os("RMQ_CINSTALL").expect("RMQ_CINSTALL names the program cargo-cinstall");
    let (folder, prefix) = (output("cinstall"), temp_dir("cinstalled"));
    run(Command::new(cinstall)
        .current_dir(root())
        .args(["cinstall", "--locked", "--profile", "dev", "--libdir", "lib", "--prefix"])
        .arg(prefix.path())
        .arg("--target-dir")
        .arg(folder.with_file_name("cinstall-cargo")));
    let installed =
        Installed { prefix: prefix.path().into(), library: prefix.path().join("lib"), _folder: prefix };
    for name in ["rmq.h", "rmq.hpp", "librmq.a", "librmq.so.0"] {
        found(&installed.prefix, name);
    }
    let dynamic = dynamic(&installed.library.join("librmq.so"));
    assert!(dynamic.contains("Library soname: [librmq.so.0]") && dynamic.contains("NODELETE"), "{dynamic}");
    let (push, program) = (root().join("c-examples/push.c"), folder.join("push"));
    installed.by_pkg_config(&push, &program, &[], &["--cflags", "--libs"]);
    starts(&program, Some(&installed.library));
}

/// cargo-c makes a SONAME of the version: of as many of its numbers as the manifest says.
#[test]
fn every_way_to_build_gives_the_library_the_same_name() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let manifest = read("Cargo.toml");
    let library =
        manifest.split("[package.metadata.capi.library]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(
        library.contains("name = \"rmq\"") && library.contains("version_suffix_components = 1"),
        "{library}"
    );
    let soname = format!("librmq.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
    assert_eq!(rmq::capi::version::rmq_abi_version().to_string(), env!("CARGO_PKG_VERSION_MAJOR"));
    assert!(read("build.rs").contains(&format!("-soname,{soname}\"")), "{soname}");
    assert!(read("cmake/RmqTargets.cmake").contains(&format!("IMPORTED_SONAME \"{soname}\"")), "{soname}");
    let includes = manifest.split("[package.metadata.capi.install.include]").nth(1).unwrap();
    let includes = includes.split("\n[").next().unwrap();
    for header in ["rmq.h", "rmq.hpp"] {
        assert!(includes.contains(&format!("from = \"include/{header}\"")), "{includes}");
    }
}
