//! One case: a true buffer in a domain, what a script of bytes does to its file, and everything that can be called on it.
//!
//! The same for the test, which makes up scripts, and for the fuzzer, which finds them. Nothing may panic, sleep for ever, take
//! more memory than one buffer may, or return what contradicts itself.

use std::fmt::Debug;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use capbuf::{
    AllocateOptions, CaptureBuffer, Clock, Error, GapReason, I24, Length, Lifetime, ReadOptions, Registry, Result,
    Sample, SampleFormat, Span, Spec, WindowOptions,
};

const SOURCE: &str = "tone:440";
const DOMAIN: &str = "hostile";
const START_NS: i64 = 1_790_000_000_000_000_000;
/// What one buffer, or one read, may take.
const MOST_BYTES: u64 = 1 << 20;
/// Reads told to wait sleep in steps of 2 ms and more; so many are more than all of a case's take.
const MOST_SLEEPS: u64 = 100_000;

/// Words of the header, as `docs::layout` has them: offset and size.
const HEADER: [(u64, usize); 20] = [
    (0, 8),
    (8, 4),
    (12, 4),
    (16, 8),
    (24, 8),
    (32, 8),
    (40, 8),
    (48, 8),
    (56, 8),
    (64, 4),
    (68, 4),
    (72, 4),
    (76, 4),
    (80, 8),
    (88, 8),
    (96, 4),
    (100, 4),
    (184, 4),
    (192, 8),
    (200, 8),
];
const COUNTERS: [u64; 7] = [128, 136, 144, 152, 160, 168, 176];
const REMOVED: u64 = 184;
const LEASE: u64 = 192;
const NAME: u64 = 256;
const HOLDERS: u64 = 1280;
const ANCHORS: u64 = 5632;

/// Choices, read from bytes; zeros when they are used up.
pub struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    fn below(&mut self, end: u64) -> u64 {
        u64::from(u16::from_le_bytes([self.byte(), self.byte()])) % end.max(1)
    }

    /// A number at which something may go wrong, beside one that was there.
    fn number(&mut self, now: u64, layout: &Layout) -> u64 {
        let few = self.below(5).wrapping_sub(2);
        match self.byte() % 16 {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => u64::MAX.wrapping_sub(self.below(2000)),
            4 | 5 => (1_u64 << (self.byte() % 64)).wrapping_add(few),
            6 => now.wrapping_add(few),
            7 => now.wrapping_add(self.below(4000)).wrapping_sub(2000),
            8 => layout.ring_frames.wrapping_add(few),
            9 => layout.length_frames.wrapping_add(few),
            10 => layout.anchor_slots.wrapping_add(few),
            11 => (i64::MAX as u64).wrapping_add(few),
            12 => START_NS as u64,
            13 => (START_NS as u64).wrapping_add(self.word() >> 24),
            14 => self.below(2000),
            _ => self.word(),
        }
    }
}

/// Time passes when somebody looks at it, and nobody really sleeps.
#[derive(Debug, Default)]
struct Steps {
    now_ns: AtomicI64,
    sleeps: AtomicU64,
}

