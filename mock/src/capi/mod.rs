//! The C face of the mock: every exported function guards, checks, makes one call and translates, as in rmq's `capi`,
//! whose shared moves it uses. This is the mock's only room with `unsafe`.
//!
//! The header is written from the other files in the order in which tests/header.rs lists them; the comments of their
//! functions are its text.

// The names and comments are C's: the header is made of them.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]
// As many as the call needs: a struct would need a promise about its layout.
#![allow(clippy::too_many_arguments)]
// Layout of doc comments is Doxygen's.
#![allow(clippy::doc_lazy_continuation)]

pub mod broker;
pub mod cluster;
pub mod error;
pub mod fault;
pub mod group;
pub mod hold;
pub mod message;
pub mod request;
mod wait;
mod which;
