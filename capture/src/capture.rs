//! A source that is captured into its buffer: the handle on the thread that does it.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use capbuf::{Caller, CaptureBuffer, GapReason, Registry, SourceClaim, Writer};

use crate::error::{Error, Result};
use crate::kinds::source;
use crate::locator::Locator;
use crate::options::CaptureOptions;
use crate::processing::Processed;
use crate::progress::Progress;
use crate::runner::{Buffer, Runner};
use crate::source::Source;
use crate::state::{State, Transition};
use crate::stop::Stop;

/// How long dropping waits for a source that is held up, as by a sound server that does not answer.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// A source under supervision, which may not have a buffer yet: opened again and again until it runs, and when it is lost.
///
/// Dropping it stops it; the buffer stays with its registry.
///
/// ```
/// use std::time::Duration;
/// use capbuf::{Registry, Span};
/// use capbuf_capture::{CaptureOptions, Supervised};
///
/// let registry = Registry::private();
/// // Does not block: a camera that is off is as good as one that is on.
/// let supervised = Supervised::begin(&registry, "tone:440", &CaptureOptions::new())?;
/// while supervised.buffer().is_none() {
///     std::thread::sleep(Duration::from_millis(1));
/// }
/// assert!(supervised.stop());
/// assert_eq!(supervised.state().to_string(), "stopped");
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
#[derive(Debug)]
pub struct Supervised {
    progress: Arc<Progress>,
    stop: Stop,
    buffer: Buffer,
    is_abandoned: bool,
}

impl Supervised {
    /// Begins to open a source, and does not wait for it.
    ///
    /// The buffer's name is the locator as given.
    ///
    /// # Errors
    /// [`Error::Locator`] for strings that name no source; [`Error::Buffer`] for a shape that can't be. All else is in the
    /// [state](Self::state), and tried again.
    #[track_caller]
    pub fn begin(registry: &Registry, locator: &str, options: &CaptureOptions) -> Result<Self> {
        let source = source(&locator.parse::<Locator>()?);
        Self::begin_source(registry, locator, source, options)
    }

    /// As [`Supervised::begin`], with a source of the caller's own kind, under any name.
    ///
    /// # Errors
    /// As [`Supervised::begin`].
    #[track_caller]
    pub fn begin_source(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
    ) -> Result<Self> {
        Self::begin_after(registry, name, source, options, None)
    }

    /// As [`Supervised::begin_source`], and tells why a buffer that is there does not go on where it ended.
    #[track_caller]
    pub(crate) fn begin_after(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
        after: Option<GapReason>,
    ) -> Result<Self> {
        capbuf::Source::new(name)?;
        options.likely_spec()?;
        let (own, mut runner) = Self::prepare(registry, name, source, options, None, None);
        runner.after = after;
        spawn(name, move || runner.run(None))?;
        Ok(own)
    }

    fn prepare(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
        claim: Option<SourceClaim>,
        existing: Option<Writer>,
    ) -> (Self, Runner) {
        let own = Self {
            progress: Arc::new(Progress::new(capbuf::redact(name), Arc::clone(registry.clock()))),
            stop: Stop::new(),
            buffer: Arc::new(OnceLock::new()),
            is_abandoned: false,
        };
        let runner = Runner {
            registry: registry.clone(),
            name: name.to_owned(),
            source: Box::new(Processed::new(source, options.processing)),
            options: options.clone(),
            progress: Arc::clone(&own.progress),
            stop: own.stop.clone(),
            buffer: Arc::clone(&own.buffer),
            claim: claim.map(Arc::new),
            existing,
            after: None,
        };
        (own, runner)
    }

    /// The buffer that is fed, once the source has told its shape.
    pub fn buffer(&self) -> Option<&CaptureBuffer> {
        self.buffer.get()
    }

    /// What it is doing. Stale at once.
    pub fn state(&self) -> State {
        self.progress.state()
    }

    /// What it has done: its last 64 changes of state, the oldest first.
    pub fn history(&self) -> Vec<Transition> {
        self.progress.history()
    }

    /// How often the source was opened again after it had run.
    pub fn restarts(&self) -> u64 {
        self.progress.restarts()
    }

    /// Asks it to stop, and does not wait.
    pub fn request_stop(&self) {
        self.stop.request();
    }

