//! What goes wrong on the way through C: the core's and the capture's errors, and those of the boundary itself.

use std::borrow::Cow;

use crate::error::{
    CAPBUF_CAPTURE_FAILED, CAPBUF_INVALID_ARGUMENT, CAPBUF_MISALIGNED, CAPBUF_NULL_ARGUMENT, CAPBUF_PANICKED,
    capbuf_status,
};

/// Why a call failed. Made without allocating where the core's error is, so that a writer's failures cost nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    Buffer(capbuf::Error),
    Capture(Box<capbuf_capture::Error>),
    Boundary { code: capbuf_status, message: Cow<'static, str> },
}

impl Failure {
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
    pub(crate) fn not_utf8(name: &'static str, good_bytes: usize) -> Self {
        let message = format!("{name} is no UTF-8 text after its first {good_bytes} bytes").into();
        Self::Boundary { code: CAPBUF_INVALID_ARGUMENT, message }
    }

    #[cold]
    pub(crate) fn argument(name: &'static str, given: impl ToString, allowed: &str) -> Self {
        let message = format!("{name} is {}; allowed: {allowed}", given.to_string()).into();
        Self::Boundary { code: CAPBUF_INVALID_ARGUMENT, message }
    }

    pub(crate) const fn panicked() -> Self {
        let message = Cow::Borrowed("a defect of this library: it panicked; the call has failed");
        Self::Boundary { code: CAPBUF_PANICKED, message }
    }

    pub(crate) fn code(&self) -> capbuf_status {
        match self {
            Self::Buffer(error) => error.code() as capbuf_status,
            Self::Capture(error) => match &**error {
                capbuf_capture::Error::Buffer(error) => error.code() as capbuf_status,
                _ => CAPBUF_CAPTURE_FAILED,
            },
            Self::Boundary { code, .. } => *code,
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Buffer(error) => error.to_string(),
            Self::Capture(error) => error.to_string(),
            Self::Boundary { message, .. } => message.to_string(),
        }
    }

    /// The core's own error, where it is one.
    pub(crate) fn core(&self) -> Option<&capbuf::Error> {
        match self {
            Self::Buffer(error) => Some(error),
            Self::Capture(error) => match &**error {
                capbuf_capture::Error::Buffer(error) => Some(error),
                _ => None,
            },
            Self::Boundary { .. } => None,
        }
    }
}

/// The one of a list that has a number; `what` it is a list of.
pub(crate) fn numbered<'a, T>(list: &'a [T], number: usize, what: &str) -> Result<&'a T, Failure> {
    let allowed = || format!("below {}, the number of {what}", list.len());
    list.get(number).ok_or_else(|| Failure::argument("number", number, &allowed()))
}

impl From<capbuf::Error> for Failure {
    fn from(error: capbuf::Error) -> Self {
        Self::Buffer(error)
    }
}

impl From<capbuf_capture::Error> for Failure {
    fn from(error: capbuf_capture::Error) -> Self {
        Self::Capture(Box::new(error))
    }
}
