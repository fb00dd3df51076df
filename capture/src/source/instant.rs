//! Conversion from the monotonic clock to UTC.

use capbuf::Clock;

/// Returns the UTC time, in ns, of a time of the monotonic clock, by the current setting of the
/// wall clock. Reads both clocks.
pub(crate) fn utc_of(clock: &dyn Clock, monotonic_ns: i64) -> i64 {
    // A delay of the thread between the two readings would shift the result by as much: read again.
    const DELAYED_NS: i64 = 500_000;
    let mut now_ns = clock.monotonic_ns();
    let mut utc_ns = clock.utc_ns();
    for _ in 0..3 {
        let after_ns = clock.monotonic_ns();
        if after_ns.saturating_sub(now_ns) < DELAYED_NS {
            break;
        }
        now_ns = after_ns;
        utc_ns = clock.utc_ns();
    }
    utc_ns.saturating_sub(now_ns.saturating_sub(monotonic_ns))
}