impl Clock for Steps {
    fn utc_ns(&self) -> i64 {
        START_NS + self.now_ns.fetch_add(1000, Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> i64 {
        self.now_ns.fetch_add(1000, Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        assert!(self.sleeps.fetch_add(1, Ordering::Relaxed) < MOST_SLEEPS, "it waits for ever");
        self.now_ns.fetch_add(duration.as_nanos() as i64, Ordering::Relaxed);
    }
}

/// What the true layout was.
struct Layout {
    length_frames: u64,
    ring_frames: u64,
    anchor_slots: u64,
    bytes: u64,
}

/// The file of the buffer, as somebody else changes it.
struct Ring {
    path: PathBuf,
    layout: Layout,
}

impl Ring {
    fn find(folder: &Path) -> Self {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let path = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "ring")).unwrap();
        let mut ring = Self { path, layout: Layout { length_frames: 0, ring_frames: 0, anchor_slots: 0, bytes: 0 } };
        ring.layout = Layout {
            bytes: ring.get(16),
            anchor_slots: ring.get(32),
            ring_frames: ring.get(48),
            length_frames: ring.get(56),
        };
        ring
    }

    /// `None` once it was removed.
    fn file(&self) -> Option<File> {
        File::options().read(true).write(true).open(&self.path).ok()
    }

    fn get(&self, offset: u64) -> u64 {
        let mut bytes = [0; 8];
        let _ = self.file().map(|file| file.read_exact_at(&mut bytes, offset));
        u64::from_le_bytes(bytes)
    }

    /// Never makes the file longer.
    fn put(&self, offset: u64, bytes: &[u8]) {
        let Some(file) = self.file() else { return };
        let room = file.metadata().unwrap().len().saturating_sub(offset).min(bytes.len() as u64);
        file.write_all_at(&bytes[..room as usize], offset).unwrap();
    }

    /// Does one bad thing.
    fn spoil(&self, script: &mut Script, mapped: bool) {
        let layout = &self.layout;
        match script.byte() % 16 {
            0..=4 => {
                let offset = COUNTERS[script.below(7) as usize];
                self.put(offset, &script.number(self.get(offset), layout).to_le_bytes());
            }
            5..=7 => {
                // One word of one anchor, near those in use.
                let newest = self.get(144).wrapping_sub(1 + script.below(4)) % layout.anchor_slots;
                let offset = ANCHORS + newest * 64 + script.below(6) * 8;
                self.put(offset, &script.number(self.get(offset), layout).to_le_bytes());
            }
            8 | 9 => {
                // The same words of all anchors, in steps.
                let words = script.byte();
                for word in (0..6).filter(|word| words & (1 << word) != 0) {
                    let offset = ANCHORS + word * 8;
                    let (first, step) = (script.number(self.get(offset), layout), script.number(1, layout));
                    for slot in 0..layout.anchor_slots {
                        self.put(offset + slot * 64, &first.wrapping_add(step.wrapping_mul(slot)).to_le_bytes());
                    }
                }
            }
            10 => {
                let (offset, bytes) = HEADER[script.below(HEADER.len() as u64) as usize];
                self.put(offset, &script.number(self.get(offset), layout).to_le_bytes()[..bytes]);
            }
            11 => {
                let bytes = script.word().to_le_bytes();
                let offset = script.below(1032);
                self.put(NAME + offset, &bytes[..1 + script.below(8) as usize]);
            }
            12 => {
                // Somebody who lives, somebody who is dead, or nobody writes.
                let lease = [script.word(), 0, 1, self.somebody()][script.below(4) as usize];
                self.put(LEASE, &lease.to_le_bytes());
            }
            13 => {
                let presence = [script.word(), 0, self.somebody()][script.below(3) as usize];
                for place in script.below(128)..script.below(129) {
                    self.put(HOLDERS + place * 32, &presence.to_le_bytes());
                    self.put(HOLDERS + place * 32 + 8, &script.word().to_le_bytes());
                }
            }
            14 if mapped => self.put(REMOVED, &[script.byte() % 2]),
            14 => {
                // Only a file that nobody has mapped may be cut short: the kernel ends who has.
                let Some(file) = self.file() else { return };
                let bytes = script.number(layout.bytes, layout);
                let _ = file.set_len(bytes.min(1 << 43));
            }
            _ => {
                let (offset, bytes) = (script.below(layout.bytes), script.word().to_le_bytes());
                self.put(offset, &bytes[..1 + script.below(8) as usize]);
            }
        }
    }

    /// Gives the header another shape that is right in itself, and the file the length for it: mostly a hole.
    fn reshape(&self, script: &mut Script) {
        let length = script.number(self.layout.length_frames, &self.layout).clamp(1, 1 << 40);
        let (rate, channels, format) = (self.get(64) as u32, 1 + script.below(64), 1 + script.below(4));
        let seconds = length / u64::from(rate.max(1));
        let frame_bytes = [0, 2, 3, 4, 4][format as usize] * channels;
        let slack = (length / 128).max((16_384 / frame_bytes).min(length / 8)).max(256);
        let (ring, slots) = ((length + slack).next_multiple_of(64), (seconds / 4).max(256));
        let frames_offset = (ANCHORS + slots * 64).next_multiple_of(4096);
        let bytes = (frames_offset + ring * frame_bytes).next_multiple_of(4096);
        let Some(file) = self.file() else { return };
        if file.set_len(bytes).is_err() {
            return;
        }
        for (offset, word) in [(16, bytes), (32, slots), (40, frames_offset), (48, ring), (56, length)] {
            self.put(offset, &word.to_le_bytes());
        }
        for (offset, half) in [(68, channels), (72, format)] {
            self.put(offset, &(half as u32).to_le_bytes());
        }
        // As if it were full.
        self.put(128, &length.to_le_bytes());
        self.put(136, &length.to_le_bytes());
    }

    /// The presence of a process that lives: this one.
    fn somebody(&self) -> u64 {
        let names = self.path.parent().into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let names = names.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let numbers = names.filter_map(|name| u64::from_str_radix(name.strip_prefix("process-")?, 16).ok());
        numbers.into_iter().next().unwrap_or(1)
    }
}

/// Runs one case with a folder of domains of its own.
pub fn run(script: &[u8], base: &Path) {
    let mut script = Script(script);
    let clock = Arc::new(Steps::default());
    let open = || {
        let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).max_buffer_bytes(MOST_BYTES);
        registry.domains_folder(base).open(DOMAIN).unwrap()
    };
    let spec = shape(&mut script);
    let maker = open();
    let lifetime = [Lifetime::UntilRemoved, Lifetime::WhileOpen][usize::from(script.byte() % 4 == 1)];
    let made = maker.get_or_allocate_with(SOURCE, spec, &AllocateOptions::new().lifetime(lifetime)).unwrap();
    let ring = Ring::find(maker.path().unwrap());
    let mut writer = made.writer().unwrap();
    for _ in 0..script.below(12) {
        match script.byte() % 4 {
            0 => writer.gap(GapReason::SourceLost),
            1 => writer.gap_for(GapReason::PacketLoss, Duration::from_millis(script.below(3000))),
            _ => {}
        }
        let frames = [1, 100, 256, 1500, 100, 100][script.below(6) as usize];
        let _ = writer.write_bytes_at(&vec![script.byte(); frames * spec.frame_bytes()], clock.utc_ns());
        clock.sleep(Duration::from_nanos(frames as u64 * 1_000_000_000 / u64::from(spec.sample_rate_hz())));
    }
    // Its maker ends, or stays and goes on writing.
    let keep = script.byte() % 3;
    let mut writer = (keep == 2).then_some(writer);
    let maker = (keep > 0).then_some((maker, made));
    for _ in 0..script.below(6) {
        ring.spoil(&mut script, maker.is_some());
    }
    if maker.is_none() && script.byte() % 16 == 1 {
        ring.reshape(&mut script);
    }
    let reader = open();
    let mut held = Vec::new();
    for _ in 0..1 + script.below(3) {
        for buffer in [reader.get(SOURCE), no_panic(reader.get_or_allocate(SOURCE, spec))].into_iter().flatten() {
            look(&buffer, &mut script);
            held.push(buffer);
        }
        for buffer in reader.buffers() {
            look(&buffer, &mut script);
        }
        if let Some(writer) = &mut writer {
            let _ = writer.write_bytes(&vec![1; script.below(3000) as usize]);
            writer.gap(GapReason::Requested);
            let _ = writer.write_bytes_at(&vec![2; spec.frame_bytes() * 2000], script.word() as i64);
        }
        no_panic(reader.sweep());
        if script.byte() % 8 == 1 {
            no_panic(reader.remove(SOURCE));
        }
        for _ in 0..script.below(6) {
            ring.spoil(&mut script, true);
        }
    }
    held.iter().for_each(|buffer| look(buffer, &mut script));
    drop(writer);
    recover(&reader, spec);
    drop((held, maker, reader));
    capbuf::remove_domain(DOMAIN, Some(base)).expect("whatever is in it");
    assert!(!base.join(DOMAIN).exists(), "nothing is left of a removed domain");
}

