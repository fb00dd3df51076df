//! The detail of an error: what a failed call stores behind its last argument.

use std::ffi::CString;

use bytemuck::Zeroable as _;
use capbuf::Error;

use crate::boundary::arguments::versioned_struct;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::status::capbuf_status;

/// The detail of an error: its status, a message and numbers. See "Errors".
///
/// Owned by the caller, who frees it with `capbuf_error_free`. Any thread may read it.
pub struct capbuf_error {
    pub(crate) code: capbuf_status,
    pub(crate) message: CString,
    pub(crate) numbers: capbuf_error_detail,
}

/// The numbers of an error. A number that does not apply to the status is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_error_detail {
    /// Set it to `sizeof(capbuf_error_detail)` before the call.
    pub struct_size: usize,
    /// OVER_BUDGET, OUT_OF_MEMORY, OUT_OF_SPACE: the bytes requested.
    pub requested_bytes: u64,
    /// OVER_BUDGET: the limit. OUT_OF_SPACE: the free bytes.
    pub limit_bytes: u64,
    /// OVER_BUDGET: the bytes in use.
    pub used_bytes: u64,
    /// NOT_YET: one past the newest frame. EVICTED: the oldest frame.
    pub frame: u64,
    /// NOT_YET: the frames that are not written yet.
    pub missing_frames: u64,
    /// NOT_YET: when the last missing frame is expected, or 0 before the first write.
    /// EVICTED: the capture time of the oldest frame. In ns of UTC.
    pub utc_ns: i64,
    /// TOO_SMALL: the samples needed, or for a text the bytes.
    pub needed_samples: u64,
    /// WRITER_BUSY: the process that holds the writer, if known.
    pub holder_pid: u32,
    /// LAYOUT_MISMATCH: the layout version found.
    pub found_version: u32,
}

versioned_struct!(capbuf_error_detail);

impl capbuf_error {
    pub(crate) fn new(error: FfiError) -> Self {
        let message = error.message().replace('\0', "\u{fffd}");
        let numbers = error.core().map_or_else(capbuf_error_detail::zeroed, numbers);
        Self { code: error.code(), message: CString::new(message).unwrap_or_default(), numbers }
    }
}

fn numbers(error: &Error) -> capbuf_error_detail {
    let zeros = capbuf_error_detail::zeroed();
    match *error {
        Error::OverBudget { requested_bytes, used_bytes, limit_bytes, .. } => {
            capbuf_error_detail { requested_bytes, used_bytes, limit_bytes, ..zeros }
        }
        Error::OutOfMemory { requested_bytes, .. } => capbuf_error_detail { requested_bytes, ..zeros },
        Error::OutOfSpace { requested_bytes, free_bytes, .. } => {
            capbuf_error_detail { requested_bytes, limit_bytes: free_bytes, ..zeros }
        }
        Error::NotYet { newest_frame, missing_frames, expected_utc_ns } => {
            let utc_ns = expected_utc_ns.unwrap_or(0);
            capbuf_error_detail { frame: newest_frame, missing_frames, utc_ns, ..zeros }
        }
        Error::Evicted { oldest_frame, oldest_utc_ns } => {
            capbuf_error_detail { frame: oldest_frame, utc_ns: oldest_utc_ns, ..zeros }
        }
        Error::TooSmall { needed_samples, .. } => capbuf_error_detail { needed_samples, ..zeros },
        Error::WriterBusy { ref holder, .. } => {
            capbuf_error_detail { holder_pid: holder.as_ref().map_or(0, |holder| holder.pid), ..zeros }
        }
        Error::LayoutMismatch { found, .. } => capbuf_error_detail { found_version: found, ..zeros },
        _ => zeros,
    }
}
