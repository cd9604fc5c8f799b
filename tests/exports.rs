//! The shared library: what it exports, what it is called, what it needs.

mod support;

use support::{declared, library_folder, root, run, tool};

#[test]
fn the_library_exports_what_the_header_declares() {
    let symbols =
        run(tool("nm", "binutils").args(["-D", "--defined-only"]).arg(library_folder().join("librmq.so")));
    let mut exported: Vec<String> =
        symbols.lines().filter_map(|line| line.split_whitespace().next_back()).map(str::to_owned).collect();
    exported.sort();
    let list = root().join("tests/exports.txt");
    if std::env::var_os("RMQ_BLESS").is_some() {
        std::fs::write(&list, exported.join("\n") + "\n").unwrap();
    }
    let listed: Vec<String> = std::fs::read_to_string(list).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(exported, listed, "tests/exports.txt is the promise; RMQ_BLESS=1 cargo test rewrites it");
    assert_eq!(exported, declared());
}

#[test]
fn the_library_has_its_name_stays_loaded_and_needs_little() {
    let dynamic = run(tool("readelf", "binutils").args(["-d", "-W"]).arg(library_folder().join("librmq.so")));
    assert!(dynamic.contains("Library soname: [librmq.so.0]"), "{dynamic}");
    assert!(dynamic.lines().any(|line| line.contains("FLAGS_1") && line.contains("NODELETE")), "{dynamic}");
    for line in dynamic.lines().filter(|line| line.contains("(NEEDED)")) {
        let allowed = ["[libc.so", "[libgcc_s.so", "[libm.so", "[ld-linux"];
        assert!(allowed.iter().any(|name| line.contains(name)), "{line}");
    }
    assert!(!dynamic.contains("TEXTREL"), "{dynamic}");
}
