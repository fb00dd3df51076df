//! Statuses, and the detail of errors.

use std::ffi::{CStr, CString, c_char};

use capbuf::Error;

use crate::arguments::{end, given, growing, growing_place};
use crate::failure::Failure;
use crate::guard::{guard, guard_value};

/// What a call returns: `CAPBUF_OK`, or the number of what went wrong. Numbers are never reused.
pub type capbuf_status = i32;

/// It worked.
pub const CAPBUF_OK: capbuf_status = 0;
/// An argument is outside what is allowed. Nothing was changed.
pub const CAPBUF_INVALID_ARGUMENT: capbuf_status = 1;
/// A source name is empty, too long or holds control characters.
pub const CAPBUF_INVALID_SOURCE: capbuf_status = 2;
/// The source has a buffer of another shape, which stays as it was.
pub const CAPBUF_SPEC_MISMATCH: capbuf_status = 3;
/// `allocate` was called for a source that has a buffer.
pub const CAPBUF_ALREADY_EXISTS: capbuf_status = 4;
/// No buffer is allocated for the source.
pub const CAPBUF_NOT_FOUND: capbuf_status = 5;
/// The buffer would be too large, or the registry's budget has too little left.
pub const CAPBUF_OVER_BUDGET: capbuf_status = 6;
/// The operating system would not give the memory.
pub const CAPBUF_OUT_OF_MEMORY: capbuf_status = 7;
/// Another writer holds the buffer; there is one at a time, in all processes.
pub const CAPBUF_WRITER_BUSY: capbuf_status = 8;
/// The buffer was removed from its registry: no more frames will come.
pub const CAPBUF_REMOVED: capbuf_status = 9;
/// The span ends after the newest frame. The detail says when it is expected.
pub const CAPBUF_NOT_YET: capbuf_status = 10;
/// The span begins before the oldest frame that is still there. The detail says which that is.
pub const CAPBUF_EVICTED: capbuf_status = 11;
/// The span is empty, reversed, or the last so much of a buffer that keeps less.
pub const CAPBUF_INVALID_RANGE: capbuf_status = 12;
/// The caller's memory is too small. Nothing was written to it. The detail says how much is needed.
pub const CAPBUF_TOO_SMALL: capbuf_status = 13;
/// Samples of one format were written to a buffer of another.
pub const CAPBUF_FORMAT_MISMATCH: capbuf_status = 14;
/// The frames did not come within the time the caller would wait.
pub const CAPBUF_TIMED_OUT: capbuf_status = 15;
/// Allocating a buffer failed by a defect of this library.
pub const CAPBUF_ALLOCATION_PANICKED: capbuf_status = 16;
/// The shared memory of a domain is full.
pub const CAPBUF_OUT_OF_SPACE: capbuf_status = 17;
/// The operating system refused something to do with a domain's folder or files.
pub const CAPBUF_SYSTEM: capbuf_status = 18;
/// A domain's folder or file belongs to another user, or others may use it.
pub const CAPBUF_FORBIDDEN: capbuf_status = 19;
/// A buffer was made by a version of this library with another memory layout.
pub const CAPBUF_LAYOUT_MISMATCH: capbuf_status = 20;
/// A buffer's memory contradicts itself.
pub const CAPBUF_CORRUPT: capbuf_status = 21;
/// So many processes have the buffer mapped that no more can be counted.
pub const CAPBUF_TOO_MANY_PROCESSES: capbuf_status = 22;
/// The writer was taken by the process that this one was forked from.
pub const CAPBUF_FORKED: capbuf_status = 23;
/// A pointer that must not be NULL is.
pub const CAPBUF_NULL_ARGUMENT: capbuf_status = 100;
/// A pointer is not aligned as its type demands.
pub const CAPBUF_MISALIGNED: capbuf_status = 101;
/// A defect of this library: it panicked. The call has failed; others may still work.
pub const CAPBUF_PANICKED: capbuf_status = 102;
/// A source could not be opened or read, or a clip not be written. The message says which and why.
pub const CAPBUF_CAPTURE_FAILED: capbuf_status = 103;

