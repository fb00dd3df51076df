//! Plays a script on a buffer and on the naive one, and compares their state.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{
    CaptureBuffer, Error, Extracted, Gap, GapReason, I24, Length, ManualClock, ReadOptions, Registry, Sample,
    SampleFormat, Span, Spec, Writer,
};
use tempfile::TempDir;

use crate::cursor::Cursor;
use crate::naive::Naive;
use crate::read_check::{check_read, choose_span};
use crate::script::{Shape, Size, Step, Timing};
use crate::times::Times;

pub const START_NS: i64 = 1_790_000_000_000_000_000;
const SOURCE: &str = "tone:440";

/// Limit on the frames of a case.
const MAX_FRAMES: u64 = 20_000;

pub struct Play {
    shape: Shape,
    spec: Spec,
    clock: Arc<ManualClock>,
    writing: Registry,
    reading: Registry,
    buffer: CaptureBuffer,
    writer: Option<Writer>,
    naive: Naive,
    times: Times,
    /// Bytes of a frame that is not complete yet.
    partial: Vec<u8>,
    writes: u64,
    cursor: Option<Cursor>,
    /// Removed buffers, whose contents must not change.
    removed: Vec<(CaptureBuffer, Naive)>,
    /// Number of bytes generated so far.
    generated: u64,
    _folder: Option<TempDir>,
}

impl Play {
    pub fn new(shape: &Shape) -> Self {
        let clock = Arc::new(ManualClock::new(START_NS));
        let builder = || Registry::builder().clock(clock.clone()).commit_ahead(false);
        let (folder, writing, reading) = if shape.in_domain {
            let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
            let open = || builder().domains_folder(folder.path()).open("model").unwrap();
            let registries = (open(), open());
            (Some(folder), registries.0, registries.1)
        } else {
            let registry = builder().build();
            (None, registry.clone(), registry)
        };
        let length = Length::Frames(shape.length_frames);
        let spec = Spec::new(length, shape.rate, shape.channels, shape.format).unwrap();
        let writer = writing.get_or_allocate(SOURCE, spec).unwrap().writer().unwrap();
        let buffer = reading.get_or_allocate(SOURCE, spec).unwrap();
        Self {
            times: Times::new(shape, clock.clone()),
            shape: shape.clone(),
            spec,
            clock,
            writing,
            reading,
            buffer,
            writer: Some(writer),
            naive: Naive::new(spec),
            partial: Vec::new(),
            writes: 0,
            cursor: None,
            removed: Vec::new(),
            generated: 0,
            _folder: folder,
        }
    }

    pub fn step(&mut self, step: &Step) {
        match *step {
            Step::Write { size, odd_bytes, timing } => {
                let frames = match size {
                    Size::Frames(frames) => frames,
                    Size::Lengths { percent, more } => self.shape.length_frames * percent / 100 + more,
                };
                self.write(frames, odd_bytes % self.spec.frame_bytes(), timing);
            }
            Step::Lose { ms, reported } => self.lose(ms, reported),
            Step::ManyGaps { gaps } => {
                for _ in 0..gaps {
                    self.lose(3, Some((GapReason::PacketLoss, true)));
                    self.write(1, 0, Timing::Captured { off: 0 });
                }
            }
            Step::SetClock { quarter_seconds } => self.times.set_clock(quarter_seconds * 250_000_000),
            Step::ChangeWriter => {
                assert!(matches!(self.buffer.writer(), Err(Error::WriterBusy { .. })));
                self.writer = None;
                self.writer = Some(self.buffer.writer().unwrap());
                self.partial.clear();
                self.times.new_writer();
            }
            Step::Reallocate => self.reallocate(),
            Step::Read { ref span, mode } => {
                let span = choose_span(&self.naive, span);
                check_read(&self.buffer, &self.naive, &span, mode);
                for (buffer, naive) in &self.removed {
                    check_read(buffer, naive, &span, mode);
                }
            }
            Step::Windows { window, hop, from, join_ms } => {
                let window = window.min(self.shape.length_frames);
                self.cursor = Some(Cursor::new(&self.buffer, window, hop, from, join_ms));
            }
            Step::NextWindow => {
                let Some(cursor) = &mut self.cursor else { return };
                match self.generated % 4 {
                    0 => cursor.next::<i16>(&self.naive),
                    1 => cursor.next::<I24>(&self.naive),
                    2 => cursor.next::<i32>(&self.naive),
                    _ => cursor.next::<f32>(&self.naive),
                }
            }
        }
        self.check_status();
    }

