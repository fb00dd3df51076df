//! What runs on the audio thread: no lock, no allocation, no system call, no logging.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use capbuf::{GapReason, I24, Sample, SampleFormat, Writer};

use super::choose::Choice;

/// Makes the two ends of the way from a device to a writer.
pub(super) fn make(choice: &Choice) -> (Inlet, Callback) {
    let (sender, inbox) = sync_channel(1);
    let channels = usize::from(choice.format.channels);
    let scratch = |format| match format {
        SampleFormat::S16 => Scratch::S16(vec![0; SCRATCH_FRAMES * channels]),
        SampleFormat::S24 => Scratch::S24(vec![I24::default(); SCRATCH_FRAMES * channels]),
        SampleFormat::S32 => Scratch::S32(vec![0; SCRATCH_FRAMES * channels]),
        SampleFormat::F32 => Scratch::F32(vec![0.0; SCRATCH_FRAMES * channels]),
    };
    let callback = Callback {
        watch: Watch::default(),
        inbox,
        writer: None,
        delay: Delay::new(choice.format.sample_rate_hz),
        scratch: scratch(choice.format.sample_format),
        channels,
    };
    (Inlet { sender }, callback)
}

/// Conversion goes through memory that was allocated before, so many frames at a time.
const SCRATCH_FRAMES: usize = 1024;

/// Where the writer is handed over to the audio thread.
pub(super) struct Inlet {
    sender: SyncSender<Writer>,
}

impl Inlet {
    /// Hands the writer over. It is given back when the stream is dropped.
    pub(super) fn put(&self, writer: Writer) {
        // The channel has room for the one writer of a run. If the stream has ended, so does the writer.
        let _ = self.sender.try_send(writer);
    }
}

/// What the audio thread tells the others. All relaxed: each flag stands for itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    flags: Arc<Flags>,
}

#[derive(Debug, Default)]
struct Flags {
    chunks: AtomicU64,
    frames: AtomicU64,
    overrun: AtomicBool,
    lost: AtomicU32,
    removed: AtomicBool,
}

/// Ways to lose a device, by the number that stands in the flag; zero is none.
const LOST: [(cpal::ErrorKind, &str); 7] = [
    (cpal::ErrorKind::DeviceNotAvailable, "it is gone"),
    (cpal::ErrorKind::StreamInvalidated, "the sound server closed the stream, or moved it to another device"),
    (cpal::ErrorKind::HostUnavailable, "the sound server is gone"),
    (cpal::ErrorKind::DeviceBusy, "it is in use"),
    (cpal::ErrorKind::PermissionDenied, "permission denied"),
    (cpal::ErrorKind::ResourceExhausted, "the system has no resources left for it"),
    (cpal::ErrorKind::BackendError, "it failed"),
];

impl Watch {
    /// Takes an error of the stream in. May come as often as it likes: it costs a store.
    pub(super) fn note(&self, error: &cpal::Error) {
        use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
        match error.kind() {
            Xrun => self.overrun(),
            // The stream goes on.
            DeviceChanged | RealtimeDenied => {}
            kind => self.lose(kind),
        }
    }

    /// Says that frames were lost before the next chunk.
    pub(super) fn overrun(&self) {
        self.flags.overrun.store(true, Ordering::Relaxed);
    }

    /// Says that the device is lost.
    pub(super) fn lose(&self, kind: cpal::ErrorKind) {
        let known = LOST.iter().position(|(lost, _)| *lost == kind).unwrap_or(LOST.len() - 1);
        self.flags.lost.store(known as u32 + 1, Ordering::Relaxed);
    }

    /// How often the device delivered.
    pub(super) fn chunks(&self) -> u64 {
        self.flags.chunks.load(Ordering::Relaxed)
    }

    /// How many frames it delivered.
    pub(super) fn frames(&self) -> u64 {
        self.flags.frames.load(Ordering::Relaxed)
    }

