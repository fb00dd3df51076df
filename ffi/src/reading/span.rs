//! Spans: the part of a buffer to read.

use std::time::Duration;

use capbuf::Span;

use crate::boundary::ffi_error::FfiError;

/// The span from frame number `first` up to, not including, frame number `end`.
pub const CAPBUF_SPAN_FRAMES: u32 = 1;
/// The span from time `first` up to `end`, in ns of UTC. By default a read fills its gaps with
/// silence, so that the result has the span's duration.
pub const CAPBUF_SPAN_TIME: u32 = 2;
/// The newest `end` ns; `first` is ignored.
pub const CAPBUF_SPAN_LAST: u32 = 3;

/// The span of a buffer to read.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_span {
    /// The meaning of `first` and `end`: one of the `CAPBUF_SPAN_` constants.
    pub kind: u32,
    /// Set it to 0.
    pub reserved: u32,
    /// The beginning of the span.
    pub first: i64,
    /// The end of the span, which is not part of it.
    pub end: i64,
}

impl capbuf_span {
    pub(crate) fn checked(&self) -> Result<Span, FfiError> {
        let frame = |name, number: i64| {
            u64::try_from(number).map_err(|_| FfiError::invalid_argument(name, number, "a frame number, 0 or more"))
        };
        match self.kind {
            CAPBUF_SPAN_FRAMES => Ok(Span::Frames(frame("first", self.first)?..frame("end", self.end)?)),
            CAPBUF_SPAN_TIME => Ok(Span::Time(self.first..self.end)),
            CAPBUF_SPAN_LAST => match u64::try_from(self.end) {
                Ok(ns) => Ok(Span::Last(Duration::from_nanos(ns))),
                Err(_) => Err(FfiError::invalid_argument("end", self.end, "a duration in ns, above 0")),
            },
            kind => Err(FfiError::invalid_argument("kind", kind, "1 (frames), 2 (time), 3 (last)")),
        }
    }
}
