//! The thread of a capture: opens its source, runs it, and opens it again when it is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use capbuf::{
    CaptureBuffer, GapReason, MAX_SAMPLE_RATE_HZ, Registry, SourceClaim, Spec, Writer, above_standard_streams,
};

use super::options::CaptureOptions;
use super::progress::Progress;
use super::reopening;
use super::watchdog::Watchdog;
use super::watcher::{self, Rules};
use super::wrong_rate::WrongRate;
use crate::error::{Error, Result};
use crate::source::{Processed, RequestedFormat, RunOutcome, Source};
use crate::state::{State, Transition};
use crate::stop::Stop;

/// The buffer of a capture: set when the source has been opened the first time, and replaced when
/// it was removed.
pub(super) type SharedBuffer = Arc<ArcSwapOption<CaptureBuffer>>;

/// Called after each change of state, on the thread of the capture.
pub(super) type OnChange = Box<dyn FnMut(&Transition) + Send>;

/// The state of the thread of a capture.
pub(super) struct Runner {
    pub(super) registry: Registry,
    pub(super) name: String,
    pub(super) source: Processed,
    pub(super) options: CaptureOptions,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: Stop,
    pub(super) buffer: SharedBuffer,
    pub(super) claim: Option<Arc<SourceClaim>>,
    /// The writer of a buffer that existed before.
    pub(super) existing: Option<Writer>,
    /// Why the audio of an existing buffer is interrupted; `None` for a change of writer.
    pub(super) after: Option<GapReason>,
    pub(super) on_change: Option<OnChange>,
}

