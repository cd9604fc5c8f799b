//! The shared library: what it exports, what it is called, what it needs.

#![allow(clippy::unwrap_used)]

mod support;

use support::{declared_in, library_folder, root, run, tool};

#[test]
fn the_library_exports_what_the_header_declares() {
    exports_are("librmq.so", "tests/exports.txt", "rmq.h");
}

/// Nothing of librmq, which is inside of it: a program's calls would reach that copy.
#[test]
fn the_mock_exports_what_its_header_declares() {
    exports_are("librmq_mock.so", "tests/exports-mock.txt", "rmq_mock.h");
}

fn exports_are(library: &str, list: &str, header: &str) {
    let symbols =
        run(tool("nm", "binutils").args(["-D", "--defined-only"]).arg(library_folder().join(library)));
    let mut exported: Vec<String> =
        symbols.lines().filter_map(|line| line.split_whitespace().next_back()).map(str::to_owned).collect();
    exported.sort();
    let path = root().join(list);
    if std::env::var_os("RMQ_BLESS").is_some() {
        std::fs::write(&path, exported.join("\n") + "\n").unwrap();
    }
    let listed: Vec<String> = std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(exported, listed, "{list} is the promise; RMQ_BLESS=1 cargo test rewrites it");
    assert_eq!(exported, declared_in(header));
}

#[test]
fn the_libraries_have_their_names_stay_loaded_and_need_little() {
    for name in ["librmq.so", "librmq_mock.so"] {
        let dynamic = run(tool("readelf", "binutils").args(["-d", "-W"]).arg(library_folder().join(name)));
        assert!(dynamic.contains(&format!("Library soname: [{name}.0]")), "{dynamic}");
        let flags = dynamic.lines().find(|line| line.contains("FLAGS_1"));
        assert!(flags.is_some_and(|line| line.contains("NODELETE")), "{dynamic}");
        for line in dynamic.lines().filter(|line| line.contains("(NEEDED)")) {
            let allowed = ["[libc.so", "[libgcc_s.so", "[libm.so", "[ld-linux"];
            assert!(allowed.iter().any(|name| line.contains(name)), "{line}");
        }
        assert!(!dynamic.contains("TEXTREL"), "{dynamic}");
    }
}
