//! Texts that the library allocates, and the redaction of source names.

use std::ffi::c_char;

use crate::boundary::arguments::{deref, free, out, text};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;

/// A text allocated by the library, of any length.
///
/// Owned by the caller, who frees it with `capbuf_text_free`. Any thread may read it.
pub struct capbuf_text {
    with_zero: Vec<u8>,
}

impl capbuf_text {
    pub(crate) fn new(text: String) -> Self {
        let mut with_zero = text.into_bytes();
        with_zero.push(0);
        Self { with_zero }
    }

    pub(crate) fn handle(text: String) -> *mut Self {
        into_handle(Self::new(text))
    }

    /// Returns the zero-terminated text, and writes its length to `out_len` unless that is null.
    pub(crate) fn data(&self, out_len: *mut usize) -> Result<*const c_char, FfiError> {
        if !out_len.is_null() {
            out!(out_len).write(self.with_zero.len().saturating_sub(1));
        }
        Ok(self.with_zero.as_ptr().cast())
    }
}

/// Returns `text` as zero-terminated UTF-8; NULL for NULL.
///
/// Writes its length without the zero to `*out_len`, unless `out_len` is NULL. The returned pointer
/// is valid until `text` is freed.
///
/// Threads: any. Cost: wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_text_data(text: *const capbuf_text, out_len: *mut usize) -> *const c_char {
    guard_value(std::ptr::null(), || data_or_null(|| deref!(text).data(out_len)))
}

/// Returns null where the text or its length could not be returned.
pub(crate) fn data_or_null(data: impl FnOnce() -> Result<*const c_char, FfiError>) -> *const c_char {
    data().unwrap_or(std::ptr::null())
}

/// Frees `text`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_text_free(text: *mut capbuf_text) {
    guard_value((), || free!(text));
}

/// Copies `source` without the secrets of a URL: scheme, host and port stay, and of the path and
/// the parameters what is common; the rest is `***`.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates.
/// Errors: TOO_SMALL.
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
        write_text(&capbuf::redact(source), out, out_size, out_len)
    })
}