/// Every status and its name.
pub(crate) const STATUSES: &[(capbuf_status, &CStr)] = &[
    (CAPBUF_OK, c"OK"),
    (CAPBUF_INVALID_ARGUMENT, c"INVALID_ARGUMENT"),
    (CAPBUF_INVALID_SOURCE, c"INVALID_SOURCE"),
    (CAPBUF_SPEC_MISMATCH, c"SPEC_MISMATCH"),
    (CAPBUF_ALREADY_EXISTS, c"ALREADY_EXISTS"),
    (CAPBUF_NOT_FOUND, c"NOT_FOUND"),
    (CAPBUF_OVER_BUDGET, c"OVER_BUDGET"),
    (CAPBUF_OUT_OF_MEMORY, c"OUT_OF_MEMORY"),
    (CAPBUF_WRITER_BUSY, c"WRITER_BUSY"),
    (CAPBUF_REMOVED, c"REMOVED"),
    (CAPBUF_NOT_YET, c"NOT_YET"),
    (CAPBUF_EVICTED, c"EVICTED"),
    (CAPBUF_INVALID_RANGE, c"INVALID_RANGE"),
    (CAPBUF_TOO_SMALL, c"TOO_SMALL"),
    (CAPBUF_FORMAT_MISMATCH, c"FORMAT_MISMATCH"),
    (CAPBUF_TIMED_OUT, c"TIMED_OUT"),
    (CAPBUF_ALLOCATION_PANICKED, c"ALLOCATION_PANICKED"),
    (CAPBUF_OUT_OF_SPACE, c"OUT_OF_SPACE"),
    (CAPBUF_SYSTEM, c"SYSTEM"),
    (CAPBUF_FORBIDDEN, c"FORBIDDEN"),
    (CAPBUF_LAYOUT_MISMATCH, c"LAYOUT_MISMATCH"),
    (CAPBUF_CORRUPT, c"CORRUPT"),
    (CAPBUF_TOO_MANY_PROCESSES, c"TOO_MANY_PROCESSES"),
    (CAPBUF_FORKED, c"FORKED"),
    (CAPBUF_NULL_ARGUMENT, c"NULL_ARGUMENT"),
    (CAPBUF_MISALIGNED, c"MISALIGNED"),
    (CAPBUF_PANICKED, c"PANICKED"),
    (CAPBUF_CAPTURE_FAILED, c"CAPTURE_FAILED"),
];

/// The detail of an error: what a call puts behind its last argument if that is not NULL and the call fails.
///
/// Owned by the caller, who frees it with `capbuf_error_free`. May be read by any thread.
pub struct capbuf_error {
    code: capbuf_status,
    message: CString,
    detail: capbuf_error_detail,
}

/// The numbers of an error. What an error has no number for is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_error_detail {
    /// Set it to `sizeof(capbuf_error_detail)` before the call.
    pub struct_size: usize,
    /// OVER_BUDGET, OUT_OF_MEMORY, OUT_OF_SPACE: the bytes that were asked for.
    pub requested_bytes: u64,
    /// OVER_BUDGET: the limit. OUT_OF_SPACE: the bytes that are free.
    pub limit_bytes: u64,
    /// OVER_BUDGET: the bytes in use.
    pub used_bytes: u64,
    /// NOT_YET: one past the newest frame. EVICTED: the oldest frame.
    pub frame: u64,
    /// NOT_YET: how many frames are still to come.
    pub missing_frames: u64,
    /// NOT_YET: when the last of them is expected, or 0 before the first write. EVICTED: when the oldest frame was captured. In ns of
    /// UTC.
    pub utc_ns: i64,
    /// TOO_SMALL: the samples that are needed.
    pub needed_samples: u64,
    /// WRITER_BUSY: the process that holds the writer, where that is known.
    pub holder_pid: u32,
    /// LAYOUT_MISMATCH: the version that was found.
    pub found_version: u32,
}

const NO_DETAIL: capbuf_error_detail = capbuf_error_detail {
    struct_size: size_of::<capbuf_error_detail>(),
    requested_bytes: 0,
    limit_bytes: 0,
    used_bytes: 0,
    frame: 0,
    missing_frames: 0,
    utc_ns: 0,
    needed_samples: 0,
    holder_pid: 0,
    found_version: 0,
};

