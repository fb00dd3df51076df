//! Waiting for frames: the rate is known, so it sleeps until they should be there and looks again. Nobody is woken.
//!
//! The same steps serve a thread, which sleeps in slices that a signal or a `close` can end, and an event loop, which sleeps by
//! its own means.

use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Error};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::errors::OrRaise as _;
use crate::handle::Handle;
use crate::times::{self, Wait};

/// Signals and `close` are looked at that often: at least ten times a second was promised.
pub(crate) const SLICE: Duration = Duration::from_millis(50);
const SHORTEST: Duration = Duration::from_millis(2);
/// An event loop is not held up by a sleeper, but a source may come back before it is expected.
const LONGEST: Duration = Duration::from_millis(250);

/// What came of a look.
pub(crate) enum Step<R> {
    Done(R),
    /// Not there; look again after this.
    Pause(Duration),
}

impl<R> Step<R> {
    pub(crate) fn then<S>(self, make: impl FnOnce(R) -> PyResult<S>) -> PyResult<Step<S>> {
        Ok(match self {
            Self::Done(done) => Step::Done(make(done)?),
            Self::Pause(pause) => Step::Pause(pause),
        })
    }

    /// What a call gave that does not end before it is done.
    pub(crate) fn done(self, py: Python<'_>) -> PyResult<R> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Pause(waited) => Err(Error::TimedOut { waited }).or_raise(py),
        }
    }

    /// For who waits in Python: what was asked, or the seconds to sleep before the next look.
    pub(crate) fn or_seconds(self, py: Python<'_>) -> PyResult<Py<PyAny>>
    where
        R: for<'py> IntoPyObject<'py>,
    {
        match self {
            Self::Done(done) => done.into_py_any(py),
            Self::Pause(pause) => pause.as_secs_f64().into_py_any(py),
        }
    }
}

/// How long to sleep for frames that are expected at a time.
pub(crate) fn pause_until(expected_utc_ns: Option<i64>) -> Duration {
    let left_ns = expected_utc_ns.map_or(0, |at| at.saturating_sub(times::now_utc_ns()).max(0).unsigned_abs());
    Duration::from_nanos(left_ns).clamp(SHORTEST, LONGEST)
}

/// The time in which so many frames come.
pub(crate) fn pause_for(frames: u64, sample_rate_hz: u32) -> Duration {
    let seconds = frames as f64 / f64::from(sample_rate_hz.max(1));
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST)
}

/// Looks until `step` is done; it is told how long has been waited, and whether that is all. Detached while it sleeps.
pub(crate) fn wait<H, R>(
    py: Python<'_>,
    handle: &Handle<H>,
    wait: Wait,
    mut step: impl FnMut(&H, Duration, bool) -> PyResult<Step<R>>,
) -> PyResult<R> {
    let begun = Instant::now();
    loop {
        let held = handle.get(py)?;
        let waited = begun.elapsed();
        let left = wait.left(waited);
        let pause = match step(&held, waited, left.is_zero())? {
            Step::Done(done) => return Ok(done),
            Step::Pause(pause) => pause.min(left).min(SLICE),
        };
        // Others may close it meanwhile, and its memory goes back then.
        drop(held);
        py.detach(|| std::thread::sleep(pause));
        py.check_signals()?;
    }
}

/// What a read gave, as far as waiting is concerned.
pub(crate) trait Taken {
    fn missing(&self) -> capbuf::Missing;
}

/// Looks once, for who may wait. `attempt` is told whether to take what is there.
///
/// Even a read that may miss something waits for its end: only its beginning can be lost for good.
pub(crate) fn look<R: Taken>(
    py: Python<'_>,
    buffer: &CaptureBuffer,
    available: bool,
    waited: Duration,
    is_over: bool,
    mut attempt: impl FnMut(bool) -> capbuf::Result<R>,
) -> PyResult<Step<R>> {
    // Before the look: what was written before the removal is found.
    let is_removed = buffer.is_removed();
    let is_over = is_over || is_removed;
    match attempt(false) {
        Err(Error::NotYet { .. }) if available && is_over => attempt(true).map(Step::Done).or_raise(py),
        Err(Error::NotYet { .. }) if is_removed => {
            Err(Error::Removed { source_name: buffer.source().clone() }).or_raise(py)
        }
        Err(Error::NotYet { .. }) if is_over => Err(Error::TimedOut { waited }).or_raise(py),
        Err(Error::NotYet { expected_utc_ns, .. }) => Ok(Step::Pause(pause_until(expected_utc_ns))),
        Err(Error::Evicted { .. }) if available => {
            let taken = attempt(true).or_raise(py)?;
            let to_come = taken.missing().not_yet_frames;
            if to_come == 0 || is_over {
                return Ok(Step::Done(taken));
            }
            Ok(Step::Pause(pause_for(to_come, buffer.spec().sample_rate_hz())))
        }
        other => other.map(Step::Done).or_raise(py),
    }
}
