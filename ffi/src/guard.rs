//! The one way into every function: no panic leaves it, and every failure becomes a status.
//!
//! # What the way costs
//! `capbuf_registry_contains` of a name of three bytes, by callgrind (25 November 2026): 54 instructions more than the Rust call in it.
//! 14 save and restore registers for what could unwind, 20 look at the name, the rest at pointers. It was 148: a failure, which is
//! large, was moved about on success, too; `str::from_utf8` takes 59 where words are looked at in 20; and what is seldom needed stood
//! in the way of inlining. In the shared library each thread-local that the core uses is a `__tls_get_addr` besides, 12
//! instructions; the static one has none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{CAPBUF_OK, capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::pointers::give;

/// Runs a function's body. Where it fails, its status is returned and, if `error` is not null, its detail is put there.
///
/// A success costs next to nothing: all else is out of the way, and nothing as large as a failure is moved on it.
#[inline]
pub(crate) fn guard(error: *mut *mut capbuf_error, body: impl FnOnce() -> Result<(), Failure>) -> capbuf_status {
    let guarded = || match body() {
        Ok(()) => CAPBUF_OK,
        Err(failure) => fail(error, failure),
    };
    catch_unwind(AssertUnwindSafe(guarded)).unwrap_or_else(|panic| {
        // A payload whose drop panics would leave this function after all.
        std::mem::forget(panic);
        fail(error, Failure::panicked())
    })
}

#[cold]
#[inline(never)]
fn fail(error: *mut *mut capbuf_error, failure: Failure) -> capbuf_status {
    let code = failure.code();
    if !error.is_null() && error.is_aligned() {
        let detail = give(capbuf_error::new(failure));
        // SAFETY: neither null nor misaligned; the header demands a place for a pointer.
        unsafe { error.write(detail) };
    }
    code
}

/// Runs a body that cannot fail, and gives `otherwise` should it panic after all.
pub(crate) fn guard_value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        std::mem::forget(panic);
        otherwise
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        let mut error = std::ptr::null_mut();
        let status = guard(&raw mut error, || std::panic::resume_unwind(Box::new("planted")));
        assert_eq!(status, crate::error::CAPBUF_PANICKED);
        assert!(!error.is_null());
        // SAFETY: made by the guard just now.
        unsafe { crate::pointers::end(error) };
        assert_eq!(guard_value(7, || std::panic::resume_unwind(Box::new("planted"))), 7);
    }
}
