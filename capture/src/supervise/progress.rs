//! The state that the thread of a capture, its handles and the watchdog thread share.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Clock, SourceClaim, SourceHealth};

use crate::error::Error;
use crate::source::Remarks;
use crate::state::{State, Transition};
use crate::stop::Stop;

/// The number of changes of state in the history.
const HISTORY: usize = 64;

/// The shared state of a capture.
#[derive(Debug)]
pub(super) struct Progress {
    /// The source, without credentials.
    source_name: String,
    clock: Arc<dyn Clock>,
    now: Mutex<Now>,
    /// Notified when the source has been opened the first time, and when the capture has ended.
    changed: Condvar,
}

#[derive(Debug)]
struct Now {
    state: State,
    history: VecDeque<Transition>,
    /// The changes that were not passed to the callback yet: a part of the history.
    unreported: usize,
    restarts: u64,
    /// When a waiting source will be opened again.
    retry_at: Option<Instant>,
    /// True once the source has been opened.
    has_run: bool,
    /// True once the thread has released everything.
    has_ended: bool,
    attempt: Attempt,
    /// Publishes the state to other processes, from the claim of the source on.
    published: Option<Published>,
}

/// The place where the state is published.
#[derive(Debug)]
struct Published {
    claim: Arc<SourceClaim>,
    /// `None` until the source has been opened the first time.
    buffer: Option<CaptureBuffer>,
}

/// One opening of a source, and the run that follows.
#[derive(Debug, Default)]
struct Attempt {
    number: u64,
    /// Ends this attempt alone.
    stop: Stop,
    /// Why the watchdog ended it.
    stalled: Option<Error>,
    /// Set while the source runs.
    buffer: Option<CaptureBuffer>,
    /// The rate that the source says.
    declared_hz: u32,
    /// The place of the source's remarks.
    remarks: Option<Remarks>,
}

/// The part of an attempt that the watchdog checks.
#[derive(Debug)]
pub(super) enum Phase {
    Opening,
    Running {
        buffer: CaptureBuffer,
        claim: Option<Arc<SourceClaim>>,
        declared_hz: u32,
    },
    /// Backing off, stalled, or about to end.
    Idle,
}

/// The outcome of waiting for a source to be opened.
#[derive(Debug)]
pub(super) enum Opening {
    Opened,
    Failed(Error),
    Pending,
}

impl Progress {
    pub(super) fn new(source_name: String, clock: Arc<dyn Clock>) -> Self {
        let now = Now {
            state: State::Idle,
            history: VecDeque::with_capacity(HISTORY),
            unreported: 0,
            restarts: 0,
            retry_at: None,
            has_run: false,
            has_ended: false,
            attempt: Attempt::default(),
            published: None,
        };
        Self { source_name, clock, now: Mutex::new(now), changed: Condvar::new() }
    }

    /// The source, without credentials.
    pub(super) fn source_name(&self) -> &str {
        &self.source_name
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, state: State) {
        self.lock().set(state.clone(), self.clock.utc_ns());
        self.log(&state);
    }

    /// Logs a state. Called without the lock: a subscriber may block.
    fn log(&self, state: &State) {
        let (source, kind) = (self.source_name.as_str(), state.kind().name());
        match state.reason() {
            Some(reason) => tracing::warn!(source, state = kind, %reason, "source"),
            None => tracing::info!(source, state = kind, "source"),
        }
    }

    pub(super) fn state(&self) -> State {
        let now = self.lock();
        let (mut state, retry_at) = (now.state.clone(), now.retry_at);
        drop(now);
        if let (Some(left), Some(retry_at)) = (state.left_mut(), retry_at) {
            *left = retry_at.saturating_duration_since(Instant::now());
        }
        state
    }

    pub(super) fn history(&self) -> Vec<Transition> {
        self.lock().history.iter().cloned().collect()
    }

    /// Returns the changes since the last call, at most as many as the history holds.
    pub(super) fn take_unreported(&self) -> Vec<Transition> {
        let mut now = self.lock();
        let count = std::mem::take(&mut now.unreported).min(now.history.len());
        now.history.range(now.history.len() - count..).cloned().collect()
    }

    pub(super) fn restarts(&self) -> u64 {
        self.lock().restarts
    }

    pub(super) fn has_run(&self) -> bool {
        self.lock().has_run
    }

    /// Begins an attempt, and returns the request that ends it: with `whole`, or alone.
    pub(super) fn begin_attempt(&self, whole: &Stop) -> Stop {
        let stop = whole.part();
        let mut now = self.lock();
        now.attempt = Attempt { number: now.attempt.number + 1, stop: stop.clone(), ..Attempt::default() };
        now.set(State::Starting, self.clock.utc_ns());
        drop(now);
        self.log(&State::Starting);
        stop
    }

    /// Notes that the source is claimed: its state is published from now on.
    pub(super) fn claimed(&self, claim: &Arc<SourceClaim>) {
        let mut now = self.lock();
        if now.published.is_none() {
            now.published = Some(Published { claim: Arc::clone(claim), buffer: None });
            let since_utc_ns = now.history.back().map_or_else(|| self.clock.utc_ns(), |last| last.utc_ns);
            now.publish(since_utc_ns);
        }
    }

    /// Notes that the source of this attempt feeds `buffer`, at `declared_hz` frames a second. Each
    /// time but the first is a restart. `note` says what is remarkable about its format.
    pub(super) fn running(
        &self,
        claim: &Arc<SourceClaim>,
        buffer: &CaptureBuffer,
        declared_hz: u32,
        note: Option<&str>,
    ) {
        let mut now = self.lock();
        if now.has_run {
            now.restarts += 1;
        }
        now.has_run = true;
        now.published = Some(Published { claim: Arc::clone(claim), buffer: Some(buffer.clone()) });
        now.attempt.buffer = Some(buffer.clone());
        now.attempt.declared_hz = declared_hz;
        now.set_with(State::Running, note.map(str::to_owned), self.clock.utc_ns());
        drop(now);
        self.changed.notify_all();
        match note {
            Some(reason) => {
                tracing::warn!(source = self.source_name, state = State::Running.kind().name(), reason, "source");
            }
            None => self.log(&State::Running),
        }
    }

