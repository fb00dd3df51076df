//! Arrays that a thread of the parent process was using at a fork.
//!
//! The record of borrowed arrays is inherited, and in a child nobody ends those borrows. The child
//! uses a copy in place of such an array; Python's own lock guards the rest.

use std::sync::OnceLock;

use capbuf::Owner;
use pyo3::intern;
use pyo3::prelude::*;

use super::Out;
use crate::errors;

/// The process that loaded this module.
static LOADED: OnceLock<Owner> = OnceLock::new();

/// Notes the process that loads the module.
pub(crate) fn note_process() {
    LOADED.get_or_init(Owner::this);
}

/// Returns a copy of an array if `error` says that it is in use, and its user may be of the parent.
pub(super) fn copy_if_inherited<'py>(array: &Bound<'py, PyAny>, error: PyErr) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    if LOADED.get().is_some_and(|owner| owner.is_parent()) && errors::is_busy(py, &error) {
        return array.call_method0(intern!(py, "copy"));
    }
    Err(error)
}

/// The destination of a read: the caller's array, or a copy that is copied back.
pub(crate) struct Place<'a, 'py> {
    out: &'a Bound<'py, PyAny>,
    copy: Option<Bound<'py, PyAny>>,
}

impl<'a, 'py> Place<'a, 'py> {
    /// Checks the array as [`Out::borrow`] does.
    pub(crate) fn of(out: &'a Bound<'py, PyAny>, channels: u16) -> PyResult<Self> {
        let copy = match Out::borrow(out, channels) {
            Ok(_) => None,
            Err(error) => Some(copy_if_inherited(out, error)?),
        };
        Ok(Self { out, copy })
    }

    /// Borrows the memory to read into.
    pub(crate) fn borrow(&self, channels: u16) -> PyResult<Out<'py>> {
        Out::borrow(self.copy.as_ref().unwrap_or(self.out), channels)
    }

    /// Hands what was read to the caller's array.
    pub(crate) fn finish(self) -> PyResult<()> {
        let py = self.out.py();
        if let Some(copy) = self.copy {
            py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "copyto"), (self.out, copy))?;
        }
        Ok(())
    }
}
