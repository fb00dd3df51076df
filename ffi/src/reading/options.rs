//! Options of a read.

use capbuf::{ReadOptions, SampleFormat};

use crate::boundary::arguments::versioned_struct;
use crate::boundary::durations::duration;
use crate::boundary::ffi_error::FfiError;
use crate::spec::{capbuf_sample_format, format_or_own};

/// Options of a read. NULL in its place, and all zeros, read the whole span, without waiting, in
/// the buffer's own format.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_read_options {
    /// Set it to `sizeof(capbuf_read_options)` before the call.
    pub struct_size: usize,
    /// Time to wait for frames that are not written yet, in ns; 0: do not wait.
    pub wait_ns: i64,
    /// 0: an error if a part of the span is missing. 1: read the available part and report the
    /// missing one.
    pub available: u32,
    /// 0: fill gaps with silence in spans of time, not in spans of frames. 1: fill. 2: do not fill.
    pub silence: u32,
    /// The format to convert the samples to; CAPBUF_FORMAT_OWN: no conversion.
    pub sample_format: capbuf_sample_format,
    /// Set it to 0.
    pub reserved: u32,
}

versioned_struct!(capbuf_read_options);

impl capbuf_read_options {
    pub(crate) fn checked(&self) -> Result<(ReadOptions, Option<SampleFormat>), FfiError> {
        let mut options = ReadOptions::new();
        let wait = duration("wait_ns", self.wait_ns)?;
        if !wait.is_zero() {
            options = options.wait(wait);
        }
        match self.available {
            0 => {}
            1 => options = options.available(),
            other => return Err(FfiError::invalid_argument("available", other, "0 or 1")),
        }
        match self.silence {
            0 => {}
            1 => options = options.silence(true),
            2 => options = options.silence(false),
            other => {
                return Err(FfiError::invalid_argument("silence", other, "0 (default), 1 (fill), 2 (do not fill)"));
            }
        }
        let format = format_or_own(self.sample_format)?;
        if let Some(format) = format {
            options = options.format(format);
        }
        Ok((options, format))
    }
}