    /// Has the watchdog look for remarks of the running source.
    pub(super) fn watch_remarks(&self, remarks: Option<Remarks>) {
        // One of an earlier run is outdated.
        let _ = remarks.as_ref().and_then(Remarks::take);
        self.lock().attempt.remarks = remarks;
    }

    /// Notes a remark of the source of attempt `number`, if it has made one. Never blocks.
    pub(super) fn note_remark(&self, number: u64) {
        // Locked by the capture itself: the next look will do.
        let Ok(mut now) = self.now.try_lock() else { return };
        if now.attempt.number != number || now.state != State::Running {
            return;
        }
        let Some(remark) = now.attempt.remarks.as_ref().and_then(Remarks::take) else { return };
        now.set_with(State::Running, Some(remark.clone()), self.clock.utc_ns());
        drop(now);
        tracing::warn!(source = self.source_name, state = State::Running.kind().name(), reason = remark, "source");
    }

    /// Ends the attempt, and returns why the watchdog stopped it, if it did.
    pub(super) fn end_attempt(&self) -> Option<Error> {
        let mut now = self.lock();
        now.attempt.buffer = None;
        now.attempt.stalled.take()
    }

    /// Returns the number and phase of the current attempt; `None` if another thread holds the
    /// lock. Never blocks: the watchdog thread has other captures to check.
    pub(super) fn try_phase(&self) -> Option<(u64, Phase)> {
        let now = match self.now.try_lock() {
            Ok(now) => now,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let phase = match (&now.attempt.buffer, &now.state) {
            _ if now.attempt.stop.is_requested() => Phase::Idle,
            (Some(buffer), State::Running) => {
                let claim = now.published.as_ref().map(|published| Arc::clone(&published.claim));
                Phase::Running { buffer: buffer.clone(), claim, declared_hz: now.attempt.declared_hz }
            }
            (None, State::Starting) => Phase::Opening,
            _ => Phase::Idle,
        };
        Some((now.attempt.number, phase))
    }

    /// Stops attempt `number` as stalled, if it is still the current one.
    pub(super) fn stall(&self, number: u64, reason: Error) {
        let mut now = self.lock();
        if now.attempt.number != number || now.attempt.stalled.is_some() || now.attempt.stop.is_requested() {
            return;
        }
        now.attempt.stalled = Some(reason.clone());
        let state = State::Stalled { reason };
        now.set(state.clone(), self.clock.utc_ns());
        let stop = now.attempt.stop.clone();
        drop(now);
        stop.request();
        self.log(&state);
    }

    /// Releases the claim, which another process has now.
    pub(super) fn release_claim(&self) {
        let released = self.lock().published.take();
        // Dropped without the lock: unmapping takes time.
        drop(released);
    }

    /// Sets and publishes the last state, and releases the buffer and the claim. A failure stays
    /// published until [`Progress::forget`].
    pub(super) fn set_last(&self, state: State) {
        let mut now = self.lock();
        now.set(state.clone(), self.clock.utc_ns());
        let mut published = now.published.take();
        let buffers = (now.attempt.buffer.take(), published.as_mut().and_then(|published| published.buffer.take()));
        if let (Some(published), State::Failed { .. }) = (&published, &state) {
            published.claim.release();
            now.published = Some(Published { claim: Arc::clone(&published.claim), buffer: None });
        }
        let released = (buffers, published);
        // Dropped without the lock: unmapping takes time.
        drop(now);
        drop(released);
        self.log(&state);
    }

    /// Withdraws the published failure of a capture that has ended.
    pub(super) fn forget(&self) {
        let mut now = self.lock();
        let published = now.has_ended.then(|| now.published.take());
        drop(now);
        drop(published);
    }

    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Waits up to `deadline` until the source has been opened the first time, or has ended.
    pub(super) fn wait_until_opened(&self, deadline: Duration) -> Opening {
        let waited = self.changed.wait_timeout_while(self.lock(), deadline, |now| !now.has_run && !now.has_ended);
        let now = waited.unwrap_or_else(PoisonError::into_inner).0;
        match &now.state {
            _ if now.has_run => Opening::Opened,
            State::Failed { reason } if now.has_ended => Opening::Failed(reason.clone()),
            _ => Opening::Pending,
        }
    }

    pub(super) fn wait_for_end(&self, deadline: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), deadline, |now| !now.has_ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_ended
    }
}

impl Now {
    fn set(&mut self, state: State, utc_ns: i64) {
        let reason = state.reason().map(ToString::to_string);
        self.set_with(state, reason, utc_ns);
    }

    fn set_with(&mut self, mut state: State, reason: Option<String>, utc_ns: i64) {
        self.retry_at = state.left_mut().and_then(|left| Instant::now().checked_add(*left));
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Transition { utc_ns, state: state.kind(), reason });
        self.unreported += 1;
        self.state = state;
        self.publish(utc_ns);
    }

    fn publish(&self, since_utc_ns: i64) {
        if let Some(Published { claim, buffer }) = &self.published {
            let reason = self.history.back().and_then(|last| last.reason.clone()).unwrap_or_default();
            let health = SourceHealth::new(self.state.kind(), since_utc_ns, self.restarts, reason);
            // The state of this process does not depend on the domain.
            let _ = claim.publish(buffer.as_ref(), &health);
        }
    }
}