    fn write(&mut self, frames: u64, odd_bytes: usize, timing: Timing) {
        if self.naive.written() + frames > MAX_FRAMES {
            return;
        }
        let bytes: Vec<u8> = (0..frames as usize * self.spec.frame_bytes() + odd_bytes)
            .map(|_| {
                self.generated += 1;
                (self.generated.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8
            })
            .collect();
        let has_partial = !self.partial.is_empty();
        self.partial.extend_from_slice(&bytes);
        let whole = self.partial.len() / self.spec.frame_bytes();
        let rest = self.partial.split_off(whole * self.spec.frame_bytes());
        let frames = whole as u64;
        let writer = self.writer.as_mut().expect("a play always has a writer");
        let utc_ns = self.times.pass(frames, timing, has_partial);
        match utc_ns {
            Some(utc_ns) => writer.write_bytes_at(&bytes, utc_ns).unwrap(),
            None => writer.write_bytes(&bytes).unwrap(),
        }
        self.writes += 1;
        self.naive.bytes.append(&mut self.partial);
        self.partial = rest;
        assert_eq!(writer.next_frame(), self.naive.written() + frames);
        if frames > 0 {
            self.record(frames);
        }
    }

    /// Records the times and the gap that the buffer reports for frames just written. They must not
    /// change later.
    fn record(&mut self, frames: u64) {
        let (first, status, naive) = (self.naive.written(), self.buffer.status(), &mut self.naive);
        let before_ns = naive.end_ns;
        naive.end_ns = status.newest_utc_ns.expect("a written buffer has times");
        naive.oldest = status.oldest_frame;
        let mut out = vec![0_u8; self.spec.frame_bytes()];
        for frame in first..first + frames {
            let begins_ns = (frame >= naive.oldest).then(|| {
                let one = Span::Frames(frame..frame + 1);
                let extracted = into_bytes(&self.buffer, one, &mut out).expect("a readable frame");
                assert_eq!((extracted.frames, extracted.gaps), (1, 0));
                extracted.start_utc_ns
            });
            naive.begins_ns.push(begins_ns);
        }
        let mut reported = None;
        if status.gaps > naive.gaps.len() as u64 {
            // The start of an evicted frame is unknown: assume no gap in time.
            let begins_ns = naive.begins_ns[first as usize].unwrap_or(before_ns);
            let duration_ns = (begins_ns - before_ns).max(0);
            let across = (first > naive.oldest).then(|| {
                let across = self.buffer.read(Span::Frames(first - 1..first + 1)).unwrap();
                assert_eq!(across.gaps().len(), 1);
                across.gaps()[0].gap
            });
            reported = across.or_else(|| self.gap_before(first));
            if let Some(gap) = reported {
                assert_eq!((gap.first_frame, gap.start_utc_ns, gap.duration_ns), (first, before_ns, duration_ns));
            }
            self.naive.gaps.push(reported.unwrap_or_else(|| assumed_gap(first, before_ns, duration_ns)));
        }
        assert_eq!(self.naive.gaps.len() as u64, status.gaps, "a write adds at most one gap");
        if first > 0 && status.epoch_frame == first {
            self.naive.epochs.push(first);
            assert!(status.epoch_step_ns < 0, "an epoch begins where times run backwards");
        }
        let runs_back = self.naive.begins_ns[first as usize].is_some_and(|begin_ns| begin_ns < before_ns);
        let begins_epoch = self.naive.epochs.last() == Some(&first);
        assert!(begins_epoch || !runs_back || first == 0, "times run backwards within an epoch");
        let is_known = reported.is_some() == self.naive.gap_at(first).is_some() && first >= self.naive.oldest;
        self.times.check(&self.naive, first, before_ns, is_known);
    }

    /// The gap before the oldest frame, which only a span that starts in it lists.
    fn gap_before(&self, frame: u64) -> Option<Gap> {
        let options = ReadOptions::new().available().silence(true);
        let begins_ns = self.naive.begins_ns[frame as usize]?;
        let two_frames_ns = 2_000_000_000 / i64::from(self.spec.sample_rate_hz()) + 1;
        // In a buffer that is full without the gap, a span of time that begins in it.
        let spans =
            [Span::Last(self.spec.duration()), Span::Time(begins_ns - two_frames_ns..begins_ns + two_frames_ns)];
        spans.into_iter().find_map(|span| {
            let all = self.buffer.read_with(span, &options).ok()?;
            all.gaps().iter().map(|gap| gap.gap).find(|gap| gap.first_frame == frame)
        })
    }

    fn lose(&mut self, ms: u32, reported: Option<(GapReason, bool)>) {
        let lost = Duration::from_millis(u64::from(ms));
        self.clock.advance(lost);
        self.times.lost(lost, reported);
        let writer = self.writer.as_mut().expect("a play always has a writer");
        match reported {
            None => return,
            Some((reason, true)) => writer.gap_for(reason, lost),
            Some((reason, false)) => writer.gap(reason),
        }
        self.partial.clear();
    }

    fn reallocate(&mut self) {
        self.reading.remove(SOURCE).unwrap();
        assert!(self.buffer.is_removed());
        assert!(!self.writing.contains(SOURCE));
        assert!(!self.reading.contains(SOURCE));
        let writer = self.writer.as_mut().expect("a play always has a writer");
        let one = vec![1; self.spec.frame_bytes()];
        assert!(matches!(writer.write_bytes(&one), Err(Error::Removed { .. })));
        assert!(matches!(writer.write_bytes_at(&one, START_NS), Err(Error::Removed { .. })));
        assert!(matches!(self.buffer.writer(), Err(Error::Removed { .. })));
        assert!(matches!(self.writing.remove(SOURCE), Err(Error::NotFound { .. })));
        let new = self.writing.allocate(SOURCE, self.spec).unwrap();
        let buffer = self.reading.get(SOURCE).expect("just allocated");
        assert!(new.same_as(&buffer));
        assert!(!new.same_as(&self.buffer));
        self.writer = Some(new.writer().unwrap());
        let naive = std::mem::replace(&mut self.naive, Naive::new(self.spec));
        self.removed.push((std::mem::replace(&mut self.buffer, buffer), naive));
        self.removed.drain(..self.removed.len().saturating_sub(2));
        self.partial.clear();
        self.writes = 0;
        self.cursor = None;
        self.times.new_buffer();
    }

    fn check_status(&self) {
        let (naive, status) = (&self.naive, self.buffer.status());
        let frames = self.buffer.frames();
        assert_eq!((status.oldest_frame, status.newest_frame), (frames.start, frames.end));
        assert_eq!((frames.start, frames.end), (naive.oldest, naive.written()));
        assert_eq!((status.writes, status.gaps), (self.writes, naive.gaps.len() as u64));
        assert!(status.has_writer);
        assert!(!status.is_removed);
        let by_length = naive.written().saturating_sub(self.shape.length_frames);
        // Of 256 anchor slots, an eighth is reserved for the writer. A gap uses one slot, a write
        // at most one.
        let by_gaps = naive.gaps.iter().rev().nth(224).map_or(0, |gap| gap.first_frame);
        assert!(naive.oldest >= by_length.max(by_gaps), "frame {} must be evicted", naive.oldest);
        assert!(naive.oldest == by_length || self.writes > 224, "frame {} is evicted too early", naive.oldest - 1);
        if naive.written() > 0 {
            assert_eq!(status.newest_utc_ns, Some(naive.end_ns));
            let oldest = naive.oldest_by_time();
            assert!(oldest.iter().any(|oldest| status.oldest_utc_ns == Some(naive.begin_ns(*oldest))));
            let epoch = naive.epochs.last().copied().filter(|_| status.epoch_frame > 0);
            assert_eq!(status.epoch_frame, epoch.unwrap_or(0));
            let begin_ns = epoch.and_then(|frame| naive.begins_ns[frame as usize]);
            assert!(begin_ns.is_none() || status.epoch_utc_ns == begin_ns);
        }
    }

    /// Drops all handles and checks that all memory is unmapped.
    pub fn end(self) {
        let (writing, reading) = (self.writing, self.reading);
        drop((self.writer, self.buffer, self.cursor, self.removed));
        writing.remove(SOURCE).unwrap();
        reading.contains(SOURCE);
        for stats in [writing.stats(), reading.stats()] {
            assert_eq!((stats.bytes, stats.rings_unmapped), (0, stats.rings_mapped));
        }
    }
}

/// Stands for a gap before the oldest frame, which no read lists.
fn assumed_gap(first_frame: u64, start_utc_ns: i64, duration_ns: i64) -> Gap {
    let mut gap = any_gap();
    (gap.first_frame, gap.start_utc_ns, gap.duration_ns) = (first_frame, start_utc_ns, duration_ns);
    gap
}

/// Any gap: the type has no public constructor.
fn any_gap() -> Gap {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = Spec::new(Length::Frames(10), 1000, 1, SampleFormat::S16).unwrap();
    let mut writer = registry.allocate("a gap", spec).unwrap().writer().unwrap();
    for _ in 0..2 {
        writer.gap(GapReason::Requested);
        writer.write(&[0_i16]).unwrap();
    }
    writer.buffer().read(Span::Frames(0..2)).unwrap().gaps()[0].gap
}

/// Reads a span as raw bytes.
fn into_bytes(buffer: &CaptureBuffer, span: Span, out: &mut [u8]) -> Result<Extracted, Error> {
    fn typed<T: Sample>(buffer: &CaptureBuffer, span: Span, out: &mut [u8]) -> Result<Extracted, Error> {
        let mut samples = vec![T::default(); out.len() / size_of::<T>()];
        let extracted = buffer.read_into(span, &ReadOptions::new(), &mut samples)?;
        out.copy_from_slice(bytemuck::cast_slice(&samples));
        Ok(extracted)
    }
    match buffer.spec().format() {
        SampleFormat::S16 => typed::<i16>(buffer, span, out),
        SampleFormat::S24 => typed::<I24>(buffer, span, out),
        SampleFormat::S32 => typed::<i32>(buffer, span, out),
        SampleFormat::F32 => typed::<f32>(buffer, span, out),
    }
}
