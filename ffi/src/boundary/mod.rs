//! The way of a call into the library and out of it: pointers, texts and structures in, status out.
//!
//! - `status`, `ffi_error`: what a failed call returns.
//! - `pointers`, `text_in`, `text_out`, `versioned`: the only files besides `guard`
//!   that dereference a pointer from C.
//! - `cancellation`: `pthread_cancel` waits for the end of a call.
//! - `durations`: nanoseconds checked and converted.
//! - `arguments`: macros that pass an argument's name along, for error messages.
//! - `error_detail`, `guard`: a panic or an error becomes a status and a `capbuf_error`.
//!
//! May use: the crates `capbuf` and `capbuf_capture`. Used by every other file of this crate.

pub(crate) mod arguments;
pub(crate) mod cancellation;
pub(crate) mod durations;
pub(crate) mod error_detail;
pub(crate) mod ffi_error;
pub(crate) mod guard;
pub(crate) mod pointers;
pub(crate) mod status;
pub(crate) mod text_in;
pub(crate) mod text_out;
pub(crate) mod versioned;

pub use error_detail::*;
pub use status::*;
