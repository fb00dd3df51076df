//! Stalls of the machine, seen by a thread of this test program.
//!
//! A source that is more than a second late skips that time, as after a suspension. A test may
//! accept such a gap only if this thread, which does nothing else, was stalled at the same time.

use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use capbuf::{GapReason, Segment};

/// The period in which the thread wakes up.
const PERIOD: Duration = Duration::from_millis(10);
/// The shortest hole in its monotonic clock that counts as a stall.
const STALL: Duration = Duration::from_millis(250);
/// A gap and its stall overlap within this time: the source was late before it skipped.
const MARGIN_NS: i64 = 2_000_000_000;

/// The stalls so far, as ranges of UTC in ns.
static STALLS: Mutex<Vec<(i64, i64)>> = Mutex::new(Vec::new());

/// Starts the thread. Call it before the source starts.
pub(crate) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        thread::spawn(|| {
            let mut last = Instant::now();
            loop {
                thread::sleep(PERIOD);
                let now = Instant::now();
                let hole = now.duration_since(last);
                if hole >= STALL {
                    let end_ns = utc_ns();
                    STALLS.lock().expect("no panic").push((end_ns - hole.as_nanos() as i64, end_ns));
                }
                last = now;
            }
        });
    });
}

/// Returns the current time in ns of UTC.
pub(crate) fn utc_ns() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos() as i64
}

/// Returns the gaps of a segment by first frame and reason, without those of stalls of the machine.
pub(crate) fn gaps(segment: &Segment) -> Vec<(u64, GapReason)> {
    let stalls = STALLS.lock().expect("no panic");
    let is_stall = |gap: &capbuf::Gap| {
        let (from_ns, to_ns) = (gap.start_utc_ns - MARGIN_NS, gap.start_utc_ns + gap.duration_ns + MARGIN_NS);
        gap.reason == GapReason::Overrun && stalls.iter().any(|(start, end)| *start < to_ns && *end > from_ns)
    };
    let gaps = segment.gaps().iter().map(|gap| gap.gap).filter(|gap| !is_stall(gap));
    gaps.map(|gap| (gap.first_frame, gap.reason)).collect()
}
