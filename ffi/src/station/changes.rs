//! The changes that a reconfiguration made, source by source.

use std::ffi::c_char;

use ::capbuf_capture::Changes;

use crate::boundary::arguments::{deref, free, out};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::element;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;

/// The changes that a reconfiguration made, source by source.
///
/// Owned by the caller, who frees it with `capbuf_change_list_free`. Any thread may read it.
pub struct capbuf_change_list(Vec<(u32, String)>);

/// The source was left running: no frame is lost.
pub const CAPBUF_CHANGE_UNCHANGED: u32 = 1;
/// The source was started.
pub const CAPBUF_CHANGE_STARTED: u32 = 2;
/// The source was restarted, because its locator or its supervision changed. It has the same ring.
pub const CAPBUF_CHANGE_RESTARTED: u32 = 3;
/// The source was restarted in a ring of another length, which has as much of the old audio as
/// fits.
pub const CAPBUF_CHANGE_RESIZED: u32 = 4;
/// The source was restarted in a new, empty ring, because the format changed.
pub const CAPBUF_CHANGE_REFORMATTED: u32 = 5;
/// The source was stopped.
pub const CAPBUF_CHANGE_STOPPED: u32 = 6;

impl capbuf_change_list {
    pub(crate) fn of(changes: Changes) -> Self {
        let lists = [
            (CAPBUF_CHANGE_UNCHANGED, changes.unchanged),
            (CAPBUF_CHANGE_STARTED, changes.started),
            (CAPBUF_CHANGE_RESTARTED, changes.restarted),
            (CAPBUF_CHANGE_RESIZED, changes.resized),
            (CAPBUF_CHANGE_REFORMATTED, changes.reformatted),
            (CAPBUF_CHANGE_STOPPED, changes.stopped),
        ];
        let numbered = |(change, names): (u32, Vec<String>)| names.into_iter().map(move |name| (change, name));
        Self(lists.into_iter().flat_map(numbered).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Sets `*change` to change `number` of the list, one of the `CAPBUF_CHANGE_` constants, and copies
/// the name of its source, with any credentials.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: INVALID_ARGUMENT if there is no such change, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_change_list_get(
    changes: *const capbuf_change_list,
    number: usize,
    change: *mut u32,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (changes, kind) = (&deref!(changes).0, out!(change));
        let (change, name) = element(changes, number, "changes")?;
        write_text(name, out, out_size, out_len)?;
        kind.write(*change);
        Ok(())
    })
}

/// Frees `changes`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_change_list_free(changes: *mut capbuf_change_list) {
    guard_value((), || free!(changes));
}