    /// Why the device is lost, if it is.
    pub(super) fn lost(&self) -> Option<String> {
        let lost = self.flags.lost.load(Ordering::Relaxed) as usize;
        LOST.get(lost.checked_sub(1)?).map(|(_, reason)| (*reason).to_owned())
    }

    /// Whether the buffer takes no more, because it was removed.
    pub(super) fn is_removed(&self) -> bool {
        self.flags.removed.load(Ordering::Relaxed)
    }
}

/// Takes what a device delivers to its writer.
pub(super) struct Callback {
    watch: Watch,
    inbox: Receiver<Writer>,
    writer: Option<Writer>,
    delay: Delay,
    scratch: Scratch,
    channels: usize,
}

enum Scratch {
    S16(Vec<i16>),
    S24(Vec<I24>),
    S32(Vec<i32>),
    F32(Vec<f32>),
}

impl Callback {
    /// The flags of this callback, for other threads.
    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Takes a chunk of cpal's.
    ///
    /// As [`Self::take_bytes`] in its cost.
    pub(super) fn take(&mut self, data: &cpal::Data, info: &cpal::InputCallbackInfo) {
        let timestamp = info.timestamp();
        // How long ago the chunk's first frame was captured. The origin of these two times is the stream's own affair.
        let told = timestamp.callback.duration_since(timestamp.capture);
        let channels = self.channels;
        self.pass_on(data.len() / channels, told, |writer, capture_utc_ns, scratch| {
            let mut outlet = Outlet { writer, capture_utc_ns, channels };
            match data.sample_format() {
                cpal::SampleFormat::I16 => outlet.write(data.as_slice::<i16>(), scratch),
                cpal::SampleFormat::I32 => outlet.write(data.as_slice::<i32>(), scratch),
                cpal::SampleFormat::F32 => outlet.write(data.as_slice::<f32>(), scratch),
                cpal::SampleFormat::I24 => outlet.write_i24(data.as_slice::<cpal::I24>(), scratch),
                // The stream was built with one of these.
                _ => Ok(()),
            }
        });
    }

    /// Takes a chunk of so many frames in the buffer's own format, whose first frame was captured so long ago.
    ///
    /// Wait-free once the writer is there; until then one look into a channel that nobody locks.
    pub(super) fn take_bytes(&mut self, bytes: &[u8], frames: usize, told: Duration) {
        self.pass_on(frames, told, |writer, capture_utc_ns, _| writer.write_bytes_at(bytes, capture_utc_ns));
    }

    fn pass_on(
        &mut self,
        frames: usize,
        told: Duration,
        write: impl FnOnce(&mut Writer, i64, &mut Scratch) -> capbuf::Result<()>,
    ) {
        let frames = frames as u64;
        let first = self.writer.is_none();
        if first {
            self.writer = self.inbox.try_recv().ok();
        }
        let delay = self.delay.of_chunk(frames, told, first);
        if let Some(writer) = &mut self.writer {
            if self.watch.flags.overrun.swap(false, Ordering::Relaxed) {
                writer.gap(GapReason::Overrun);
            }
            let delay_ns = i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX);
            let capture_utc_ns = writer.buffer().clock().utc_ns().saturating_sub(delay_ns);
            if write(writer, capture_utc_ns, &mut self.scratch).is_err() {
                self.watch.flags.removed.store(true, Ordering::Relaxed);
            }
        }
        self.watch.flags.frames.fetch_add(frames, Ordering::Relaxed);
        self.watch.flags.chunks.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes one chunk, converted where the buffer holds another format.
struct Outlet<'a> {
    writer: &'a mut Writer,
    capture_utc_ns: i64,
    channels: usize,
}

