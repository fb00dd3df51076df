//! Moments of the monotonic clock, told in UTC.

use capbuf::Clock;

/// Tells the UTC time, in ns, of a moment of the monotonic clock, as the wall clock is set now. Reads both clocks.
pub(crate) fn utc_of(clock: &dyn Clock, monotonic_ns: i64) -> i64 {
    // A thread that is held up between the two looks would shift the time by as long: look again.
    const HELD_UP_NS: i64 = 500_000;
    let mut now_ns = clock.monotonic_ns();
    let mut utc_ns = clock.utc_ns();
    for _ in 0..3 {
        let after_ns = clock.monotonic_ns();
        if after_ns.saturating_sub(now_ns) < HELD_UP_NS {
            break;
        }
        now_ns = after_ns;
        utc_ns = clock.utc_ns();
    }
    utc_ns.saturating_sub(now_ns.saturating_sub(monotonic_ns))
}
