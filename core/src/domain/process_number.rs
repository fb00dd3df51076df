//! The process in the number of a liveness lock.
//!
//! A lock file that is missing says nothing about its process: others can remove the file while the
//! process lives. So the number itself says which process it is.

use rustix::process::{Pid, test_kill_process};
use xxhash_rust::xxh3::xxh3_64;

use crate::holder::Holder;
use crate::sync::Ordering;
use crate::sync::process::{AtomicU64, LazyLock};

/// Bits of a number, from the highest: the PID, its PID namespace, its start time, and a serial
/// number that distinguishes the locks of one process.
const SPACE_BITS: u32 = 8;
const START_BITS: u32 = 16;
const SERIAL_BITS: u32 = 18;

/// The state of a process, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Lives,
    Ended,
    /// It is in another PID namespace, or the system does not tell.
    Unknown,
}

/// The process in a number: the same for all its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Process(u64);

pub(super) fn process(number: u64) -> Process {
    Process(number >> SERIAL_BITS)
}

/// Makes a number of this process. It is not repeated before 2^18 others.
pub(super) fn new() -> u64 {
    static SERIAL: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(super::random()));
    // SYNC none: a counter.
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    let start = stat(pid).map_or(0, |(_, start)| start);
    let high = (u64::from(pid) << SPACE_BITS) | space();
    (((high << START_BITS) | low(start, START_BITS)) << SERIAL_BITS) | low(serial, SERIAL_BITS)
}

/// Finds out whether the process that made a number lives.
pub(super) fn fate(number: u64) -> Fate {
    let start = low(number >> SERIAL_BITS, START_BITS);
    let in_space = low(number >> (SERIAL_BITS + START_BITS), SPACE_BITS);
    let pid = (number >> (SERIAL_BITS + START_BITS + SPACE_BITS)) as u32;
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Fate::Ended };
    if in_space != space() {
        return Fate::Unknown;
    }
    if test_kill_process(process) == Err(rustix::io::Errno::SRCH) {
        return Fate::Ended;
    }
    match stat(pid) {
        None => Fate::Unknown,
        Some((state, found)) if low(found, START_BITS) != start || matches!(state, 'Z' | 'X') => Fate::Ended,
        Some(_) => Fate::Lives,
    }
}

/// The process that made a number, if it lives for certain.
pub(super) fn living(number: u64) -> Option<Holder> {
    if fate(number) != Fate::Lives {
        return None;
    }
    let pid = (number >> (SERIAL_BITS + START_BITS + SPACE_BITS)) as u32;
    Some(Holder { pid, program: program(pid) })
}

/// The name of a process's program.
pub(super) fn program(pid: u32) -> String {
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let name = path.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "unknown".to_owned())
}

fn low(value: u64, bits: u32) -> u64 {
    value & ((1 << bits) - 1)
}

/// A hash of this process's PID namespace.
fn space() -> u64 {
    let link = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    low(xxh3_64(link.as_os_str().as_encoded_bytes()), SPACE_BITS)
}

/// State and start time of a process.
fn stat(pid: u32) -> Option<(char, u64)> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in brackets, and may hold any byte.
    let rest = &text[text.iter().rposition(|byte| *byte == b')')? + 1..];
    let mut words = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
    let state = words.next()?.chars().next()?;
    Some((state, words.nth(18)?.parse().ok()?))
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn number_identifies_its_process_among_ended_ones_and_successors() {
        let own = new();
        assert_eq!(fate(own), Fate::Lives);
        assert_ne!(own, new());
        assert_eq!(process(own), process(new()));
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let mask = !(((1_u64 << 22) - 1) << 42);
        let of_child = (own & mask) | (u64::from(child.id()) << 42);
        let start = stat(child.id()).unwrap().1;
        let of_child = (of_child & !(0xffff << 18)) | (low(start, 16) << 18);
        assert_eq!(fate(of_child), Fate::Lives);
        assert_eq!(fate(of_child ^ (1 << 18)), Fate::Ended, "its PID belongs to another process now");
        assert_eq!(fate(of_child ^ (1 << 34)), Fate::Unknown, "in another PID namespace");
        child.kill().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while fate(of_child) != Fate::Ended && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(fate(of_child), Fate::Ended, "a zombie holds nothing");
        child.wait().unwrap();
        assert_eq!([of_child, 0, 1].map(fate), [Fate::Ended; 3]);
    }
}