impl Outlet<'_> {
    fn write<S: Sample>(&mut self, samples: Option<&[S]>, scratch: &mut Scratch) -> capbuf::Result<()> {
        let samples = samples.unwrap_or_default();
        if self.writer.buffer().spec().format() == S::FORMAT {
            return self.writer.write_at(samples, self.capture_utc_ns);
        }
        match scratch {
            Scratch::S16(scratch) => self.write_converted(samples, scratch, capbuf::convert),
            Scratch::S24(scratch) => self.write_converted(samples, scratch, capbuf::convert),
            Scratch::S32(scratch) => self.write_converted(samples, scratch, capbuf::convert),
            Scratch::F32(scratch) => self.write_converted(samples, scratch, capbuf::convert),
        }
    }

    fn write_i24(&mut self, samples: Option<&[cpal::I24]>, scratch: &mut Scratch) -> capbuf::Result<()> {
        let samples = samples.unwrap_or_default();
        match scratch {
            Scratch::S16(scratch) => self.write_converted(samples, scratch, from_i24),
            Scratch::S24(scratch) => self.write_converted(samples, scratch, from_i24),
            Scratch::S32(scratch) => self.write_converted(samples, scratch, from_i24),
            Scratch::F32(scratch) => self.write_converted(samples, scratch, from_i24),
        }
    }

    fn write_converted<S, D: Sample>(
        &mut self,
        samples: &[S],
        scratch: &mut [D],
        convert: impl Fn(&[S], &mut [D]) -> usize,
    ) -> capbuf::Result<()> {
        let period_ns = 1_000_000_000.0 / f64::from(self.writer.buffer().spec().sample_rate_hz());
        let mut capture_utc_ns = self.capture_utc_ns;
        for samples in samples.chunks(scratch.len()) {
            let converted = convert(samples, scratch);
            self.writer.write_at(&scratch[..converted], capture_utc_ns)?;
            let frames = converted / self.channels;
            capture_utc_ns = capture_utc_ns.saturating_add((frames as f64 * period_ns) as i64);
        }
        Ok(())
    }
}

/// cpal's 24 bits are the low ones of 32, and ALSA leaves the rest as it likes.
fn from_i24<D: Sample>(from: &[cpal::I24], to: &mut [D]) -> usize {
    for (from, to) in from.iter().zip(to.iter_mut()) {
        let value = from.inner() << 8;
        *to = if D::FORMAT == SampleFormat::F32 { D::from_f32(value.to_f32()) } else { D::from_s32(value) };
    }
    from.len().min(to.len())
}

/// How long before a chunk arrives its first frame was captured, as its host tells.
///
/// A sound server knows its latency only after a while, and then it jumps. What the first written chunk tells is what the
/// whole timeline begins at, so for that one the delays told until then are averaged over their common line.
#[derive(Debug)]
struct Delay {
    period_ns: f64,
    started: Option<Instant>,
    frames: u64,
    chunks: u32,
    /// The mean of when the stream's first frame was captured, after `started`, as each chunk told.
    begin_ns: f64,
}

impl Delay {
    fn new(sample_rate_hz: u32) -> Self {
        let period_ns = 1_000_000_000.0 / f64::from(sample_rate_hz);
        Self { period_ns, started: None, frames: 0, chunks: 0, begin_ns: 0.0 }
    }

    /// Takes in what a chunk of so many frames tells of its delay, and says what is believed.
    fn of_chunk(&mut self, frames: u64, told: Duration, averaged: bool) -> Duration {
        if !averaged {
            return told;
        }
        let now = Instant::now();
        let now_ns = now.duration_since(*self.started.get_or_insert(now)).as_nanos() as f64;
        let before_ns = self.frames as f64 * self.period_ns;
        self.frames += frames;
        self.chunks = self.chunks.saturating_add(1);
        let told_begin_ns = now_ns - told.as_nanos() as f64 - before_ns;
        self.begin_ns += (told_begin_ns - self.begin_ns) / f64::from(self.chunks);
        Duration::from_nanos((now_ns - self.begin_ns - before_ns).max(0.0) as u64)
    }
}
