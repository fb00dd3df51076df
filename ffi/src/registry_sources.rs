//! The sources of a registry: those with a buffer, and those that have none yet.

use std::ffi::c_char;

use ::capbuf::SourceInfo;

use crate::boundary::arguments::{deref, free, out, versioned_out, versioned_struct};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::{FfiError, element};
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;
use crate::capture::state::state_number;
use crate::registry_open::capbuf_registry;

/// A snapshot of the sources of a registry.
///
/// Owned by the caller, who frees it with `capbuf_source_info_list_free`. Any thread may read it.
pub struct capbuf_source_info_list(Vec<Listed>);

/// A source without its buffer, so that a list does not keep memory.
struct Listed {
    name: String,
    reason: String,
    program: String,
    info: capbuf_source_info,
}

/// A source that has a buffer, or that a recorder is opening, is waiting for, or could not open.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_source_info {
    /// Set it to `sizeof(capbuf_source_info)` before the call.
    pub struct_size: usize,
    /// The time the state began, in ns of UTC; 0 without a state.
    pub since_utc_ns: i64,
    /// Number of times that the source was reopened after it had run.
    pub restarts: u64,
    /// One of the `CAPBUF_STATE_` constants; 0 if no recorder published one.
    pub state: u32,
    /// 1 if the source has a buffer, otherwise 0.
    pub has_buffer: u32,
    /// The live process that published the state; 0 if there is none, and in a private registry.
    pub recorder_pid: u32,
    /// Unused.
    pub reserved: u32,
}

versioned_struct!(capbuf_source_info);

impl Listed {
    fn of(source: SourceInfo) -> Self {
        let (health, recorder) = (source.health, source.recorder);
        let info = capbuf_source_info {
            struct_size: 0,
            since_utc_ns: health.as_ref().map_or(0, |health| health.since_utc_ns),
            restarts: health.as_ref().map_or(0, |health| health.restarts),
            state: health.as_ref().map_or(0, |health| state_number(health.state)),
            has_buffer: source.buffer.is_some().into(),
            recorder_pid: recorder.as_ref().map_or(0, |recorder| recorder.pid),
            reserved: 0,
        };
        Self {
            name: source.source.as_str().to_owned(),
            reason: health.map(|health| health.reason).unwrap_or_default(),
            program: recorder.map(|recorder| recorder.program).unwrap_or_default(),
            info,
        }
    }
}

impl capbuf_source_info_list {
    fn source(&self, number: usize) -> Result<&Listed, FfiError> {
        element(&self.0, number, "sources")
    }
}

/// Lists the sources of the registry, sorted by name: those with a buffer, and those that a
/// recorder is opening, is waiting for, or could not open.
///
/// On success the caller owns `*sources`, and `*count` is the number of sources.
///
/// Threads: any. Cost: allocates, system calls; maps all buffers of a domain.
/// Errors: SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_sources(
    registry: *const capbuf_registry,
    sources: *mut *mut capbuf_source_info_list,
    count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, list, count) = (deref!(registry), out!(sources), out!(count));
        let found: Vec<_> = registry.0.sources()?.into_iter().map(Listed::of).collect();
        count.write(found.len());
        list.write(into_handle(capbuf_source_info_list(found)));
        Ok(())
    })
}

/// Copies the name of source `number` of the list, with any credentials, and its state to `*info`.
/// Its buffer has the same name in the registry.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: INVALID_ARGUMENT if there is no such source, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_info_list_get(
    sources: *const capbuf_source_info_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    info: *mut capbuf_source_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (sources, info) = (deref!(sources), versioned_out!(info));
        let found = sources.source(number)?;
        write_text(&found.name, out, out_size, out_len)?;
        info.write(found.info);
        Ok(())
    })
}

/// Copies the reason of the state of source `number` of the list, without credentials; empty if
/// nothing is wrong.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: INVALID_ARGUMENT if there is no such source, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_info_list_reason(
    sources: *const capbuf_source_info_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || write_text(&deref!(sources).source(number)?.reason, out, out_size, out_len))
}

/// Copies the name of the program that published the state of source `number` of the list; empty
/// if `recorder_pid` is 0.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: INVALID_ARGUMENT if there is no such source, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_info_list_program(
    sources: *const capbuf_source_info_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || write_text(&deref!(sources).source(number)?.program, out, out_size, out_len))
}

/// Frees `sources`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_info_list_free(sources: *mut capbuf_source_info_list) {
    guard_value((), || free!(sources));
}
