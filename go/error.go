package capbuf

// #include "calls.h"
import "C"

import (
	"errors"
	"strconv"
	"time"
)

// Code is the number of a kind of error. Numbers are the same in every language and never reused.
// The sentinels are Codes.
type Code int32

// Error returns the name of the kind.
func (c Code) Error() string {
	return "capbuf: " + c.String()
}

// String returns the name of the kind in the C interface, without its prefix: "NOT_YET".
func (c Code) String() string {
	if name := C.GoString(C.capbuf_status_name(C.capbuf_status(c))); name != "UNKNOWN" {
		return name
	}
	return "code " + strconv.Itoa(int(c))
}

// The kinds of errors, for errors.Is. The [*Error] that a call returns wraps one of them.
var (
	// ErrInvalidArgument: an argument is out of range. Nothing was changed.
	ErrInvalidArgument error = Code(C.CAPBUF_INVALID_ARGUMENT)
	// ErrInvalidSource: the source is empty, too long or contains control characters.
	ErrInvalidSource error = Code(C.CAPBUF_INVALID_SOURCE)
	// ErrSpecMismatch: the source has a buffer with another Spec, which is unchanged.
	ErrSpecMismatch error = Code(C.CAPBUF_SPEC_MISMATCH)
	// ErrAlreadyExists: Allocate was called for a source that has a buffer.
	ErrAlreadyExists error = Code(C.CAPBUF_ALREADY_EXISTS)
	// ErrNotFound: the source has no buffer.
	ErrNotFound error = Code(C.CAPBUF_NOT_FOUND)
	// ErrOverBudget: the buffer is too large, or too little of the registry's budget is left.
	ErrOverBudget error = Code(C.CAPBUF_OVER_BUDGET)
	// ErrOutOfMemory: the operating system refused the memory.
	ErrOutOfMemory error = Code(C.CAPBUF_OUT_OF_MEMORY)
	// ErrWriterBusy: another writer holds the buffer, in this or another process: see
	// Error.HolderPID.
	ErrWriterBusy error = Code(C.CAPBUF_WRITER_BUSY)
	// ErrRemoved: the buffer was removed from its registry: no more frames will be written.
	ErrRemoved error = Code(C.CAPBUF_REMOVED)
	// ErrNotYet: the span ends after the newest frame. Error.Time is when it is expected.
	ErrNotYet error = Code(C.CAPBUF_NOT_YET)
	// ErrEvicted: the span begins before the oldest frame, which is Error.Frame.
	ErrEvicted error = Code(C.CAPBUF_EVICTED)
	// ErrInvalidRange: the span is empty, reversed or longer than the buffer.
	ErrInvalidRange error = Code(C.CAPBUF_INVALID_RANGE)
	// ErrTooSmall: the slice is too small: see Error.NeededSamples. Nothing was written to it.
	ErrTooSmall error = Code(C.CAPBUF_TOO_SMALL)
	// ErrFormatMismatch: the samples are not of the buffer's format.
	ErrFormatMismatch error = Code(C.CAPBUF_FORMAT_MISMATCH)
	// ErrTimedOut: the frames did not arrive in time. In Go, waiting ends with the context instead.
	ErrTimedOut error = Code(C.CAPBUF_TIMED_OUT)
	// ErrAllocationPanicked: allocating a buffer panicked, by a defect of the library.
	ErrAllocationPanicked error = Code(C.CAPBUF_ALLOCATION_PANICKED)
	// ErrOutOfSpace: the shared memory of the domain is full.
	ErrOutOfSpace error = Code(C.CAPBUF_OUT_OF_SPACE)
	// ErrSystem: the operating system refused an operation on a domain's folder or files.
	ErrSystem error = Code(C.CAPBUF_SYSTEM)
	// ErrForbidden: a domain's folder or file belongs to, or is accessible by, another user.
	ErrForbidden error = Code(C.CAPBUF_FORBIDDEN)
	// ErrLayoutMismatch: the buffer was allocated by a library with another memory layout.
	ErrLayoutMismatch error = Code(C.CAPBUF_LAYOUT_MISMATCH)
	// ErrCorrupt: the memory of the buffer is inconsistent.
	ErrCorrupt error = Code(C.CAPBUF_CORRUPT)
	// ErrForked: the handle belongs to the process that this one was forked from, and can only be
	// read with.
	ErrForked error = Code(C.CAPBUF_FORKED)
	// ErrNullArgument: a required pointer is null, by a defect of this package.
	ErrNullArgument error = Code(C.CAPBUF_NULL_ARGUMENT)
	// ErrMisaligned: a pointer is misaligned, by a defect of this package.
	ErrMisaligned error = Code(C.CAPBUF_MISALIGNED)
	// ErrPanicked: the library panicked, by a defect of it. The call failed; others may still work.
	ErrPanicked error = Code(C.CAPBUF_PANICKED)
	// ErrCaptureFailed: a source could not be opened or read, or a clip could not be written.
	ErrCaptureFailed error = Code(C.CAPBUF_CAPTURE_FAILED)

	// ErrClosed: the handle is closed. It exists in Go only and has no Code.
	ErrClosed = errors.New("capbuf: the handle is closed")
)

