//! Which Python code calls, for the records of a registry that tracks allocations.

use capbuf::{Caller, CodePlace, Language, Registry};
use pyo3::intern;
use pyo3::prelude::*;

/// How many frames are told: each costs half a microsecond.
const FRAMES: usize = 10;

/// The Python code that calls, if a registry wants to know: a load if not, else some microseconds.
pub(crate) struct Calling(Option<Caller>);

impl Calling {
    /// Looks at the frames of this thread.
    pub(crate) fn of(py: Python<'_>, registry: &Registry) -> Self {
        Self(registry.is_allocation_tracking().then(|| Self::now(py)))
    }

    #[cold]
    fn now(py: Python<'_>) -> Caller {
        // An interpreter that tells no frames is none that capbuf could fail for.
        Caller::new(Language::Python, places(py).unwrap_or_default()).of_this_thread()
    }

    /// Makes calls, on whichever thread, in the name of that code.
    pub(crate) fn makes<R>(self, calls: impl FnOnce() -> R) -> R {
        match self.0 {
            Some(caller) => caller.scope(calls),
            None => calls(),
        }
    }
}

/// The innermost Python frame first; native functions have none.
fn places(py: Python<'_>) -> PyResult<Vec<CodePlace>> {
    let mut places = Vec::with_capacity(FRAMES);
    let mut frame = py.import(intern!(py, "sys"))?.getattr(intern!(py, "_getframe"))?.call0()?;
    while !frame.is_none() && places.len() < FRAMES {
        let code = frame.getattr(intern!(py, "f_code"))?;
        places.push(CodePlace::Line {
            file: code.getattr(intern!(py, "co_filename"))?.extract()?,
            // None where a line has no number.
            line: frame.getattr(intern!(py, "f_lineno"))?.extract().unwrap_or_default(),
            function: code.getattr(intern!(py, "co_name"))?.extract()?,
        });
        frame = frame.getattr(intern!(py, "f_back"))?;
    }
    Ok(places)
}
