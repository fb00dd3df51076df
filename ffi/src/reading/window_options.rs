//! Options of a window cursor.

use capbuf::WindowOptions;

use crate::boundary::arguments::versioned_struct;
use crate::boundary::durations::duration_default_or_none;
use crate::boundary::ffi_error::FfiError;

/// Options of a window cursor.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_window_options {
    /// Set it to `sizeof(capbuf_window_options)` before the call.
    pub struct_size: usize,
    /// The frames of a window.
    pub window_frames: u64,
    /// The frames from the beginning of one window to the beginning of the next.
    pub hop_frames: u64,
    /// If `from_frame` is 1: the first frame of the first window, which may not be written yet.
    pub start_frame: u64,
    /// Windows span gaps up to this duration, in ns; 0: up to 100 ms; -1: no gaps. After a longer
    /// gap, windows restart at its end.
    pub join_gaps_ns: i64,
    /// 0: the first window begins with the oldest frame. 1: with `start_frame`.
    pub from_frame: u32,
    /// Set it to 0.
    pub reserved: u32,
}

versioned_struct!(capbuf_window_options);

impl capbuf_window_options {
    pub(crate) fn checked(&self) -> Result<WindowOptions, FfiError> {
        let mut options = WindowOptions::new(self.window_frames, self.hop_frames);
        match self.from_frame {
            0 => {}
            1 => options = options.from_frame(self.start_frame),
            other => return Err(FfiError::invalid_argument("from_frame", other, "0 or 1")),
        }
        if let Some(gap) = duration_default_or_none("join_gaps_ns", self.join_gaps_ns)? {
            options = options.join_gaps(gap);
        }
        Ok(options)
    }
}
