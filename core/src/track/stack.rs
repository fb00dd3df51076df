//! A stack, captured raw.

/// How many return addresses are kept of a stack.
pub(super) const FRAMES: usize = 23;

/// The return addresses of this thread's stack, the innermost first; resolves nothing, takes no lock, allocates nothing.
pub(super) fn capture() -> ([usize; FRAMES], usize) {
    // What is of the tracker itself.
    const OWN: usize = 2;
    let (mut addresses, mut seen) = ([0; FRAMES], 0);
    let mut take = |frame: &backtrace::Frame| {
        if let Some(place) = usize::checked_sub(seen, OWN).and_then(|at| addresses.get_mut(at)) {
            *place = frame.ip() as usize;
        }
        seen += 1;
        seen < FRAMES + OWN
    };
    #[cfg(all(unix, not(miri)))]
    // SAFETY: the lock that this goes without guards symbol tables, which are not looked at, and on systems other than Windows
    // nothing of what is: each thread walks its own stack.
    unsafe {
        backtrace::trace_unsynchronized(&mut take);
    }
    #[cfg(not(all(unix, not(miri))))]
    let _ = &mut take;
    (addresses, seen.saturating_sub(OWN).min(FRAMES))
}
