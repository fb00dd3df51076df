//! A source whose audio is converted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, Segment, Span, Spec, Writer};

use super::convert::{floats, write_floats};
use super::mix::Processing;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::stop::Stop;

/// A source, processed if necessary.
pub(crate) struct Processed {
    inner: Box<dyn Source>,
    processing: Processing,
    /// The conversion; `None` to run the source as it is.
    shape: Option<Shape>,
}

/// The length of the ring between source and conversion: the longest delay of the converting
/// thread.
const RING: Length = Length::Seconds(10.0);
/// The period of polling the ring.
const POLL_EVERY: Duration = Duration::from_millis(20);

impl Processed {
    pub(crate) fn new(inner: Box<dyn Source>, processing: Processing) -> Self {
        Self { inner, processing, shape: None }
    }
}

impl Source for Processed {
    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        self.shape = None;
        let refused = if self.processing.changes_audio() {
            None
        } else {
            match self.inner.open(requested, stop) {
                Err(error @ Error::NotOffered { .. })
                    if requested.sample_rate_hz.or(requested.channels.map(u32::from)).is_some() =>
                {
                    Some(error)
                }
                opened => return opened,
            }
        };
        let native = self
            .inner
            .open(&RequestedFormat { sample_format: requested.sample_format, ..RequestedFormat::default() }, stop);
        // The error of the requested format says more than that of the native one.
        let native = native.map_err(|error| refused.clone().unwrap_or(error))?;
        let shape = Shape::new(native, requested, &self.processing);
        let shape = shape.map_err(|reason| {
            let not_offered = |requested| Error::NotOffered {
                source_name: "the source".to_owned(),
                requested,
                offered: reason.clone(),
            };
            refused.unwrap_or_else(|| not_offered(self.processing.mix.to_string()))
        })?;
        let format = shape.output();
        self.shape = Some(shape);
        Ok(format)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let Some(shape) = self.shape.take() else {
            return self.inner.run(writer, stop);
        };
        let native = shape.native();
        let spec = Spec::new(RING, native.sample_rate_hz, native.channels, native.sample_format)?;
        let registry = Registry::builder().clock(writer.buffer().clock().clone()).build();
        let ring = registry.get_or_allocate(writer.buffer().source().as_str(), spec)?;
        let ring_writer = ring.writer()?;
        let (ended, part) = (AtomicBool::new(false), stop.part());
        thread::scope(|scope| {
            let (ended, failed) = (&ended, part.clone());
            let converter = thread::Builder::new().name("capbuf-processing".to_owned());
            let convert = move || {
                let done = Converter { writer, shape, next: 0 }.run(&ring, ended);
                if done.is_err() {
                    failed.request();
                }
                done
            };
            let converter = converter
                .spawn_scoped(scope, convert)
                .map_err(|error| Error::Thread { source_name: "processing".to_owned(), reason: error.to_string() })?;
            let outcome = self.inner.run(ring_writer, &part);
            ended.store(true, Ordering::Release);
            let panicked = || Error::Thread { source_name: "processing".to_owned(), reason: "it panicked".to_owned() };
            // An error of the conversion is the cause of the outcome of the source.
            converter.join().unwrap_or_else(|_| Err(panicked())).and(outcome)
        })
    }
}

/// Converts the audio of the ring into the buffer.
struct Converter {
    writer: Writer,
    shape: Shape,
    /// The next frame of the ring.
    next: u64,
}

impl Converter {
    fn run(mut self, ring: &CaptureBuffer, ended: &AtomicBool) -> Result<()> {
        loop {
            // Loaded first: frames written before the end are converted in any case.
            let is_last = ended.load(Ordering::Acquire);
            let newest = ring.frames().end;
            if self.next < newest {
                let step = u64::from(ring.spec().sample_rate_hz());
                let end = newest.min(self.next.saturating_add(step));
                let everything = ReadOptions::new().available();
                // One frame earlier: a gap between two reads is reported with the second one.
                match ring.read_with(Span::Frames(self.next.saturating_sub(1)..end), &everything) {
                    Ok(segment) => self.convert(&segment)?,
                    // Overwritten meanwhile: the next read starts later.
                    Err(capbuf::Error::Evicted { oldest_frame, .. }) => self.skip_to(oldest_frame),
                    Err(error) => return Err(error.into()),
                }
                continue;
            }
            if is_last {
                return self.flush();
            }
            thread::sleep(POLL_EVERY);
        }
    }

    /// Skips frames that were overwritten before they were converted.
    fn skip_to(&mut self, oldest_frame: u64) {
        if oldest_frame <= self.next {
            return;
        }
        self.shape.reset();
        self.writer.gap(capbuf::GapReason::Overrun);
        self.next = oldest_frame;
    }

    /// Converts a segment, in parts between its gaps.
    fn convert(&mut self, segment: &Segment) -> Result<()> {
        self.skip_to(segment.first_frame());
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
