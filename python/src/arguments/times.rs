//! Times and durations as Python represents them.
//!
//! A time is an aware `datetime`, a float of seconds since 1970, or an int of nanoseconds since
//! 1970. A duration is a number of seconds or a `timedelta`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capbuf::MAX_LATENCY_NS;
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

/// Imports the classes of `datetime`.
pub(crate) fn load(py: Python<'_>) -> PyResult<()> {
    datetime(py, 0).map(|_| ())
}

/// Extracts a time, in ns of UTC.
pub(crate) fn utc_ns(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = value.py();
    let out_of_range = || invalid(py, name, repr(value), "times from 1678 to 2262");
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, value, TIME));
    }
    if let Ok(time) = value.cast::<PyDateTime>() {
        if time.call_method0("utcoffset")?.is_none() {
            return Err(invalid(py, name, "a naive datetime", "aware ones, as datetime.now(timezone.utc)"));
        }
        let since = time.sub(epoch(py)?)?.cast_into::<PyDelta>()?;
        return i64::try_from(delta_ns(&since)).map_err(|_| out_of_range());
    }
    if value.cast::<PyFloat>().is_err() && value.hasattr("__index__")? {
        return value.extract::<i64>().map_err(|_| out_of_range());
    }
    let seconds: f64 = value.extract().map_err(|_| wrong_type(name, value, TIME))?;
    let ns = seconds * 1e9;
    if !ns.is_finite() || ns.abs() >= i64::MAX as f64 {
        return Err(out_of_range());
    }
    // Whole seconds and fraction are scaled separately: their sum in ns exceeds 53 bits.
    let whole = seconds.floor();
    Ok((whole as i64).saturating_mul(1_000_000_000).saturating_add(((seconds - whole) * 1e9).round() as i64))
}

fn delta_ns(delta: &Bound<'_, PyDelta>) -> i128 {
    let seconds = i128::from(delta.get_days()) * 86_400 + i128::from(delta.get_seconds());
    seconds * 1_000_000_000 + i128::from(delta.get_microseconds()) * 1000
}

/// Extracts a duration that may be negative, in ns.
pub(crate) fn signed_ns(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    const SIGNED: &str = "a number of seconds, or a timedelta, from -60 to 60 s";
    let out_of_range = || invalid(value.py(), name, repr(value), SIGNED);
    let ns = match value.cast::<PyDelta>() {
        Ok(delta) => delta_ns(delta),
        Err(_) if is_number(value)? => {
            let seconds: f64 = value.extract().map_err(|_| out_of_range())?;
            // Saturates; NaN is refused.
            if seconds.is_nan() { i128::MAX } else { (seconds * 1e9).round() as i128 }
        }
        Err(_) => return Err(wrong_type(name, value, SIGNED)),
    };
    let ns = i64::try_from(ns).ok().filter(|ns| (-MAX_LATENCY_NS..=MAX_LATENCY_NS).contains(ns));
    ns.ok_or_else(out_of_range)
}

fn is_number(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_plain = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    Ok(!value.is_instance_of::<PyBool>() && (is_plain || value.hasattr("__float__")?))
}

/// Extracts a finite duration.
pub(crate) fn duration(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    possibly_infinite(name, value)?.ok_or_else(|| invalid(value.py(), name, repr(value), DURATION))
}

/// Like [`duration`], for an optional argument.
pub(crate) fn optional_duration(name: &'static str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
    value.map(|value| duration(name, value)).transpose()
}

/// Extracts a duration; `None` for infinity.
pub(super) fn possibly_infinite(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    let out_of_range = || invalid(value.py(), name, repr(value), DURATION);
    if let Ok(delta) = value.cast::<PyDelta>() {
        return u64::try_from(delta_ns(delta)).map(|ns| Some(Duration::from_nanos(ns))).map_err(|_| out_of_range());
    }
    if !is_number(value)? {
        return Err(wrong_type(name, value, DURATION));
    }
    let seconds: f64 = value.extract().map_err(|_| out_of_range())?;
    if seconds == f64::INFINITY {
        return Ok(None);
    }
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| out_of_range())
}

/// Converts a time to an aware `datetime` in UTC, rounded down to a microsecond.
pub(crate) fn datetime(py: Python<'_>, utc_ns: i64) -> PyResult<Bound<'_, PyAny>> {
    let microseconds = utc_ns.div_euclid(1000);
    let (seconds, microseconds) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // 64 bits of nanoseconds are about 107 000 days: `days` fits into 32 bits.
    epoch(py)?.add(PyDelta::new(py, days as i32, seconds as i32, microseconds as i32, false)?)
}

/// Like [`datetime`], for an optional time.
pub(crate) fn optional_datetime(py: Python<'_>, utc_ns: Option<i64>) -> PyResult<Option<Bound<'_, PyAny>>> {
    utc_ns.map(|utc_ns| datetime(py, utc_ns)).transpose()
}

/// Returns the current time, in ns of UTC.
pub(crate) fn now_utc_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn repr(value: &Bound<'_, PyAny>) -> String {
    value.repr().map_or_else(|_| "a value".to_owned(), |repr| repr.to_string())
}
