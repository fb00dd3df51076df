//! Sources whose sound is not wanted as it comes: of one channel, mixed, louder, at another rate.
//!
//! What such a source delivers goes into a small ring of its own, by the audio thread, wait-free as ever; a thread beside reads it
//! there, with its times and gaps, and writes what becomes of it into the buffer.

mod convert;
mod shape;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, Segment, Span, Spec, Writer};

use crate::error::{Error, Result};
use crate::source::{Format, RequestedFormat, RunOutcome, Source};
use crate::stop::Stop;
use convert::{floats, write_floats};
use shape::Shape;

/// Which channels of a source become those of the buffer.
///
/// ```
/// use capbuf_capture::{CaptureOptions, Mix};
///
/// // The microphone on the left, 6 dB louder.
/// let options = CaptureOptions::new().mix(Mix::Channel(0)).gain_db(6.0);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mix {
    /// All as they are; or, where another number is asked for and the source has no other, all of them averaged into one, or the
    /// only one in each.
    #[default]
    Auto,
    /// This one alone, counted from 0.
    Channel(u16),
    /// The average of all.
    Average,
}

/// What is done to the sound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Processing {
    pub(crate) mix: Mix,
    pub(crate) gain_db: f32,
}

impl Processing {
    /// Refuses what can't be.
    pub(crate) fn check(&self) -> capbuf::Result<()> {
        if (-100.0..=100.0).contains(&self.gain_db) {
            return Ok(());
        }
        let (given, allowed) = (self.gain_db.to_string(), "-100 to 100".to_owned());
        Err(capbuf::Error::InvalidArgument { what: "gain in dB", given, allowed })
    }

    fn changes_something(&self) -> bool {
        *self != Self::default()
    }
}

/// A source as it is, or what is made of it.
pub(crate) struct Processed {
    inner: Box<dyn Source>,
    processing: Processing,
    /// What is done, where something is.
    shape: Option<Shape>,
}

/// How much the ring holds between the source and what is made of it: a machine may be busy elsewhere for so long.
const RING: Length = Length::Seconds(10.0);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Processed {
    pub(crate) fn new(inner: Box<dyn Source>, processing: Processing) -> Self {
        Self { inner, processing, shape: None }
    }
}

impl Source for Processed {
    fn open(&mut self, wish: &RequestedFormat, stop: &Stop) -> Result<Format> {
        self.shape = None;
        let refused = if self.processing.changes_something() {
            None
        } else {
            match self.inner.open(wish, stop) {
                Err(error @ Error::NotOffered { .. })
                    if wish.sample_rate_hz.or(wish.channels.map(u32::from)).is_some() =>
                {
                    Some(error)
                }
                opened => return opened,
            }
        };
        let own =
            self.inner.open(&RequestedFormat { sample_format: wish.sample_format, ..RequestedFormat::default() }, stop);
        // What the source says to what was asked tells more than what it says to nothing.
        let own = own.map_err(|error| refused.clone().unwrap_or(error))?;
        let shape = Shape::new(own, wish, &self.processing);
        let shape = shape.map_err(|reason| {
            let not_offered = |requested| Error::NotOffered {
                source_name: "the source".to_owned(),
                requested,
                offered: reason.clone(),
            };
            refused.unwrap_or_else(|| not_offered(format!("{:?}", self.processing.mix)))
        })?;
        let format = shape.wanted();
        self.shape = Some(shape);
        Ok(format)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let Some(shape) = self.shape.take() else {
            return self.inner.run(writer, stop);
        };
        let own = shape.own();
        let spec = Spec::new(RING, own.sample_rate_hz, own.channels, own.sample_format)?;
        let registry = Registry::builder().clock(writer.buffer().clock().clone()).build();
        let ring = registry.get_or_allocate(writer.buffer().source().as_str(), spec)?;
        let inlet = ring.writer()?;
        let (ended, part) = (AtomicBool::new(false), stop.part());
        thread::scope(|scope| {
            let (ended, failed) = (&ended, part.clone());
            let outlet = thread::Builder::new().name("capbuf-processing".to_owned());
            let pass_on = move || {
                let done = Outlet { writer, shape, next: 0 }.pass_on(&ring, ended);
                if done.is_err() {
                    failed.request();
                }
                done
            };
            let outlet = outlet
                .spawn_scoped(scope, pass_on)
                .map_err(|error| Error::Thread { source_name: "processing".to_owned(), reason: error.to_string() })?;
            let outcome = self.inner.run(inlet, &part);
            ended.store(true, Ordering::Release);
            let panicked = || Error::Thread { source_name: "processing".to_owned(), reason: "it panicked".to_owned() };
            // Why the writing ended is the cause of what the source then did.
            outlet.join().unwrap_or_else(|_| Err(panicked())).and(outcome)
        })
    }
}

