//! C programs against the shared library. Those here need no broker.

mod support;

use support::{compile, program, root, run, under_valgrind};

/// Runs a program of tests/capi, then again under valgrind: no error, and nothing lost.
fn runs_clean(name: &str) -> String {
    let path = compile(&format!("{name}.c"));
    let printed = run(&mut program(&path));
    run(&mut under_valgrind(path));
    printed
}

#[test]
fn every_exported_function_takes_nulls_and_impossible_numbers() {
    let printed = runs_clean("nulls");
    let mut called: Vec<&str> = printed.lines().collect();
    called.sort_unstable();
    let exports = std::fs::read_to_string(root().join("tests/exports.txt")).unwrap();
    assert_eq!(called, exports.lines().collect::<Vec<_>>(), "each exported function needs a row in nulls.c");
}

#[test]
fn every_exported_function_of_the_mock_takes_nulls_and_impossible_numbers() {
    let printed = runs_clean("mock_nulls");
    let mut called: Vec<&str> = printed.lines().collect();
    called.sort_unstable();
    let exports = std::fs::read_to_string(root().join("tests/exports-mock.txt")).unwrap();
    assert_eq!(called, exports.lines().collect::<Vec<_>>(), "each function needs a row in mock_nulls.c");
}

#[test]
fn a_mock_cluster_has_what_a_program_gave_it() {
    runs_clean("mock_cluster");
}

/// Not under valgrind: what the child leaves alone on purpose would count as lost.
#[test]
fn a_forked_child_is_told_of_the_mock_cluster() {
    run(&mut program(compile("mock_fork.c")));
}

#[test]
fn each_fault_of_the_mock_happens_as_scripted_and_a_consumer_survives_it() {
    runs_clean("mock_faults");
}

#[test]
fn the_library_tells_what_it_is() {
    runs_clean("library");
}

/// Beside the rows of nulls and panics: a program must see what a function does, here or in an example whose output a
/// test reads.
#[test]
fn every_exported_function_is_used_by_a_program_that_looks_at_its_effect() {
    let mut programs = String::new();
    for folder in ["tests/capi", "c-examples"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let source = path.extension().is_some_and(|kind| kind == "c" || kind == "cc");
            if source && !path.to_str().unwrap().ends_with("nulls.c") {
                programs.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let words: std::collections::BTreeSet<&str> =
        programs.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).collect();
    let read = |list: &str| std::fs::read_to_string(root().join("tests").join(list)).unwrap();
    let exports = read("exports.txt") + &read("exports-mock.txt");
    let unseen: Vec<&str> = exports.lines().filter(|function| !words.contains(function)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn a_configuration_says_what_is_wrong() {
    runs_clean("config");
}

#[test]
fn a_consumer_refuses_what_its_state_does_not_allow() {
    runs_clean("states");
}

#[test]
fn userdata_is_freed_once_on_a_thread_of_the_host() {
    runs_clean("userdata");
}

#[test]
fn a_forked_child_is_told_and_can_make_its_own_consumer() {
    // Not under valgrind: what the child leaves alone on purpose would count as lost.
    run(&mut program(compile("fork.c")));
}
