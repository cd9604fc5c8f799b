//! The C header: is it the one that cbindgen writes, does every compiler take it, does it say the truth.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use rmq::ErrorKind;
use support::{STRICT, both, end, output, root, run, tool};

/// The order in which the header tells things.
const SOURCES: &[&str] = &[
    "error",
    "version",
    "config",
    "consumer",
    "stopping",
    "filter",
    "route",
    "assign",
    "queues",
    "tuning",
    "callback",
    "batch",
    "poll",
    "wakeup",
    "message",
    "view",
    "origin",
    "context",
    "event",
    "allocation",
    "log",
];

/// The same of rmq_mock.h.
const MOCK_SOURCES: &[&str] = &["error", "cluster", "broker", "message", "group", "fault", "hold", "request"];

fn header() -> PathBuf {
    root().join("include/rmq.h")
}

fn text() -> String {
    std::fs::read_to_string(header()).unwrap_or_default()
}

fn constant(name: &str) -> Option<i64> {
    text().lines().find_map(|line| line.strip_prefix(&format!("#define {name} "))?.trim().parse().ok())
}

#[test]
fn the_header_is_what_cbindgen_writes() {
    is_current("include/rmq.h", "cbindgen.toml", "src/capi", SOURCES);
}

#[test]
fn the_mocks_header_is_what_cbindgen_writes() {
    is_current("include/rmq_mock.h", "cbindgen-mock.toml", "mock/src/capi", MOCK_SOURCES);
}

/// Compares a header with what its sources say.
fn is_current(header: &str, config: &str, folder: &str, sources: &[&str]) {
    let config = cbindgen::Config::from_file(root().join(config)).unwrap();
    let builder = sources.iter().fold(cbindgen::Builder::new().with_config(config), |builder, source| {
        builder.with_src(root().join(format!("{folder}/{source}.rs")))
    });
    let mut written = Vec::new();
    builder.generate().unwrap().write(&mut written);
    let written = String::from_utf8(written).unwrap();
    let path = root().join(header);
    if std::env::var_os("RMQ_BLESS").is_some() {
        std::fs::create_dir_all(root().join("include")).unwrap();
        std::fs::write(&path, &written).unwrap();
    }
    let present = std::fs::read_to_string(path).unwrap_or_default();
    assert!(present == written, "{header} is not current; write it with RMQ_BLESS=1 cargo test");
}

#[test]
fn every_file_with_exported_functions_is_in_the_header() {
    for (folder, sources) in [("src/capi", SOURCES), ("mock/src/capi", MOCK_SOURCES)] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let exports = std::fs::read_to_string(&path).unwrap().contains("#[unsafe(no_mangle)]");
            assert_eq!(exports || name == "log", sources.contains(&name.as_str()), "{folder}/{name}");
        }
    }
}

#[test]
fn every_compiler_takes_the_header_once_and_twice() {
    let folder = output("header");
    for (compiler, package, cpp) in
        [("gcc", "gcc", false), ("g++", "g++", true), ("clang", "clang", false), ("clang++", "clang", true)]
    {
        let standards: &[&str] = match cpp {
            true => &["c++98", "c++11", "c++14", "c++17", "c++20"],
            false => &["c89", "c99", "c11", "c17", "c2x"],
        };
        for standard in standards {
            for (name, text) in [
                ("once", "#include \"rmq.h\"\n"),
                ("twice", "#include \"rmq.h\"\n#include \"rmq.h\"\n"),
                (
                    "behind",
                    "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include \"rmq.h\"\n",
                ),
                (
                    "macros",
                    "#define small char\n#define interface struct\n#define near\n#define far\n#include \"rmq.h\"\n",
                ),
                ("static", "#define RMQ_STATIC\n#include \"rmq.h\"\n"),
                ("mock", "#include \"rmq_mock.h\"\n#include \"rmq_mock.h\"\n"),
                ("both", "#include \"rmq_mock.h\"\n#include \"rmq.h\"\n"),
            ] {
                let source = folder.join(format!("{name}.{}", if cpp { "cc" } else { "c" }));
                std::fs::write(&source, format!("{text}extern int rmq_test_unit;\n")).unwrap();
                let mut command = tool(compiler, package);
                command.arg(format!("-std={standard}")).args(STRICT).arg("-fsyntax-only");
                if !cpp {
                    command.arg("-Wstrict-prototypes");
                }
                run(command.arg("-I").arg(root().join("include")).arg(source));
            }
        }
    }
}