    /// Stops it, and waits up to five seconds until the source is closed. Tells whether it is: a sound server or a driver that
    /// does not answer may hold it longer. Stopping again is harmless.
    pub fn stop(&self) -> bool {
        self.stop.request();
        self.progress.wait_for_end(STOP_DEADLINE)
    }

    /// Waits until it has ended, and tells whether it has.
    pub(crate) fn wait_for_end(&self, deadline: Duration) -> bool {
        self.progress.wait_for_end(deadline)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop.request();
        if !self.is_abandoned {
            self.progress.wait_for_end(STOP_DEADLINE);
        }
    }
}

/// What the thread asks a registry for is asked by whoever called this.
#[track_caller]
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().name("capbuf-source".to_owned());
    let failed = |error: std::io::Error| Error::Thread { source_name: capbuf::redact(name), reason: error.to_string() };
    thread.spawn(Caller::carry(work)).map(drop).map_err(failed)
}

/// A source that is captured into its buffer, on a thread of its own.
///
/// When the source is lost it is opened again, after delays that grow; buffer and audio stay, and the gap is on record. Dropping
/// the capture stops it; the buffer stays with its registry.
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
    buffer: CaptureBuffer,
    supervised: Supervised,
}

impl Capture {
    /// Opens a source, allocates its buffer, or takes the one that it has, and begins to capture.
    ///
    /// The buffer's name is the locator as given. Blocks until the source delivers, for the opening deadline at most. To go on
    /// without waiting, and to have a source that can't be opened tried again, see [`Supervised::begin`].
    ///
    /// # Errors
    /// [`Error::Locator`] for strings that name no source; all that opening the source may bring; [`Error::OpenTimedOut`] past the
    /// deadline; [`Error::Buffer`] for a buffer that is refused, has another shape or another writer.
    #[track_caller]
    pub fn start(registry: &Registry, locator: &str, options: &CaptureOptions) -> Result<Self> {
        let source = source(&locator.parse::<Locator>()?);
        Self::start_source(registry, locator, source, options)
    }

    /// As [`Capture::start`], with a source of the caller's own kind, under any name.
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
        let shown = capbuf::Source::new(name)?.to_string();
        // What can't be allocated is not opened; the rest is checked when the source has told its shape.
        options.likely_spec()?;
        // One capture a source, from before it is opened: whoever feeds it is not disturbed by a second connection to the same
        // camera.
        let claim = registry.claim_source(name)?;
        let existing = registry.get(name).map(|buffer| buffer.writer()).transpose()?;
        let (mut supervised, runner) = Supervised::prepare(registry, name, source, options, Some(claim), existing);
        let (told, opened) = sync_channel(1);
        spawn(name, move || runner.run(Some(&told)))?;
        let too_late = || Error::OpenTimedOut { source_name: shown.clone(), waited: options.open_deadline };
        match opened.recv_timeout(options.open_deadline) {
            Ok(Ok(())) => match supervised.buffer().cloned() {
                Some(buffer) => Ok(Self { buffer, supervised }),
                None => Err(too_late()),
            },
            Ok(Err(error)) => Err(error),
            Err(RecvTimeoutError::Timeout) => {
                // The thread ends as soon as whatever holds it lets go; nobody waits for that.
                supervised.is_abandoned = true;
                Err(too_late())
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::Thread { source_name: shown, reason: "it panicked".to_owned() })
            }
        }
    }

    /// The buffer that is fed.
    pub fn buffer(&self) -> &CaptureBuffer {
        &self.buffer
    }

    /// What it is doing. Stale at once.
    pub fn state(&self) -> State {
        self.supervised.state()
    }

    /// What it has done: its last 64 changes of state, the oldest first.
    pub fn history(&self) -> Vec<Transition> {
        self.supervised.history()
    }

    /// How often the source was opened again after it had run.
    pub fn restarts(&self) -> u64 {
        self.supervised.restarts()
    }

    /// Asks it to stop, and does not wait.
    pub fn request_stop(&self) {
        self.supervised.request_stop();
    }

    /// Stops it, and waits up to five seconds until the source is closed. Tells whether it is: a sound server or a driver that
    /// does not answer may hold it longer. Stopping again is harmless.
    pub fn stop(&self) -> bool {
        self.supervised.stop()
    }
}
