//! The error of a call: one of the two crates below, or one found at the boundary itself.

use std::borrow::Cow;

use crate::boundary::status::{
    CAPBUF_CAPTURE_FAILED, CAPBUF_INVALID_ARGUMENT, CAPBUF_MISALIGNED, CAPBUF_NULL_ARGUMENT, CAPBUF_PANICKED,
    capbuf_status,
};

/// Why a call failed.
///
/// Wrapping a core error allocates nothing: a failed write stays real-time safe.
#[derive(Debug)]
pub(crate) enum FfiError {
    Core(capbuf::Error),
    Capture(Box<capbuf_capture::Error>),
    Boundary { code: capbuf_status, message: Cow<'static, str> },
}

impl FfiError {
    #[cold]
    pub(crate) fn null(name: &'static str) -> Self {
        Self::Boundary { code: CAPBUF_NULL_ARGUMENT, message: format!("{name} is NULL").into() }
    }

    #[cold]
    pub(crate) fn misaligned(name: &'static str, align: usize) -> Self {
        let message = format!("{name} is not aligned to {align} bytes").into();
        Self::Boundary { code: CAPBUF_MISALIGNED, message }
    }

    #[cold]
    pub(crate) fn not_utf8(name: &'static str, valid_bytes: usize) -> Self {
        let message = format!("{name} is not valid UTF-8 after its first {valid_bytes} bytes").into();
        Self::Boundary { code: CAPBUF_INVALID_ARGUMENT, message }
    }

    #[cold]
    pub(crate) fn invalid_argument(name: &'static str, value: impl ToString, allowed: &str) -> Self {
        let message = format!("{name} is {}; allowed: {allowed}", value.to_string()).into();
        Self::Boundary { code: CAPBUF_INVALID_ARGUMENT, message }
    }

    pub(crate) const fn panicked() -> Self {
        let message = Cow::Borrowed("the library panicked, which is a defect of it; the call failed");
        Self::Boundary { code: CAPBUF_PANICKED, message }
    }

    pub(crate) fn code(&self) -> capbuf_status {
        match self {
            Self::Boundary { code, .. } => *code,
            _ => self.core().map_or(CAPBUF_CAPTURE_FAILED, |error| error.code() as capbuf_status),
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Core(error) => error.to_string(),
            Self::Capture(error) => error.to_string(),
            Self::Boundary { message, .. } => message.to_string(),
        }
    }

    /// Returns the core error, also where the capture crate wraps it.
    pub(crate) fn core(&self) -> Option<&capbuf::Error> {
        match self {
            Self::Core(error) => Some(error),
            Self::Capture(error) => match &**error {
                capbuf_capture::Error::Buffer(error) => Some(error),
                _ => None,
            },
            Self::Boundary { .. } => None,
        }
    }
}

impl From<capbuf::Error> for FfiError {
    fn from(error: capbuf::Error) -> Self {
        Self::Core(error)
    }
}

impl From<capbuf_capture::Error> for FfiError {
    fn from(error: capbuf_capture::Error) -> Self {
        Self::Capture(Box::new(error))
    }
}

/// Returns `list[number]`; `elements` names what the list holds, for the message.
pub(crate) fn element<'a, T>(list: &'a [T], number: usize, elements: &str) -> Result<&'a T, FfiError> {
    let allowed = || format!("below {}, the number of {elements}", list.len());
    list.get(number).ok_or_else(|| FfiError::invalid_argument("number", number, &allowed()))
}
