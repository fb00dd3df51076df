//! The configuration of a source.

use std::fmt;

use crate::error::Result;
use crate::source::{Source, source_with};
use crate::supervise::CaptureOptions;

/// The fate of the buffer of a source that is no longer configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenGone {
    /// It is removed from the registry. Its memory is freed with the last handle.
    #[default]
    Remove,
    /// It stays, with its audio, for its lifetime.
    Keep,
}

/// The configuration of a source.
///
/// ```
/// use capbuf::Length;
/// use capbuf_capture::{CaptureOptions, SourceConfig};
///
/// let nest = SourceConfig::new("nest", "rtsp://user:password@camera/audio")
///     .options(CaptureOptions::new().length(Length::Seconds(120.0)));
/// assert_eq!(nest.name(), "nest");
/// ```
#[derive(Clone, PartialEq)]
pub struct SourceConfig {
    pub(super) name: String,
    pub(super) locator: String,
    pub(super) options: CaptureOptions,
    pub(super) when_gone: WhenGone,
}

impl SourceConfig {
    /// Configures the source of `locator`, with a buffer named `name`: any string, also the
    /// locator.
    pub fn new(name: impl Into<String>, locator: impl Into<String>) -> Self {
        let (options, when_gone) = (CaptureOptions::new(), WhenGone::default());
        Self { name: name.into(), locator: locator.into(), options, when_gone }
    }

    /// Sets the options: buffer, format, supervision.
    pub fn options(mut self, options: CaptureOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the fate of its buffer when it is no longer configured.
    pub fn when_gone(mut self, when_gone: WhenGone) -> Self {
        self.when_gone = when_gone;
        self
    }

    /// Returns the name of its buffer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the locator, which may contain credentials.
    pub fn locator(&self) -> &str {
        &self.locator
    }

    /// Returns its source, not yet open.
    ///
    /// # Errors
    /// [`Error::Locator`](crate::Error::Locator) for a locator that names no source;
    /// [`Error::Config`](crate::Error::Config) for options of a stream that do not suit it.
    pub fn source(&self) -> Result<Box<dyn Source>> {
        source_with(&self.locator, &self.options.stream)
    }
}

impl fmt::Debug for SourceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceConfig")
            .field("name", &capbuf::redact(&self.name))
            .field("locator", &capbuf::redact(&self.locator))
            .field("options", &self.options)
            .field("when_gone", &self.when_gone)
            .finish()
    }
}
