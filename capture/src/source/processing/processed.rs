//! A source whose audio is converted.

use capbuf::Writer;

use super::mix::Processing;
use super::output::Output;
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

    fn is_replay(&self) -> bool {
        self.inner.is_replay()
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        match self.shape.take() {
            Some(shape) => self.inner.run_into(Output::converted(writer, shape)?, stop),
            None => self.inner.run(writer, stop),
        }
    }
}
