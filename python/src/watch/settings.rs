//! The thresholds of a watch, as keyword arguments.

use capbuf::WatchSettings;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::{duration, unsigned};
use crate::errors::{invalid, wrong_type};

/// Extracts settings from keyword arguments.
pub(super) fn settings(arguments: Option<&Bound<'_, PyDict>>) -> PyResult<WatchSettings> {
    let mut settings = WatchSettings::default();
    for (name, value) in arguments.into_iter().flat_map(|arguments| arguments.iter()) {
        let py = value.py();
        let name: String = name.extract()?;
        match name.as_str() {
            "every" => settings.every = duration("every", &value)?,
            "window" => settings.window = duration("window", &value)?,
            "removed_held" => settings.removed_held = duration("removed_held", &value)?,
            "stalled" => settings.stalled = duration("stalled", &value)?,
            "rate_window" => settings.rate_window = duration("rate_window", &value)?,
            "repeated_allocations" => settings.repeated_allocations = count("repeated_allocations", &value)?,
            "churn_allocations" => settings.churn_allocations = count("churn_allocations", &value)?,
            "lapped_reads" => settings.lapped_reads = count("lapped_reads", &value)?,
            "rate_tolerance" => settings.rate_tolerance = share("rate_tolerance", &value)?,
            "budget_share" => settings.budget_share = share("budget_share", &value)?,
            _ => {
                let allowed = "every, window, repeated_allocations, churn_allocations, removed_held, stalled, \
                               rate_tolerance, rate_window, lapped_reads, budget_share";
                return Err(invalid(py, "a setting", name, allowed));
            }
        }
    }
    Ok(settings)
}

fn count(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let count: u64 = unsigned(name, value, "1 to 2**64 - 1")?;
    if count == 0 {
        return Err(invalid(value.py(), name, "0", "1 to 2**64 - 1"));
    }
    Ok(count)
}

fn share(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let share: f64 = value.extract().map_err(|_| wrong_type(name, value, "float"))?;
    if share > 0.0 && share <= 1.0 {
        return Ok(share);
    }
    Err(invalid(value.py(), name, share.to_string(), "more than 0, up to 1"))
}
