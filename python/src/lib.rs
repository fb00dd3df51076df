//! The Python package `capbuf`: its compiled module `capbuf._capbuf`.
//!
//! The doc comments of classes, methods and functions are the docstrings of the package, in numpy
//! style. Two things are written in Python: the exceptions (`_errors.py`), because only Python can
//! give a class two bases, and the coroutines (`_asyncio.py`).
//!
//! Imports run downward: `trigger`, `watch`, `station` -> `capture` -> `registry` -> `buffer` ->
//! `callback` -> `waiting`, `arrays` -> `arguments` -> `errors` -> `spec_dict`, `pickling`.
//!
//! No panic crosses into Python: PyO3 converts it into an exception. `unsafe` stands in
//! `callback/kill_safe.rs` and `loading.rs` only.

// Python methods have many keyword arguments.
#![allow(clippy::too_many_arguments)]

mod arguments;
mod arrays;
mod buffer;
mod callback;
mod capture;
mod errors;
mod loading;
mod pickling;
mod registry;
mod spec_dict;
mod station;
mod trigger;
mod waiting;
mod watch;

/// The compiled module of the package `capbuf`.
#[pyo3::pymodule(gil_used = false)]
mod _capbuf {
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::callback::end_all;
    #[pymodule_export]
    use crate::pickling::restore;

    /// Loads what later calls need: while the interpreter ends, nothing can be imported.
    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        crate::arrays::note_process();
        crate::loading::load(module)
    }

    #[pymodule_export]
    use crate::buffer::{
        CaptureBuffer, Clip, Gap, Holder, Level, Missing, Segment, Status, Window, Windows, Writer, clip_name,
    };
    #[pymodule_export]
    use crate::capture::{Capture, State, record};
    #[pymodule_export]
    use crate::registry::{
        AllocationReport, DomainInfo, Registry, SourceClaim, SourceInfo, Stats, Swept, domains, open, redact,
        remove_domain,
    };
    #[pymodule_export]
    use crate::station::{Changes, SourceConfig, SourceStatus, Station, Transition};
    #[pymodule_export]
    use crate::trigger::Trigger;
    #[pymodule_export]
    use crate::watch::{Anomaly, Watch};
}

/// Python allocates objects with an alignment of 16 bytes.
const _: () = {
    const fn check<T>() {
        assert!(align_of::<T>() <= 16, "box the field that needs a larger alignment");
    }
    check::<buffer::CaptureBuffer>();
    check::<buffer::Clip>();
    check::<buffer::Gap>();
    check::<buffer::Holder>();
    check::<buffer::Level>();
    check::<buffer::Missing>();
    check::<buffer::Segment>();
    check::<buffer::Status>();
    check::<buffer::Window>();
    check::<buffer::Windows>();
    check::<buffer::Writer>();
    check::<capture::Capture>();
    check::<capture::State>();
    check::<registry::AllocationReport>();
    check::<registry::DomainInfo>();
    check::<registry::Registry>();
    check::<registry::SourceClaim>();
    check::<registry::SourceInfo>();
    check::<registry::Stats>();
    check::<registry::Swept>();
    check::<station::Changes>();
    check::<station::SourceConfig>();
    check::<station::SourceStatus>();
    check::<station::Station>();
    check::<station::Transition>();
    check::<trigger::Trigger>();
    check::<watch::Anomaly>();
    check::<watch::Watch>();
};
