//! The release check of the C interface: it lets additions pass and nothing else.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::{both, end, output, root, tool};

/// A folder with the header and the name of a library.
fn edition(folder: &Path, name: &str, header: &str, soname: &str) -> PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir_all(folder.join("include")).unwrap();
    std::fs::write(folder.join("include/rmq.h"), header).unwrap();
    std::fs::write(folder.join("build.rs"), format!("-Wl,-soname,{soname}")).unwrap();
    folder
}

/// Compares; answers whether it passed and what was printed.
fn check(name: &str, old: &str, new: &str, soname: &str) -> (bool, String) {
    tool("abidiff", "abigail-tools");
    let folder = output(&format!("abi-{name}"));
    let (old, new) = (edition(&folder, "old", old, "librmq.so.0"), edition(&folder, "new", new, soname));
    let output =
        end(tool("bash", "bash").arg(root().join("scripts/abi.sh")).arg("--folders").args([old, new]));
    (output.status.success(), both(&output))
}

fn header() -> String {
    std::fs::read_to_string(root().join("include/rmq.h")).unwrap()
}

/// The header with one text in place of another, which is there.
fn changed(from: &str, to: &str) -> String {
    let header = header();
    assert!(header.contains(from), "{from}");
    header.replace(from, to)
}

#[test]
fn additions_pass_and_are_listed() {
    let extended = changed(
        "#ifdef __cplusplus\n} /* extern",
        "#define RMQ_E_NEWER -98\nRMQ_EXPORT\nint32_t rmq_newer(const rmq_batch *batch);\n#ifdef __cplusplus\n} /* extern",
    );
    let (passed, printed) = check("added", &header(), &extended, "librmq.so.0");
    assert!(passed, "{printed}");
    assert!(printed.contains("{rmq_newer}") && printed.contains("[A] RMQ_E_NEWER -98"), "{printed}");
}

#[test]
fn what_programs_rely_on_does_not_change_unnoticed() {
    let state = "int32_t rmq_consumer_state(const rmq_consumer *consumer);";
    for (name, new, soname) in [
        ("removed", changed(&format!("RMQ_EXPORT\n{state}"), ""), "librmq.so.0"),
        (
            "result",
            changed(state, "int64_t rmq_consumer_state(const rmq_consumer *consumer);"),
            "librmq.so.0",
        ),
        (
            "parameter",
            changed(state, "int32_t rmq_consumer_state(const rmq_consumer *consumer, int32_t more);"),
            "librmq.so.0",
        ),
        (
            "callback",
            changed(
                "typedef void (*rmq_event_cb)(rmq_consumer",
                "typedef int32_t (*rmq_event_cb)(rmq_consumer",
            ),
            "librmq.so.0",
        ),
        ("number", changed("#define RMQ_E_CLOSED -4\n", "#define RMQ_E_CLOSED -40\n"), "librmq.so.0"),
        ("constant", changed("#define RMQ_EVENT_FATAL 16\n", "\n"), "librmq.so.0"),
        ("name", header(), "librmq.so.1"),
    ] {
        let (passed, printed) = check(name, &header(), &new, soname);
        assert!(!passed, "{name}: {printed}");
    }
}

#[test]
fn structs_whose_size_the_caller_passes_may_grow_at_their_end_only() {
    let with = |fields: &str| {
        changed(
            "#ifdef __cplusplus\n} /* extern",
            &format!(
                "typedef struct {{ {fields} }} rmq_test_view;\nRMQ_EXPORT\n\
                 int32_t rmq_test_views(rmq_test_view *views, size_t stride);\n#ifdef __cplusplus\n}} /* extern"
            ),
        )
    };
    let old = with("int64_t offset;");
    let (passed, printed) = check("grown", &old, &with("int64_t offset; int64_t more;"), "librmq.so.0");
    assert!(passed, "{printed}");
    let (passed, printed) = check("shifted", &old, &with("int64_t more; int64_t offset;"), "librmq.so.0");
    assert!(!passed, "{printed}");
}
