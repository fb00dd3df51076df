//! The spec of a buffer, and how long it stays allocated.

use capbuf::{AllocateOptions, Length, SampleFormat, Spec};

use crate::boundary::arguments::versioned_struct;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::guard_value;

/// Storage of a sample: one of the `CAPBUF_FORMAT_` constants.
pub type capbuf_sample_format = u32;

/// The buffer's own format; in capture options, the source's.
pub const CAPBUF_FORMAT_OWN: capbuf_sample_format = 0;
/// 16-bit signed integers: `int16_t`.
pub const CAPBUF_FORMAT_S16: capbuf_sample_format = 1;
/// 24-bit signed integers in three bytes, little-endian: `uint8_t[3]`.
pub const CAPBUF_FORMAT_S24: capbuf_sample_format = 2;
/// 32-bit signed integers: `int32_t`.
pub const CAPBUF_FORMAT_S32: capbuf_sample_format = 3;
/// 32-bit floats, full scale at 1.0: `float`.
pub const CAPBUF_FORMAT_F32: capbuf_sample_format = 4;

/// The buffer stays until it or its domain is removed.
pub const CAPBUF_LIFETIME_UNTIL_REMOVED: u32 = 0;
/// The buffer stays while a process has it open.
pub const CAPBUF_LIFETIME_WHILE_OPEN: u32 = 1;

/// The spec of a buffer: length, rate, channels and format. Set either `seconds` or
/// `length_frames`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_spec {
    /// Set it to `sizeof(capbuf_spec)` before the call.
    pub struct_size: usize,
    /// The length in seconds; 0 if `length_frames` is set.
    pub seconds: f64,
    /// The length in frames; 0 if `seconds` is set.
    pub length_frames: u64,
    /// Frames per second: 1 to 768000.
    pub sample_rate_hz: u32,
    /// Samples per frame: 1 to 64.
    pub channels: u32,
    /// CAPBUF_FORMAT_S16, S24, S32 or F32.
    pub sample_format: capbuf_sample_format,
    /// Lifetime of the buffer in its domain: one of the `CAPBUF_LIFETIME_` constants.
    pub lifetime: u32,
}

versioned_struct!(capbuf_spec);

pub(crate) fn format(number: capbuf_sample_format) -> Result<SampleFormat, FfiError> {
    let known = SampleFormat::ALL.into_iter().find(|format| *format as u32 == number);
    known.ok_or_else(|| FfiError::invalid_argument("sample_format", number, "1 (s16), 2 (s24), 3 (s32), 4 (f32)"))
}

/// Converts a format; CAPBUF_FORMAT_OWN is `None`.
pub(crate) fn format_or_own(number: capbuf_sample_format) -> Result<Option<SampleFormat>, FfiError> {
    if number == CAPBUF_FORMAT_OWN { Ok(None) } else { format(number).map(Some) }
}

pub(crate) fn lifetime(number: u32) -> Result<capbuf::Lifetime, FfiError> {
    match number {
        CAPBUF_LIFETIME_UNTIL_REMOVED => Ok(capbuf::Lifetime::UntilRemoved),
        CAPBUF_LIFETIME_WHILE_OPEN => Ok(capbuf::Lifetime::WhileOpen),
        _ => Err(FfiError::invalid_argument("lifetime", number, "0 (until removed), 1 (while open)")),
    }
}

fn length(seconds: f64, frames: u64) -> Result<Length, FfiError> {
    match (seconds != 0.0, frames != 0) {
        (true, false) => Ok(Length::Seconds(seconds)),
        (false, true) => Ok(Length::Frames(frames)),
        (true, true) => Err(FfiError::invalid_argument("seconds", seconds, "0 if length_frames is set")),
        (false, false) => Err(FfiError::invalid_argument("seconds", seconds, "a length, here or in length_frames")),
    }
}

impl capbuf_spec {
    pub(crate) fn checked(&self) -> Result<(Spec, AllocateOptions), FfiError> {
        let channels = u16::try_from(self.channels).unwrap_or(u16::MAX);
        let length = length(self.seconds, self.length_frames)?;
        let spec = Spec::new(length, self.sample_rate_hz, channels, format(self.sample_format)?)?;
        Ok((spec, AllocateOptions::new().lifetime(lifetime(self.lifetime)?)))
    }

    pub(crate) fn of(spec: &Spec, lifetime: capbuf::Lifetime) -> Self {
        Self {
            struct_size: size_of::<Self>(),
            seconds: spec.duration().as_secs_f64(),
            length_frames: spec.length_frames(),
            sample_rate_hz: spec.sample_rate_hz(),
            channels: spec.channels().into(),
            sample_format: spec.format() as u32,
            lifetime: lifetime as u32,
        }
    }
}

/// Returns the bytes of one sample of `sample_format`; 0 for any other number.
///
/// Threads: any. Cost: allocates nothing.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_sample_bytes(sample_format: capbuf_sample_format) -> usize {
    guard_value(0, || format(sample_format).map_or(0, SampleFormat::bytes))
}
