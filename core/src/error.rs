//! The errors of the library, in one table for all languages.

use std::time::Duration;

use crate::holder::Holder;
use crate::source::Source;
use crate::spec::{SampleFormat, Spec};

/// The result of a capbuf call.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, with the numbers that a caller needs to act on it.
///
/// Sources in messages are shown without credentials. [`Error::code`] is stable and the same in
/// every language.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument is out of range. Nothing was changed; call again with an allowed value.
    #[error("{what} is {given}; allowed: {allowed}")]
    InvalidArgument {
        /// The argument, by its name in the API.
        what: &'static str,
        /// The value passed.
        given: String,
        /// The allowed values.
        allowed: String,
    },
    /// A source name is empty, too long or holds control characters.
    #[error("source {given} is not usable: {reason}")]
    InvalidSource {
        /// The name, redacted, escaped and cut to a readable length.
        given: String,
        /// The reason.
        reason: &'static str,
    },
    /// The source has a buffer with another spec. The buffer is unchanged: ask for its [`Spec`] or
    /// remove it first.
    #[error("source {source_name} already has a buffer of {existing}, asked for {requested}")]
    SpecMismatch {
        /// The source, without credentials.
        source_name: Source,
        /// The spec of the source's buffer.
        existing: Spec,
        /// The requested spec.
        requested: Spec,
    },
    /// `allocate` was called for a source with a buffer. Share it by `get_or_allocate`.
    #[error("source {source_name} already has a buffer of {existing}")]
    AlreadyExists {
        /// The source, without credentials.
        source_name: Source,
        /// The spec of the source's buffer.
        existing: Spec,
    },
    /// The source has no buffer.
    #[error("source {source_name} has no buffer")]
    NotFound {
        /// The source, without credentials.
        source_name: String,
    },
    /// The buffer would exceed the limit of one buffer, or what is left of the registry's budget.
    #[error("{requested_bytes} bytes requested, but {scope} allows {limit_bytes} bytes and {used_bytes} are in use")]
    OverBudget {
        /// Bytes that the buffer would take.
        requested_bytes: u64,
        /// Bytes in use (zero for the limit of one buffer).
        used_bytes: u64,
        /// The limit in bytes.
        limit_bytes: u64,
        /// The limit's name: `one buffer` or `the registry's budget`.
        scope: &'static str,
    },
    /// The operating system refused the memory.
    #[error("the system would not map {requested_bytes} bytes: {reason}")]
    OutOfMemory {
        /// Bytes requested.
        requested_bytes: u64,
        /// The system's message.
        reason: String,
    },
    /// Another writer holds the buffer, or another feeder the source: one at a time, in all
    /// processes.
    #[error("source {source_name} has a writer already{}", held_by(.holder))]
    WriterBusy {
        /// The source, without credentials.
        source_name: Source,
        /// The process that holds it, if known; `None` in a private registry.
        holder: Option<Holder>,
    },
    /// The buffer was removed from its registry: no more frames will come.
    #[error("the buffer of source {source_name} was removed")]
    Removed {
        /// The source, without credentials.
        source_name: Source,
    },
    /// The span ends after the newest frame.
    #[error("not recorded yet: newest is frame {newest_frame}, the span is {missing_frames} frames ahead")]
    NotYet {
        /// One past the newest readable frame.
        newest_frame: u64,
        /// Number of frames still to come.
        missing_frames: u64,
        /// Time at which the last of them is expected, in ns of UTC, at the source's rate; `None`
        /// before the first write.
        expected_utc_ns: Option<i64>,
    },
    /// The span begins before the oldest readable frame.
    #[error("no longer there: oldest is frame {oldest_frame} at {oldest_utc_ns} ns UTC")]
    Evicted {
        /// The oldest readable frame.
        oldest_frame: u64,
        /// Its time in ns of UTC.
        oldest_utc_ns: i64,
    },
    /// The span is empty, reversed, or longer than the buffer ([`Span::Last`](crate::Span::Last)).
    #[error("{given} is not a span to read: {reason}")]
    InvalidRange {
        /// The span passed.
        given: String,
        /// The reason.
        reason: String,
    },
    /// The caller's memory is too small for the span. Nothing was written to it.
    #[error("memory for {given_samples} samples was given, the span needs {needed_samples}")]
    TooSmall {
        /// Samples (frames times channels) that the span needs.
        needed_samples: u64,
        /// Samples that the caller's memory holds.
        given_samples: u64,
    },
    /// Samples of one format were written to a buffer of another.
    #[error("samples are {given}, the buffer holds {expected}")]
    FormatMismatch {
        /// The format of the samples passed.
        given: SampleFormat,
        /// The format of the buffer.
        expected: SampleFormat,
    },
    /// The frames did not come within the time-out.
    #[error("waited {waited:?} for frames that did not come")]
    TimedOut {
        /// Time waited.
        waited: Duration,
    },
    /// The shared memory of a domain is full. Set `CAPBUF_DIR` to another folder, give a container
    /// more by `--shm-size`, or remove buffers. Nothing is left behind.
    #[error(
        "{requested_bytes} bytes requested, but {folder} has {free_bytes} bytes free; \
         set CAPBUF_DIR to a folder with more (for a container: --shm-size), or remove buffers"
    )]
    OutOfSpace {
        /// Bytes that the buffer would take.
        requested_bytes: u64,
        /// Free bytes of the file system.
        free_bytes: u64,
        /// The domain's folder.
        folder: String,
    },
    /// The operating system refused an operation on a domain's folder or files.
    #[error("{what}: {reason}")]
    System {
        /// The operation, with the file's path.
        what: String,
        /// The system's message.
        reason: String,
    },
    /// A domain's folder or file belongs to another user, or is open to others. It is not touched.
    #[error("{path} is not safe to use: {reason}")]
    Forbidden {
        /// The folder or file.
        path: String,
        /// The fault, and what would be right.
        reason: String,
    },
    /// A buffer was made by a version of this library with another memory layout. Use that version,
    /// or remove the file (`capbuf remove FILE`).
    #[error(
        "{path} has memory layout {found}, this library knows layout {known}; use the version that made it, or \
         remove the file: capbuf remove {path}"
    )]
    LayoutMismatch {
        /// The buffer's file.
        path: String,
        /// Its layout version.
        found: u32,
        /// This library's layout version.
        known: u32,
    },
    /// A buffer's memory contradicts itself: it was overwritten. Remove the source: then it can be
    /// allocated again.
    #[error("{path} is damaged: {reason}; remove the source (capbuf remove, Registry::remove)")]
    Corrupt {
        /// The buffer's file, or its source.
        path: String,
        /// The contradiction.
        reason: String,
    },
    /// The handle belongs to the parent of this forked process, which may only read with it. Open
    /// the domain again in the child for all else.
    #[error("{what} belongs to the process that this one was forked from: open the domain again in this one")]
    Forked {
        /// The handle, with its source, without credentials.
        what: String,
    },
    /// Allocating a buffer panicked, which is a defect of this library. The source can be requested
    /// again.
    #[error("allocating the buffer of source {source_name} panicked")]
    AllocationPanicked {
        /// The source, without credentials.
        source_name: Source,
    },
}

