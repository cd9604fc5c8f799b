//! What `make fuzz` does, without libFuzzer: the bodies of the fuzz targets with the inputs of `tests/fuzz/corpus`,
//! among them each that ever failed.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "fuzz/src/lib.rs"]
#[allow(missing_docs, unreachable_pub)]
mod targets;

use std::path::Path;

/// A test for each target, under its own name.
macro_rules! corpora {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            runs(stringify!($target), targets::$target::run);
        })*

        #[test]
        fn every_target_is_run_by_libfuzzer_and_has_a_corpus() {
            let mut targets = [$(stringify!($target)),*].map(str::to_owned);
            targets.sort();
            assert_eq!(names("corpus"), targets);
            let (options, programs): (Vec<_>, Vec<_>) =
                names("fuzz_targets").into_iter().partition(|name| name.ends_with(".options"));
            assert_eq!(programs, targets.clone().map(|name| name + ".rs"));
            for file in options {
                assert!(targets.iter().any(|name| file == format!("{name}.options")), "{file} is no target's");
            }
            let manifest = std::fs::read_to_string(folder("Cargo.toml")).unwrap();
            for name in targets {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no binary of tests/fuzz");
            }
        }
    };
}

corpora! {
    answers config frame header inflate offset_file process_queue record route tag_expression
}

fn runs(target: &str, run: fn(&[u8])) {
    let corpus = folder("corpus").join(target);
    let files = names(&format!("corpus/{target}"));
    assert!(!files.is_empty());
    for file in files {
        // The test's output is shown when it fails, and then ends with the input that did it.
        println!("tests/fuzz/corpus/{target}/{file}");
        run(&std::fs::read(corpus.join(file)).unwrap());
    }
}

fn folder(below: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(below)
}

/// What is in a folder, sorted.
fn names(below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder(below)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
