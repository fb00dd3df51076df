//! A source whose audio is converted.

use std::time::Duration;

use capbuf::Writer;

use super::mix::Processing;
use super::output::Output;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::source::rate_check::NOTHING_FOR;
use crate::source::remarks::Remarks;
use crate::stop::Stop;

/// A source, processed if necessary.
pub(crate) struct Processed {
    inner: Box<dyn Source>,
    processing: Processing,
    rate_within: f64,
    nothing_for: Duration,
    /// The conversion; `None` to run the source as it is.
    shape: Option<Shape>,
    corrected: Option<Correction>,
    /// The source's own format at the first opening, and at the newest.
    declared: Option<(Format, Format)>,
    /// The rate that the source was opened with.
    opened_hz: u32,
    native_hz: Option<u32>,
    note: Option<String>,
}

/// The rate of a source that declares another one.
#[derive(Debug, Clone, Copy)]
struct Correction {
    /// The source's own rate, for which this holds.
    own_hz: u32,
    /// The rate that it was opened with, and the one at which its frames came then.
    opened_hz: u32,
    rate_hz: u32,
}

impl Processed {
    /// `rate_within` is the tolerance of the rate, as a part of it.
    pub(crate) fn new(inner: Box<dyn Source>, processing: Processing, rate_within: f64) -> Self {
        Self {
            inner,
            processing,
            rate_within,
            nothing_for: NOTHING_FOR,
            shape: None,
            corrected: None,
            declared: None,
            opened_hz: 0,
            native_hz: None,
            note: None,
        }
    }

    /// Sets the time without a frame after which the source is taken for dead.
    pub(crate) fn nothing_for(self, nothing_for: Duration) -> Self {
        Self { nothing_for, ..self }
    }

    /// Takes the frames of the source as `rate_hz` a second from the next opening on, as long as it
    /// says the same rate as at the last one.
    pub(crate) fn correct(&mut self, rate_hz: u32) {
        let correction = |newest: Format| {
            let (own_hz, opened_hz) = (newest.sample_rate_hz, self.opened_hz);
            Correction { own_hz, opened_hz, rate_hz }
        };
        self.corrected = self.declared.map(|(_, newest)| correction(newest));
    }

    /// Returns the rate at which the source that was opened last is expected to deliver.
    pub(crate) fn native_hz(&self) -> Option<u32> {
        self.native_hz
    }

    /// Returns what is remarkable about the last opening: a format that changed, or a rate that is
    /// corrected.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Opens the inner source; returns its format, and the error if it does not offer the requested
    /// one.
    fn open_inner(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<(Format, Option<Error>)> {
        let refused = if self.processing.changes_audio() {
            None
        } else {
            match self.inner.open(requested, stop) {
                Err(error @ Error::NotOffered { .. })
                    if requested.sample_rate_hz.or(requested.channels.map(u32::from)).is_some() =>
                {
                    Some(error)
                }
                opened => return opened.map(|format| (format, None)),
            }
        };
        let native = self
            .inner
            .open(&RequestedFormat { sample_format: requested.sample_format, ..RequestedFormat::default() }, stop);
        // The error of the requested format says more than that of the native one.
        native.map(|format| (format, refused.clone())).map_err(|error| refused.unwrap_or(error))
    }

    /// Notes what is remarkable about an opening, at which the source said `declared`.
    fn note_opening(&mut self, declared: Format, native: Format, output: Format) {
        let (first, before) = self.declared.unwrap_or((declared, declared));
        self.declared = Some((first, declared));
        self.native_hz = Some(native.sample_rate_hz);
        let of = |format: Format| (format.sample_rate_hz, format.channels);
        self.note = match self.corrected {
            Some(Correction { opened_hz, rate_hz, .. }) => Some(format!(
                "{rate_hz} frames a second come, {opened_hz} are declared; they are converted from {rate_hz} Hz"
            )),
            None if of(declared) == of(first) && of(declared) == of(before) => None,
            None => {
                let other = if of(declared) == of(before) { first } else { before };
                let conversion = if of(declared) == of(output) { "" } else { ", and converted" };
                Some(format!("it is {declared} now, and was {other}; recorded as {output}{conversion}"))
            }
        };
    }
}

impl Source for Processed {
    fn remarks(&self) -> Option<Remarks> {
        self.inner.remarks()
    }

    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        self.shape = None;
        let (opened, refused) = self.open_inner(requested, stop)?;
        let declared = self.inner.declared().unwrap_or(opened);
        self.opened_hz = opened.sample_rate_hz;
        // A source that declares another rate than then is believed again.
        let still_holds = |correction: &Correction| {
            let Correction { own_hz, opened_hz, rate_hz } = *correction;
            (own_hz, opened_hz) == (declared.sample_rate_hz, opened.sample_rate_hz) && rate_hz != opened_hz
        };
        self.corrected = self.corrected.filter(still_holds);
        let native_hz = self.corrected.map_or(opened.sample_rate_hz, |correction| correction.rate_hz);
        let native = Format { sample_rate_hz: native_hz, ..opened };
        let wanted = requested.or(native);
        let is_right = (native.sample_rate_hz, native.channels) == (wanted.sample_rate_hz, wanted.channels);
        if is_right && refused.is_none() && !self.processing.changes_audio() {
            self.note_opening(declared, native, native);
            return Ok(native);
        }
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
        self.note_opening(declared, native, format);
        self.shape = Some(shape);
        Ok(format)
    }

    fn is_replay(&self) -> bool {
        self.inner.is_replay()
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let output = match self.shape.take() {
            Some(shape) => Output::converted(writer, shape)?,
            None => Output::direct(writer),
        };
        let output = output.with_rate_within(self.rate_within).with_nothing_for(self.nothing_for);
        self.inner.run_into(output.with_latency(self.processing.latency_ns), stop)
    }
}
