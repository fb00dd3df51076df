//! Overlapping windows for analysis of a hundred sources: from the ring of each, or from a second
//! ring.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use capbuf::{Error, Registry, WindowOptions, Windows};

use crate::Result;
use crate::report::{OURS, Row, Table};
use crate::rings::{Capbuf, PlainCopy, RATE_HZ, signal, spec};
use crate::rounds::{Effort, Job, timed};

const SOURCES: usize = 100;
const CHUNK: usize = 480;
const WINDOW: usize = 3 * RATE_HZ;
const HOP: usize = WINDOW / 2;
/// The second ring's length: six windows.
const ANALYSIS_FRAMES: usize = 6 * WINDOW;

struct One {
    ring: Capbuf,
    windows: Windows,
    out: Vec<i16>,
    frame: u64,
}

impl One {
    fn new(registry: &Registry, number: usize) -> Result<Self> {
        let ring = Capbuf::of(registry.get_or_allocate(&crate::source(number), spec(60)?)?)?;
        let windows = ring.buffer.windows(WindowOptions::new(WINDOW as u64, HOP as u64))?;
        Ok(Self { ring, windows, out: vec![0; WINDOW], frame: 0 })
    }

    /// Writes one hop in chunks and reads the window that it completes.
    fn hop(&mut self, chunk: &[i16; CHUNK]) -> Result<bool> {
        (0..HOP / CHUNK).for_each(|_| self.ring.put(chunk));
        self.frame += HOP as u64;
        match self.windows.next_into(&mut self.out, Duration::ZERO) {
            Ok(window) => Ok(window.end_frame == self.frame),
            Err(Error::TimedOut { .. } | Error::NotYet { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A ring for clips and a queue for analysis, each behind a lock. The reader keeps the half of a
/// window with which the next one begins.
struct Two {
    ring: Mutex<PlainCopy>,
    queue: Mutex<VecDeque<i16>>,
    half: Vec<i16>,
    out: Vec<i16>,
}

impl Two {
    fn new() -> Self {
        Self {
            ring: Mutex::new(PlainCopy::new(60)),
            queue: Mutex::new(VecDeque::with_capacity(ANALYSIS_FRAMES)),
            half: Vec::new(),
            out: vec![0; WINDOW],
        }
    }

    fn hop(&mut self, chunk: &[i16; CHUNK]) -> bool {
        for _ in 0..HOP / CHUNK {
            self.ring.lock().unwrap_or_else(PoisonError::into_inner).put(chunk);
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).extend(chunk);
        }
        let (old, new) = self.out.split_at_mut(HOP);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, second) = queue.as_slices();
        let from_first = HOP.min(first.len());
        new[..from_first].copy_from_slice(&first[..from_first]);
        new[from_first..].copy_from_slice(&second[..HOP - from_first]);
        queue.drain(..HOP);
        drop(queue);
        let whole = self.half.len() == HOP;
        if whole {
            old.copy_from_slice(&self.half);
        }
        self.half.clear();
        self.half.extend_from_slice(new);
        whole
    }
}

pub(crate) fn from_many(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Windows of 3 s, each 1.5 s, from 100 sources",
        "1.5 s of audio of each source, written 10 ms at a time, and the windows that they complete, on \
         one thread: the CPU time for 1.5 s of real time. The other way has two rings a source behind \
         locks: 60 s for clips, and a queue of 18 s for analysis, which returns each frame once, so that \
         the reader keeps half a window. Memory is that of the rings; two rings of the same length would \
         take twice ours.",
    );
    let registry = Registry::private();
    let mut one = (0..SOURCES).map(|number| One::new(&registry, number)).collect::<Result<Vec<_>>>()?;
    let mut two: Vec<_> = (0..SOURCES).map(|_| Two::new()).collect();
    let chunk: [i16; CHUNK] = std::array::from_fn(|at| signal(at as u64));
    // Fills each ring and checks the windows.
    for round in 0..50 {
        for (one, two) in one.iter_mut().zip(&mut two) {
            let both = (one.hop(&chunk)?, two.hop(&chunk));
            if both != (round > 0, round > 0) || (round > 0 && (one.out != two.out || one.out[..CHUNK] != chunk)) {
                return Err(format!("windows differ in round {round}: {both:?}").into());
            }
        }
    }
    let mut job = Job::default();
    job.bounded_way(OURS, 1, |calls| {
        timed(calls, || one.iter_mut().all(|one| one.hop(&chunk).is_ok_and(|whole| whole)))
    });
    job.bounded_way("two rings a source", 1, |calls| timed(calls, || two.iter_mut().all(|two| two.hop(&chunk))));
    let measured = job.measure_rounds(effort.choose(7, 31), Duration::ZERO);
    let mut row = Row::of("1.5 s of 100 sources", &measured, OURS, &["two rings a source"]);
    row = row.aim("CPU ≤ theirs", measured.ratio(OURS, "two rings a source"), 1.0);
    let ours_bytes = registry.stats().bytes as f64;
    let theirs_bytes = (SOURCES * 2 * (60 * RATE_HZ + ANALYSIS_FRAMES)) as f64;
    row = row.aim_of(
        "memory < theirs",
        format!("{:.0} MB of {:.0} MB ({:.2})", ours_bytes / 1e6, theirs_bytes / 1e6, ours_bytes / theirs_bytes),
        ours_bytes < theirs_bytes,
    );
    table.push(row);
    Ok(table)
}
