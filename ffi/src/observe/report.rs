//! The allocation report, as text and as JSON.

use std::ffi::c_char;

use crate::boundary::arguments::{deref, free, out};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::registry_open::capbuf_registry;
use crate::text::{capbuf_text, data_or_null};

/// A snapshot of the allocations of a registry or, in a domain, of all its processes.
///
/// Owned by the caller, who frees it with `capbuf_report_free`. Any thread may read it.
pub struct capbuf_report {
    text: capbuf_text,
    json: capbuf_text,
}

/// Creates a report of allocations: attempts, allocations and live buffers by source and call site,
/// the holders of each buffer, and the newest different stacks. In a domain it covers all
/// processes.
///
/// The report contains no credentials. On success the caller owns `*report`.
///
/// Threads: any but the audio thread. Cost: allocates, system calls, resolves stacks.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_allocation_report(
    registry: *const capbuf_registry,
    report: *mut *mut capbuf_report,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (deref!(registry), out!(report));
        let found = registry.0.allocation_report();
        let text = capbuf_text::new(found.to_string());
        out.write(into_handle(capbuf_report { text, json: capbuf_text::new(found.to_json()) }));
        Ok(())
    })
}

/// Returns `report` as text for people, zero-terminated UTF-8; NULL for NULL.
///
/// Writes its length without the zero to `*out_len`, unless `out_len` is NULL. The returned pointer
/// is valid until `report` is freed.
///
/// Threads: any. Cost: wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_report_text(report: *const capbuf_report, out_len: *mut usize) -> *const c_char {
    guard_value(std::ptr::null(), || data_or_null(|| deref!(report).text.data(out_len)))
}

/// Returns `report` as JSON of the schema `docs/schema/report.json`; otherwise like
/// `capbuf_report_text`.
///
/// Threads: any. Cost: wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_report_json(report: *const capbuf_report, out_len: *mut usize) -> *const c_char {
    guard_value(std::ptr::null(), || data_or_null(|| deref!(report).json.data(out_len)))
}

/// Frees `report`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_report_free(report: *mut capbuf_report) {
    guard_value((), || free!(report));
}
