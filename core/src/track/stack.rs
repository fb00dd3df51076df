//! A stack, captured raw.

/// How many return addresses are kept of a stack.
pub(super) const FRAMES: usize = 23;

/// The return addresses of this thread's stack, the innermost first; resolves nothing, takes no lock, allocates nothing.
#[inline(never)]
pub(super) fn capture() -> ([usize; FRAMES], usize) {
    capture_beyond(None)
}

/// The same, beyond the frame of the function that begins at an address, if there is one such.
pub(super) fn capture_beyond(entry: Option<usize>) -> ([usize; FRAMES], usize) {
    // Own frames, and those of a binding, come on top.
    const DEEPEST: usize = FRAMES + 32;
    let (mut addresses, mut count, mut depth) = ([0; FRAMES], 0, 0);
    let mut entry = entry;
    let mut take = |frame: &backtrace::Frame| {
        depth += 1;
        // The outermost one of some stacks is nothing.
        if let Some(place) = addresses.get_mut(count).filter(|_| !frame.ip().is_null()) {
            *place = frame.ip() as usize;
            count += 1;
        }
        if entry.is_some_and(|entry| frame.symbol_address() as usize == entry) {
            (entry, count) = (None, 0);
        }
        depth < DEEPEST && (entry.is_some() || count < FRAMES)
    };
    #[cfg(all(unix, not(miri)))]
    // SAFETY: the lock that this goes without guards symbol tables, which are not looked at, and on systems other than Windows
    // nothing of what is: each thread walks its own stack.
    unsafe {
        backtrace::trace_unsynchronized(&mut take);
    }
    #[cfg(not(all(unix, not(miri))))]
    let _ = &mut take;
    (addresses, count)
}