fn shape(script: &mut Script) -> Spec {
    let format = SampleFormat::ALL[script.below(4) as usize];
    let (frames, rate, channels) =
        [(1000, 1000, 1), (300, 8000, 2), (1, 1, 1), (2000, 48_000, 1), (100, 1000, 3), (10, 100, 64)]
            [script.below(6) as usize];
    Spec::new(Length::Frames(frames), rate, channels, format).unwrap()
}

/// A panic while a buffer is mapped is caught by the registry, and told as this error.
fn no_panic<T: Debug>(result: Result<T>) -> Option<T> {
    assert!(!matches!(result, Err(Error::AllocationPanicked { .. })), "{result:?}");
    result.ok()
}

/// Whatever was done to a buffer, removing it makes room for another.
fn recover(registry: &Registry, spec: Spec) {
    match registry.remove(SOURCE) {
        // What another version may be using isn't touched.
        Err(Error::LayoutMismatch { .. }) => return,
        Ok(()) | Err(Error::NotFound { .. }) => {}
        Err(error) => panic!("can't be removed: {error}"),
    }
    let buffer = registry.allocate(SOURCE, spec).expect("there is none any more");
    buffer.writer().unwrap().write_bytes(&vec![5; spec.frame_bytes()]).unwrap();
    assert_eq!(buffer.read(Span::Frames(0..1)).unwrap().samples().as_bytes(), vec![5; spec.frame_bytes()]);
}

