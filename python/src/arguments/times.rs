//! Times and durations as Python has them.
//!
//! A time is an aware `datetime`, a float of seconds since 1970, or an int of nanoseconds since 1970; a duration is a number of
//! seconds or a `timedelta`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDateTime, PyDelta, PyDeltaAccess as _, PyFloat, PyInt, PyTzInfo};

use crate::errors::{invalid, wrong_type};

const TIME: &str = "an aware datetime, float seconds since 1970, or int nanoseconds since 1970";
const DURATION: &str = "a number of seconds, zero or more, or a timedelta";

static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();

fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyDateTime>> {
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = PyTzInfo::utc(py)?;
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    })?;
    Ok(epoch.bind(py).clone())
}

/// An argument that says when, in ns of UTC.
pub(crate) fn utc_ns(what: &'static str, given: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = given.py();
    let out_of_range = || invalid(py, what, shown(given), "times from 1678 to 2262");
    if given.is_instance_of::<PyBool>() {
        return Err(wrong_type(what, given, TIME));
    }
    if let Ok(time) = given.cast::<PyDateTime>() {
        if time.call_method0("utcoffset")?.is_none() {
            return Err(invalid(py, what, "a naive datetime", "aware ones, as datetime.now(timezone.utc)"));
        }
        let since = time.sub(epoch(py)?)?.cast_into::<PyDelta>()?;
        return i64::try_from(delta_ns(&since)).map_err(|_| out_of_range());
    }
    if given.cast::<PyFloat>().is_err() && given.hasattr("__index__")? {
        return given.extract::<i64>().map_err(|_| out_of_range());
    }
    let seconds: f64 = given.extract().map_err(|_| wrong_type(what, given, TIME))?;
    let ns = seconds * 1e9;
    if !ns.is_finite() || ns.abs() >= i64::MAX as f64 {
        return Err(out_of_range());
    }
    // The parts by themselves: together they have more digits than a float.
    let whole = seconds.floor();
    Ok((whole as i64).saturating_mul(1_000_000_000).saturating_add(((seconds - whole) * 1e9).round() as i64))
}

fn delta_ns(delta: &Bound<'_, PyDelta>) -> i128 {
    let seconds = i128::from(delta.get_days()) * 86_400 + i128::from(delta.get_seconds());
    seconds * 1_000_000_000 + i128::from(delta.get_microseconds()) * 1000
}

/// An argument that says how long.
pub(crate) fn duration(what: &'static str, given: &Bound<'_, PyAny>) -> PyResult<Duration> {
    endless_duration(what, given)?.ok_or_else(|| invalid(given.py(), what, shown(given), DURATION))
}

/// An argument that says how long; `None` for infinity.
fn endless_duration(what: &'static str, given: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    let refused = || invalid(given.py(), what, shown(given), DURATION);
    if let Ok(delta) = given.cast::<PyDelta>() {
        return u64::try_from(delta_ns(delta)).map(|ns| Some(Duration::from_nanos(ns))).map_err(|_| refused());
    }
    let is_number = !given.is_instance_of::<PyBool>()
        && (given.is_instance_of::<PyFloat>() || given.is_instance_of::<PyInt>() || given.hasattr("__float__")?);
    if !is_number {
        return Err(wrong_type(what, given, DURATION));
    }
    let seconds: f64 = given.extract().map_err(|_| refused())?;
    if seconds == f64::INFINITY {
        return Ok(None);
    }
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| refused())
}

/// How long a call may wait: not at all, so long, or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Not,
    For(Duration),
    Ever,
}

impl Wait {
    /// Takes the argument `wait`: seconds, or `None` for as long as it takes.
    pub(crate) fn of(given: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        Ok(match given.map(|given| endless_duration("wait", given)).transpose()?.flatten() {
            None => Self::Ever,
            Some(duration) if duration.is_zero() => Self::Not,
            Some(duration) => Self::For(duration),
        })
    }

    /// What is left of it after so much.
    pub(crate) fn left(self, waited: Duration) -> Duration {
        match self {
            Self::Not => Duration::ZERO,
            Self::For(duration) => duration.saturating_sub(waited),
            Self::Ever => Duration::MAX,
        }
    }

    pub(crate) fn to_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Not => 0.0.into_py_any(py),
            Self::For(duration) => duration.as_secs_f64().into_py_any(py),
            Self::Ever => Ok(py.None()),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Wait {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Self::of((!given.is_none()).then_some(&*given))
    }
}

/// A time as an aware `datetime` in UTC, to the microsecond before it.
pub(crate) fn datetime(py: Python<'_>, utc_ns: i64) -> PyResult<Bound<'_, PyAny>> {
    let microseconds = utc_ns.div_euclid(1000);
    let (seconds, microseconds) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Nanoseconds in 64 bits are about 107 000 days.
    epoch(py)?.add(PyDelta::new(py, days as i32, seconds as i32, microseconds as i32, false)?)
}

/// As [`datetime`], for a time that there may be.
pub(crate) fn maybe_datetime(py: Python<'_>, utc_ns: Option<i64>) -> PyResult<Option<Bound<'_, PyAny>>> {
    utc_ns.map(|utc_ns| datetime(py, utc_ns)).transpose()
}

/// Now, in ns of UTC.
pub(crate) fn now_utc_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn shown(given: &Bound<'_, PyAny>) -> String {
    given.repr().map_or_else(|_| "a value".to_owned(), |shown| shown.to_string())
}
