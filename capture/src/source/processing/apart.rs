//! Conversion of a source that writes to a [`Writer`] itself: into a small private ring, which a
//! second thread reads, with its times and gaps, and converts.
//!
//! The sources of this crate need none of this: they write to an [`Output`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, Samples, Segment, Span, Spec, Writer};

use super::output::Output;
use crate::error::{Error, Result};
use crate::stop::Stop;

/// The length of the ring: the longest delay of the converting thread.
const RING: Length = Length::Seconds(4.0);
/// The period of polling the ring.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Runs a source that writes to a [`Writer`]: into a ring beside the buffer if its audio has to be
/// converted.
pub(crate) fn run<R>(output: Output, stop: &Stop, run: impl FnOnce(Writer, &Stop) -> Result<R>) -> Result<R> {
    let output = match output.into_writer() {
        Ok(writer) => return run(writer, stop),
        Err(output) => output,
    };
    let native = output.format();
    let spec = Spec::new(RING, native.sample_rate_hz, native.channels, native.sample_format)?;
    let _reserved = output.buffer().reserve(spec.audio_bytes())?;
    let registry = Registry::builder().clock(output.buffer().clock().clone()).commit_ahead(false).build();
    let ring = registry.get_or_allocate(output.buffer().source().as_str(), spec)?;
    let ring_writer = ring.writer()?;
    let (ended, part) = (AtomicBool::new(false), stop.part());
    thread::scope(|scope| {
        let (ended, failed) = (&ended, part.clone());
        let converter = thread::Builder::new().name("capbuf-processing".to_owned());
        let convert = move || {
            let done = Converter { output, next: 0 }.run(&ring, ended);
            if done.is_err() {
                failed.request();
            }
            done
        };
        let converter = converter
            .spawn_scoped(scope, convert)
            .map_err(|error| Error::Thread { source_name: "processing".to_owned(), reason: error.to_string() })?;
        let outcome = run(ring_writer, &part);
        ended.store(true, Ordering::Release);
        let panicked = || Error::Thread { source_name: "processing".to_owned(), reason: "it panicked".to_owned() };
        // An error of the conversion is the cause of the outcome of the source.
        converter.join().unwrap_or_else(|_| Err(panicked())).and(outcome)
    })
}

/// Converts the audio of the ring into the buffer.
struct Converter {
    output: Output,
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
                return self.output.finish();
            }
            thread::sleep(POLL_EVERY);
        }
    }

    /// Skips frames that were overwritten before they were converted.
    fn skip_to(&mut self, oldest_frame: u64) {
        if oldest_frame <= self.next {
            return;
        }
        self.output.discard();
        self.output.gap(capbuf::GapReason::Overrun);
        self.next = oldest_frame;
    }

    /// Converts a segment, in parts between its gaps.
    fn convert(&mut self, segment: &Segment) -> Result<()> {
        self.skip_to(segment.first_frame());
        self.output.set_clock(segment.timing().clock);
        let channels = usize::from(segment.channels());
        let rate = f64::from(segment.sample_rate_hz());
        let known = self.next.saturating_sub(segment.first_frame());
        let mut at = usize::try_from(known).unwrap_or(usize::MAX);
        let mut start_ns = segment.start_utc_ns().saturating_add((known as f64 * 1e9 / rate) as i64);
        let mut gaps = segment.gaps().iter().peekable();
        let frames = segment.samples().len() / channels;
        while at < frames || gaps.peek().is_some_and(|gap| gap.at_frame as usize <= at) {
            if let Some(gap) = gaps.next_if(|gap| gap.at_frame as usize <= at) {
                self.output.gap(gap.gap.reason);
                // Negative steps are those of times that go back, where an epoch begins.
                let back_ns = gap.gap.clock_step_ns.min(0);
                start_ns = gap.gap.start_utc_ns.saturating_add(gap.gap.duration_ns).saturating_add(back_ns);
                continue;
            }
            let end = gaps.peek().map_or(frames, |gap| (gap.at_frame as usize).clamp(at + 1, frames));
            let part = at * channels..end * channels;
            match segment.samples() {
                Samples::S16(samples) => self.output.write_at(&samples[part], start_ns)?,
                Samples::S24(samples) => self.output.write_at(&samples[part], start_ns)?,
                Samples::S32(samples) => self.output.write_at(&samples[part], start_ns)?,
                Samples::F32(samples) => self.output.write_at(&samples[part], start_ns)?,
            }
            start_ns = start_ns.saturating_add(((end - at) as f64 * 1e9 / rate) as i64);
            at = end;
        }
        self.next = segment.end_frame();
        Ok(())
    }
}
