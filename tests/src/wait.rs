use std::thread;
use std::time::{Duration, Instant};

/// How long a rig may take to be ready: far more than it needs, so that a busy machine is not a failed test.
pub const START_DEADLINE: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, and says whether it did within `deadline`.
pub fn wait_until(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    wait_for(deadline, || condition().then_some(())).is_some()
}

/// Waits until `look` finds something, and returns it, or nothing after `deadline`.
///
/// `look` is called at least once, whatever the deadline.
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
