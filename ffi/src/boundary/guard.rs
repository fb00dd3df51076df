//! The wrapper of every exported function: it turns panics and errors into statuses.
//!
//! # Cost Measured by callgrind on 25 November 2026: `capbuf_registry_contains` with a name of
//! three bytes takes 54 instructions more than the Rust call inside. 14 of them save and restore
//! registers for unwinding, 20 check the name, the rest checks pointers. Three changes brought that
//! down from 148: success no longer moves the large error type, names are checked for ASCII a word
//! at a time (20 instructions; `str::from_utf8` takes 59), and cold paths are out of line. In the
//! shared library each access to a thread-local of the core adds a `__tls_get_addr` call of 12
//! instructions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::boundary::cancellation::Uncancelled;
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::pointers::into_handle;
use crate::boundary::status::{CAPBUF_OK, capbuf_status};

/// Runs `body`, without cancellation of the thread. On an error or a panic, returns its status and,
/// unless `error` is null, stores the detail there.
#[inline]
pub(crate) fn guard(error: *mut *mut capbuf_error, body: impl FnOnce() -> Result<(), FfiError>) -> capbuf_status {
    let _uncancelled = Uncancelled::begin();
    guard_wait_free(error, body)
}

/// Like [`guard`], for calls without a cancellation point: those that make no system call.
#[inline]
pub(crate) fn guard_wait_free(
    error: *mut *mut capbuf_error,
    body: impl FnOnce() -> Result<(), FfiError>,
) -> capbuf_status {
    let guarded = || match body() {
        Ok(()) => CAPBUF_OK,
        Err(failed) => fail(error, failed),
    };
    catch_unwind(AssertUnwindSafe(guarded)).unwrap_or_else(|panic| {
        // The payload's drop could panic and unwind out of this function.
        std::mem::forget(panic);
        fail(error, FfiError::panicked())
    })
}

#[cold]
#[inline(never)]
fn fail(error: *mut *mut capbuf_error, failed: FfiError) -> capbuf_status {
    let code = failed.code();
    if !error.is_null() && error.is_aligned() {
        let detail = into_handle(capbuf_error::new(failed));
        // SAFETY: not null, aligned; the header requires memory for a pointer.
        unsafe { error.write(detail) };
    }
    code
}

/// Runs `body`, which cannot fail, without cancellation of the thread. Returns `fallback` if it
/// panics.
pub(crate) fn guard_value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    let _uncancelled = Uncancelled::begin();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        std::mem::forget(panic);
        fallback
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::pointers::free;
    use crate::boundary::status::CAPBUF_PANICKED;

    #[test]
    fn panic_becomes_a_status_with_its_detail() {
        let mut error = std::ptr::null_mut();
        let status = guard(&raw mut error, || std::panic::resume_unwind(Box::new("planted")));
        assert_eq!(status, CAPBUF_PANICKED);
        assert!(!error.is_null());
        // SAFETY: `guard` created the detail; nothing else uses it.
        unsafe { free(error) };
    }

    #[test]
    fn panic_in_an_infallible_call_becomes_the_fallback() {
        assert_eq!(guard_value(7, || std::panic::resume_unwind(Box::new("planted"))), 7);
    }
}
