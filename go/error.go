package capbuf

// #include "calls.h"
import "C"

import (
	"errors"
	"strconv"
	"time"
)

// Code is the number of a kind of error, the same in every language, never reused. It is an error itself: the sentinels are Codes.
type Code int32

// Error names the kind.
func (c Code) Error() string {
	return "capbuf: " + c.String()
}

// String is the kind's name in the C interface, without prefix: "NOT_YET".
func (c Code) String() string {
	if name := C.GoString(C.capbuf_status_name(C.capbuf_status(c))); name != "UNKNOWN" {
		return name
	}
	return "code " + strconv.Itoa(int(c))
}

// What can go wrong, for errors.Is. The *Error that a call returns is one of these and has the detail.
var (
	// ErrInvalidArgument: an argument is outside what is allowed. Nothing was changed.
	ErrInvalidArgument error = Code(C.CAPBUF_INVALID_ARGUMENT)
	// ErrInvalidSource: a source name is empty, too long or holds control characters.
	ErrInvalidSource error = Code(C.CAPBUF_INVALID_SOURCE)
	// ErrSpecMismatch: the source has a buffer of another shape, which stays as it was.
	ErrSpecMismatch error = Code(C.CAPBUF_SPEC_MISMATCH)
	// ErrAlreadyExists: Allocate was called for a source that has a buffer.
	ErrAlreadyExists error = Code(C.CAPBUF_ALREADY_EXISTS)
	// ErrNotFound: no buffer is allocated for the source.
	ErrNotFound error = Code(C.CAPBUF_NOT_FOUND)
	// ErrOverBudget: the buffer would be too large, or the registry's budget has too little left.
	ErrOverBudget error = Code(C.CAPBUF_OVER_BUDGET)
	// ErrOutOfMemory: the operating system would not give the memory.
	ErrOutOfMemory error = Code(C.CAPBUF_OUT_OF_MEMORY)
	// ErrWriterBusy: another writer holds the buffer; there is one at a time, in all processes. The detail says by whom.
	ErrWriterBusy error = Code(C.CAPBUF_WRITER_BUSY)
	// ErrRemoved: the buffer was removed from its registry: no more frames will come.
	ErrRemoved error = Code(C.CAPBUF_REMOVED)
	// ErrNotYet: the span ends after the newest frame. The detail says when it is expected.
	ErrNotYet error = Code(C.CAPBUF_NOT_YET)
	// ErrEvicted: the span begins before the oldest frame that is still there. The detail says which that is.
	ErrEvicted error = Code(C.CAPBUF_EVICTED)
	// ErrInvalidRange: the span is empty, reversed, or the last so much of a buffer that keeps less.
	ErrInvalidRange error = Code(C.CAPBUF_INVALID_RANGE)
	// ErrTooSmall: the caller's memory is too small. Nothing was written to it. The detail says how much is needed.
	ErrTooSmall error = Code(C.CAPBUF_TOO_SMALL)
	// ErrFormatMismatch: samples of one format were written to a buffer of another.
	ErrFormatMismatch error = Code(C.CAPBUF_FORMAT_MISMATCH)
	// ErrTimedOut: the frames did not come within the time the caller would wait. In Go waits end with their context instead.
	ErrTimedOut error = Code(C.CAPBUF_TIMED_OUT)
	// ErrAllocationPanicked: allocating a buffer failed by a defect of the library.
	ErrAllocationPanicked error = Code(C.CAPBUF_ALLOCATION_PANICKED)
	// ErrOutOfSpace: the shared memory of a domain is full.
	ErrOutOfSpace error = Code(C.CAPBUF_OUT_OF_SPACE)
	// ErrSystem: the operating system refused something to do with a domain's folder or files.
	ErrSystem error = Code(C.CAPBUF_SYSTEM)
	// ErrForbidden: a domain's folder or file belongs to another user, or others may use it.
	ErrForbidden error = Code(C.CAPBUF_FORBIDDEN)
	// ErrLayoutMismatch: a buffer was made by a version of the library with another memory layout.
	ErrLayoutMismatch error = Code(C.CAPBUF_LAYOUT_MISMATCH)
	// ErrCorrupt: a buffer's memory contradicts itself.
	ErrCorrupt error = Code(C.CAPBUF_CORRUPT)
	// ErrTooManyProcesses: so many processes have the buffer mapped that no more can be counted.
	ErrTooManyProcesses error = Code(C.CAPBUF_TOO_MANY_PROCESSES)
	// ErrForked: the writer was taken by the process that this one was forked from.
	ErrForked error = Code(C.CAPBUF_FORKED)
	// ErrNullArgument: a pointer that must not be null is. A defect of this package.
	ErrNullArgument error = Code(C.CAPBUF_NULL_ARGUMENT)
	// ErrMisaligned: a pointer is not aligned as its type demands. A defect of this package.
	ErrMisaligned error = Code(C.CAPBUF_MISALIGNED)
	// ErrPanicked: a defect of the library: it panicked. The call has failed; others may still work.
	ErrPanicked error = Code(C.CAPBUF_PANICKED)
	// ErrCaptureFailed: a source could not be opened or read, or a clip not be written. The message says which and why.
	ErrCaptureFailed error = Code(C.CAPBUF_CAPTURE_FAILED)

	// ErrClosed: the handle was closed. It has no number: only Go has it.
	ErrClosed = errors.New("capbuf: the handle is closed")
)

