//! The status that a call returns.

/// The result of a call: `CAPBUF_OK`, or the number of the error. Numbers are never reused.
pub type capbuf_status = i32;

/// The call succeeded.
pub const CAPBUF_OK: capbuf_status = 0;
/// An argument is out of range. Nothing was changed.
pub const CAPBUF_INVALID_ARGUMENT: capbuf_status = 1;
/// A source name is empty, too long or holds control characters.
pub const CAPBUF_INVALID_SOURCE: capbuf_status = 2;
/// The source has a buffer with another spec. That buffer is unchanged.
pub const CAPBUF_SPEC_MISMATCH: capbuf_status = 3;
/// `capbuf_registry_allocate` was called for a source that has a buffer.
pub const CAPBUF_ALREADY_EXISTS: capbuf_status = 4;
/// The source has no buffer.
pub const CAPBUF_NOT_FOUND: capbuf_status = 5;
/// The buffer would exceed the limit of one buffer, or the rest of the registry's budget.
pub const CAPBUF_OVER_BUDGET: capbuf_status = 6;
/// The operating system refused the memory.
pub const CAPBUF_OUT_OF_MEMORY: capbuf_status = 7;
/// Another writer holds the buffer. A buffer has one writer at a time, in all processes.
pub const CAPBUF_WRITER_BUSY: capbuf_status = 8;
/// The buffer was removed from its registry. No more frames will be written to it.
pub const CAPBUF_REMOVED: capbuf_status = 9;
/// The span ends after the newest frame. The detail says when its last frame is expected.
pub const CAPBUF_NOT_YET: capbuf_status = 10;
/// The span begins before the oldest frame that is still stored. The detail names that frame.
pub const CAPBUF_EVICTED: capbuf_status = 11;
/// The span is empty or reversed, or CAPBUF_SPAN_LAST asks for more than the buffer holds.
pub const CAPBUF_INVALID_RANGE: capbuf_status = 12;
/// The caller's memory is too small. No samples or text were written. The detail has the size
/// needed.
pub const CAPBUF_TOO_SMALL: capbuf_status = 13;
/// The samples passed have another format than the buffer.
pub const CAPBUF_FORMAT_MISMATCH: capbuf_status = 14;
/// The timeout passed first.
pub const CAPBUF_TIMED_OUT: capbuf_status = 15;
/// The library panicked while it allocated the buffer: a defect of the library.
pub const CAPBUF_ALLOCATION_PANICKED: capbuf_status = 16;
/// The shared memory of a domain is full.
pub const CAPBUF_OUT_OF_SPACE: capbuf_status = 17;
/// A system call on a domain's folder or files failed.
pub const CAPBUF_SYSTEM: capbuf_status = 18;
/// A domain's folder or file belongs to another user, or other users can access it.
pub const CAPBUF_FORBIDDEN: capbuf_status = 19;
/// The buffer was created by a version of the library with another memory layout.
pub const CAPBUF_LAYOUT_MISMATCH: capbuf_status = 20;
/// The buffer's memory is inconsistent.
pub const CAPBUF_CORRUPT: capbuf_status = 21;
/// The handle belongs to the process that this one was forked from, and can only be read with.
pub const CAPBUF_FORKED: capbuf_status = 23;
/// A pointer that must not be NULL is NULL.
pub const CAPBUF_NULL_ARGUMENT: capbuf_status = 100;
/// A pointer is not aligned for its type.
pub const CAPBUF_MISALIGNED: capbuf_status = 101;
/// The library panicked: a defect of the library. The call failed; other calls may still work.
pub const CAPBUF_PANICKED: capbuf_status = 102;
/// A source could not be opened or read, or a clip could not be written. The message says why.
pub const CAPBUF_CAPTURE_FAILED: capbuf_status = 103;
