//! The arguments of a trigger.

use std::path::PathBuf;

use capbuf_capture::{Condition, TriggerOptions};
use pyo3::prelude::*;

use crate::arguments::optional_duration;
use crate::errors::invalid;

/// The arguments of a trigger as Python passed them.
pub(super) struct TriggerArguments<'a, 'py> {
    pub(super) folder: PathBuf,
    pub(super) louder_than_dbfs: Option<f32>,
    pub(super) between_hz: Option<(f32, f32)>,
    pub(super) before: Option<&'a Bound<'py, PyAny>>,
    pub(super) after: Option<&'a Bound<'py, PyAny>>,
    pub(super) at_most: Option<&'a Bound<'py, PyAny>>,
    pub(super) extension: &'a str,
}

impl TriggerArguments<'_, '_> {
    /// Converts the arguments; omitted ones keep the defaults of `capbuf_capture`.
    pub(super) fn options(self, py: Python<'_>) -> PyResult<TriggerOptions> {
        let mut options = TriggerOptions::new(self.folder);
        match (self.louder_than_dbfs, self.between_hz) {
            (Some(dbfs), None) => options = options.when(Condition::louder_than(dbfs)),
            (Some(dbfs), Some((low, high))) => {
                options = options.when(Condition::louder_than(dbfs).between(low, high));
            }
            (None, Some(_)) => {
                return Err(invalid(py, "between_hz", "passed alone", "together with louder_than_dbfs"));
            }
            (None, None) => {}
        }
        if let Some(before) = optional_duration("before", self.before)? {
            options = options.before(before);
        }
        if let Some(after) = optional_duration("after", self.after)? {
            options = options.after(after);
        }
        if let Some(at_most) = optional_duration("at_most", self.at_most)? {
            options = options.at_most(at_most);
        }
        match self.extension {
            "wav" => Ok(options),
            "flac" => Ok(options.flac()),
            other => Err(invalid(py, "extension", format!("{other:?}"), "\"wav\", \"flac\"")),
        }
    }
}
