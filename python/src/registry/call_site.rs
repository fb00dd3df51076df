//! The Python stack of an allocation attempt, for a registry that tracks allocations.

use capbuf::{Caller, CodePlace, Language};
use pyo3::intern;
use pyo3::prelude::*;

/// The recorded depth of a stack: each frame costs half a microsecond.
const FRAMES: usize = 10;

/// The Python code that makes a call; empty unless its registry tracks allocations.
pub(crate) struct CallSite(Option<Caller>);

impl CallSite {
    /// Records the stack of this thread: one load without tracking, some microseconds with it.
    pub(crate) fn of(py: Python<'_>, registry: &capbuf::Registry) -> Self {
        Self(registry.is_allocation_tracking().then(|| Self::current(py)))
    }

    #[cold]
    fn current(py: Python<'_>) -> Caller {
        // Without a stack the attempt is still recorded, as one of Python.
        Caller::new(Language::Python, stack(py).unwrap_or_default()).of_this_thread()
    }

    /// Runs calls, on any thread, that are recorded with this call site.
    pub(crate) fn run<R>(self, calls: impl FnOnce() -> R) -> R {
        match self.0 {
            Some(caller) => caller.scope(calls),
            None => calls(),
        }
    }
}

/// Returns the Python frames, innermost first; native functions have none.
fn stack(py: Python<'_>) -> PyResult<Vec<CodePlace>> {
    let mut places = Vec::with_capacity(FRAMES);
    let mut frame = py.import(intern!(py, "sys"))?.getattr(intern!(py, "_getframe"))?.call0()?;
    while !frame.is_none() && places.len() < FRAMES {
        let code = frame.getattr(intern!(py, "f_code"))?;
        places.push(CodePlace::Line {
            file: code.getattr(intern!(py, "co_filename"))?.extract()?,
            // None for code without a line number.
            line: frame.getattr(intern!(py, "f_lineno"))?.extract().unwrap_or_default(),
            function: code.getattr(intern!(py, "co_name"))?.extract()?,
        });
        frame = frame.getattr(intern!(py, "f_back"))?;
    }
    Ok(places)
}
