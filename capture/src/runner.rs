//! The thread of a capture: opens its source, has it feed the buffer, and opens it again when it is lost.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, GapReason, Registry, SourceClaim, Spec, Writer};

use crate::error::{Error, Result};
use crate::options::CaptureOptions;
use crate::progress::Progress;
use crate::source::{RequestedFormat, RunOutcome, Source};
use crate::state::State;
use crate::stop::Stop;
use crate::watchdog::{self, Health};

/// The buffer of a capture, once there is one.
pub(crate) type Buffer = Arc<OnceLock<CaptureBuffer>>;

/// The thread of a capture.
pub(crate) struct Runner {
    pub(crate) registry: Registry,
    pub(crate) name: String,
    pub(crate) source: Box<dyn Source>,
    pub(crate) options: CaptureOptions,
    pub(crate) progress: Arc<Progress>,
    pub(crate) stop: Stop,
    pub(crate) buffer: Buffer,
    pub(crate) claim: Option<Arc<SourceClaim>>,
    /// The writer of a buffer that was there before.
    pub(crate) existing: Option<Writer>,
    /// Why the audio of a buffer that was there before does not go on; another writer, if not given.
    pub(crate) after: Option<GapReason>,
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
                .set_last(State::Failed { reason: Error::Thread { source_name, reason: "it panicked".to_owned() } });
        }
        self.progress.end();
    }
}

impl Runner {
    /// Runs to the end. With `told`, a first opening that fails is told there and is the end.
    pub(crate) fn run(mut self, told: Option<&SyncSender<Result<()>>>) {
        let ends = EndsWith { progress: Arc::clone(&self.progress), source_name: capbuf::redact(&self.name) };
        let watching = Watching::begin(&self);
        let last = self.keep_running(told);
        drop(watching);
        // What the source holds is given back before anyone is told that it has ended.
        let Self { source, progress, buffer, claim, existing, registry, .. } = self;
        drop((source, existing));
        match last {
            Ok(state) => progress.set_last(state),
            // Who is told may try again at once.
            Err(error) => {
                progress.set_last(State::Failed { reason: error.clone() });
                drop(claim);
                // The channel has room for this one message; nobody listens any more past the deadline.
                return drop(told.map(|told| told.try_send(Err(error))));
            }
        }
        drop(claim);
        // A process that ends on hearing it must not leave behind a buffer that was to go with its last user.
        drop((buffer, registry));
        drop(ends);
    }

    /// Runs the source, again and again; returns the state it is left in, or why it could not be opened first.
    fn keep_running(&mut self, mut told: Option<&SyncSender<Result<()>>>) -> Result<State> {
        let (mut backoff, mut breaker) = (self.options.backoff.clone(), self.options.breaker.clone());
        let mut attempts = 0;
        loop {
            let stop = self.progress.begin_attempt(&self.stop);
            let mut ran = Duration::ZERO;
            let opened = self.open(&stop);
            if let Some(told) = told.take() {
                match &opened {
                    Ok(_) => {}
                    Err(error) => return Err(self.verdict_or(error.clone())),
                }
                if told.try_send(Ok(())).is_err() {
                    return Ok(State::Stopped);
                }
            }
            let outcome = opened.and_then(|writer| {
                attempts = 0;
                let since = Instant::now();
                let outcome = self.source.run(writer, &stop);
                ran = since.elapsed();
                outcome
            });
            let verdict = self.progress.end_attempt();
            let reason = match (outcome, verdict) {
                _ if self.stop.is_requested() => return Ok(State::Stopped),
                (Ok(RunOutcome::Finished), None) => return Ok(State::Finished),
                (Ok(RunOutcome::Stopped), None) => return Ok(State::Stopped),
                (Err(reason), _) if reason.is_permanent() => return Ok(State::Failed { reason }),
                // What the watchdog saw is the cause of what followed.
                (_, Some(reason)) | (Err(reason), None) => reason,
            };
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
            if self.stop.sleep(left) {
                return Ok(State::Stopped);
            }
        }
    }

