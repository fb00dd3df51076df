//! The Python package `capbuf`: the compiled half of it, the module `capbuf._capbuf`.
//!
//! Documentation comments of classes, methods and functions are the docstrings of the package: numpy style, for readers of Python.
//! Exceptions are Python classes (`_errors.py`), as only Python can give a class two bases; what waits in an event loop is
//! a few lines of Python, too (`_asyncio.py`). Everything else is here.
//!
//! No panic crosses into Python (PyO3 makes an exception of it), and nothing here is `unsafe`.

// Python calls by keywords.
#![allow(clippy::too_many_arguments)]

mod arguments;
mod arrays;
mod awaited;
mod blocking;
mod buffer;
mod caller;
mod capture;
mod clip;
mod domains;
mod errors;
mod gap;
mod handle;
mod reading;
mod reads;
mod registry;
mod report;
mod segment;
mod source_claim;
mod station;
mod stats;
mod status;
mod times;
mod trigger;
mod waiting;
mod watch;
mod window;
mod windows;
mod writer;

/// The compiled half of the package `capbuf`.
#[pyo3::pymodule(gil_used = false)]
mod _capbuf {
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::buffer::CaptureBuffer;
    #[pymodule_export]
    use crate::capture::{Capture, State, record};
    #[pymodule_export]
    use crate::clip::{Clip, clip_name};
    #[pymodule_export]
    use crate::domains::{DomainInfo, domains, redact, remove_domain};
    #[pymodule_export]
    use crate::gap::{Gap, Missing};
    #[pymodule_export]
    use crate::registry::{Registry, open};
    #[pymodule_export]
    use crate::report::AllocationReport;
    #[pymodule_export]
    use crate::segment::Segment;
    #[pymodule_export]
    use crate::source_claim::SourceClaim;
    #[pymodule_export]
    use crate::station::{Changes, SourceConfig, SourceStatus, Station, Transition};
    #[pymodule_export]
    use crate::stats::{Stats, Swept};
    #[pymodule_export]
    use crate::status::{Holder, Level, Status};
    #[pymodule_export]
    use crate::trigger::Trigger;
    #[pymodule_export]
    use crate::watch::{Anomaly, Watch};
    #[pymodule_export]
    use crate::window::Window;
    #[pymodule_export]
    use crate::windows::Windows;
    #[pymodule_export]
    use crate::writer::Writer;
}

/// Objects lie where Python lays them: on sixteen bytes.
const _: () = {
    const fn fits<T>() {
        assert!(align_of::<T>() <= 16, "memory of its own is needed");
    }
    fits::<buffer::CaptureBuffer>();
    fits::<capture::Capture>();
    fits::<capture::State>();
    fits::<clip::Clip>();
    fits::<domains::DomainInfo>();
    fits::<source_claim::SourceClaim>();
    fits::<gap::Gap>();
    fits::<gap::Missing>();
    fits::<registry::Registry>();
    fits::<report::AllocationReport>();
    fits::<segment::Segment>();
    fits::<station::Changes>();
    fits::<station::SourceConfig>();
    fits::<station::SourceStatus>();
    fits::<station::Station>();
    fits::<station::Transition>();
    fits::<stats::Stats>();
    fits::<stats::Swept>();
    fits::<status::Holder>();
    fits::<status::Level>();
    fits::<status::Status>();
    fits::<trigger::Trigger>();
    fits::<watch::Anomaly>();
    fits::<watch::Watch>();
    fits::<window::Window>();
    fits::<windows::Windows>();
    fits::<writer::Writer>();
};
