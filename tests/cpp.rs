//! The C++ header: every compiler takes it, it has every function, it does what it says. Its behaviour against a
//! broker is in tests/real/cpp.rs.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::{Build, STRICT, declared, output, program, root, run, tool, under_valgrind};

const STANDARDS: &[&str] = &["c++11", "c++14", "c++17", "c++20"];

/// With their Debian packages.
const COMPILERS: &[(&str, &str)] = &[("g++", "g++"), ("clang++", "clang")];

fn text() -> String {
    std::fs::read_to_string(root().join("include/rmq.hpp")).unwrap()
}

#[test]
fn every_compiler_takes_the_header_once_and_often() {
    let folder = output("cpp-header");
    for (compiler, package) in COMPILERS {
        for standard in STANDARDS {
            for (name, text) in [
                ("once", "#include \"rmq.hpp\"\n"),
                (
                    "often",
                    "#define RMQ_STATIC\n#define small char\n#define interface struct\n#define min(a, b) a\n\
                     #define max(a, b) b\n#include \"rmq.h\"\n#include \"rmq.hpp\"\n#include \"rmq.hpp\"\n\
                     #include \"rmq.h\"\n",
                ),
            ] {
                let source = folder.join(format!("{name}.cc"));
                std::fs::write(&source, text).unwrap();
                run(tool(compiler, package)
                    .arg(format!("-std={standard}"))
                    .args(STRICT)
                    .args(["-Wold-style-cast", "-fsyntax-only", "-I"])
                    .arg(root().join("include"))
                    .arg(source));
            }
        }
    }
}

#[test]
fn every_function_of_the_library_is_in_the_cpp_header() {
    let header = text();
    let words: std::collections::BTreeSet<&str> =
        header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let missing: Vec<String> = declared().into_iter().filter(|name| !words.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "include/rmq.hpp does not call {missing:?}");
}

#[test]
fn a_program_of_gcc_without_a_broker_behaves_in_every_standard() {
    behaves_in_every_standard("g++", "g++", |standard, path| {
        if ["c++11", "c++17"].contains(&standard) {
            run(&mut under_valgrind(path));
        }
    });
}

#[test]
fn a_program_of_clang_without_a_broker_behaves_in_every_standard() {
    behaves_in_every_standard("clang++", "clang", |_, _| {});
}

fn behaves_in_every_standard(compiler: &str, package: &str, more: impl Fn(&str, &Path)) {
    let source = root().join("tests/capi/hpp.cc");
    for standard in STANDARDS {
        let folder = format!("cpp-{compiler}-{standard}");
        let path = Build { standard, compiler, package, ..Build::new(&source, &folder) }.run();
        run(&mut program(&path));
        more(standard, &path);
    }
}

/// Inline functions of both standards have the same name only if they are the same.
#[test]
fn sources_of_different_standards_make_one_program() {
    let folder = output("cpp-mixed");
    let part = |name: &str, standard: &str| -> PathBuf {
        let (source, object) = (folder.join(format!("{name}.cc")), folder.join(format!("{name}.o")));
        let code = format!(
            "#include <rmq.hpp>\n\
             bool {name}();\n\
             bool {name}()\n\
             {{\n    const rmq::string_view text = rmq::EventRef().text(), paid(\"paid\", 4);\n    \
             return text.data() == nullptr && std::string(paid) == \"paid\" && paid.size() == 4;\n}}\n"
        );
        std::fs::write(&source, code).unwrap();
        run(tool("g++", "g++")
            .arg(format!("-std={standard}"))
            .args(STRICT)
            .args(["-O0", "-c", "-I"])
            .arg(root().join("include"))
            .arg(source)
            .arg("-o")
            .arg(&object));
        object
    };
    let (old, new) = (part("old_part", "c++11"), part("new_part", "c++20"));
    let main = folder.join("main.cc");
    let code = "bool old_part();\nbool new_part();\nint main()\n{\n    return old_part() && new_part() ? 0 : 1;\n}\n";
    std::fs::write(&main, code).unwrap();
    let flags = [old.to_str().unwrap(), new.to_str().unwrap()];
    let path = Build { standard: "c++17", flags: &flags, ..Build::new(&main, "cpp-mixed-program") }.run();
    run(&mut program(path));
}