    /// Of an opening that was given up, why.
    fn verdict_or(&self, error: Error) -> Error {
        self.progress.end_attempt().unwrap_or(error)
    }

    fn open(&mut self, stop: &Stop) -> Result<Writer> {
        let claim = match &self.claim {
            Some(claim) => Arc::clone(claim),
            None => Arc::new(self.registry.claim_source(&self.name)?),
        };
        self.claim = Some(Arc::clone(&claim));
        let writer = match self.buffer.get().cloned() {
            None => self.open_first(stop)?,
            Some(buffer) => {
                self.source.open(&RequestedFormat::exactly(buffer.spec()), stop)?;
                let mut writer = buffer.writer()?;
                writer.gap(GapReason::SourceLost);
                writer
            }
        };
        if stop.is_requested() {
            return Err(self.too_late());
        }
        self.progress.running(&claim, writer.buffer());
        Ok(writer)
    }

    fn too_late(&self) -> Error {
        Error::OpenTimedOut { source_name: capbuf::redact(&self.name), waited: self.options.open_deadline }
    }

    fn open_first(&mut self, stop: &Stop) -> Result<Writer> {
        let format = self.source.open(&self.options.wish, stop)?;
        if stop.is_requested() {
            // Past the deadline: nothing is allocated that nobody would get.
            return Err(self.too_late());
        }
        let spec = Spec::new(self.options.length, format.sample_rate_hz, format.channels, format.sample_format)?;
        let buffer = self.registry.get_or_allocate_with(&self.name, spec, &self.options.allocate)?;
        let mut writer = match self.existing.take() {
            Some(writer) if writer.buffer().same_as(&buffer) => writer,
            _ => buffer.writer()?,
        };
        if let Some(reason) = self.after {
            writer.gap(reason);
        }
        // Nobody else sets it.
        let _ = self.buffer.set(buffer);
        Ok(writer)
    }
}

/// The thread that watches a capture. Ended, and waited for, when dropped: it holds nothing that takes time to let go of.
struct Watching {
    ended: Stop,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watching {
    fn begin(runner: &Runner) -> Self {
        let ended = Stop::new();
        let (progress, options, name) =
            (Arc::clone(&runner.progress), runner.options.clone(), capbuf::redact(&runner.name));
        let watch = {
            let ended = ended.clone();
            move || watch(&progress, &ended, &options, &name)
        };
        // Without a thread to be had, the sources' own rules must do.
        Self { ended, thread: thread::Builder::new().name("capbuf-watchdog".to_owned()).spawn(watch).ok() }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.ended.request();
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

/// Watches the attempts of a capture until it ends.
fn watch(progress: &Progress, ended: &Stop, options: &CaptureOptions, name: &str) {
    let mut watched = 0;
    let mut health: Option<Health> = None;
    let mut opening_looks = 0;
    while !ended.sleep(watchdog::LOOK_EVERY) {
        let attempt = progress.attempt();
        if attempt.number != watched {
            (watched, health, opening_looks) = (attempt.number, None, 0);
        }
        if attempt.stop.is_requested() {
            continue;
        }
        match (&attempt.buffer, progress.state()) {
            (Some(buffer), State::Running) => {
                let rate_hz = buffer.spec().sample_rate_hz();
                let health = health.get_or_insert_with(|| Health::new(options.watchdog, rate_hz));
                if let Some(wrong) = health.look(watchdog::look(buffer, &options.watchdog)) {
                    progress.stall(watched, wrong.error(buffer));
                }
            }
            (None, State::Starting) => {
                opening_looks += 1;
                if watchdog::LOOK_EVERY * opening_looks >= options.open_deadline {
                    let source_name = name.to_owned();
                    progress.stall(watched, Error::OpenTimedOut { source_name, waited: options.open_deadline });
                }
            }
            _ => {}
        }
    }
}