growing!(capbuf_error_detail, size_of::<capbuf_error_detail>(), NO_DETAIL);

impl capbuf_error {
    pub(crate) fn new(failure: Failure) -> Self {
        let message = failure.message().replace('\0', "\u{fffd}");
        let detail = failure.core().map_or(NO_DETAIL, detail_of);
        Self { code: failure.code(), message: CString::new(message).unwrap_or_default(), detail }
    }
}

fn detail_of(error: &Error) -> capbuf_error_detail {
    match *error {
        Error::OverBudget { requested_bytes, used_bytes, limit_bytes, .. } => {
            capbuf_error_detail { requested_bytes, used_bytes, limit_bytes, ..NO_DETAIL }
        }
        Error::OutOfMemory { requested_bytes, .. } => capbuf_error_detail { requested_bytes, ..NO_DETAIL },
        Error::OutOfSpace { requested_bytes, free_bytes, .. } => {
            capbuf_error_detail { requested_bytes, limit_bytes: free_bytes, ..NO_DETAIL }
        }
        Error::NotYet { newest_frame, missing_frames, expected_utc_ns } => {
            let utc_ns = expected_utc_ns.unwrap_or(0);
            capbuf_error_detail { frame: newest_frame, missing_frames, utc_ns, ..NO_DETAIL }
        }
        Error::Evicted { oldest_frame, oldest_utc_ns } => {
            capbuf_error_detail { frame: oldest_frame, utc_ns: oldest_utc_ns, ..NO_DETAIL }
        }
        Error::TooSmall { needed_samples, .. } => capbuf_error_detail { needed_samples, ..NO_DETAIL },
        Error::WriterBusy { ref holder, .. } => {
            capbuf_error_detail { holder_pid: holder.as_ref().map_or(0, |holder| holder.pid), ..NO_DETAIL }
        }
        Error::LayoutMismatch { found, .. } => capbuf_error_detail { found_version: found, ..NO_DETAIL },
        _ => NO_DETAIL,
    }
}

/// Names a status: `"NOT_YET"`. A static text, never NULL; `"UNKNOWN"` for a number that is none.
///
/// Any thread. Allocates nothing.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_status_name(status: capbuf_status) -> *const c_char {
    guard_value(c"UNKNOWN".as_ptr(), || {
        let known = STATUSES.iter().find(|(known, _)| *known == status);
        known.map_or(c"UNKNOWN", |(_, name)| name).as_ptr()
    })
}

/// Tells the status that the call returned which gave this detail; `CAPBUF_NULL_ARGUMENT` for NULL.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_code(error: *const capbuf_error) -> capbuf_status {
    let mut code = CAPBUF_NULL_ARGUMENT;
    let status = guard(std::ptr::null_mut(), || {
        code = given!(error).code;
        Ok(())
    });
    if status == CAPBUF_OK { code } else { status }
}

/// Tells in words what went wrong, what was given and what is allowed. One line, without credentials. The text lives as long as
/// the detail; NULL for NULL.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_message(error: *const capbuf_error) -> *const c_char {
    let mut message = std::ptr::null();
    guard(std::ptr::null_mut(), || {
        message = given!(error).message.as_ptr();
        Ok(())
    });
    message
}

/// Copies the numbers of an error.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_numbers(
    error: *const capbuf_error,
    detail: *mut capbuf_error_detail,
) -> capbuf_status {
    guard(std::ptr::null_mut(), || {
        let place = growing_place!(detail);
        place.put(given!(error).detail);
        Ok(())
    })
}

/// Frees a detail. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_free(error: *mut capbuf_error) {
    guard_value((), || end!(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_error_has_its_number_and_name_here() {
        use capbuf::ErrorCode;
        let named = [
            (ErrorCode::InvalidArgument, "INVALID_ARGUMENT"),
            (ErrorCode::NotYet, "NOT_YET"),
            (ErrorCode::OutOfSpace, "OUT_OF_SPACE"),
            (ErrorCode::Forked, "FORKED"),
        ];
        for (code, name) in named {
            let found = STATUSES.iter().find(|(status, _)| *status == code as i32);
            assert_eq!(found.map(|(_, name)| name.to_str().unwrap()), Some(name));
        }
    }
}