/// The stable number of each kind of [`Error`]; numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i32)]
#[non_exhaustive]
pub enum ErrorCode {
    /// [`Error::InvalidArgument`]
    InvalidArgument = 1,
    /// [`Error::InvalidSource`]
    InvalidSource = 2,
    /// [`Error::SpecMismatch`]
    SpecMismatch = 3,
    /// [`Error::AlreadyExists`]
    AlreadyExists = 4,
    /// [`Error::NotFound`]
    NotFound = 5,
    /// [`Error::OverBudget`]
    OverBudget = 6,
    /// [`Error::OutOfMemory`]
    OutOfMemory = 7,
    /// [`Error::WriterBusy`]
    WriterBusy = 8,
    /// [`Error::Removed`]
    Removed = 9,
    /// [`Error::NotYet`]
    NotYet = 10,
    /// [`Error::Evicted`]
    Evicted = 11,
    /// [`Error::InvalidRange`]
    InvalidRange = 12,
    /// [`Error::TooSmall`]
    TooSmall = 13,
    /// [`Error::FormatMismatch`]
    FormatMismatch = 14,
    /// [`Error::TimedOut`]
    TimedOut = 15,
    /// [`Error::AllocationPanicked`]
    AllocationPanicked = 16,
    /// [`Error::OutOfSpace`]
    OutOfSpace = 17,
    /// [`Error::System`]
    System = 18,
    /// [`Error::Forbidden`]
    Forbidden = 19,
    /// [`Error::LayoutMismatch`]
    LayoutMismatch = 20,
    /// [`Error::Corrupt`]
    Corrupt = 21,
    // 22 was an error of earlier versions.
    /// [`Error::Forked`]
    Forked = 23,
}

impl Error {
    /// The stable number of this kind of error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidArgument { .. } => ErrorCode::InvalidArgument,
            Self::InvalidSource { .. } => ErrorCode::InvalidSource,
            Self::SpecMismatch { .. } => ErrorCode::SpecMismatch,
            Self::AlreadyExists { .. } => ErrorCode::AlreadyExists,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::OverBudget { .. } => ErrorCode::OverBudget,
            Self::OutOfMemory { .. } => ErrorCode::OutOfMemory,
            Self::WriterBusy { .. } => ErrorCode::WriterBusy,
            Self::Removed { .. } => ErrorCode::Removed,
            Self::NotYet { .. } => ErrorCode::NotYet,
            Self::Evicted { .. } => ErrorCode::Evicted,
            Self::InvalidRange { .. } => ErrorCode::InvalidRange,
            Self::TooSmall { .. } => ErrorCode::TooSmall,
            Self::FormatMismatch { .. } => ErrorCode::FormatMismatch,
            Self::TimedOut { .. } => ErrorCode::TimedOut,
            Self::AllocationPanicked { .. } => ErrorCode::AllocationPanicked,
            Self::OutOfSpace { .. } => ErrorCode::OutOfSpace,
            Self::System { .. } => ErrorCode::System,
            Self::Forbidden { .. } => ErrorCode::Forbidden,
            Self::LayoutMismatch { .. } => ErrorCode::LayoutMismatch,
            Self::Corrupt { .. } => ErrorCode::Corrupt,
            Self::Forked { .. } => ErrorCode::Forked,
        }
    }

    /// The error of a call that a child may not make with an inherited handle.
    #[doc(hidden)]
    pub fn forked(what: &str, source: impl ToString) -> Self {
        Self::Forked { what: format!("the {what} of source {}", source.to_string()) }
    }

    pub(crate) fn invalid(what: &'static str, given: impl ToString, allowed: impl Into<String>) -> Self {
        Self::InvalidArgument { what, given: given.to_string(), allowed: allowed.into() }
    }

    pub(crate) fn system(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::System { what: what.into(), reason: reason.to_string() }
    }
}

fn held_by(holder: &Option<Holder>) -> String {
    holder.as_ref().map_or_else(String::new, |holder| format!(": {holder}"))
}
