//! Texts copied to the caller's memory.

use std::ffi::c_char;

use crate::boundary::arguments::out;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::pointers::slice_mut;

/// Writes `text` and a terminating zero to `out`. Writes the length without the zero to `out_len`,
/// unless that is null, also if `out` is too small.
pub(crate) fn write_text(text: &str, out: *mut c_char, out_size: usize, out_len: *mut usize) -> Result<(), FfiError> {
    if !out_len.is_null() {
        out!(out_len).write(text.len());
    }
    if out_size <= text.len() {
        let (needed_samples, given_samples) = (text.len() as u64 + 1, out_size as u64);
        return Err(capbuf::Error::TooSmall { needed_samples, given_samples }.into());
    }
    // SAFETY: the header requires of the caller what `slice_mut` does.
    let out = unsafe { slice_mut(out.cast::<u8>(), out_size, "out") }?;
    out[..text.len()].copy_from_slice(text.as_bytes());
    out[text.len()] = 0;
    Ok(())
}
