//! A source that runs: opened, fed into its buffer, opened again when it is lost.

use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use capbuf::{AllocateOptions, CaptureBuffer, Feed, GapReason, Length, Lifetime, Registry, SampleFormat, Spec, Writer};

use crate::backoff::Backoff;
use crate::error::{Error, Result};
use crate::kinds::source;
use crate::locator::Locator;
use crate::source::{End, Source, Wish};
use crate::stop::Stop;

/// What is asked of a capture beside its source.
///
/// ```
/// use capbuf::{Length, SampleFormat};
/// use capbuf_capture::CaptureOptions;
///
/// let options = CaptureOptions::new().length(Length::Seconds(120.0)).format(SampleFormat::F32);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    length: Length,
    allocate: AllocateOptions,
    wish: Wish,
    open_deadline: Duration,
    backoff: Backoff,
}

impl CaptureOptions {
    /// Asks for 60 seconds of whatever the source has of its own.
    pub fn new() -> Self {
        Self {
            length: Length::Seconds(60.0),
            allocate: AllocateOptions::new(),
            wish: Wish::default(),
            open_deadline: Duration::from_secs(20),
            backoff: Backoff::default(),
        }
    }

    /// How much audio the buffer keeps.
    pub fn length(mut self, length: Length) -> Self {
        self.length = length;
        self
    }

