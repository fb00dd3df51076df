use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for a rig: far longer than it takes, so that a busy machine fails no test.
pub const START_DEADLINE: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Waits until `condition` holds; returns whether it did within `deadline`.
pub fn wait_until(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    wait_for(deadline, || condition().then_some(())).is_some()
}

/// Waits until `look` finds something; returns it, or nothing after `deadline`.
///
/// Calls `look` every 10 ms, and at least once.
pub fn wait_for<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() >= deadline {
            return None;
        }
        thread::sleep(POLL_INTERVAL);
    }
}
