//! What the fuzz targets do with their bytes: each module has one function, `run`, that panics when a property does
//! not hold. `fuzz_targets` gives them libFuzzer's bytes; `tests/fuzz_corpus.rs` includes this file and gives them
//! those of `corpus`, so that `make test` needs no libFuzzer.

pub mod answers;
pub mod config;
pub mod frame;
pub mod header;
pub mod inflate;
pub mod offset_file;
pub mod process_queue;
pub mod record;
pub mod route;
pub mod tag_expression;
