//! What the threads of a capture tell of themselves, and to each other.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Clock, SourceClaim, SourceHealth};

use crate::error::Error;
use crate::state::{State, Transition};
use crate::stop::Stop;

/// How many changes of state are remembered.
pub(crate) const HISTORY: usize = 64;

/// What the threads of a capture tell.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The source, without credentials.
    source_name: String,
    clock: Arc<dyn Clock>,
    now: Mutex<Now>,
    ended: Condvar,
}

#[derive(Debug)]
struct Now {
    state: State,
    history: VecDeque<Transition>,
    restarts: u64,
    /// When a waiting source will be opened again.
    retry_at: Option<Instant>,
    /// Whether the thread has given everything back.
    has_ended: bool,
    attempt: Attempt,
    /// Where it is told to other processes.
    told_to: Option<(Arc<SourceClaim>, CaptureBuffer)>,
}

/// One opening of a source and what follows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempt {
    pub(crate) number: u64,
    /// Ends it alone.
    pub(crate) stop: Stop,
    /// Why it was ended by the watchdog.
    pub(crate) verdict: Option<Error>,
    /// Set while the source runs.
    pub(crate) buffer: Option<CaptureBuffer>,
}

impl Progress {
    pub(crate) fn new(source_name: String, clock: Arc<dyn Clock>) -> Self {
        let now = Now {
            state: State::Idle,
            history: VecDeque::with_capacity(HISTORY),
            restarts: 0,
            retry_at: None,
            has_ended: false,
            attempt: Attempt::default(),
            told_to: None,
        };
        Self { source_name, clock, now: Mutex::new(now), ended: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, state: State) {
        self.set_in(&mut self.lock(), state);
    }

    /// Notes a state, for this process, for the others, and in the log.
    fn set_in(&self, now: &mut Now, state: State) {
        let kind = state.kind();
        let source = self.source_name.as_str();
        match state.reason() {
            Some(reason) => tracing::warn!(source, state = kind.name(), %reason, "source"),
            None => tracing::info!(source, state = kind.name(), "source"),
        }
        now.set(state, self.clock.utc_ns());
    }

    pub(crate) fn state(&self) -> State {
        let now = self.lock();
        let (mut state, retry_at) = (now.state.clone(), now.retry_at);
        drop(now);
        if let (Some(left), Some(retry_at)) = (state.left_mut(), retry_at) {
            *left = retry_at.saturating_duration_since(Instant::now());
        }
        state
    }

    pub(crate) fn history(&self) -> Vec<Transition> {
        self.lock().history.iter().cloned().collect()
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.lock().restarts
    }

    /// Begins an attempt, and gives what ends it.
    pub(crate) fn begin_attempt(&self, whole: &Stop) -> Stop {
        let stop = whole.part();
        let mut now = self.lock();
        now.attempt = Attempt { number: now.attempt.number + 1, stop: stop.clone(), verdict: None, buffer: None };
        self.set_in(&mut now, State::Starting);
        stop
    }

    /// The source of this attempt runs, and feeds a buffer. If it ran before, this is a restart.
    pub(crate) fn running(&self, claim: &Arc<SourceClaim>, buffer: &CaptureBuffer) {
        let mut now = self.lock();
        if now.told_to.is_some() {
            now.restarts += 1;
        }
        now.told_to = Some((Arc::clone(claim), buffer.clone()));
        now.attempt.buffer = Some(buffer.clone());
        self.set_in(&mut now, State::Running);
    }

    /// The attempt is over: gives why the watchdog ended it, if it did.
    pub(crate) fn end_attempt(&self) -> Option<Error> {
        let mut now = self.lock();
        now.attempt.buffer = None;
        now.attempt.verdict.take()
    }

    /// The attempt that is under way.
    pub(crate) fn attempt(&self) -> Attempt {
        self.lock().attempt.clone()
    }

    /// Ends an attempt from outside, because of what is wrong with it.
    pub(crate) fn stall(&self, number: u64, reason: Error) {
        let mut now = self.lock();
        if now.attempt.number != number || now.attempt.verdict.is_some() || now.attempt.stop.is_requested() {
            return;
        }
        now.attempt.verdict = Some(reason.clone());
        self.set_in(&mut now, State::Stalled { reason });
        let stop = now.attempt.stop.clone();
        drop(now);
        stop.request();
    }

    /// Sets the last state, for this process and the others, and lets go of the buffer.
    pub(crate) fn set_last(&self, state: State) {
        let mut now = self.lock();
        self.set_in(&mut now, state);
        now.attempt.buffer = None;
        // Closed without the lock: unmapping may take its time.
        let told_to = now.told_to.take();
        drop(now);
        drop(told_to);
    }

    pub(crate) fn end(&self) {
        self.lock().has_ended = true;
        self.ended.notify_all();
    }

    pub(crate) fn wait_for_end(&self, deadline: Duration) -> bool {
        let waited = self.ended.wait_timeout_while(self.lock(), deadline, |now| !now.has_ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_ended
    }
}

impl Now {
    fn set(&mut self, mut state: State, utc_ns: i64) {
        self.retry_at = state.left_mut().and_then(|left| Instant::now().checked_add(*left));
        let reason = state.reason().map(ToString::to_string);
        if let Some((claim, buffer)) = &self.told_to {
            let status = SourceHealth::new(state.kind(), utc_ns, self.restarts, reason.clone().unwrap_or_default());
            // What can't be told to others is known here all the same.
            let _ = claim.tell(buffer, &status);
        }
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Transition { utc_ns, state: state.kind(), reason });
        self.state = state;
    }
}
