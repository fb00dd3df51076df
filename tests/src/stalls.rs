use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fmt, io};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Records when the machine stood still.
///
/// One thread on each processor sleeps 1 ms at a time and reads the monotonic clock. A hole of
/// [`SHORTEST`](Self::SHORTEST) or more between two readings is a [`Stall`]: that processor did not
/// run the thread, so it may not have run a recorder either. Ends when dropped.
#[derive(Debug)]
pub struct StallDetector {
    stalls: Arc<Mutex<Vec<Stall>>>,
    threads: Vec<Watcher>,
}

/// A thread on one processor. It answers each request after a fresh reading; dropping `requests`
/// ends it.
#[derive(Debug)]
struct Watcher {
    requests: Sender<Sender<()>>,
    thread: JoinHandle<()>,
}

/// A hole in one thread's readings of the monotonic clock, as a span of UTC.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// The last reading before the hole.
    pub start_utc_ns: i64,
    /// The first reading after it.
    pub end_utc_ns: i64,
}

impl Stall {
    /// Returns whether the stall overlaps a span of UTC that is widened by `tolerance` on both
    /// sides.
    pub fn overlaps(&self, start_utc_ns: i64, end_utc_ns: i64, tolerance: Duration) -> bool {
        let tolerance_ns = nanoseconds(tolerance);
        self.start_utc_ns.saturating_sub(tolerance_ns) <= end_utc_ns
            && self.end_utc_ns.saturating_add(tolerance_ns) >= start_utc_ns
    }
}

impl fmt::Debug for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms from {} ns", (self.end_utc_ns - self.start_utc_ns) / 1_000_000, self.start_utc_ns)
    }
}

impl StallDetector {
    /// The shortest hole that counts: the rigs buffer 200 ms and more, so a shorter one loses no
    /// audio.
    pub const SHORTEST: Duration = Duration::from_millis(100);

    /// Starts a thread on each processor that this process may use; returns when all of them watch.
    ///
    /// # Errors
    /// If the kernel does not list the processors or does not pin a thread to one.
    pub fn start() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
        let stalls = Arc::new(Mutex::new(Vec::new()));
        let threads = processors.map(|processor| Watcher::start(processor, Arc::clone(&stalls)));
        let threads = threads.collect::<io::Result<_>>()?;
        Ok(Self { stalls, threads })
    }

    /// Returns the stalls so far, after a fresh reading on each processor: a stall that has just
    /// ended is among them, even if the caller ran before the threads that watch.
    pub fn stalls(&self) -> Vec<Stall> {
        let (answer, answers) = mpsc::channel();
        for watcher in &self.threads {
            // The thread cannot panic, so it is there.
            let _ = watcher.requests.send(answer.clone());
        }
        drop(answer);
        for () in &answers {}
        self.stalls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for StallDetector {
    fn drop(&mut self) {
        for Watcher { requests, thread } in self.threads.drain(..) {
            drop(requests);
            // The thread cannot panic.
            let _ = thread.join();
        }
    }
}

impl Watcher {
    fn start(processor: usize, stalls: Arc<Mutex<Vec<Stall>>>) -> io::Result<Self> {
        let (requests, requested) = mpsc::channel::<Sender<()>>();
        let (report, ready) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut only = CpuSet::new();
            only.set(processor);
            let pinned = sched_setaffinity(None, &only);
            let failed = pinned.is_err();
            let mut readings = Readings::default();
            // The first reading, before `start` returns: a stall right after it is seen.
            readings.take(Instant::now(), utc_ns());
            // The caller waits for it.
            let _ = report.send(pinned);
            if failed {
                return;
            }
            loop {
                let answer = match requested.recv_timeout(Duration::from_millis(1)) {
                    Ok(answer) => Some(answer),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                if let Some(stall) = readings.take(Instant::now(), utc_ns()) {
                    stalls.lock().unwrap_or_else(PoisonError::into_inner).push(stall);
                }
                drop(answer);
            }
        });
        ready.recv().map_err(io::Error::other)??;
        Ok(Self { requests, thread })
    }
}

/// Finds holes between readings of the monotonic clock.
#[derive(Debug, Default)]
struct Readings {
    last: Option<Instant>,
}

impl Readings {
    /// Adds a reading; returns the hole before it. A step of the UTC clock is no hole.
    fn take(&mut self, now: Instant, end_utc_ns: i64) -> Option<Stall> {
        let hole = now.duration_since(self.last.replace(now)?);
        (hole >= StallDetector::SHORTEST)
            .then(|| Stall { start_utc_ns: end_utc_ns.saturating_sub(nanoseconds(hole)), end_utc_ns })
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn utc_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn hole_between_readings_is_a_stall() {
        let (start, mut readings) = (Instant::now(), Readings::default());
        let mut take = |at_ms: u64, utc_ms: i64| readings.take(start + Duration::from_millis(at_ms), utc_ms * MS);
        assert_eq!(take(0, 5000), None, "the first reading");
        assert_eq!(take(99, 5099), None, "shorter than a stall");
        assert_eq!(take(199, 5199), Some(Stall { start_utc_ns: 5099 * MS, end_utc_ns: 5199 * MS }));
        assert_eq!(take(200, 9999), None, "a step of the UTC clock");
    }

    #[test]
    fn stall_explains_only_what_it_overlaps_within_the_tolerance() {
        let stall = Stall { start_utc_ns: 1000 * MS, end_utc_ns: 1200 * MS };
        let explains = |from_ms: i64, to_ms: i64| stall.overlaps(from_ms * MS, to_ms * MS, Duration::from_millis(50));
        assert!(explains(1100, 1110), "within the stall");
        assert!(explains(900, 1300), "around the stall");
        assert!(explains(900, 950), "ends as the tolerance begins");
        assert!(explains(1250, 1300), "begins as the tolerance ends");
        assert!(!explains(900, 949), "before the stall");
        assert!(!explains(1251, 1300), "after the stall");
    }
}
