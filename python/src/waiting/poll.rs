//! Polling: one look at a time, and the pause until the next one.

use std::ops::Deref;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Error};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use super::SLICE;
use crate::arguments::{Wait, now_utc_ns};
use crate::errors::OrRaise as _;

const SHORTEST: Duration = Duration::from_millis(2);
/// Bounds the pause of an event loop: a source may come back before its frames are expected.
const LONGEST: Duration = Duration::from_millis(250);

/// The outcome of one look.
pub(crate) enum Poll<R> {
    Ready(R),
    /// Nothing yet: look again after this pause.
    RetryAfter(Duration),
}

impl<R> Poll<R> {
    pub(crate) fn then<S>(self, convert: impl FnOnce(R) -> PyResult<S>) -> PyResult<Poll<S>> {
        Ok(match self {
            Self::Ready(ready) => Poll::Ready(convert(ready)?),
            Self::RetryAfter(pause) => Poll::RetryAfter(pause),
        })
    }

    /// Unwraps the result of a blocking call, which returns only when it is ready.
    pub(crate) fn ready(self, py: Python<'_>) -> PyResult<R> {
        match self {
            Self::Ready(ready) => Ok(ready),
            Self::RetryAfter(waited) => Err(Error::TimedOut { waited }).or_raise(py),
        }
    }

    /// Converts for `_asyncio.py`: the result, or as a float the seconds until the next look.
    pub(crate) fn or_seconds(self, py: Python<'_>) -> PyResult<Py<PyAny>>
    where
        R: for<'py> IntoPyObject<'py>,
    {
        match self {
            Self::Ready(ready) => ready.into_py_any(py),
            Self::RetryAfter(pause) => pause.as_secs_f64().into_py_any(py),
        }
    }
}

/// Computes the pause until frames that are expected at a time.
fn pause_until(expected_utc_ns: Option<i64>) -> Duration {
    let left_ns = expected_utc_ns.map_or(0, |at| at.saturating_sub(now_utc_ns()).max(0).unsigned_abs());
    Duration::from_nanos(left_ns).clamp(SHORTEST, LONGEST)
}

/// Computes the pause in which `frames` are recorded.
pub(crate) fn pause_for(frames: u64, sample_rate_hz: u32) -> Duration {
    let seconds = frames as f64 / f64::from(sample_rate_hz.max(1));
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST)
}

/// Blocks this thread until `look` is ready; detached while it sleeps.
///
/// `look` is called with the value that `get` returns, which fails once it is closed, the time
/// waited, and whether `wait` is over.
pub(crate) fn block_on<H: Deref, R>(
    py: Python<'_>,
    get: impl Fn() -> PyResult<H>,
    wait: Wait,
    mut look: impl FnMut(&H::Target, Duration, bool) -> PyResult<Poll<R>>,
) -> PyResult<R> {
    let begun = Instant::now();
    loop {
        let value = get()?;
        let waited = begun.elapsed();
        let left = wait.left(waited);
        let pause = match look(&value, waited, left.is_zero())? {
            Poll::Ready(ready) => return Ok(ready),
            Poll::RetryAfter(pause) => pause.min(left).min(SLICE),
        };
        // No reference is held during the sleep: `close` in another thread frees the memory.
        drop(value);
        py.detach(|| std::thread::sleep(pause));
        py.check_signals()?;
    }
}

/// The result of a read that may be partial.
pub(crate) trait HasMissing {
    fn missing(&self) -> capbuf::Missing;
}

/// Looks once for a read that may wait. `attempt` is called with whether to accept a partial read.
///
/// A partial read (`available`) waits for the end of its span, too: only the beginning is lost for
/// good.
pub(crate) fn poll_read<R: HasMissing>(
    py: Python<'_>,
    buffer: &CaptureBuffer,
    available: bool,
    waited: Duration,
    is_over: bool,
    mut attempt: impl FnMut(bool) -> capbuf::Result<R>,
) -> PyResult<Poll<R>> {
    // Loaded before the attempt, which then sees all that was written before the removal.
    let is_removed = buffer.is_removed();
    let is_over = is_over || is_removed;
    match attempt(false) {
        Err(Error::NotYet { .. }) if available && is_over => attempt(true).map(Poll::Ready).or_raise(py),
        Err(Error::NotYet { .. }) if is_removed => {
            Err(Error::Removed { source_name: buffer.source().clone() }).or_raise(py)
        }
        Err(Error::NotYet { .. }) if is_over => Err(Error::TimedOut { waited }).or_raise(py),
        Err(Error::NotYet { expected_utc_ns, .. }) => Ok(Poll::RetryAfter(pause_until(expected_utc_ns))),
        Err(Error::Evicted { .. }) if available => {
            let partial = attempt(true).or_raise(py)?;
            let not_yet_frames = partial.missing().not_yet_frames;
            if not_yet_frames == 0 || is_over {
                return Ok(Poll::Ready(partial));
            }
            Ok(Poll::RetryAfter(pause_for(not_yet_frames, buffer.spec().sample_rate_hz())))
        }
        other => other.map(Poll::Ready).or_raise(py),
    }
}
