//! What can go wrong, once for all languages.

use std::time::Duration;

use crate::holder::Holder;
use crate::source::Source;
use crate::spec::{SampleFormat, Spec};

/// The result of a capbuf call.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with the numbers a caller needs to do something about it.
///
/// Sources in messages are shown without their credentials. [`Error::code`] is stable and the same in every language.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument is outside what is allowed. Nothing was changed; ask again with an allowed value.
    #[error("{what} is {given}; allowed: {allowed}")]
    InvalidArgument {
        /// The argument, by its name in the API.
        what: &'static str,
        /// The value that was given.
        given: String,
        /// What would have been accepted.
        allowed: String,
    },
    /// A source name is empty, too long or holds control characters.
    #[error("source {given} is not usable: {reason}")]
    InvalidSource {
        /// The name, redacted, escaped and cut to a readable length.
        given: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// The source has a buffer of another shape. The buffer stays as it was; ask for its [`Spec`] or remove it first.
    #[error("source {source_name} already has a buffer of {existing}, asked for {requested}")]
    SpecMismatch {
        /// The source, without credentials.
        source_name: Source,
        /// The shape the source has.
        existing: Spec,
        /// The shape that was asked for.
        requested: Spec,
    },
    /// `allocate` was called for a source that has a buffer. Use `get_or_allocate` to share it.
    #[error("source {source_name} already has a buffer of {existing}")]
    AlreadyExists {
        /// The source, without credentials.
        source_name: Source,
        /// The shape the source has.
        existing: Spec,
    },
    /// No buffer is allocated for the source.
    #[error("source {source_name} has no buffer")]
    NotFound {
        /// The source, without credentials.
        source_name: String,
    },
    /// The buffer would be larger than one buffer may be, or the registry's budget has too little left.
    #[error("{requested_bytes} bytes requested, but {scope} allows {limit_bytes} bytes and {used_bytes} are in use")]
    OverBudget {
        /// What the buffer would have taken.
        requested_bytes: u64,
        /// What is taken already (zero for the limit of one buffer).
        used_bytes: u64,
        /// The limit that would have been passed.
        limit_bytes: u64,
        /// Which limit: `one buffer` or `the registry's budget`.
        scope: &'static str,
    },
    /// The operating system would not give the memory.
    #[error("the system would not map {requested_bytes} bytes: {reason}")]
    OutOfMemory {
        /// What was asked for.
        requested_bytes: u64,
        /// The system's own words.
        reason: String,
    },
    /// Another writer holds the buffer, or is about to feed the source; there is one at a time, in all processes.
    #[error("source {source_name} has a writer already{}", held_by(.holder))]
    WriterBusy {
        /// The source, without credentials.
        source_name: Source,
        /// The process that holds it, where that is known; `None` in a private registry.
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
        /// One past the newest frame that can be read.
        newest_frame: u64,
        /// How many frames are still to come.
        missing_frames: u64,
        /// When the last of them is expected, in ns of UTC, if the source goes on at its pace; `None` before the
        /// first write.
        expected_utc_ns: Option<i64>,
    },
    /// The span begins before the oldest frame that is still there.
    #[error("no longer there: oldest is frame {oldest_frame} at {oldest_utc_ns} ns UTC")]
    Evicted {
        /// The oldest frame that can still be read.
        oldest_frame: u64,
        /// Its time in ns of UTC.
        oldest_utc_ns: i64,
    },
    /// The span is empty, reversed, or the last so much of a buffer that keeps less.
    #[error("{given} is not a span to read: {reason}")]
    InvalidRange {
        /// The span as it was given.
        given: String,
        /// Why it is refused.
        reason: String,
    },
    /// The caller's memory is too small for the span. Nothing was written to it.
    #[error("memory for {given_samples} samples was given, the span needs {needed_samples}")]
    TooSmall {
        /// Samples (frames times channels) that the span needs.
        needed_samples: u64,
        /// Samples that were given room for.
        given_samples: u64,
    },
    /// Samples of one format were written to a buffer of another.
    #[error("samples are {given}, the buffer holds {expected}")]
    FormatMismatch {
        /// The format of the samples that were given.
        given: SampleFormat,
        /// The format of the buffer.
        expected: SampleFormat,
    },
    /// The frames did not come within the time the caller would wait.
    #[error("waited {waited:?} for frames that did not come")]
    TimedOut {
        /// How long the call waited.
        waited: Duration,
    },
    /// The shared memory of a domain is full. Give it another folder by `CAPBUF_DIR`, a container more by `--shm-size`, or
    /// remove buffers. Nothing is left behind.
    #[error(
        "{requested_bytes} bytes requested, but {folder} has {free_bytes} bytes free; \
         set CAPBUF_DIR to a folder with more (for a container: --shm-size), or remove buffers"
    )]
    OutOfSpace {
        /// What the buffer would have taken.
        requested_bytes: u64,
        /// What the file system has left.
        free_bytes: u64,
        /// The domain's folder.
        folder: String,
    },
    /// The operating system refused something to do with a domain's folder or files.
    #[error("{what}: {reason}")]
    System {
        /// What was tried, with the file's path.
        what: String,
        /// The system's own words.
        reason: String,
    },
    /// A domain's folder or file belongs to another user, or others may use it. It is not touched.
    #[error("{path} is not safe to use: {reason}")]
    Forbidden {
        /// The folder or file.
        path: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A buffer was made by a version of this library with another memory layout. Use the same one, or remove the buffer's domain.
    #[error("{path} has memory layout {found}, this library knows layout {known}")]
    LayoutMismatch {
        /// The buffer's file.
        path: String,
        /// The version of its layout.
        found: u32,
        /// The version of this library's layout.
        known: u32,
    },
    /// A buffer's memory contradicts itself: it was overwritten by something else. Remove it.
    #[error("{path} is damaged: {reason}")]
    Corrupt {
        /// The buffer's file, or its source.
        path: String,
        /// What does not fit.
        reason: String,
    },
    /// So many processes have the buffer mapped that no more can be counted.
    #[error("source {source_name} is in use by {limit} processes, and no more can be")]
    TooManyProcesses {
        /// The source, without credentials.
        source_name: Source,
        /// How many can.
        limit: usize,
    },
    /// The writer was taken by the process that this one was forked from. Take an own one when that is gone.
    #[error("the writer of source {source_name} belongs to the process that this one was forked from")]
    Forked {
        /// The source, without credentials.
        source_name: Source,
    },
    /// Allocating a buffer failed in a way that is a defect of this library; the source can be asked for again.
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
    /// [`Error::TooManyProcesses`]
    TooManyProcesses = 22,
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
            Self::TooManyProcesses { .. } => ErrorCode::TooManyProcesses,
            Self::Forked { .. } => ErrorCode::Forked,
        }
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
