//! The C face: every exported function guards, checks, makes one call and translates. Nothing is decided here.
//!
//! This is the only room with `unsafe` (one call of the C library in `config/local_time.rs` aside). Shared moves are in
//! `guard` (no panic leaves), `handle` (pointers in), `buffer` (texts out), `userdata` (what belongs to the host) and
//! `fork`; the mock's C face uses them too, hence they are public and hidden. The header is written from the other files
//! in the order in which tests/header.rs lists them; the comments of their functions are its text.

// The names and comments are C's: the header is made of them.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]
// Layout of doc comments is Doxygen's.
#![allow(clippy::doc_lazy_continuation)]

pub mod allocation;
pub mod assign;
pub mod batch;
#[doc(hidden)]
pub mod buffer;
pub mod callback;
pub mod config;
pub mod consumer;
pub mod context;
pub mod error;
pub mod event;
pub mod filter;
#[doc(hidden)]
pub mod fork;
#[doc(hidden)]
pub mod guard;
#[doc(hidden)]
pub mod handle;
pub mod log;
pub mod message;
pub mod origin;
pub mod poll;
pub mod queues;
mod quick;
pub mod route;
pub mod stopping;
pub mod tuning;
mod userdata;
pub mod version;
pub mod view;
pub mod wakeup;

#[cfg(test)]
mod panics;