/// Takes what is in the ring to the buffer.
struct Outlet {
    writer: Writer,
    shape: Shape,
    /// The first frame that was not taken yet.
    next: u64,
}

impl Outlet {
    fn pass_on(mut self, ring: &CaptureBuffer, ended: &AtomicBool) -> Result<()> {
        loop {
            // Looked at first: what came before it is taken in any case.
            let is_last = ended.load(Ordering::Acquire);
            let newest = ring.frames().end;
            if self.next < newest {
                let step = u64::from(ring.spec().sample_rate_hz());
                let end = newest.min(self.next.saturating_add(step));
                let everything = ReadOptions::new().available();
                // From the frame before: of a gap between two reads it is the second one's.
                match ring.read_with(Span::Frames(self.next.saturating_sub(1)..end), &everything) {
                    Ok(segment) => self.take(&segment)?,
                    // Lapped while it was read: the next look begins further on.
                    Err(capbuf::Error::Evicted { oldest_frame, .. }) => self.lose(oldest_frame),
                    Err(error) => return Err(error.into()),
                }
                continue;
            }
            if is_last {
                return self.flush();
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// So many frames were overwritten before they could be taken.
    fn lose(&mut self, oldest_frame: u64) {
        if oldest_frame <= self.next {
            return;
        }
        self.shape.forget();
        self.writer.gap(capbuf::GapReason::Overrun);
        self.next = oldest_frame;
    }

    /// Takes a span in, piece by piece between its gaps.
    fn take(&mut self, segment: &Segment) -> Result<()> {
        self.lose(segment.first_frame());
        let channels = usize::from(segment.channels());
        let samples = floats(segment.samples());
        let rate = f64::from(segment.sample_rate_hz());
        let known = self.next.saturating_sub(segment.first_frame());
        let mut at = usize::try_from(known).unwrap_or(usize::MAX);
        let mut start_ns = segment.start_utc_ns().saturating_add((known as f64 * 1e9 / rate) as i64);
        let mut gaps = segment.gaps().iter().peekable();
        let frames = samples.len() / channels;
        while at < frames || gaps.peek().is_some_and(|gap| gap.at_frame as usize <= at) {
            if let Some(gap) = gaps.next_if(|gap| gap.at_frame as usize <= at) {
                self.flush()?;
                self.writer.gap(gap.gap.reason);
                start_ns = gap.gap.start_utc_ns.saturating_add(gap.gap.duration_ns);
                continue;
            }
            let end = gaps.peek().map_or(frames, |gap| (gap.at_frame as usize).clamp(at + 1, frames));
            let out = self.shape.process(&samples[at * channels..end * channels], start_ns)?;
            self.write(out)?;
            start_ns = start_ns.saturating_add(((end - at) as f64 * 1e9 / rate) as i64);
            at = end;
        }
        self.next = segment.end_frame();
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let rest = self.shape.finish()?;
        self.write(rest)
    }

    fn write(&mut self, (samples, utc_ns): (Vec<f64>, i64)) -> Result<()> {
        if samples.is_empty() { Ok(()) } else { Ok(write_floats(&mut self.writer, &samples, utc_ns)?) }
    }
}