/// Calls everything that can be called on a buffer.
fn look(buffer: &CaptureBuffer, script: &mut Script) {
    let (frames, length) = (buffer.frames(), buffer.spec().length_frames());
    assert!(frames.start <= frames.end && frames.end - frames.start <= length, "{frames:?} of {length}");
    let status = buffer.status();
    assert!(status.oldest_frame <= status.newest_frame && status.level.is_none_or(|level| level.peak >= 0.0));
    let _ = (buffer.opened_by(), buffer.id(), buffer.handles(), buffer.lifetime(), format!("{buffer:?}"));
    assert!(buffer.same_as(&buffer.clone()));

    let (newest, ns) = (frames.end, status.newest_utc_ns.unwrap_or(START_NS));
    let oldest_ns = status.oldest_utc_ns.unwrap_or(START_NS);
    let (one, other) = (script.word(), script.word());
    let spans = [
        Span::Frames(0..10),
        Span::Frames(frames.start..newest),
        Span::Frames(newest.saturating_sub(length)..newest),
        Span::Frames(newest.saturating_sub(20)..newest.saturating_add(20)),
        Span::Frames(0..u64::MAX),
        Span::Frames(u64::MAX - 1..u64::MAX),
        Span::Frames(one.min(other)..one.max(other)),
        Span::Time(oldest_ns..ns),
        Span::Time(START_NS..START_NS + 1_000_000_000),
        Span::Time(ns.saturating_sub(50_000_000)..ns.saturating_add(50_000_000)),
        Span::Time(i64::MIN..i64::MAX),
        Span::Time((one as i64).min(other as i64)..(one as i64).max(other as i64)),
        Span::Last(Duration::from_millis(script.below(1500))),
        Span::Last(buffer.spec().duration()),
        Span::Last(Duration::MAX),
    ];
    let options = [
        ReadOptions::new(),
        ReadOptions::new().available(),
        ReadOptions::new().available().silence(false).wait(Duration::from_millis(5)),
        ReadOptions::new().silence(true).format(SampleFormat::ALL[script.below(4) as usize]),
    ];
    for span in &spans {
        let first = script.byte() as usize;
        for options in [first, first + 1].map(|number| &options[number % options.len()]) {
            read(buffer, span, options);
        }
    }
    let into = options[script.below(4) as usize];
    for span in &spans {
        match script.byte() % 4 {
            0 => read_into::<i16>(buffer, span, &into),
            1 => read_into::<I24>(buffer, span, &into),
            2 => read_into::<i32>(buffer, span, &into),
            _ => read_into::<f32>(buffer, span, &into),
        }
    }
    windows(buffer, script);
    write(buffer, script);
}