// Error is an error with its message and numbers. A number that does not apply is zero. Use
// errors.As to get it.
type Error struct {
	// Code is the kind, for a switch. It is also what errors.Is compares.
	Code Code
	// Message names the argument and what is allowed, in one line, without credentials.
	Message string
	// RequestedBytes is the requested size: ErrOverBudget, ErrOutOfMemory, ErrOutOfSpace.
	RequestedBytes uint64
	// LimitBytes is the limit (ErrOverBudget) or what is free (ErrOutOfSpace).
	LimitBytes uint64
	// UsedBytes is what is in use: ErrOverBudget.
	UsedBytes uint64
	// Frame is one past the newest frame (ErrNotYet) or the oldest frame (ErrEvicted).
	Frame uint64
	// MissingFrames is the number of frames still to be written: ErrNotYet.
	MissingFrames uint64
	// Time is when the last of them is expected (ErrNotYet; zero before the first write), or when
	// the oldest frame was captured (ErrEvicted).
	Time time.Time
	// NeededSamples is the required length of the slice: ErrTooSmall.
	NeededSamples uint64
	// HolderPID is the process that holds the writer, if known: ErrWriterBusy.
	HolderPID int
	// FoundVersion is the layout version of the buffer: ErrLayoutMismatch.
	FoundVersion uint32
}

// Error returns the message.
func (e *Error) Error() string {
	return "capbuf: " + e.Message
}

// Unwrap returns the kind, so that errors.Is finds the sentinel.
func (e *Error) Unwrap() error {
	return e.Code
}

// failure returns nil for CAPBUF_OK, else the error. It frees the detail.
func failure(status C.capbuf_status, detail *C.capbuf_error) error {
	if status == C.CAPBUF_OK {
		return nil
	}
	return newError(status, detail)
}

func newError(status C.capbuf_status, detail *C.capbuf_error) *Error {
	e := &Error{Code: Code(status), Message: Code(status).String()}
	if detail == nil {
		return e
	}
	defer C.capbuf_error_free(detail)
	e.Message = C.GoString(C.capbuf_error_message(detail))
	numbers := C.capbuf_error_detail{struct_size: C.sizeof_capbuf_error_detail}
	if C.capbuf_error_numbers(detail, &numbers) == C.CAPBUF_OK {
		e.RequestedBytes = uint64(numbers.requested_bytes)
		e.LimitBytes = uint64(numbers.limit_bytes)
		e.UsedBytes = uint64(numbers.used_bytes)
		e.Frame = uint64(numbers.frame)
		e.MissingFrames = uint64(numbers.missing_frames)
		e.NeededSamples = uint64(numbers.needed_samples)
		e.HolderPID = int(numbers.holder_pid)
		e.FoundVersion = uint32(numbers.found_version)
		if numbers.utc_ns != 0 {
			e.Time = fromUTC(numbers.utc_ns)
		}
	}
	return e
}

// invalid returns an error for an argument that cannot be passed to C.
func invalid(message string) error {
	return &Error{Code: Code(C.CAPBUF_INVALID_ARGUMENT), Message: message}
}