/// Marks the capture as ended when dropped: also if a callback panics last.
struct EndOnDrop(Arc<Progress>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Runner {
    /// Runs to the end.
    pub(super) fn run(mut self) {
        let _end = EndOnDrop(Arc::clone(&self.progress));
        let rules = Rules {
            source_name: capbuf::redact(&self.name),
            watchdog: if self.source.is_replay() { Watchdog::NO_RULES } else { self.options.watchdog },
            open_deadline: self.options.open_deadline,
        };
        let watching = watcher::watch(&self.progress, rules);
        let source_name = capbuf::redact(&self.name);
        let panicked = |_| State::Failed { reason: Error::Thread { source_name, reason: "it panicked".to_owned() } };
        let last = catch_unwind(AssertUnwindSafe(|| self.keep_running())).unwrap_or_else(panicked);
        drop(watching);
        let Self { source, progress, buffer, claim, existing, registry, on_change, .. } = self;
        // All is released before the end is visible. A caller that sees it may start the source
        // again, or exit, which must not leave a buffer behind that should go with its last user.
        let _ = catch_unwind(AssertUnwindSafe(|| drop((source, existing))));
        progress.set_last(last);
        drop((claim, buffer, registry));
        report(&progress, on_change);
    }

    /// Opens and runs the source until it ends for good; returns the last state.
    fn keep_running(&mut self) -> State {
        let (mut backoff, mut breaker) = (self.options.backoff.clone(), self.options.breaker.clone());
        let mut attempts = 0;
        loop {
            let stop = self.progress.begin_attempt(&self.stop);
            report(&self.progress, self.on_change.as_mut());
            let mut ran = Duration::ZERO;
            let opened = self.open(&stop);
            report(&self.progress, self.on_change.as_mut());
            let outcome = opened.and_then(|writer| {
                attempts = 0;
                let since = Instant::now();
                let outcome = self.source.run(writer, &stop);
                ran = since.elapsed();
                outcome
            });
            let outcome = outcome.map_err(|error| self.explain(error));
            let stalled = self.progress.end_attempt().map(|reason| self.explain(reason));
            report(&self.progress, self.on_change.as_mut());
            let reason = match (outcome, stalled) {
                _ if self.stop.is_requested() => return State::Stopped,
                (Ok(RunOutcome::Finished), None) => return State::Finished,
                (Ok(RunOutcome::Stopped), None) => return State::Stopped,
                (Err(reason), _) if reason.is_permanent() => return State::Failed { reason },
                // A source that is stopped at the deadline says what kept it.
                (Err(Error::Stream { reason, .. }), Some(Error::OpenTimedOut { source_name, waited, .. })) => {
                    Error::OpenTimedOut { source_name, waited, reason: Some(reason) }
                }
                // The watchdog's finding is the cause of the error that followed.
                (_, Some(reason)) | (Err(reason), None) => self.correct(reason),
            };
            // What was played is not played again.
            let is_over = if self.progress.has_run() { self.source.is_replay() } else { !self.options.retry_opening };
            if is_over {
                return State::Failed { reason };
            }
            let left = backoff.after_run(ran);
            let open = breaker.after_run(ran);
            attempts += 1;
            let (state, left) = match open {
                Some(every) => {
                    let left = backoff.jittered(every);
                    (State::CircuitOpen { reason, failures: breaker.failures(), left }, left)
                }
                None => (State::BackingOff { reason, attempts, left }, left),
            };
            self.progress.set(state);
            report(&self.progress, self.on_change.as_mut());
            if self.stop.sleep(left) || self.stop.sleep(reopening::turn()) {
                return State::Stopped;
            }
        }
    }

    fn open(&mut self, stop: &Stop) -> Result<Writer> {
        // It may have been taken away while the source was closed.
        if self.claim.as_ref().is_some_and(|claim| claim.check().is_err_and(|error| watcher::is_loss(&error))) {
            self.claim = None;
            self.progress.release_claim();
        }
        let claim = match &self.claim {
            Some(claim) => Arc::clone(claim),
            None => Arc::new(self.registry.claim_source(&self.name)?),
        };
        self.claim = Some(Arc::clone(&claim));
        self.progress.claimed(&claim);
        let writer = match self.buffer.load_full() {
            None => self.open_into_new(&self.options.requested.clone(), self.after, stop)?,
            // Removed by another process: recorded into a new one of the same shape.
            Some(removed) if removed.is_removed() => {
                let requested = RequestedFormat::exactly(removed.spec());
                // Its file was damaged: the new one takes its name.
                if matches!(self.registry.try_get(&self.name), Err(capbuf::Error::Corrupt { .. })) {
                    self.registry.remove(&self.name)?;
                }
                self.open_into_new(&requested, Some(GapReason::SourceLost), stop)?
            }
            Some(buffer) => {
                let requested = RequestedFormat::exactly(buffer.spec());
                above_standard_streams(|| self.source.open(&requested, stop))?;
                let mut writer = buffer.writer()?;
                writer.gap(GapReason::SourceLost);
                writer
            }
        };
        if stop.is_requested() {
            return Err(self.too_late());
        }
        let declared_hz = self.source.native_hz().unwrap_or(writer.buffer().spec().sample_rate_hz());
        self.progress.running(&claim, writer.buffer(), declared_hz, self.source.note());
        self.progress.watch_remarks(self.source.remarks());
        Ok(writer)
    }

    /// Takes the rate that was measured as the source's, if the options say so.
    fn correct(&mut self, mut reason: Error) -> Error {
        if let Error::WrongRate { come_hz, is_corrected, .. } = &mut reason
            && self.options.wrong_rate == WrongRate::Correct
            && *come_hz <= MAX_SAMPLE_RATE_HZ
        {
            self.source.correct(*come_hz);
            *is_corrected = true;
        }
        reason
    }

    /// Replaces the error of a removed buffer by one that names the cause, and records the loss.
    fn explain(&self, error: Error) -> Error {
        let Some(buffer) = self.buffer.load_full() else { return error };
        let Some(how) = buffer.removal() else { return error };
        self.registry.record_loss(&buffer);
        match error {
            Error::Buffer(capbuf::Error::Removed { .. }) => {
                Error::BufferLost { source_name: capbuf::redact(&self.name), how }
            }
            error => error,
        }
    }

    fn too_late(&self) -> Error {
        Error::OpenTimedOut {
            source_name: capbuf::redact(&self.name),
            waited: self.options.open_deadline,
            reason: None,
        }
    }

    /// Refuses a new buffer that takes more than half of the budget because of a format that the
    /// source chose: a camera could take the memory of all others.
    fn check_share(&self, requested: &RequestedFormat, spec: &Spec) -> Result<()> {
        let RequestedFormat { sample_rate_hz, channels, sample_format } = requested;
        let is_chosen_by_source = sample_rate_hz.is_none() || channels.is_none() || sample_format.is_none();
        // A length that is requested for a usual format is as large as it is.
        let (budget, usual) = (self.registry.stats().budget_bytes, self.options.likely_spec()?.audio_bytes());
        let bytes = spec.audio_bytes();
        if !is_chosen_by_source || bytes <= usual.max(budget / 2) || self.registry.contains(&self.name) {
            return Ok(());
        }
        let reason = format!(
            "its own format needs {spec}, {bytes} bytes: more than half of the budget of {budget}; allowed: a shorter \
             length, a larger budget, or this format if sample rate, channels and sample format are all set"
        );
        Err(Error::Config { source_name: capbuf::redact(&self.name), reason })
    }

    /// Opens the source, and finds its buffer in the registry, or makes it.
    fn open_into_new(&mut self, requested: &RequestedFormat, after: Option<GapReason>, stop: &Stop) -> Result<Writer> {
        let format = above_standard_streams(|| self.source.open(requested, stop))?;
        if stop.is_requested() {
            // Past the deadline: a buffer allocated now would have no user.
            return Err(self.too_late());
        }
        let spec = Spec::new(self.options.length, format.sample_rate_hz, format.channels, format.sample_format)?;
        self.check_share(requested, &spec)?;
        let buffer = self.registry.get_or_allocate_with(&self.name, spec, &self.options.allocate)?;
        let mut writer = match self.existing.take() {
            Some(writer) if writer.buffer().same_as(&buffer) => writer,
            _ => buffer.writer()?,
        };
        if let Some(reason) = after {
            writer.gap(reason);
        }
        self.buffer.store(Some(Arc::new(buffer)));
        Ok(writer)
    }
}

/// Passes the changes since the last call to the callback. No lock is held meanwhile.
fn report(progress: &Progress, on_change: Option<impl FnMut(&Transition)>) {
    let changes = progress.take_unreported();
    if let Some(on_change) = on_change {
        changes.iter().for_each(on_change);
    }
}
