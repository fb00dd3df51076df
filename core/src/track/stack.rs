//! Raw stacks.

/// Return addresses recorded of a stack.
pub(super) const FRAMES: usize = 23;

/// The return addresses of this thread's stack, innermost first. Resolves nothing, takes no lock,
/// allocates nothing.
#[inline(never)]
pub(super) fn capture() -> ([usize; FRAMES], usize) {
    capture_beyond(None)
}

/// The same, beyond the frame of the function that begins at `entry`, if the stack has one.
#[cfg(all(feature = "observe", unix, not(miri)))]
pub(super) fn capture_beyond(entry: Option<usize>) -> ([usize; FRAMES], usize) {
    // The frames of this library, and those of a binding, come on top.
    const DEEPEST: usize = FRAMES + 32;
    let (mut addresses, mut count, mut depth) = ([0; FRAMES], 0, 0);
    let mut entry = entry;
    let take = |frame: &backtrace::Frame| {
        depth += 1;
        // The outermost frame of some stacks has no address.
        if let Some(place) = addresses.get_mut(count).filter(|_| !frame.ip().is_null()) {
            *place = frame.ip() as usize;
            count += 1;
        }
        if entry.is_some_and(|entry| frame.symbol_address() as usize == entry) {
            (entry, count) = (None, 0);
        }
        depth < DEEPEST && (entry.is_some() || count < FRAMES)
    };
    // SAFETY: the lock that the synchronised call takes guards symbol tables, which are not read
    // here. On systems other than Windows it guards nothing else: each thread walks its own stack.
    unsafe {
        backtrace::trace_unsynchronized(take);
    }
    (addresses, count)
}

/// No stack: it can't be walked here, or nothing is observed.
#[cfg(not(all(feature = "observe", unix, not(miri))))]
pub(super) fn capture_beyond(_entry: Option<usize>) -> ([usize; FRAMES], usize) {
    ([0; FRAMES], 0)
}
