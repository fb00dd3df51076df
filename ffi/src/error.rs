//! Names of statuses, and the functions that read the detail of an error.

use std::ffi::{CStr, c_char};

use crate::boundary::arguments::{deref, free, versioned_out};
use crate::boundary::error_detail::{capbuf_error, capbuf_error_detail};
use crate::boundary::guard::{guard_value, guard_wait_free};
use crate::boundary::status::*;

/// Every status and its name.
const STATUSES: &[(capbuf_status, &CStr)] = &[
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
    (CAPBUF_FORKED, c"FORKED"),
    (CAPBUF_NULL_ARGUMENT, c"NULL_ARGUMENT"),
    (CAPBUF_MISALIGNED, c"MISALIGNED"),
    (CAPBUF_PANICKED, c"PANICKED"),
    (CAPBUF_CAPTURE_FAILED, c"CAPTURE_FAILED"),
];

/// Returns the name of `status`, such as `"NOT_YET"`; `"UNKNOWN"` for any other number.
///
/// The text is static, never NULL.
///
/// Threads: any. Cost: allocates nothing.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_status_name(status: capbuf_status) -> *const c_char {
    guard_value(c"UNKNOWN".as_ptr(), || {
        let known = STATUSES.iter().find(|(known, _)| *known == status);
        known.map_or(c"UNKNOWN", |(_, name)| name).as_ptr()
    })
}

/// Returns the status of the call that stored `error`; CAPBUF_NULL_ARGUMENT for NULL.
///
/// Threads: any. Cost: wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_code(error: *const capbuf_error) -> capbuf_status {
    let mut code = CAPBUF_NULL_ARGUMENT;
    let status = guard_wait_free(std::ptr::null_mut(), || {
        code = deref!(error).code;
        Ok(())
    });
    if status == CAPBUF_OK { code } else { status }
}

/// Returns the message of `error`: one line, without credentials. NULL for NULL.
///
/// The text is valid until `error` is freed.
///
/// Threads: any. Cost: wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_message(error: *const capbuf_error) -> *const c_char {
    let mut message = std::ptr::null();
    guard_wait_free(std::ptr::null_mut(), || {
        message = deref!(error).message.as_ptr();
        Ok(())
    });
    message
}

/// Copies the numbers of `error` to `*detail`.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_numbers(
    error: *const capbuf_error,
    detail: *mut capbuf_error_detail,
) -> capbuf_status {
    guard_wait_free(std::ptr::null_mut(), || {
        let out = versioned_out!(detail);
        out.write(deref!(error).numbers);
        Ok(())
    })
}

/// Frees `error`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_error_free(error: *mut capbuf_error) {
    guard_value((), || free!(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_error_codes_are_statuses_of_the_same_name() {
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
