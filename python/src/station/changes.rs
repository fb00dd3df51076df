//! The class `Changes`: the result of a reconfiguration.

use pyo3::prelude::*;

use crate::pickling::pickled;

/// The changes of a reconfiguration, as sorted names of sources. False if nothing changed.
///
/// Attributes
/// ----------
/// unchanged : list of str
///     Not touched: no frame is lost.
/// started : list of str
///     New sources.
/// restarted : list of str
///     Opened again, because the locator or the supervision changed. The buffer stays, with a gap
///     of reason ``"reconfigured"``.
/// resized : list of str
///     Opened again with a buffer of another length, which begins with a copy of the old audio, as
///     much as fits, and such a gap.
/// reformatted : list of str
///     Opened again with a new, empty buffer, because the format changed.
/// stopped : list of str
///     Sources that are no longer configured.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(PartialEq)]
pub(crate) struct Changes {
    unchanged: Vec<String>,
    started: Vec<String>,
    restarted: Vec<String>,
    resized: Vec<String>,
    reformatted: Vec<String>,
    stopped: Vec<String>,
}

impl Changes {
    pub(super) fn new(changes: capbuf_capture::Changes) -> Self {
        Self {
            unchanged: changes.unchanged,
            started: changes.started,
            restarted: changes.restarted,
            resized: changes.resized,
            reformatted: changes.reformatted,
            stopped: changes.stopped,
        }
    }

    fn lists(&self) -> [(&'static str, &Vec<String>); 6] {
        [
            ("unchanged", &self.unchanged),
            ("started", &self.started),
            ("restarted", &self.restarted),
            ("resized", &self.resized),
            ("reformatted", &self.reformatted),
            ("stopped", &self.stopped),
        ]
    }
}

#[pymethods]
impl Changes {
    fn __bool__(&self) -> bool {
        self.lists()[1..].iter().any(|(_, names)| !names.is_empty())
    }

    fn __repr__(&self) -> String {
        let counts = self.lists().map(|(change, names)| format!(" {change}={}", names.len()));
        format!("<capbuf.Changes{}>", counts.concat())
    }
}

pickled!(Changes { unchanged, started, restarted, resized, reformatted, stopped });
