//! The handle of a supervised source.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use capbuf::{Caller, CaptureBuffer, GapReason, Owner, Registry, SourceClaim, Writer};

use super::options::CaptureOptions;
use super::progress::{Opening, Progress};
use super::runner::{OnChange, Runner, SharedBuffer};
use crate::error::{Error, Result};
use crate::source::{Processed, Source, source_with};
use crate::state::{State, Transition};
use crate::stop::Stop;

/// Time that dropping waits for a source that is blocked, as by a sound server that does not
/// answer.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Time in which a source ends that is stopped at the deadline of its opening, unless it is
/// blocked.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// A source under supervision, which may not have a buffer yet: opened again until it runs, and
/// again whenever it is lost.
///
/// Dropping it stops the source and waits for it, up to five seconds; the buffer stays with its
/// registry.
///
/// ```
/// use std::time::Duration;
/// use capbuf::{Registry, Span};
/// use capbuf_capture::{CaptureOptions, Supervised};
///
/// let registry = Registry::private();
/// // Returns at once, also for a camera that is off.
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
    buffer: SharedBuffer,
    is_abandoned: bool,
    /// The process with its thread: a child has neither the thread nor its locks.
    owner: Owner,
}

impl Supervised {
    /// Starts to open a source, and returns without waiting for it.
    ///
    /// The buffer is named by the locator string.
    ///
    /// # Errors
    /// [`Error::Locator`] for a string that names no source; [`Error::Buffer`] for an invalid
    /// shape. Later failures are in the [state](Self::state), and opening is retried, unless
    /// [`CaptureOptions::retry_opening`] says otherwise.
    #[track_caller]
    pub fn begin(registry: &Registry, locator: &str, options: &CaptureOptions) -> Result<Self> {
        let source = source_with(locator, &options.stream)?;
        Self::begin_source(registry, locator, source, options)
    }

