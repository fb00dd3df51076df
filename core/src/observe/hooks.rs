//! Functions that the system calls at the end of the process or at a signal.

use std::mem;
use std::ptr;

/// Has `handler` called at an orderly end of the process: a return from `main`, or `exit`. False
/// without memory for it.
pub(super) fn at_exit(handler: extern "C" fn()) -> bool {
    // SAFETY: a function of this library, which stays loaded: `-z nodelete`.
    unsafe { libc::atexit(handler) == 0 }
}

/// Has `handler` called at a signal that would do the default until now; false if the host handles
/// or ignores it, which stays so. The handler may only use atomics.
pub(super) fn on_unhandled_signal(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) -> bool {
    let address = handler as *const () as libc::sighandler_t;
    // SAFETY: zeroes are a valid value of this plain data.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = address;
    // The host's calls go on after it, and threads of Go have no room for it on their stacks.
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: as above.
    let mut before: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: only asks, and writes to a local variable.
    if unsafe { libc::sigaction(signal, ptr::null(), &raw mut before) } != 0 {
        return false;
    }
    if before.sa_sigaction == address {
        // A child of a process that did this.
        return true;
    }
    if before.sa_sigaction != libc::SIG_DFL {
        return false;
    }
    // SAFETY: the handler is a function of this library, which stays loaded, and does only what is
    // allowed in a handler.
    if unsafe { libc::sigaction(signal, &raw const action, &raw mut before) } != 0 {
        return false;
    }
    if before.sa_sigaction != libc::SIG_DFL {
        // Another thread was faster by a moment.
        // SAFETY: puts back what the system returned.
        unsafe { libc::sigaction(signal, &raw const before, ptr::null_mut()) };
        return false;
    }
    true
}

/// Blocks all signals on this thread.
pub(super) fn block_signals() {
    // SAFETY: zeroes are a valid value of this plain data.
    let mut all: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: writes to a local variable.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: reads the local variable, and changes this thread only.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, ptr::null_mut()) };
}
