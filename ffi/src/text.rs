//! Texts that go out into the caller's memory, and versions.

use std::ffi::c_char;

use crate::arguments::{place, text};
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::guard;
use crate::pointers::slice_mut;

/// The version of this header: major, minor, patch.
pub const CAPBUF_VERSION_MAJOR: u32 = 0;
/// See `CAPBUF_VERSION_MAJOR`.
pub const CAPBUF_VERSION_MINOR: u32 = 1;
/// See `CAPBUF_VERSION_MAJOR`.
pub const CAPBUF_VERSION_PATCH: u32 = 0;
/// The version of this binary interface. A library with another one is another library: its file has another name.
pub const CAPBUF_ABI_VERSION: u32 = 0;

/// Tells the version of the library that is linked: `"0.1.0"`. A static text.
///
/// Any thread. Allocates nothing.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Tells the `CAPBUF_ABI_VERSION` of the library that is linked.
///
/// Any thread. Allocates nothing.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_abi_version() -> u32 {
    CAPBUF_ABI_VERSION
}

/// Shows a source without the user and password of a URL and without the values of parameters that look like secrets.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Any thread. Allocates. Errors: NULL_ARGUMENT, INVALID_ARGUMENT (no UTF-8), TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_redact(
    source: *const c_char,
    source_len: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let source = text!(source, source_len);
        put_text(&capbuf::redact(source), out, out_size, out_len)
    })
}

/// Puts a text and a zero into the caller's memory, and its length (without the zero) where that is wanted, in any case.
pub(crate) fn put_text(text: &str, out: *mut c_char, out_size: usize, out_len: *mut usize) -> Result<(), Failure> {
    if !out_len.is_null() {
        place!(out_len).write(text.len());
    }
    if out_size <= text.len() {
        let (needed_samples, given_samples) = (text.len() as u64 + 1, out_size as u64);
        return Err(capbuf::Error::TooSmall { needed_samples, given_samples }.into());
    }
    // SAFETY: the header demands of the caller what `slice_mut` does.
    let out = unsafe { slice_mut(out.cast::<u8>(), out_size, "out") }?;
    out[..text.len()].copy_from_slice(text.as_bytes());
    out[text.len()] = 0;
    Ok(())
}
