//! A snapshot of the sources of a station.

use std::ffi::c_char;
use std::mem::offset_of;

use ::capbuf_capture::{SourceStatus, State, Transition};

use crate::boundary::arguments::{deref, free, versioned_out, versioned_struct};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::{FfiError, element};
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;
use crate::capture::state::state_number;

/// A snapshot of the sources of a station.
///
/// Owned by the caller, who frees it with `capbuf_source_list_free`. Any thread may read it.
pub struct capbuf_source_list(Vec<Listed>);

/// A source's status without its buffer, so that a list does not keep memory.
struct Listed {
    name: String,
    state: State,
    restarts: u64,
    has_buffer: bool,
    history: Vec<Transition>,
}

/// The status of a source of a station.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_source_status {
    /// Set it to `sizeof(capbuf_source_status)` before the call.
    pub struct_size: usize,
    /// Number of times that the source was reopened after it had run.
    pub restarts: u64,
    /// One of the `CAPBUF_STATE_` constants.
    pub state: u32,
    /// 1 if the source has been opened and has a buffer, otherwise 0.
    pub has_buffer: u32,
    /// The state changes that `capbuf_source_list_transition` can return.
    pub transitions: u64,
}

versioned_struct!(capbuf_source_status, offset_of!(capbuf_source_status, transitions));

/// A change of a source's state.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_transition {
    /// Set it to `sizeof(capbuf_transition)` before the call.
    pub struct_size: usize,
    /// The time of the change, in ns of UTC.
    pub utc_ns: i64,
    /// The new state: one of the `CAPBUF_STATE_` constants.
    pub state: u32,
    /// Unused.
    pub reserved: u32,
}

versioned_struct!(capbuf_transition);

impl capbuf_source_list {
    pub(crate) fn of(sources: Vec<SourceStatus>) -> Self {
        let listed = |SourceStatus { name, state, restarts, buffer, history, .. }| {
            let has_buffer = buffer.is_some();
            Listed { name, state, restarts, has_buffer, history }
        };
        Self(sources.into_iter().map(listed).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn source(&self, number: usize) -> Result<&Listed, FfiError> {
        element(&self.0, number, "sources")
    }
}

/// Copies the name of source `number` of the list, with any credentials, and its status to `*info`.
/// Its buffer has the same name in the registry.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: INVALID_ARGUMENT if there is no such source, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_get(
    sources: *const capbuf_source_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    info: *mut capbuf_source_status,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (sources, info) = (deref!(sources), versioned_out!(info));
        let found = sources.source(number)?;
        write_text(&found.name, out, out_size, out_len)?;
        info.write(capbuf_source_status {
            struct_size: 0,
            restarts: found.restarts,
            state: state_number(found.state.kind()),
            has_buffer: found.has_buffer.into(),
            transitions: found.history.len() as u64,
        });
        Ok(())
    })
}

/// Copies a description of the state of source `number` of the list, with the reason.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates.
/// Errors: INVALID_ARGUMENT if there is no such source, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_state(
    sources: *const capbuf_source_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || write_text(&deref!(sources).source(number)?.state.to_string(), out, out_size, out_len))
}

/// Copies state change `transition` of source `number` of the list to `*info`, and its reason as
/// text, which is empty unless something failed. The oldest recorded change is 0.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: INVALID_ARGUMENT if there is no such source or change, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_transition(
    sources: *const capbuf_source_list,
    number: usize,
    transition: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    info: *mut capbuf_transition,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (sources, info) = (deref!(sources), versioned_out!(info));
        let found = element(&sources.source(number)?.history, transition, "transitions")?;
        write_text(found.reason.as_deref().unwrap_or_default(), out, out_size, out_len)?;
        let state = state_number(found.state);
        info.write(capbuf_transition { struct_size: 0, utc_ns: found.utc_ns, state, reserved: 0 });
        Ok(())
    })
}

/// Frees `sources`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_free(sources: *mut capbuf_source_list) {
    guard_value((), || free!(sources));
}
