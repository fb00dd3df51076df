//! Sources whose true times are known, recorded on an injected clock.

use std::time::Duration;

use capbuf::{CaptureBuffer, Clock as _, Span};

use crate::support::{START_NS, manual, mono};

pub(crate) const MS: f64 = 1e6;
pub(crate) const SECOND: f64 = 1e9;
const RATE_HZ: u32 = 8000;

/// Random numbers, the same ones for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    /// Above 0, up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((bits ^ (bits >> 31)) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// From `-most` to `most`.
    pub(crate) fn around(&mut self, most: f64) -> f64 {
        (self.unit() * 2.0 - 1.0) * most
    }
}

/// The time of a chunk, as its source gives it, in ns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given {
    /// The capture time of its first frame is passed, off by this.
    Passed(f64),
    /// It arrives this long after its end.
    Late(f64),
}

/// A chunk of a simulated source.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// The monotonic time at which its first frame is captured.
    captured_ns: f64,
    given: Given,
    /// A change of the wall clock before it.
    step_ns: i64,
    /// A gap of this length is reported before it.
    reported: Option<Duration>,
}

/// A source: chunks of equal size.
pub(crate) struct Simulated {
    chunk_frames: u64,
    /// The true duration of a chunk.
    chunk_ns: f64,
    chunks: Vec<Chunk>,
}

impl Simulated {
    /// Chunks of `chunk_ms` for `seconds`, from a source that is `ppm` fast.
    pub(crate) fn new(chunk_ms: u64, seconds: f64, ppm: f64, mut given: impl FnMut() -> Given) -> Self {
        let chunk_ns = chunk_ms as f64 * MS / (1.0 + ppm * 1e-6);
        let count = (seconds * SECOND / chunk_ns) as u64;
        let chunk = |number: u64| {
            let captured_ns = number as f64 * chunk_ns;
            Chunk { captured_ns, given: given(), step_ns: 0, reported: None }
        };
        let chunks = (0..count).map(chunk).collect();
        Self { chunk_frames: u64::from(RATE_HZ) * chunk_ms / 1000, chunk_ns, chunks }
    }

    /// Loses `ms` before each chunk whose number `is_lost`. A negative loss is audio that comes
    /// twice.
    pub(crate) fn losing(mut self, ms: f64, is_lost: impl Fn(usize) -> bool) -> Self {
        let mut lost_ns = 0.0;
        for (number, chunk) in self.chunks.iter_mut().enumerate() {
            if is_lost(number) {
                lost_ns += ms * MS;
            }
            chunk.captured_ns += lost_ns;
        }
        self
    }

    /// Reports gaps of `ms` before each chunk whose number is a multiple of `each`.
    pub(crate) fn reporting(mut self, ms: u64, each: usize) -> Self {
        for (number, chunk) in self.chunks.iter_mut().enumerate() {
            chunk.reported = (number > 0 && number.is_multiple_of(each)).then(|| Duration::from_millis(ms));
        }
        self
    }

    /// Delivers nothing from `from_s` until `to_s`, and all of it then.
    pub(crate) fn stalling(mut self, from_s: f64, to_s: f64) -> Self {
        for chunk in &mut self.chunks {
            let Given::Late(late_ns) = &mut chunk.given else { continue };
            let end_ns = chunk.captured_ns + self.chunk_ns;
            if (from_s * SECOND..to_s * SECOND).contains(&(end_ns + *late_ns)) {
                *late_ns = to_s * SECOND - end_ns;
            }
        }
        self
    }

    /// Changes the wall clock by `ms` at a time.
    pub(crate) fn setting(mut self, at_s: f64, ms: f64) -> Self {
        if let Some(chunk) = self.chunks.iter_mut().find(|chunk| chunk.captured_ns >= at_s * SECOND) {
            chunk.step_ns = (ms * MS) as i64;
        }
        self
    }

