//! A read returns exactly the requested frames, or the reason why it does not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod adjoining;
mod any_span;
mod formats;
mod gaps;
mod spans;
#[path = "../support/mod.rs"]
mod support;
mod timing;
mod waiting;