fn read(buffer: &CaptureBuffer, span: &Span, options: &ReadOptions) {
    let Ok(segment) = buffer.read_with(span.clone(), options) else { return };
    let samples = segment.frames() * u64::from(segment.channels());
    assert_eq!(segment.samples().len() as u64, samples, "{segment:?}");
    let whole_bytes = buffer.spec().length_frames() * u64::from(segment.channels()) * 4;
    assert!(samples * segment.format().bytes() as u64 <= whole_bytes.clamp(MOST_BYTES, 2 * MOST_BYTES));
    assert_eq!(segment.end_frame() - segment.first_frame() + segment.silence_frames(), segment.frames());
    for gap in segment.gaps() {
        assert!(gap.at_frame + gap.silence_frames <= segment.frames(), "{gap:?} in {} frames", segment.frames());
    }
}

fn read_into<T: Sample + Debug>(buffer: &CaptureBuffer, span: &Span, options: &ReadOptions) {
    const MARK: i32 = 0x55_55_55_00;
    let mut out = vec![T::from_s32(MARK); 4096];
    let Ok(extracted) = buffer.read_into(span.clone(), options, &mut out) else { return };
    assert_eq!(extracted.captured_frames + extracted.silence_frames, extracted.frames);
    let samples = extracted.frames as usize * usize::from(buffer.spec().channels());
    assert!(out[samples..].iter().all(|sample| sample.to_s32() == T::from_s32(MARK).to_s32()));
}

fn windows(buffer: &CaptureBuffer, script: &mut Script) {
    let options = WindowOptions::new(1 + script.below(400), 1 + script.below(400));
    let options = if script.byte() % 4 == 1 { options.from_frame(script.word() >> 2) } else { options };
    let join = [Duration::ZERO, Duration::from_millis(100), Duration::MAX][script.below(3) as usize];
    let Ok(mut windows) = buffer.windows(options.join_gaps(join)) else { return };
    let mut out = vec![0_i16; windows.window_samples() as usize];
    let mut last = 0;
    for _ in 0..5 {
        let Ok(window) = windows.next_into(&mut out, Duration::from_millis(5)) else { continue };
        assert!(window.first_frame >= last && window.first_frame < window.end_frame, "{window:?} after {last}");
        last = window.first_frame;
        read(buffer, &window.around(script.below(1000), script.word()), &ReadOptions::new().available());
    }
}

fn write(buffer: &CaptureBuffer, script: &mut Script) {
    let Some(mut writer) = no_panic(buffer.writer()) else { return };
    let bytes = vec![script.byte(); script.below(5000) as usize];
    let utc_ns = script.word() as i64;
    let _ = writer.write_bytes(&bytes);
    writer.gap_for(GapReason::Overrun, Duration::from_nanos(script.word()));
    let _ = writer.write_bytes_at(&bytes, utc_ns);
    writer.gap(GapReason::Detected);
    let _ = writer.write_bytes_at(&bytes, utc_ns.saturating_add(1_000_000_000));
    let _ = writer.write_bytes(&bytes);
    assert!(writer.next_frame() > 0 || bytes.len() < buffer.spec().frame_bytes());
}