    /// How long the buffer stays in its domain, if this capture makes it: until it is removed, unless said otherwise.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.allocate = self.allocate.lifetime(lifetime);
        self
    }

    /// The sample rate, which the source must have or, for streams, is resampled to.
    pub fn sample_rate_hz(mut self, sample_rate_hz: u32) -> Self {
        self.wish.sample_rate_hz = Some(sample_rate_hz);
        self
    }

    /// The number of channels, which the source must have or, for streams, is mixed to.
    pub fn channels(mut self, channels: u16) -> Self {
        self.wish.channels = Some(channels);
        self
    }

    /// The sample format of the buffer. What the source has is converted.
    pub fn format(mut self, format: SampleFormat) -> Self {
        self.wish.sample_format = Some(format);
        self
    }

    /// How long the first opening may take. Twenty seconds unless set: ffmpeg may need ten to give up on a server.
    pub fn open_deadline(mut self, deadline: Duration) -> Self {
        self.open_deadline = deadline;
        self
    }

    /// How long to wait before a lost source is opened again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What a capture is doing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// It is opening its source again.
    Starting,
    /// Audio flows.
    Running,
    /// The source was lost; it will be opened again.
    Waiting {
        /// Why it was lost, or could not be opened.
        reason: Error,
        /// How often it has been lost or failed to open since it last ran: the number of the next attempt.
        attempts: u32,
        /// How long is left until the next attempt.
        left: Duration,
    },
    /// The source has ended, as a file does.
    Finished,
    /// It failed for good.
    Failed {
        /// Why.
        reason: Error,
    },
    /// It was stopped.
    Stopped,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Running => f.write_str("running"),
            Self::Waiting { reason, attempts, left } => {
                write!(f, "lost, attempt {attempts} in {:.1} s: {reason}", left.as_secs_f64())
            }
            Self::Finished => f.write_str("finished"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// A source that is captured into its buffer, on a thread of its own.
///
/// When the source is lost it is opened again, after delays that grow; buffer and audio stay, and the gap is on record. Dropping
/// the capture stops it; the buffer stays with its registry.
///
/// ```
/// use std::time::Duration;
/// use capbuf::{ReadOptions, Registry, Stretch};
/// use capbuf_capture::{Capture, CaptureOptions};
///
/// let registry = Registry::private();
/// let capture = Capture::start(&registry, "tone:440", &CaptureOptions::new())?;
/// let options = ReadOptions::new().wait(Duration::from_secs(10));
/// let tenth = capture.buffer().read_with(Stretch::Frames(0..4800), &options)?;
/// assert_eq!(tenth.sample_rate_hz(), 48_000);
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
#[derive(Debug)]
pub struct Capture {
    buffer: CaptureBuffer,
    progress: Arc<Progress>,
    stop: Stop,
}

/// How long dropping waits for a source that is held up, as by a sound server that does not answer.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

impl Capture {
    /// Opens a source, allocates its buffer, or takes the one that it has, and begins to capture.
    ///
    /// The buffer's name is the locator as given. Blocks until the source delivers, for the opening deadline at most.
    ///
    /// # Errors
    /// [`Error::Locator`] for strings that name no source; all that opening the source may bring; [`Error::OpenTimedOut`] past the
    /// deadline; [`Error::Buffer`] for a buffer that is refused, has another shape or another writer.
    pub fn start(registry: &Registry, locator: &str, options: &CaptureOptions) -> Result<Self> {
        let source = source(&locator.parse::<Locator>()?);
        Self::start_source(registry, locator, source, options)
    }

    /// As [`Capture::start`], with a source of the caller's own kind, under any name.
    ///
    /// # Errors
    /// As [`Capture::start`].
    pub fn start_source(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
    ) -> Result<Self> {
        let shown = capbuf::Source::new(name)?.to_string();
        // What can't be allocated is not opened; the rest is checked when the source has told its shape.
        let wish = &options.wish;
        Spec::new(
            options.length,
            wish.sample_rate_hz.unwrap_or(48_000),
            wish.channels.unwrap_or(1),
            wish.sample_format.unwrap_or(SampleFormat::S16),
        )?;
        // One capture a source, from before it is opened: whoever feeds it is not disturbed by a second connection to the same
        // camera.
        let feed = registry.claim_feed(name)?;
        let existing = registry.get(name).map(|buffer| buffer.writer()).transpose()?;
        let stop = Stop::new();
        let (told, opened) = sync_channel(1);
        let runner = Runner {
            registry: registry.clone(),
            name: name.to_owned(),
            source,
            options: options.clone(),
            progress: Arc::new(Progress::default()),
            stop: stop.clone(),
            feed,
        };
        let thread = thread::Builder::new().name("capbuf-source".to_owned());
        let failed = |reason: String| Error::Thread { source_name: shown.clone(), reason };
        thread.spawn(move || runner.run(existing, &told)).map_err(|error| failed(error.to_string()))?;
        match opened.recv_timeout(options.open_deadline) {
            Ok(Ok((buffer, progress))) => Ok(Self { buffer, progress, stop }),
            Ok(Err(error)) => Err(error),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                // The thread ends as soon as whatever holds it lets go.
                stop.request();
                Err(Error::OpenTimedOut { source_name: shown, waited: options.open_deadline })
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(failed("it panicked".to_owned())),
        }
    }

    /// The buffer that is fed.
    pub fn buffer(&self) -> &CaptureBuffer {
        &self.buffer
    }

    /// What it is doing. Stale at once.
    pub fn state(&self) -> State {
        self.progress.state()
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
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a capture's thread tells of itself.
#[derive(Debug)]
struct Progress {
    now: Mutex<Now>,
    ended: Condvar,
}

#[derive(Debug)]
struct Now {
    state: State,
    /// When a waiting source will be opened again.
    retry_at: Option<Instant>,
    /// Whether the thread has given everything back.
    has_ended: bool,
}

impl Default for Progress {
    fn default() -> Self {
        let now = Now { state: State::Starting, retry_at: None, has_ended: false };
        Self { now: Mutex::new(now), ended: Condvar::new() }
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        let mut now = self.lock();
        now.retry_at = match &state {
            State::Waiting { left, .. } => Instant::now().checked_add(*left),
            _ => None,
        };
        now.state = state;
    }

    fn state(&self) -> State {
        let now = self.lock();
        let mut state = now.state.clone();
        if let (State::Waiting { left, .. }, Some(retry_at)) = (&mut state, now.retry_at) {
            *left = retry_at.saturating_duration_since(Instant::now());
        }
        state
    }

    fn end(&self) {
        self.lock().has_ended = true;
        self.ended.notify_all();
    }

    fn wait_for_end(&self, deadline: Duration) -> bool {
        let waited = self.ended.wait_timeout_while(self.lock(), deadline, |now| !now.has_ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_ended
    }
}

/// Says so when the thread ends, even by a panic.
struct EndsWith {
    progress: Arc<Progress>,
    source_name: String,
}

impl Drop for EndsWith {
    fn drop(&mut self) {
        if thread::panicking() {
            let source_name = std::mem::take(&mut self.source_name);
            self.progress
                .set(State::Failed { reason: Error::Thread { source_name, reason: "it panicked".to_owned() } });
        }
        self.progress.end();
    }
}

/// What the first opening led to.
type Opened = Result<(CaptureBuffer, Arc<Progress>)>;

/// The thread of a capture.
struct Runner {
    registry: Registry,
    name: String,
    source: Box<dyn Source>,
    options: CaptureOptions,
    progress: Arc<Progress>,
    stop: Stop,
    feed: Feed,
}

impl Runner {
    fn run(mut self, existing: Option<Writer>, told: &SyncSender<Opened>) {
        let ends = EndsWith { progress: Arc::clone(&self.progress), source_name: capbuf::redact(&self.name) };
        let (buffer, writer) = match self.open_first(existing) {
            Ok(opened) => opened,
            // The channel has room for this one message; nobody listens any more past the deadline.
            Err(error) => {
                // Who is told may try again at once.
                drop(self.feed);
                return drop(told.try_send(Err(error)));
            }
        };
        self.progress.set(State::Running);
        if told.try_send(Ok((buffer.clone(), Arc::clone(&self.progress)))).is_err() {
            return;
        }
        let last = self.keep_running(&buffer, writer);
        // What the source holds is given back before anyone is told that it has ended.
        drop(self.source);
        drop(self.feed);
        // A process that ends on hearing it must not leave behind a buffer that was to go with its last user.
        drop(buffer);
        drop(self.registry);
        self.progress.set(last);
        drop(ends);
    }

    fn open_first(&mut self, existing: Option<Writer>) -> Result<(CaptureBuffer, Writer)> {
        let format = self.source.open(&self.options.wish, &self.stop)?;
        if self.stop.is_requested() {
            // Past the deadline: nothing is allocated that nobody would get.
            let source_name = capbuf::redact(&self.name);
            return Err(Error::OpenTimedOut { source_name, waited: self.options.open_deadline });
        }
        let spec = Spec::new(self.options.length, format.sample_rate_hz, format.channels, format.sample_format)?;
        let buffer = self.registry.get_or_allocate_with(&self.name, spec, &self.options.allocate)?;
        let writer = match existing {
            Some(writer) if writer.buffer().same_as(&buffer) => writer,
            _ => buffer.writer()?,
        };
        Ok((buffer, writer))
    }

    /// Runs the source, again and again; returns the state it is left in.
    fn keep_running(&mut self, buffer: &CaptureBuffer, writer: Writer) -> State {
        let mut backoff = self.options.backoff.clone();
        let mut attempts = 0;
        let mut opened = Ok(writer);
        loop {
            let mut ran = Duration::ZERO;
            let outcome = opened.and_then(|writer| {
                attempts = 0;
                self.progress.set(State::Running);
                let since = Instant::now();
                let outcome = self.source.run(writer, &self.stop);
                ran = since.elapsed();
                outcome
            });
            let reason = match outcome {
                _ if self.stop.is_requested() => return State::Stopped,
                Ok(End::Stopped) => return State::Stopped,
                Ok(End::Finished) => return State::Finished,
                Err(reason) if reason.is_permanent() => return State::Failed { reason },
                Err(reason) => reason,
            };
            let left = backoff.after_run(ran);
            attempts += 1;
            self.progress.set(State::Waiting { reason, attempts, left });
            if self.stop.sleep(left) {
                return State::Stopped;
            }
            self.progress.set(State::Starting);
            opened = self.open_again(buffer);
        }
    }

    fn open_again(&mut self, buffer: &CaptureBuffer) -> Result<Writer> {
        self.source.open(&Wish::exactly(buffer.spec()), &self.stop)?;
        let mut writer = buffer.writer()?;
        writer.gap(GapReason::SourceLost);
        Ok(writer)
    }
}
