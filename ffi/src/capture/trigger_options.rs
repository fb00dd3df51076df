//! Options of a trigger.

use std::ffi::c_char;

use ::capbuf_capture::{Condition, TriggerOptions};

use crate::boundary::arguments::{text, versioned_struct};
use crate::boundary::durations::{duration_default_or_none, duration_or_default};
use crate::boundary::ffi_error::FfiError;

/// Options of a trigger. `folder` must be set.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_trigger_options {
    /// Set it to `sizeof(capbuf_trigger_options)` before the call.
    pub struct_size: usize,
    /// The folder to write clips to, UTF-8. Their names consist of source and time, and of a number
    /// if that name is in use.
    pub folder: *const c_char,
    /// The bytes of `folder`.
    pub folder_len: usize,
    /// The duration of a clip before the trigger fires, in ns; 0: three seconds; -1: none.
    pub before_ns: i64,
    /// The duration of a clip after the trigger fires, in ns; 0: five seconds; -1: none.
    pub after_ns: i64,
    /// The limit of a merged clip's duration, in ns; 0: one minute. A longer one is split into
    /// adjacent clips.
    pub at_most_ns: i64,
    /// The threshold in dB of full scale, such as -40: the trigger fires by itself while the RMS of
    /// a tenth of a second is above it. 0: it fires only by `capbuf_trigger_fire`.
    pub louder_than_dbfs: f32,
    /// The lower end in Hz of the band that is compared with the threshold; with `high_hz` 0: all
    /// frequencies.
    pub low_hz: f32,
    /// The upper end of that band, in Hz.
    pub high_hz: f32,
    /// 0: write WAV. 1: write FLAC.
    pub flac: u32,
}

versioned_struct!(capbuf_trigger_options);

impl capbuf_trigger_options {
    pub(crate) fn checked(&self) -> Result<TriggerOptions, FfiError> {
        let Self { folder, folder_len, louder_than_dbfs, low_hz, high_hz, .. } = *self;
        let mut options = TriggerOptions::new(text!(folder, folder_len));
        if let Some(before) = duration_default_or_none("before_ns", self.before_ns)? {
            options = options.before(before);
        }
        if let Some(after) = duration_default_or_none("after_ns", self.after_ns)? {
            options = options.after(after);
        }
        if let Some(at_most) = duration_or_default("at_most_ns", self.at_most_ns)? {
            options = options.at_most(at_most);
        }
        let has_band = low_hz != 0.0 || high_hz != 0.0;
        if louder_than_dbfs != 0.0 {
            let condition = Condition::louder_than(louder_than_dbfs);
            options = options.when(if has_band { condition.between(low_hz, high_hz) } else { condition });
        } else if has_band {
            let allowed = "a threshold below 0 where low_hz or high_hz is set";
            return Err(FfiError::invalid_argument("louder_than_dbfs", 0, allowed));
        }
        match self.flac {
            0 => Ok(options),
            1 => Ok(options.flac()),
            other => Err(FfiError::invalid_argument("flac", other, "0 (WAV), 1 (FLAC)")),
        }
    }
}
