//! Plays a script on a real buffer and on the naive one, and compares whatever can be compared.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{
    CaptureBuffer, Error, Gap, GapReason, I24, ManualClock, ReadOptions, Registry, Sample, SampleFormat, Spec, Writer,
};
use capbuf::{Length, Span};
use tempfile::TempDir;

use crate::cursor::Cursor;
use crate::naive::{Expected, Manner, Naive, Outcome};
use crate::script::{How, Shape, Size, Step, Told, Where};
use crate::times::Times;

pub const START_NS: i64 = 1_790_000_000_000_000_000;
const SOURCE: &str = "tone:440";

/// Of so many frames and silence a case may consist.
const MOST_FRAMES: u64 = 20_000;

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
    /// The beginning of a frame.
    partial: Vec<u8>,
    writes: u64,
    cursor: Option<Cursor>,
    /// Buffers that were removed, which stay as they were.
    removed: Vec<(CaptureBuffer, Naive)>,
    /// How many bytes were made up.
    made_up: u64,
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
            made_up: 0,
            _folder: folder,
        }
    }

    pub fn step(&mut self, step: &Step) {
        match *step {
            Step::Write { size, odd_bytes, told } => {
                let frames = match size {
                    Size::Frames(frames) => frames,
                    Size::Lengths { percent, more } => self.shape.length_frames * percent / 100 + more,
                };
                self.write(frames, odd_bytes % self.spec.frame_bytes(), told);
            }
            Step::Lose { ms, told } => self.lose(ms, told),
            Step::Chatter { gaps } => {
                for _ in 0..gaps {
                    self.lose(3, Some((GapReason::PacketLoss, true)));
                    self.write(1, 0, Told::Captured { off: 0 });
                }
            }
            Step::SetClock { quarters } => self.times.set_clock(quarters * 250_000_000),
            Step::ChangeWriter => {
                assert!(matches!(self.buffer.writer(), Err(Error::WriterBusy { .. })), "there is one already");
                self.writer = None;
                self.writer = Some(self.buffer.writer().unwrap());
                self.partial.clear();
                self.times.new_writer();
            }
            Step::Reallocate => self.reallocate(),
            Step::Read { ref span, how } => {
                let span = place(&self.naive, span);
                read(&self.buffer, &self.naive, &span, how);
                for (buffer, naive) in &self.removed {
                    read(buffer, naive, &span, how);
                }
            }
            Step::Windows { window, hop, from, join_ms } => {
                let window = window.min(self.shape.length_frames);
                self.cursor = Some(Cursor::new(&self.buffer, window, hop, from, join_ms));
            }
            Step::Next => {
                let Some(cursor) = &mut self.cursor else { return };
                match self.made_up % 4 {
                    0 => cursor.next::<i16>(&self.naive),
                    1 => cursor.next::<I24>(&self.naive),
                    2 => cursor.next::<i32>(&self.naive),
                    _ => cursor.next::<f32>(&self.naive),
                }
            }
        }
        self.look();
    }

    fn write(&mut self, frames: u64, odd_bytes: usize, told: Told) {
        if self.naive.written() + frames > MOST_FRAMES {
            return;
        }
        let bytes: Vec<u8> = (0..frames as usize * self.spec.frame_bytes() + odd_bytes)
            .map(|_| {
                self.made_up += 1;
                (self.made_up.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8
            })
            .collect();
        let begun = !self.partial.is_empty();
        self.partial.extend_from_slice(&bytes);
        let whole = self.partial.len() / self.spec.frame_bytes();
        let rest = self.partial.split_off(whole * self.spec.frame_bytes());
        let frames = whole as u64;
        let writer = self.writer.as_mut().expect("there always is one");
        let utc_ns = self.times.pass(frames, told, begun);
        match utc_ns {
            Some(utc_ns) => writer.write_bytes_at(&bytes, utc_ns).unwrap(),
            None => writer.write_bytes(&bytes).unwrap(),
        }
        self.writes += 1;
        self.naive.bytes.append(&mut self.partial);
        self.partial = rest;
        assert_eq!(writer.next_frame(), self.naive.written() + frames);
        if frames > 0 {
            self.learn(frames);
        }
    }

    /// Looks what the buffer tells of the frames that were just written: from now on that must stay so.
    fn learn(&mut self, frames: u64) {
        let (first, status, naive) = (self.naive.written(), self.buffer.status(), &mut self.naive);
        let before_ns = naive.end_ns;
        naive.end_ns = status.newest_utc_ns.expect("there are frames");
        naive.oldest = status.oldest_frame;
        let mut out = vec![0_u8; self.spec.frame_bytes()];
        for frame in first..first + frames {
            let begins_ns = (frame >= naive.oldest).then(|| {
                let one = Span::Frames(frame..frame + 1);
                let extracted = into_bytes(&self.buffer, one, &mut out).expect("it is there");
                assert_eq!((extracted.frames, extracted.gaps), (1, 0));
                extracted.start_utc_ns
            });
            naive.begins_ns.push(begins_ns);
        }
        let mut seen = None;
        if status.gaps > naive.gaps.len() as u64 {
            // Its time, where it isn't there to be read: only what is before it could tell.
            let begins_ns = naive.begins_ns[first as usize].unwrap_or(before_ns);
            let duration_ns = begins_ns - before_ns;
            let told = (first > naive.oldest).then(|| {
                let across = self.buffer.read(Span::Frames(first - 1..first + 1)).unwrap();
                assert_eq!(across.gaps().len(), 1);
                across.gaps()[0].gap
            });
            seen = told.or_else(|| self.gap_before(first));
            if let Some(gap) = seen {
                assert_eq!((gap.first_frame, gap.start_utc_ns, gap.duration_ns), (first, before_ns, duration_ns));
            }
            self.naive.gaps.push(seen.unwrap_or_else(|| unseen(first, before_ns, duration_ns)));
        }
        assert_eq!(self.naive.gaps.len() as u64, status.gaps, "a gap more, at most");
        let all_seen = seen.is_some() == self.naive.gap_at(first).is_some() && first >= self.naive.oldest;
        self.times.check(&self.naive, first, before_ns, all_seen);
    }

    /// The gap before a frame that is the oldest one, which only a span of time that begins in it tells.
    fn gap_before(&self, frame: u64) -> Option<Gap> {
        let options = ReadOptions::new().available().silence(true);
        let all = self.buffer.read_with(Span::Last(self.spec.duration()), &options).ok()?;
        all.gaps().iter().map(|gap| gap.gap).find(|gap| gap.first_frame == frame)
    }

    fn lose(&mut self, ms: u32, told: Option<(GapReason, bool)>) {
        let lost = Duration::from_millis(u64::from(ms));
        self.clock.advance(lost);
        self.times.lost(lost, told);
        let writer = self.writer.as_mut().expect("there always is one");
        match told {
            None => return,
            Some((reason, true)) => writer.gap_for(reason, lost),
            Some((reason, false)) => writer.gap(reason),
        }
        self.partial.clear();
    }

    fn reallocate(&mut self) {
        self.reading.remove(SOURCE).unwrap();
        assert!(self.buffer.is_removed() && !self.writing.contains(SOURCE) && !self.reading.contains(SOURCE));
        let writer = self.writer.as_mut().expect("there always is one");
        let one = vec![1; self.spec.frame_bytes()];
        assert!(matches!(writer.write_bytes(&one), Err(Error::Removed { .. })));
        assert!(matches!(writer.write_bytes_at(&one, START_NS), Err(Error::Removed { .. })));
        assert!(matches!(self.buffer.writer(), Err(Error::Removed { .. })));
        assert!(matches!(self.writing.remove(SOURCE), Err(Error::NotFound { .. })));
        let made = self.writing.allocate(SOURCE, self.spec).unwrap();
        let buffer = self.reading.get(SOURCE).expect("just made");
        assert!(made.same_as(&buffer) && !made.same_as(&self.buffer));
        self.writer = Some(made.writer().unwrap());
        let naive = std::mem::replace(&mut self.naive, Naive::new(self.spec));
        self.removed.push((std::mem::replace(&mut self.buffer, buffer), naive));
        self.removed.drain(..self.removed.len().saturating_sub(2));
        self.partial.clear();
        self.writes = 0;
        self.cursor = None;
        self.times.new_buffer();
    }

    fn look(&self) {
        let (naive, status) = (&self.naive, self.buffer.status());
        let frames = self.buffer.frames();
        assert_eq!((status.oldest_frame, status.newest_frame), (frames.start, frames.end));
        assert_eq!((frames.start, frames.end), (naive.oldest, naive.written()));
        assert_eq!((status.writes, status.gaps), (self.writes, naive.gaps.len() as u64));
        assert!(status.has_writer && !status.is_removed);
        let by_length = naive.written().saturating_sub(self.shape.length_frames);
        // An eighth of the slots for the times is left to the writer. It sets one at each gap, and not more than one a write.
        let by_gaps = naive.gaps.iter().rev().nth(224).map_or(0, |gap| gap.first_frame);
        assert!(naive.oldest >= by_length.max(by_gaps), "{} is older than can be there", naive.oldest);
        assert!(naive.oldest == by_length || self.writes > 224, "{} is gone too early", naive.oldest - 1);
        if naive.written() > 0 {
            assert_eq!(status.newest_utc_ns, Some(naive.end_ns));
            assert_eq!(status.oldest_utc_ns, Some(naive.begin_ns(naive.oldest)));
        }
    }

    /// Ends everything: all memory goes back.
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

/// A gap before the oldest frame, of which no read tells.
fn unseen(first_frame: u64, start_utc_ns: i64, duration_ns: i64) -> Gap {
    let mut gap = a_gap();
    (gap.first_frame, gap.start_utc_ns, gap.duration_ns) = (first_frame, start_utc_ns, duration_ns);
    gap
}

/// Any gap at all: only the crate makes them.
fn a_gap() -> Gap {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = Spec::new(Length::Frames(10), 1000, 1, SampleFormat::S16).unwrap();
    let mut writer = registry.allocate("a gap", spec).unwrap().writer().unwrap();
    for _ in 0..2 {
        writer.gap(GapReason::Requested);
        writer.write(&[0_i16]).unwrap();
    }
    writer.buffer().read(Span::Frames(0..2)).unwrap().gaps()[0].gap
}

/// One read into memory as it lies in the buffer.
fn into_bytes(buffer: &CaptureBuffer, span: Span, out: &mut [u8]) -> Result<capbuf::Extracted, Error> {
    fn typed<T: Sample>(buffer: &CaptureBuffer, span: Span, out: &mut [u8]) -> Result<capbuf::Extracted, Error> {
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

/// A span of what there is.
fn place(naive: &Naive, span: &Where) -> Span {
    let (oldest, written) = (naive.oldest as i64, naive.written() as i64);
    let (begin_ns, end_ns) =
        if written == 0 { (START_NS, START_NS) } else { (naive.begin_ns(naive.oldest), naive.end_ns) };
    let part_ns = |part: i64| (naive.period_ns() * part as f64 / 1000.0) as i64;
    match *span {
        Where::Frames { from, frames, off } => {
            let from = oldest + (written - oldest) * from / 1000 + off;
            let from = from.max(0) as u64;
            Span::Frames(from..from + frames)
        }
        Where::Time { from, ms, part } => {
            let from = begin_ns + ((end_ns - begin_ns) as f64 * from as f64 / 1000.0) as i64 + part_ns(part);
            Span::Time(from..from + ms as i64 * 1_000_000 + part_ns(part))
        }
        Where::Gaps { first, last, before_us, after_us } => {
            let gap_ns = |number: usize| naive.gaps.iter().rev().nth(number).map_or(end_ns, |gap| gap.start_utc_ns);
            let (one, other) = (gap_ns(first), gap_ns(last));
            Span::Time(one.min(other) + before_us * 1000..one.max(other) + after_us * 1000)
        }
        Where::Last { frames } => {
            Span::Last(Duration::from_nanos(naive.frames_to_ns(frames).unsigned_abs() + u64::from(frames > 0)))
        }
    }
}

fn read(buffer: &CaptureBuffer, naive: &Naive, span: &Span, how: How) {
    let silence = how.silence.unwrap_or(!matches!(span, Span::Frames(_)));
    let manner = Manner { silence, late: how.available, early: how.available };
    let mut outcomes = match span {
        Span::Frames(range) => vec![naive.by_frames(range, manner)],
        Span::Time(range) => naive.by_time(range, manner),
        Span::Last(duration) => vec![naive.last(duration.as_nanos() as i64, manner)],
    };
    if naive.written() == 0 && !matches!(outcomes[0], Outcome::InvalidRange) {
        outcomes = vec![Outcome::NotYet(0)];
    }
    let options = ReadOptions::new().silence(silence);
    let options = if how.available { options.available() } else { options };
    let options = if how.wait { options.wait(Duration::ZERO) } else { options };
    let options = how.format.map_or(options, |format| options.format(format));
    let format = how.format.unwrap_or(naive.spec.format());
    let read = Reading { buffer, naive, span, options, outcomes: &outcomes, waits: how.wait };
    match format {
        SampleFormat::S16 => read.check::<i16>(how.room),
        SampleFormat::S24 => read.check::<I24>(how.room),
        SampleFormat::S32 => read.check::<i32>(how.room),
        SampleFormat::F32 => read.check::<f32>(how.room),
    }
}

struct Reading<'a> {
    buffer: &'a CaptureBuffer,
    naive: &'a Naive,
    span: &'a Span,
    options: ReadOptions,
    outcomes: &'a [Outcome],
    waits: bool,
}

impl Reading<'_> {
    fn check<T: Sample>(&self, room: Option<i64>) {
        let channels = usize::from(self.naive.spec.channels());
        let needed = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Good(expected) => Some(expected.frames.len() * channels),
            _ => None,
        });
        let needed = needed.max().unwrap_or(0);
        let Some(room) = room else {
            match self.buffer.read_with(self.span.clone(), &self.options.format(T::FORMAT)) {
                Ok(segment) => {
                    let gaps: Vec<_> =
                        segment.gaps().iter().map(|gap| (gap.gap, gap.at_frame, gap.silence_frames)).collect();
                    self.good(segment.samples().as_bytes(), &segment.extracted(), Some(&gaps), T::FORMAT);
                }
                Err(error) => self.bad(&error),
            }
            return;
        };
        let mark = T::from_s32(0x1234_5678);
        let given = (needed as i64 + room).max(0) as usize;
        let mut out = vec![mark; given];
        match self.buffer.read_into(self.span.clone(), &self.options, &mut out) {
            Ok(extracted) => {
                let (read, rest) = out.split_at(extracted.frames as usize * channels);
                assert!(rest.iter().all(|sample| sample.to_s32() == mark.to_s32()), "the rest stays as it was");
                self.good(bytemuck::cast_slice(read), &extracted, None, T::FORMAT);
            }
            Err(Error::TooSmall { needed_samples, given_samples }) => {
                assert!(
                    given_samples == given as u64 && needed_samples > given_samples && needed_samples <= needed as u64
                );
                assert!(out.iter().all(|sample| sample.to_s32() == mark.to_s32()), "nothing was written");
            }
            Err(error) => self.bad(&error),
        }
    }

    fn good(&self, bytes: &[u8], told: &capbuf::Extracted, gaps: Option<&[(Gap, u64, u64)]>, format: SampleFormat) {
        let same = |expected: &&Expected| {
            let silence = expected.frames.iter().filter(|frame| frame.is_none()).count() as u64;
            let listed = expected.gaps.len() as u64;
            (told.frames, told.silence_frames) == (expected.frames.len() as u64, silence)
                && told.captured_frames == expected.captured.end - expected.captured.start
                && told.first_frame == expected.captured.start
                && (told.start_utc_ns, told.end_utc_ns) == (expected.start_ns, expected.end_ns)
                && (told.missing.evicted_frames, told.missing.not_yet_frames) == (expected.evicted, expected.not_yet)
                && told.gaps == listed
                && gaps.is_none_or(|gaps| gaps == expected.gaps)
        };
        let expected = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Good(expected) => Some(expected),
            _ => None,
        });
        let expected: Vec<_> = expected.collect();
        let Some(expected) = expected.iter().copied().find(same) else {
            let all: Vec<_> = self.outcomes.iter().map(short).collect();
            panic!("{}: got {told:?}, gaps {gaps:?}; right: {all:?}", self.span);
        };
        let samples = match format {
            SampleFormat::S16 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<i16>(&expected.frames)).to_vec(),
            SampleFormat::S24 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<I24>(&expected.frames)).to_vec(),
            SampleFormat::S32 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<i32>(&expected.frames)).to_vec(),
            SampleFormat::F32 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<f32>(&expected.frames)).to_vec(),
        };
        assert!(bytes == samples, "{}: not the frames asked for; told {told:?}", self.span);
    }

    fn bad(&self, error: &Error) {
        let naive = self.naive;
        let right = self.outcomes.iter().any(|outcome| match (outcome, error) {
            (Outcome::InvalidRange, Error::InvalidRange { .. }) => true,
            (Outcome::NotYet(_), Error::TimedOut { .. } | Error::Removed { .. }) => self.waits,
            (Outcome::Evicted, Error::Evicted { oldest_frame, oldest_utc_ns }) => {
                (*oldest_frame, *oldest_utc_ns) == (naive.oldest, naive.begin_ns(naive.oldest))
            }
            (Outcome::NotYet(_), Error::NotYet { newest_frame: 0, expected_utc_ns: None, .. }) => naive.written() == 0,
            (Outcome::NotYet(ahead), Error::NotYet { newest_frame, missing_frames, expected_utc_ns }) => {
                (*newest_frame, missing_frames) == (naive.written(), ahead)
                    && *expected_utc_ns == Some(naive.end_ns + naive.frames_to_ns(*ahead))
            }
            _ => false,
        });
        let all: Vec<_> = self.outcomes.iter().map(short).collect();
        assert!(right, "{}: got {error:?}; right: {all:?}", self.span);
    }
}

/// An outcome without the long list of its frames.
fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Good(expected) => {
            format!("{} frames of {:?}", expected.frames.len(), Expected { frames: Vec::new(), ..expected.clone() })
        }
        other => format!("{other:?}"),
    }
}
