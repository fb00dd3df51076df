//! Conversion of Python arguments: numbers, times, durations, shapes and options.
//!
//! An argument outside of what is allowed raises an error that names the argument and its range.
//! May use [`crate::errors`] only; used by every module that has Python methods.

mod capture_options;
mod integers;
pub(crate) mod named;
mod spec;
mod times;
mod wait;

pub(crate) use capture_options::CaptureArguments;
pub(crate) use integers::{BYTES, FRAMES, optional_unsigned, unsigned};
pub(crate) use spec::spec;
pub(crate) use times::{datetime, duration, load, now_utc_ns, optional_datetime, optional_duration, utc_ns};
pub(crate) use wait::Wait;