#[test]
fn the_constants_can_be_used_in_c89() {
    let source = output("header-constants").join("constants.c");
    let names: Vec<String> = text()
        .lines()
        .filter_map(|line| line.strip_prefix("#define RMQ_")?.split_once(' '))
        .filter(|(_, value)| value.trim().parse::<i64>().is_ok())
        .map(|(name, _)| format!("    v = RMQ_{name};\n"))
        .collect();
    assert!(names.len() > 40, "{}", names.len());
    let body = names.concat();
    std::fs::write(&source, format!("#include \"rmq.h\"\nint32_t f(void);\nint32_t f(void)\n{{\n    int32_t v;\n{body}    return v;\n}}\n")).unwrap();
    let mut command = tool("gcc", "gcc");
    run(command
        .args(["-std=c89", "-fsyntax-only"])
        .args(STRICT)
        .arg("-I")
        .arg(root().join("include"))
        .arg(source));
}

#[test]
fn the_program_at_the_top_compiles() {
    let header = text();
    let code = header.split("@code\n").nth(1).and_then(|rest| rest.split(" * @endcode").next()).unwrap();
    let code: String = code.lines().map(|line| line.trim_start_matches(" *").to_owned() + "\n").collect();
    assert!(code.contains("int main(void)"), "{code}");
    let source = output("header-program").join("program.c");
    std::fs::write(&source, code).unwrap();
    let mut command = tool("gcc", "gcc");
    run(command
        .args(["-std=c99", "-fsyntax-only"])
        .args(STRICT)
        .arg("-I")
        .arg(root().join("include"))
        .arg(source));
}

/// In C as in Rust, and as it was promised: a field never moves, new ones come behind the last.
#[test]
fn the_view_has_the_same_layout_on_both_sides() {
    use rmq::capi::view::rmq_message_view as View;
    use std::mem::offset_of;
    let (word, mut at) = (size_of::<usize>(), 0);
    let mut source = String::from("#include <stddef.h>\n#include \"rmq.h\"\n");
    let mut field = |name: &str, offset: usize, size: usize| {
        assert_eq!(offset, at, "{name}");
        source += &format!(
            "typedef char at_{name}[offsetof(rmq_message_view, {name}) == {offset} ? 1 : -1];\n\
             typedef char of_{name}[sizeof ((rmq_message_view *)0)->{name} == {size} ? 1 : -1];\n"
        );
        at += size;
    };
    macro_rules! fields {
        ($($name:ident: $size:expr,)*) => { $(field(stringify!($name), offset_of!(View, $name), $size);)* };
    }
    fields! {
        topic: word, topic_len: word,
        body: word, body_len: word,
        tags: word, tags_len: word,
        keys: word, keys_len: word,
        msg_id: word, msg_id_len: word,
        queue_offset: 8, commit_log_offset: 8, born_timestamp: 8, store_timestamp: 8,
        prepared_transaction_offset: 8,
        queue_id: 4, reconsume_times: 4, flag: 4, sys_flag: 4, store_size: 4, body_crc: 4,
    }
    assert_eq!(size_of::<View>(), at, "each field stands above, in its order");
    source += &format!("typedef char whole[sizeof(rmq_message_view) == {at} ? 1 : -1];\n");
    let header = text();
    let declared =
        header.split("typedef struct {").nth(1).unwrap().split("} rmq_message_view;").next().unwrap();
    assert_eq!(declared.matches(";\n").count(), source.matches("char at_").count());
    let file = output("header-view").join("view.c");
    std::fs::write(&file, source).unwrap();
    let mut command = tool("gcc", "gcc");
    run(command
        .args(["-std=c89", "-fsyntax-only"])
        .args(STRICT)
        .arg("-I")
        .arg(root().join("include"))
        .arg(file));
}

