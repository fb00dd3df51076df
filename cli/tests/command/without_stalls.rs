//! Repeats a recording that a stall of the machine disturbed, and fails at any other disturbance.

use crate::stalls::StallDetector;

/// Attempts that a stall may disturb before the test fails.
const ATTEMPTS: usize = 6;

/// Calls `attempt` until it returns a result without a disturbance.
///
/// # Panics
///
/// If an attempt was disturbed and the machine did not stall meanwhile, or stalled in each attempt.
#[allow(clippy::panic)]
pub(crate) fn without_stalls<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let detector = StallDetector::start().expect("a thread on each processor");
    for _ in 0..ATTEMPTS {
        let before = detector.stalls().len();
        match attempt() {
            Ok(result) => return result,
            Err(disturbance) => {
                let stalls = &detector.stalls()[before..];
                assert!(!stalls.is_empty(), "disturbed, and the machine did not stall: {disturbance}");
            }
        }
    }
    panic!("the machine stalled in each of {ATTEMPTS} attempts: {:?}", detector.stalls());
}

#[test]
#[should_panic(expected = "the machine did not stall")]
fn a_disturbance_without_a_stall_fails_at_once() {
    without_stalls(|| Err::<(), _>("gaps: 1".to_owned()));
}