// Error is the detail of an error: what went wrong, in words without credentials, and the numbers that go with it. What an error has no
// number for is zero. Get at it by errors.As.
type Error struct {
	// Code is the kind, for a switch; errors.Is and the sentinels do as well.
	Code Code
	// Message says what was given and what is allowed, in one line.
	Message string
	// RequestedBytes is what was asked for: ErrOverBudget, ErrOutOfMemory, ErrOutOfSpace.
	RequestedBytes uint64
	// LimitBytes is the limit (ErrOverBudget) or what is free (ErrOutOfSpace).
	LimitBytes uint64
	// UsedBytes is what is in use: ErrOverBudget.
	UsedBytes uint64
	// Frame is one past the newest frame (ErrNotYet) or the oldest frame (ErrEvicted).
	Frame uint64
	// MissingFrames is how many frames are still to come: ErrNotYet.
	MissingFrames uint64
	// Time is when the last of them is expected (ErrNotYet; zero before the first write), or when the oldest frame was captured
	// (ErrEvicted).
	Time time.Time
	// NeededSamples is the room that is needed: ErrTooSmall.
	NeededSamples uint64
	// HolderPID is the process that holds the writer, where that is known: ErrWriterBusy.
	HolderPID int
	// FoundVersion is the version that was found: ErrLayoutMismatch.
	FoundVersion uint32
}

// Error is the message.
func (e *Error) Error() string {
	return "capbuf: " + e.Message
}

// Unwrap is the kind, so that errors.Is finds the sentinel.
func (e *Error) Unwrap() error {
	return e.Code
}

// failure is nil for what succeeded; else the error, whose detail it takes from C and frees.
func failure(outcome C.capbuf_go_outcome) error {
	if outcome.status == C.CAPBUF_OK {
		return nil
	}
	return failed(outcome)
}

func failed(outcome C.capbuf_go_outcome) *Error {
	e := &Error{Code: Code(outcome.status), Message: Code(outcome.status).String()}
	if outcome.error == nil {
		return e
	}
	e.Message = C.GoString(C.capbuf_error_message(outcome.error))
	var detail C.capbuf_error_detail
	if C.capbuf_go_error_numbers(outcome.error, &detail).status == C.CAPBUF_OK {
		e.RequestedBytes = uint64(detail.requested_bytes)
		e.LimitBytes = uint64(detail.limit_bytes)
		e.UsedBytes = uint64(detail.used_bytes)
		e.Frame = uint64(detail.frame)
		e.MissingFrames = uint64(detail.missing_frames)
		e.NeededSamples = uint64(detail.needed_samples)
		e.HolderPID = int(detail.holder_pid)
		e.FoundVersion = uint32(detail.found_version)
		if detail.utc_ns != 0 {
			e.Time = fromUTC(detail.utc_ns)
		}
	}
	C.capbuf_error_free(outcome.error)
	return e
}

// invalid is for arguments that the C interface can't be given at all.
func invalid(message string) error {
	return &Error{Code: Code(C.CAPBUF_INVALID_ARGUMENT), Message: message}
}