/// A function, parameter, return value or constant without documentation is a warning, and that an error.
#[test]
fn the_reference_is_made_without_a_warning() {
    let settings = std::fs::read_to_string(root().join("docs/Doxyfile")).unwrap();
    let folder = output("reference");
    let file = folder.join("Doxyfile");
    std::fs::write(&file, format!("{settings}OUTPUT_DIRECTORY = {}\n", folder.display())).unwrap();
    let made = end(tool("doxygen", "doxygen").arg(file).current_dir(root()));
    assert!(made.status.success(), "{}", both(&made));
    let page = std::fs::read_to_string(folder.join("html/rmq_8h.html")).unwrap();
    assert!(folder.join("html/rmq__mock_8h.html").exists());
    for function in support::declared() {
        assert!(page.contains(&format!(">{function}<")), "{function} is not in the reference");
    }
}

#[test]
fn codes_are_the_tables() {
    for kind in ErrorKind::KNOWN {
        assert_eq!(constant(kind.name()), Some(kind.number().into()), "{}", kind.name());
    }
    let declared = text().lines().filter(|line| line.starts_with("#define RMQ_E_")).count();
    assert_eq!(declared, ErrorKind::KNOWN.len());
    assert_eq!(constant("RMQ_OK"), Some(0));
}

/// The mock's numbers are those of rmq.h, of the protocol's requests and of itself.
#[test]
fn the_mocks_constants_are_the_tables() {
    use rmq::protocol::RequestCode;
    let header = std::fs::read_to_string(root().join("include/rmq_mock.h")).unwrap();
    let constants = header.lines().filter_map(|line| line.strip_prefix("#define RMQ_MOCK_")?.split_once(' '));
    let (mut codes, mut requests) = (0, 0);
    for (name, number) in
        constants.filter_map(|(name, value)| Some((name, value.trim().parse::<i32>().ok()?)))
    {
        if name.starts_with("E_") || name == "OK" {
            assert_eq!(constant(&format!("RMQ_{name}")), Some(i64::from(number)), "{name}");
            codes += 1;
        } else if !name.starts_with("FAULT_") && number > 0 {
            assert_eq!(RequestCode::from(number).name(), name);
            requests += 1;
        }
    }
    assert!(codes >= 8 && requests >= 15, "{codes} {requests}");
}

#[test]
fn the_version_is_cargos() {
    let part = |text: &str| text.parse::<i64>().unwrap();
    assert_eq!(constant("RMQ_VERSION_MAJOR"), Some(part(env!("CARGO_PKG_VERSION_MAJOR"))));
    assert_eq!(constant("RMQ_VERSION_MINOR"), Some(part(env!("CARGO_PKG_VERSION_MINOR"))));
    assert_eq!(constant("RMQ_VERSION_PATCH"), Some(part(env!("CARGO_PKG_VERSION_PATCH"))));
    let number = rmq::capi::version::rmq_version_number();
    assert_eq!(rmq::capi::version::rmq_check_version(number), 0);
    assert_eq!(rmq::capi::version::rmq_check_version(number + 1), -10);
    assert_eq!(rmq::capi::version::rmq_check_version(number + (1 << 16)), -10);
}

#[test]
fn every_function_says_since_when_and_from_which_thread() {
    for (name, macro_name) in [("rmq.h", "\nRMQ_EXPORT"), ("rmq_mock.h", "\nRMQ_MOCK_EXPORT")] {
        let header = std::fs::read_to_string(root().join("include").join(name)).unwrap();
        let parts: Vec<&str> = header.split(macro_name).collect();
        for pair in parts.windows(2) {
            let comment = pair[0].rsplit("/**").next().unwrap();
            let function = pair[1].split('(').next().unwrap();
            assert!(comment.contains("@since 0."), "{function}");
            assert!(comment.contains("@par Thread-safety"), "{function}");
        }
        assert_eq!(parts.len() - 1, support::declared_in(name).len());
    }
}
