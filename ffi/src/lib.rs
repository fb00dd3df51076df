//! The C interface of capbuf: a static and a shared library, and the header `include/capbuf.h`.
//!
//! The header is generated from this crate; its first page states the conventions that every
//! function obeys. `boundary` implements them: each exported function converts its arguments and
//! calls the crates `capbuf` and `capbuf_capture`.
//!
//! Functions appear in the header in the order of the modules below. `tests/imports.rs` keeps
//! imports between files free of cycles.

#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod boundary;

mod error;

mod text;
mod version;

mod caller;
mod spec;

mod registry_open;
mod registry_options;

mod buffer_info;
mod registry;
mod registry_stats;

mod buffer;
mod buffer_status;

mod writer;

mod reading;

mod capture;

mod registry_sources;

mod station;

mod domains;

mod observe;

pub use boundary::*;
pub use buffer::*;
pub use buffer_info::*;
pub use buffer_status::*;
pub use caller::*;
pub use capture::*;
pub use domains::*;
pub use error::*;
pub use observe::*;
pub use reading::*;
pub use registry::*;
pub use registry_open::*;
pub use registry_options::*;
pub use registry_sources::*;
pub use registry_stats::*;
pub use spec::*;
pub use station::*;
pub use text::*;
pub use version::*;
pub use writer::*;