    /// As [`Supervised::begin`], with any [`Source`] under any name.
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
        Self::spawn(registry, name, source, options, None, None)
    }

    /// As [`Supervised::begin`], and calls `on_change` after each change of state.
    ///
    /// `on_change` runs on the source's own thread, in the order of the changes: one that blocks
    /// delays this source and no other. It is called the last time before the source has ended, so
    /// it must not wait for that. A source that does not return from a call is reported as stalled
    /// by [`Supervised::state`] at once, and to `on_change` when it returns.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use capbuf::{Registry, SourceState};
    /// use capbuf_capture::{CaptureOptions, Supervised};
    ///
    /// let (sender, changes) = channel();
    /// let report = move |change: &capbuf_capture::Transition| drop(sender.send(change.state));
    /// let options = CaptureOptions::new().retry_opening(false);
    /// let missing = Supervised::begin_with(&Registry::private(), "file:none.wav", &options, report)?;
    /// assert_eq!(changes.iter().collect::<Vec<_>>(), [SourceState::Starting, SourceState::Failed]);
    /// # drop(missing);
    /// # Ok::<(), capbuf_capture::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Supervised::begin`].
    #[track_caller]
    pub fn begin_with(
        registry: &Registry,
        locator: &str,
        options: &CaptureOptions,
        on_change: impl FnMut(&Transition) + Send + 'static,
    ) -> Result<Self> {
        let source = source_with(locator, &options.stream)?;
        Self::spawn(registry, locator, source, options, None, Some(Box::new(on_change)))
    }

    /// As [`Supervised::begin_source`]; `after` is the reason of the gap in an existing buffer. A
    /// source that can't be begun has failed, for all to see.
    #[track_caller]
    pub(crate) fn begin_after(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
        after: Option<GapReason>,
    ) -> Self {
        match Self::spawn(registry, name, source, options, after, None) {
            Ok(own) => own,
            Err(reason) => Self::failed(registry, name, reason),
        }
    }

    /// A source that has failed before it was begun. Its state is published while this value lives.
    pub(crate) fn failed(registry: &Registry, name: &str, reason: Error) -> Self {
        let own = Self::new(registry, name);
        // What can't be claimed is not published; this process shows it.
        if let Ok(claim) = registry.claim_source(name) {
            own.progress.claimed(&Arc::new(claim));
        }
        own.progress.set_last(State::Failed { reason });
        own.progress.end();
        own
    }

    fn new(registry: &Registry, name: &str) -> Self {
        Self {
            progress: Arc::new(Progress::new(capbuf::redact(name), Arc::clone(registry.clock()))),
            stop: Stop::new(),
            buffer: Arc::new(ArcSwapOption::empty()),
            is_abandoned: false,
            owner: Owner::this(),
        }
    }

    #[track_caller]
    fn spawn(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
        after: Option<GapReason>,
        on_change: Option<OnChange>,
    ) -> Result<Self> {
        capbuf::Source::new(name)?;
        options.likely_spec()?;
        registry.check_process()?;
        let (own, mut runner) = Self::prepare(registry, name, source, options);
        runner.after = after;
        runner.on_change = on_change;
        own.spawn_thread(name, runner)?;
        Ok(own)
    }

    /// As [`Supervised::begin_source`], but waits until the source has opened, and does not retry.
    ///
    /// `claim` and `existing` (the writer of a buffer that exists) were taken by the caller.
    #[track_caller]
    pub(super) fn open(
        registry: &Registry,
        name: &str,
        source: Box<dyn Source>,
        options: &CaptureOptions,
        claim: SourceClaim,
        existing: Option<Writer>,
    ) -> Result<Self> {
        let options = options.clone().retry_opening(false);
        let (mut own, mut runner) = Self::prepare(registry, name, source, &options);
        runner.claim = Some(Arc::new(claim));
        runner.existing = existing;
        own.spawn_thread(name, runner)?;
        // The watchdog ends the attempt at the deadline; then the source says what kept it.
        let deadline = options.open_deadline.saturating_add(END_DEADLINE);
        match (own.progress.wait_until_opened(deadline), own.buffer()) {
            (Opening::Opened, Some(_)) => Ok(own),
            (Opening::Failed(error), _) => Err(error),
            _ => {
                // The source is blocked; its thread ends when it returns. Dropping must not wait.
                own.is_abandoned = true;
                Err(Error::OpenTimedOut {
                    source_name: capbuf::redact(name),
                    waited: options.open_deadline,
                    reason: None,
                })
            }
        }
    }

    fn prepare(registry: &Registry, name: &str, source: Box<dyn Source>, options: &CaptureOptions) -> (Self, Runner) {
        let own = Self::new(registry, name);
        let runner = Runner {
            registry: registry.clone(),
            name: name.to_owned(),
            source: Processed::new(source, options.processing, options.watchdog.rate_within)
                .nothing_for(options.watchdog.nothing_for),
            options: options.clone(),
            progress: Arc::clone(&own.progress),
            stop: own.stop.clone(),
            buffer: Arc::clone(&own.buffer),
            claim: None,
            existing: None,
            after: None,
            on_change: None,
        };
        (own, runner)
    }

    /// The thread acts on behalf of this function's caller, in the registry's records, too.
    #[track_caller]
    fn spawn_thread(&self, name: &str, runner: Runner) -> Result<()> {
        let thread = thread::Builder::new().name("capbuf-source".to_owned());
        match thread.spawn(Caller::carry(move || runner.run())) {
            Ok(_) => Ok(()),
            Err(error) => {
                // No thread will: dropping must not wait for one.
                self.progress.end();
                Err(Error::Thread { source_name: capbuf::redact(name), reason: error.to_string() })
            }
        }
    }

    /// Returns the buffer, once the source has been opened the first time. If it is removed, or its
    /// file is taken away, the source is recorded into a new one, which is returned from then on.
    pub fn buffer(&self) -> Option<CaptureBuffer> {
        self.buffer.load().as_deref().cloned()
    }

    /// Fails in a child of the process that captures.
    ///
    /// # Errors
    /// [`capbuf::Error::Forked`].
    #[doc(hidden)]
    pub fn check_process(&self) -> Result<()> {
        if self.owner.is_parent() {
            return Err(capbuf::Error::forked("capture", self.progress.source_name()).into());
        }
        Ok(())
    }

    /// Returns the current state. May be outdated when the caller reads it. In a forked child it is
    /// failed, with the reason [`capbuf::Error::Forked`]; the buffer's status has the parent's.
    pub fn state(&self) -> State {
        self.check_process().map_or_else(|reason| State::Failed { reason }, |()| self.progress.state())
    }

    /// Returns the last 64 changes of state, the oldest first.
    pub fn history(&self) -> Vec<Transition> {
        if self.owner.is_parent() { Vec::new() } else { self.progress.history() }
    }

    /// Returns how often the source was opened again after it had run.
    pub fn restarts(&self) -> u64 {
        if self.owner.is_parent() { 0 } else { self.progress.restarts() }
    }

    /// Requests the source to stop, without waiting. Does nothing in a forked child.
    pub fn request_stop(&self) {
        self.stop.request();
    }

    /// Stops the source, and waits up to five seconds until it is closed. Returns whether it is: a
    /// sound server or a driver that does not answer may hold it longer. Idempotent. In a forked
    /// child it returns false at once: the source goes on in the parent.
    pub fn stop(&self) -> bool {
        self.stop.request();
        self.wait_for_end(STOP_DEADLINE)
    }

    /// Stops the source, and waits up to `deadline` until it is closed. Returns whether it is; if
    /// not, its thread ends by itself once the source returns, and releases the buffer then.
    pub fn stop_within(mut self, deadline: Duration) -> bool {
        self.is_abandoned = true;
        self.stop.request();
        self.wait_for_end(deadline)
    }

    /// Waits up to `deadline` until the source has ended, and returns whether it has.
    pub(crate) fn wait_for_end(&self, deadline: Duration) -> bool {
        !self.owner.is_parent() && self.progress.wait_for_end(deadline)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop.request();
        if !self.is_abandoned {
            self.wait_for_end(STOP_DEADLINE);
        }
        self.progress.forget();
    }
}

#[cfg(test)]
mod tests {
    use capbuf::SourceState;

    use super::*;

    #[test]
    fn source_that_can_not_be_begun_is_listed_as_failed_while_it_is_held() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = Registry::builder().domains_folder(folder.path()).open("birds").expect("a domain");
        for registry in [Registry::private(), shared] {
            let reason = Error::Thread { source_name: "nest".to_owned(), reason: "no more threads".to_owned() };
            let failed = Supervised::failed(&registry, "nest", reason);
            assert!(matches!(failed.state(), State::Failed { .. }));
            let listed = registry.sources().expect("a list");
            let health = listed[0].health.as_ref().expect("a state");
            assert_eq!((listed[0].source.as_str(), health.state), ("nest", SourceState::Failed));
            assert!(health.reason.contains("no more threads"), "{}", health.reason);
            // It can be begun again meanwhile.
            drop(registry.claim_source("nest").expect("the claim is free"));
            assert!(failed.stop());
            drop(failed);
            assert!(registry.sources().expect("a list").is_empty());
        }
    }
}
