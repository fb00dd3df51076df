//! Thread cancellation, which is off during a call: it unwinds, and Rust frames end the process.

use std::ffi::c_int;

/// `PTHREAD_CANCEL_DISABLE` of Linux, in glibc and in musl.
const DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// Defers `pthread_cancel` of this thread while it exists. A pending cancellation takes effect at
/// the caller's next cancellation point.
pub(crate) struct Uncancelled {
    previous: c_int,
}

impl Uncancelled {
    /// Two uncontended atomic operations, one now and one when dropped; no system call.
    #[inline]
    pub(crate) fn begin() -> Self {
        let mut previous = DISABLE;
        // SAFETY: `previous` is valid for the call, which changes only the state of this thread.
        unsafe { pthread_setcancelstate(DISABLE, &raw mut previous) };
        Self { previous }
    }
}

impl Drop for Uncancelled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the state that this thread had; null is allowed and discards the current one.
        unsafe { pthread_setcancelstate(self.previous, std::ptr::null_mut()) };
    }
}
