//! Recordings with exactly the gaps that a test made, however busy the machine is.
//!
//! A machine that stalls for longer than a device buffers makes gaps of its own. A gap counts as
//! the machine's only if the test's own [`StallDetector`] saw a stall at that time; then the
//! recording is repeated. Any other unexpected gap is a fault and fails the test at once.

use std::time::Duration;

use capbuf_tests::{Stall, StallDetector};

use crate::capturing::{Dump, Gap};

/// A gap and the stall that caused it are at most this far apart: a device buffers up to 0.8 s, and
/// the estimated time of a gap is off by up to 0.15 s.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Recordings with a stall before the test gives up.
const MOST_STALLED: usize = 6;

/// The reasons of the gaps that a test made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected<'a> {
    Exactly(&'a [&'a str]),
    AnyNumberOf(&'a str),
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    AsExpected,
    /// A stall explains every unexpected gap.
    Stalled,
    Faulty,
}

/// Records until a recording has no gap of a stalled machine.
///
/// # Panics
/// If a gap is missing, if no stall explains an unexpected gap, or if the machine stalls each time.
pub(crate) fn without_stalls(expected: Expected<'_>, mut record: impl FnMut() -> Dump) -> Dump {
    let detector = StallDetector::start().expect("a thread on each processor");
    for _ in 0..MOST_STALLED {
        let dump = record();
        let stalls = detector.stalls();
        match judge(&dump.gaps, expected, &stalls) {
            Judgement::AsExpected => return dump,
            Judgement::Stalled => println!("records again: {:?} because of {stalls:?}", dump.gaps),
            Judgement::Faulty => {
                panic!("expected {expected:?}, found {:?}; the machine's stalls: {stalls:?}", dump.gaps)
            }
        }
    }
    panic!("the machine stalled in each of {MOST_STALLED} recordings: {:?}", detector.stalls());
}

fn judge(gaps: &[Gap], expected: Expected<'_>, stalls: &[Stall]) -> Judgement {
    let is_explained = |gap: &&Gap| {
        let end_ns = gap.start_ns + gap.duration_ns;
        stalls.iter().any(|stall| stall.overlaps(gap.start_ns, end_ns, TOLERANCE))
    };
    let found: Vec<_> = gaps.iter().map(|gap| gap.reason.as_str()).collect();
    let unexplained = gaps.iter().filter(|gap| !is_explained(gap)).map(|gap| gap.reason.as_str()).collect::<Vec<_>>();
    let (as_expected, is_stalled) = match expected {
        Expected::Exactly(expected) => {
            (found == expected, is_part_of(expected, &found) && is_part_of(&unexplained, expected))
        }
        Expected::AnyNumberOf(reason) => {
            (found.iter().all(|found| *found == reason), unexplained.iter().all(|found| *found == reason))
        }
    };
    match (as_expected, is_stalled) {
        (true, _) => Judgement::AsExpected,
        (false, true) => Judgement::Stalled,
        (false, false) => Judgement::Faulty,
    }
}

/// Returns whether every reason of `part` is in `whole`, at least as often.
fn is_part_of(part: &[&str], whole: &[&str]) -> bool {
    let count = |reasons: &[&str], wanted: &str| reasons.iter().filter(|reason| **reason == wanted).count();
    part.iter().all(|reason| count(part, reason) <= count(whole, reason))
}

const SECOND_NS: i64 = 1_000_000_000;

fn gap(reason: &str, start_s: i64) -> Gap {
    Gap { first_frame: 0, start_ns: start_s * SECOND_NS, duration_ns: SECOND_NS / 2, reason: reason.to_owned() }
}

fn stall(start_s: i64) -> Stall {
    Stall { start_utc_ns: start_s * SECOND_NS, end_utc_ns: start_s * SECOND_NS + SECOND_NS / 2 }
}

#[test]
fn unexpected_gap_without_a_stall_is_a_fault() {
    assert_eq!(judge(&[gap("overrun", 10)], Expected::Exactly(&[]), &[]), Judgement::Faulty);
}

#[test]
fn unexpected_gap_at_another_time_than_the_stall_is_a_fault() {
    assert_eq!(judge(&[gap("overrun", 10)], Expected::Exactly(&[]), &[stall(5), stall(15)]), Judgement::Faulty);
}

#[test]
fn unexpected_gap_at_a_stall_is_the_machines() {
    assert_eq!(judge(&[gap("overrun", 10)], Expected::Exactly(&[]), &[stall(10)]), Judgement::Stalled);
}

#[test]
fn second_gap_without_a_stall_is_a_fault() {
    let gaps = [gap("overrun", 10), gap("overrun", 20)];
    assert_eq!(judge(&gaps, Expected::Exactly(&["overrun"]), &[]), Judgement::Faulty);
    assert_eq!(judge(&gaps, Expected::Exactly(&["overrun"]), &[stall(20)]), Judgement::Stalled);
    assert_eq!(judge(&gaps[..1], Expected::Exactly(&["overrun"]), &[]), Judgement::AsExpected);
}

#[test]
fn missing_gap_is_a_fault_whatever_stalled() {
    let expected = Expected::Exactly(&["source lost"]);
    assert_eq!(judge(&[], expected, &[stall(10)]), Judgement::Faulty);
    assert_eq!(judge(&[gap("overrun", 10)], expected, &[stall(10)]), Judgement::Faulty);
}

#[test]
fn only_the_expected_reason_may_repeat() {
    let expected = Expected::AnyNumberOf("packet loss");
    let mut gaps = vec![gap("packet loss", 1), gap("packet loss", 2)];
    assert_eq!(judge(&gaps, expected, &[]), Judgement::AsExpected);
    gaps.push(gap("source lost", 3));
    assert_eq!(judge(&gaps, expected, &[]), Judgement::Faulty);
    assert_eq!(judge(&gaps, expected, &[stall(3)]), Judgement::Stalled);
}
