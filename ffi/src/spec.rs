//! The shape of a buffer.

use capbuf::{Length, SampleFormat, Spec};

use crate::arguments::growing;
use crate::failure::Failure;

/// How a sample is stored: one of the `CAPBUF_FORMAT_` constants.
pub type capbuf_sample_format = u32;

/// The buffer's own format, where samples are read.
pub const CAPBUF_FORMAT_OWN: capbuf_sample_format = 0;
/// 16-bit signed integers: `int16_t`.
pub const CAPBUF_FORMAT_S16: capbuf_sample_format = 1;
/// 24-bit signed integers in three bytes, the lowest first: `uint8_t[3]`.
pub const CAPBUF_FORMAT_S24: capbuf_sample_format = 2;
/// 32-bit signed integers: `int32_t`.
pub const CAPBUF_FORMAT_S32: capbuf_sample_format = 3;
/// 32-bit floats, full scale at 1.0: `float`.
pub const CAPBUF_FORMAT_F32: capbuf_sample_format = 4;

/// Until the buffer is removed, or its domain is.
pub const CAPBUF_LIFETIME_UNTIL_REMOVED: u32 = 0;
/// While a process has the buffer open.
pub const CAPBUF_LIFETIME_WHILE_OPEN: u32 = 1;

/// The shape of a buffer, and how it is allocated.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_spec {
    /// Set it to `sizeof(capbuf_spec)` before the call.
    pub struct_size: usize,
    /// How much audio it keeps, in seconds; or 0, and `length_frames` says it.
    pub seconds: f64,
    /// How much audio it keeps, in frames; or 0, and `seconds` says it.
    pub length_frames: u64,
    /// 1 to 768000.
    pub sample_rate_hz: u32,
    /// 1 to 64.
    pub channels: u32,
    /// S16, S24, S32 or F32.
    pub sample_format: capbuf_sample_format,
    /// How long it stays in its domain: one of the `CAPBUF_LIFETIME_` constants.
    pub lifetime: u32,
}

growing!(
    capbuf_spec,
    size_of::<capbuf_spec>(),
    capbuf_spec {
        struct_size: size_of::<capbuf_spec>(),
        seconds: 0.0,
        length_frames: 0,
        sample_rate_hz: 0,
        channels: 0,
        sample_format: 0,
        lifetime: 0,
    }
);

pub(crate) fn format(number: capbuf_sample_format) -> Result<SampleFormat, Failure> {
    let known = SampleFormat::ALL.into_iter().find(|format| *format as u32 == number);
    known.ok_or_else(|| Failure::argument("sample_format", number, "1 (s16), 2 (s24), 3 (s32), 4 (f32)"))
}

/// `None` for the buffer's own.
pub(crate) fn format_or_own(number: capbuf_sample_format) -> Result<Option<SampleFormat>, Failure> {
    if number == CAPBUF_FORMAT_OWN { Ok(None) } else { format(number).map(Some) }
}

pub(crate) fn lifetime(number: u32) -> Result<capbuf::Lifetime, Failure> {
    match number {
        CAPBUF_LIFETIME_UNTIL_REMOVED => Ok(capbuf::Lifetime::UntilRemoved),
        CAPBUF_LIFETIME_WHILE_OPEN => Ok(capbuf::Lifetime::WhileOpen),
        _ => Err(Failure::argument("lifetime", number, "0 (until removed), 1 (while open)")),
    }
}

pub(crate) fn length(seconds: f64, frames: u64) -> Result<Length, Failure> {
    match (seconds != 0.0, frames != 0) {
        (true, false) => Ok(Length::Seconds(seconds)),
        (false, true) => Ok(Length::Frames(frames)),
        (true, true) => Err(Failure::argument("seconds", seconds, "0 where length_frames is set, as one says it")),
        (false, false) => Err(Failure::argument("seconds", seconds, "a length, here or in length_frames")),
    }
}

impl capbuf_spec {
    pub(crate) fn checked(&self) -> Result<(Spec, capbuf::AllocateOptions), Failure> {
        let channels = u16::try_from(self.channels).unwrap_or(u16::MAX);
        let length = length(self.seconds, self.length_frames)?;
        let spec = Spec::new(length, self.sample_rate_hz, channels, format(self.sample_format)?)?;
        Ok((spec, capbuf::AllocateOptions::new().lifetime(lifetime(self.lifetime)?)))
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
