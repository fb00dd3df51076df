//! Durations, which C passes as `int64_t` nanoseconds.

use std::time::Duration;

use crate::boundary::ffi_error::FfiError;

/// Converts `ns`, which must not be negative.
pub(crate) fn duration(name: &'static str, ns: i64) -> Result<Duration, FfiError> {
    u64::try_from(ns).map(Duration::from_nanos).map_err(|_| FfiError::invalid_argument(name, ns, "0 or more"))
}

/// Converts `ns`; 0 is `None`, the default.
pub(crate) fn duration_or_default(name: &'static str, ns: i64) -> Result<Option<Duration>, FfiError> {
    match u64::try_from(ns) {
        Ok(0) => Ok(None),
        Ok(ns) => Ok(Some(Duration::from_nanos(ns))),
        Err(_) => Err(FfiError::invalid_argument(name, ns, "0 for the default, or more than 0")),
    }
}

/// Converts `ns`; 0 is `None`, the default, and -1 is zero.
pub(crate) fn duration_default_or_none(name: &'static str, ns: i64) -> Result<Option<Duration>, FfiError> {
    match ns {
        -1 => Ok(Some(Duration::ZERO)),
        0.. => duration_or_default(name, ns),
        _ => Err(FfiError::invalid_argument(name, ns, "0 for the default, more than 0, or -1 for none")),
    }
}
