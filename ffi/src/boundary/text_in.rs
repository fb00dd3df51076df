//! Text arguments: checked UTF-8 in the caller's memory.

use std::ffi::c_char;

use crate::boundary::ffi_error::FfiError;
use crate::boundary::pointers::slice;

/// Borrows a text of `len` bytes.
///
/// # Safety
/// As [`slice`].
#[inline(always)]
pub(crate) unsafe fn text<'a>(pointer: *const c_char, len: usize, name: &'static str) -> Result<&'a str, FfiError> {
    if !pointer.is_null() && len <= isize::MAX as usize {
        // SAFETY: not null, aligned to one byte, at most `isize::MAX` bytes; the caller ensures
        // the rest.
        let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) };
        // Most names are ASCII, which is checked a word at a time; full UTF-8 validation is slower.
        if bytes.is_ascii() {
            // SAFETY: ASCII is UTF-8.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
    }
    // SAFETY: the caller ensures what `validated` requires.
    unsafe { validated(pointer, len, name) }
}

/// The slow path of [`text`]: a null pointer, an impossible length, or bytes beyond ASCII.
///
/// # Safety
/// As [`slice`].
#[cold]
unsafe fn validated<'a>(pointer: *const c_char, len: usize, name: &'static str) -> Result<&'a str, FfiError> {
    if pointer.is_null() {
        return Err(FfiError::null(name));
    }
    // SAFETY: the caller ensures what `slice` requires.
    let bytes = unsafe { slice(pointer.cast::<u8>(), len, name) }?;
    std::str::from_utf8(bytes).map_err(|error| FfiError::not_utf8(name, error.valid_up_to()))
}