    /// Slews the wall clock by `ppm` from a time to another.
    pub(crate) fn slewing(mut self, from_s: f64, to_s: f64, ppm: f64) -> Self {
        for chunk in &mut self.chunks {
            if (from_s * SECOND..to_s * SECOND).contains(&chunk.captured_ns) {
                chunk.step_ns = (ppm * 1e-6 * self.chunk_ns) as i64;
            }
        }
        self
    }

    /// Delays arrivals from a time to another.
    pub(crate) fn delaying(mut self, from_s: f64, to_s: f64, ms: f64) -> Self {
        for chunk in &mut self.chunks {
            if let Given::Late(late_ns) = &mut chunk.given
                && (from_s * SECOND..to_s * SECOND).contains(&chunk.captured_ns)
            {
                *late_ns += ms * MS;
            }
        }
        self
    }

    /// Records it.
    pub(crate) fn record(&self) -> Recorded {
        let (registry, clock) = manual();
        let buffer = registry.get_or_allocate("x", mono(30.0, RATE_HZ)).unwrap();
        let mut writer = buffer.writer().unwrap();
        let audio = vec![0_i16; self.chunk_frames as usize];
        // Bounds are read again by a reader that comes 12 s later.
        let later = (u64::from(RATE_HZ) * 12 / self.chunk_frames) as usize;
        let mut labels: Vec<Label> = Vec::with_capacity(self.chunks.len());
        let mut set_ns = 0;
        for (number, chunk) in self.chunks.iter().enumerate() {
            let late_ns = if let Given::Late(late_ns) = chunk.given { late_ns } else { 0.0 };
            let passed_ns = (chunk.captured_ns + self.chunk_ns + late_ns) as i64 - clock.monotonic_ns();
            clock.advance(Duration::from_nanos(passed_ns.max(0) as u64));
            clock.step_utc(chunk.step_ns);
            set_ns += chunk.step_ns;
            if let Some(duration) = chunk.reported {
                writer.gap_for(capbuf::GapReason::PacketLoss, duration);
            }
            let true_utc_ns = START_NS + set_ns + chunk.captured_ns as i64;
            match chunk.given {
                Given::Passed(off_ns) => writer.write_at(&audio, true_utc_ns + off_ns as i64),
                Given::Late(_) => writer.write(&audio),
            }
            .unwrap();
            let read = |number: usize| {
                let frame = number as u64 * self.chunk_frames;
                buffer.read(Span::Frames(frame..frame + 1)).unwrap()
            };
            if let Some(earlier) = number.checked_sub(later) {
                labels[earlier].bound_ms = read(earlier).timing().uncertainty_ns as f64 / MS;
            }
            let first = read(number);
            labels.push(Label {
                at_s: chunk.captured_ns / SECOND,
                error_ms: (first.start_utc_ns() - true_utc_ns) as f64 / MS,
                bound_ms: first.timing().uncertainty_ns as f64 / MS,
            });
        }
        Recorded { labels, buffer }
    }
}

/// The label of a chunk's first frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    /// When it was captured.
    pub(crate) at_s: f64,
    /// Its time minus the true one.
    pub(crate) error_ms: f64,
    /// The bound that comes with it.
    pub(crate) bound_ms: f64,
}

/// The labels of a recorded source.
pub(crate) struct Recorded {
    pub(crate) labels: Vec<Label>,
    pub(crate) buffer: CaptureBuffer,
}

impl Recorded {
    /// The largest error from one time to another, in ms.
    pub(crate) fn worst_ms(&self, from_s: f64, to_s: f64) -> f64 {
        let within = self.labels.iter().filter(|label| (from_s..=to_s).contains(&label.at_s));
        within.map(|label| label.error_ms.abs()).fold(0.0, f64::max)
    }

    /// The part of the labels from a time on whose error exceeds the bound.
    pub(crate) fn beyond_bound(&self, from_s: f64) -> f64 {
        let late: Vec<_> = self.labels.iter().filter(|label| label.at_s >= from_s).collect();
        let beyond = late.iter().filter(|label| label.error_ms.abs() > label.bound_ms);
        beyond.count() as f64 / late.len().max(1) as f64
    }
}
