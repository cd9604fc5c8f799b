//! Built by CMake, installed, and used from there: by find_package and by pkg-config.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

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

fn installed(folder: &Path) -> PathBuf {
    let (built, prefix) = (folder.join("build"), folder.join("prefix"));
    build(&root(), &built);
    // The prefix is given as late as possible: nothing may have written it down before.
    run(tool("cmake", "cmake").arg("--install").arg(&built).arg("--prefix").arg(&prefix));
    prefix
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

/// The examples run far enough to show that they found the library: without a group there is only the usage.
fn starts(path: &Path, library: Option<&Path>) {
    let mut command = program(path);
    if let Some(folder) = library {
        command.env("LD_LIBRARY_PATH", folder);
    }
    let output = end(&mut command);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(both(&output).starts_with("usage: "), "{}", both(&output));
    let output = end(command.args(["G", "T"]));
    assert!(both(&output).contains("namesrv.addr is not set"), "{}", both(&output));
}

#[test]
fn examples_build_against_an_installed_library() {
    let folder = output("install");
    let prefix = installed(&folder);
    let library = found(&prefix, "librmq.so").parent().unwrap().to_owned();
    for name in
        ["rmq.h", "librmq.so.0", "librmq.so.0.1.0", "librmq.a", "RmqConfig.cmake", "RmqConfigVersion.cmake"]
    {
        found(&prefix, name);
    }
    assert_eq!(std::fs::read_link(library.join("librmq.so")).unwrap(), Path::new("librmq.so.0"));
    assert_eq!(std::fs::read_link(library.join("librmq.so.0")).unwrap(), Path::new("librmq.so.0.1.0"));

    for name in ["rmqcat", "rmqcat.1"] {
        found(&prefix, name);
    }

    // The tree may be moved: the package finds itself.
    let moved = folder.join("moved");
    std::fs::rename(&prefix, &moved).unwrap();
    let library = moved.join(library.strip_prefix(&prefix).unwrap());

    let built = folder.join("examples");
    run(tool("cmake", "cmake")
        .arg("-S")
        .arg(root().join("c-examples"))
        .arg("-B")
        .arg(&built)
        .arg(format!("-DCMAKE_PREFIX_PATH={}", moved.display())));
    run(tool("cmake", "cmake").arg("--build").arg(&built));
    let version = concat!(env!("CARGO_PKG_VERSION"), "\n");
    for folder in [moved.join("bin"), built.clone()] {
        let said = run(program(folder.join("rmqcat")).arg("-V"));
        assert!(said.starts_with("rmqcat ") && said.ends_with(version), "{said}");
    }
    starts(&built.join("push"), None);
    starts(&built.join("push_static"), None);
    starts(&built.join("allocate"), None);
    starts(&built.join("broadcast"), None);
    starts(&built.join("poll"), None);
    starts(&built.join("async"), None);
    let needs = run(tool("readelf", "binutils").args(["-d", "-W"]).arg(built.join("push")));
    assert!(needs.contains("[librmq.so.0]"), "{needs}");
    let needs = run(tool("readelf", "binutils").args(["-d", "-W"]).arg(built.join("push_static")));
    assert!(!needs.contains("librmq"), "{needs}");

    let flags = run(tool("pkg-config", "pkg-config")
        .args(["--cflags", "--libs", "rmq"])
        .env("PKG_CONFIG_PATH", library.join("pkgconfig")));
    let by_pkg_config = folder.join("push");
    run(tool("gcc", "gcc")
        .args(["-std=c11"])
        .arg(root().join("c-examples/push.c"))
        .arg("-o")
        .arg(&by_pkg_config)
        .args(flags.split_whitespace()));
    starts(&by_pkg_config, Some(&library));
}

#[test]
fn a_program_builds_with_the_library_as_a_part_of_its_project() {
    let folder = output("subdirectory");
    let project = format!(
        "cmake_minimum_required(VERSION 3.18)\nproject(Host C)\nadd_subdirectory({root} rmq)\n\
         add_executable(push {root}/c-examples/push.c)\nset_target_properties(push PROPERTIES C_STANDARD 11)\n\
         target_link_libraries(push PRIVATE Rmq::rmq)\n",
        root = root().display()
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
