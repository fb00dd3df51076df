//! The handle of a source that has been opened.

use capbuf::{CaptureBuffer, Registry};

use super::options::CaptureOptions;
use super::supervised::Supervised;
use crate::error::Result;
use crate::source::{Source, source_with};
use crate::state::{State, Transition};

/// A source that is captured into its buffer, on a thread of its own.
///
/// When the source is lost it is opened again, after growing delays; the buffer and its audio stay,
/// and the gap is recorded. Dropping the capture stops it; the buffer stays with its registry.
///
/// ```
/// use std::time::Duration;
/// use capbuf::{ReadOptions, Registry, Span};
/// use capbuf_capture::{Capture, CaptureOptions};
///
/// let registry = Registry::private();
/// let capture = Capture::start(&registry, "tone:440", &CaptureOptions::new())?;
/// let options = ReadOptions::new().wait(Duration::from_secs(10));
/// let tenth = capture.buffer().read_with(Span::Frames(0..4800), &options)?;
/// assert_eq!(tenth.sample_rate_hz(), 48_000);
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
#[derive(Debug)]
pub struct Capture {
    supervised: Supervised,
}

impl Capture {
    /// Opens a source, allocates its buffer or opens the existing one, and starts to capture.
    ///
    /// The buffer is named by the locator string. Blocks until the source delivers, up to the
    /// opening deadline. To continue without waiting, and to retry a source that cannot be opened,
    /// use [`Supervised::begin`].
    ///
    /// # Errors
    /// [`Error::Locator`](crate::Error::Locator) for a string that names no source; every error of
    /// opening the source; [`Error::OpenTimedOut`](crate::Error::OpenTimedOut) past the deadline;
    /// [`Error::Buffer`](crate::Error::Buffer) for a buffer that is refused, has another shape or
    /// another writer.
    #[track_caller]
    pub fn start(registry: &Registry, locator: &str, options: &CaptureOptions) -> Result<Self> {
        let source = source_with(locator, &options.stream)?;
        Self::start_source(registry, locator, source, options)
    }

    /// As [`Capture::start`], with any [`Source`] under any name.
    ///
    /// # Errors
    /// As [`Capture::start`].
    #[track_caller]
    pub fn start_source(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
    ) -> Result<Self> {
        capbuf::Source::new(name)?;
        // An invalid shape is refused before the source is opened; the actual one is checked again.
        options.likely_spec()?;
        // Claimed before it is opened: a second connection could disturb a camera that is captured.
        let claim = registry.claim_source(name)?;
        let existing = registry.try_get(name)?;
        // One whose recorder was killed has no writer, and makes room for one of another shape.
        let existing = existing.filter(|buffer| buffer.status().orphaned_left.is_none());
        let existing = existing.map(|buffer| buffer.writer()).transpose()?;
        let supervised = Supervised::open(registry, name, source, options, claim, existing)?;
        Ok(Self { supervised })
    }

    /// Returns the buffer that is fed. If it is removed, or its file is taken away, the source is
    /// recorded into a new one, which is returned from then on.
    pub fn buffer(&self) -> CaptureBuffer {
        // `Supervised::open` returned it, and it is only ever replaced.
        self.supervised.buffer().expect("the buffer of an opened source")
    }

    /// Returns the current state. May be outdated when the caller reads it.
    pub fn state(&self) -> State {
        self.supervised.state()
    }

    /// Returns the last 64 changes of state, the oldest first.
    pub fn history(&self) -> Vec<Transition> {
        self.supervised.history()
    }

    /// Returns how often the source was opened again after it had run.
    pub fn restarts(&self) -> u64 {
        self.supervised.restarts()
    }

    /// Fails in a child of the process that captures.
    ///
    /// # Errors
    /// [`capbuf::Error::Forked`].
    #[doc(hidden)]
    pub fn check_process(&self) -> Result<()> {
        self.supervised.check_process()
    }

    /// Requests the source to stop, without waiting.
    pub fn request_stop(&self) {
        self.supervised.request_stop();
    }

    /// Stops the source, and waits up to five seconds until it is closed. Returns whether it is: a
    /// sound server or a driver that does not answer may hold it longer. Idempotent.
    pub fn stop(&self) -> bool {
        self.supervised.stop()
    }
}
