//! capbuf for C, and for whatever speaks C: Go, C++, and more.
//!
//! The conventions that every function obeys are told in the header, `include/capbuf.h`, which is made from this crate. In here:
//! `pointers` is the only file that looks behind a pointer from C, `guard` the only way into a function.

#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod arguments;
mod buffer;
mod buffer_info;
mod capture;
mod capture_options;
mod clip;
mod domains;
mod error;
mod failure;
mod guard;
mod pointers;
mod read;
mod registry;
mod spec;
mod station;
mod text;
mod track;
mod trigger;
mod windows;
mod writer;

pub use buffer::*;
pub use buffer_info::*;
pub use capture::*;
pub use capture_options::*;
pub use clip::*;
pub use domains::*;
pub use error::*;
pub use read::*;
pub use registry::*;
pub use spec::*;
pub use station::*;
pub use text::*;
pub use track::*;
pub use trigger::*;
pub use windows::*;
pub use writer::*;
