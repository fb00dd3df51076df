package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_frames
// #cgo nocallback capbuf_go_frames
// #cgo noescape capbuf_go_is_removed
// #cgo nocallback capbuf_go_is_removed
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// CaptureBuffer is a handle on the last N seconds of a source. The memory goes back when the last handle of a removed buffer ends.
//
// Printed, it shows its source without credentials.
type CaptureBuffer struct {
	handle *handle
	source string
	spec   Spec
	id     uint64
}

func newBuffer(outcome C.capbuf_go_outcome, source string, spec *C.capbuf_spec) (*CaptureBuffer, error) {
	if err := failure(outcome); err != nil {
		// Of a buffer that could not be described the handle is there nevertheless; null is nothing.
		C.capbuf_buffer_free((*C.capbuf_buffer)(outcome.handle))
		return nil, err
	}
	h := newHandle(outcome.handle, func(p unsafe.Pointer) { C.capbuf_buffer_free((*C.capbuf_buffer)(p)) })
	b := &CaptureBuffer{handle: h, source: source, spec: specFromC(spec), id: uint64(outcome.number)}
	runtime.AddCleanup(b, func(h *handle) { h.close() }, h)
	return b, nil
}

func (b *CaptureBuffer) enter() (*C.capbuf_buffer, *stripe) {
	pointer, users := b.handle.enter()
	return (*C.capbuf_buffer)(pointer), users
}

// told gets the source out of the buffer.
func (b *CaptureBuffer) told() (string, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return "", ErrClosed
	}
	defer b.handle.leave(users)
	return told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
		return C.capbuf_go_buffer_source(buffer, out, size)
	})
}

// Spec is the shape of the buffer: Duration and LengthFrames are both set. Also of a closed handle.
func (b *CaptureBuffer) Spec() Spec {
	return b.spec
}

// Source is the source as it was given, with any password in it: not for logs. See [Redact]. Also of a closed handle.
func (b *CaptureBuffer) Source() string {
	return b.source
}

// ID tells this buffer from every other one, in every process: two handles are of one buffer if it is the same. Also of a closed
// handle.
func (b *CaptureBuffer) ID() uint64 {
	return b.id
}

// String shows the buffer without credentials.
func (b *CaptureBuffer) String() string {
	return fmt.Sprintf("capbuf.CaptureBuffer(%q, %v)", Redact(b.source), b.spec)
}

// GoString is String: %#v shows no credentials either.
func (b *CaptureBuffer) GoString() string {
	return b.String()
}

// Frames tells which frames can be read: from oldest to one before newest. Both are 0 before the first write.
//
// Any goroutine. Wait-free, allocates nothing. Stale at once: the oldest may go, newer ones come.
func (b *CaptureBuffer) Frames() (oldest, newest uint64, err error) {
	buffer, users := b.enter()
	if buffer == nil {
		return 0, 0, ErrClosed
	}
	outcome := C.capbuf_go_frames(buffer)
	b.handle.leave(users)
	return uint64(outcome.number), uint64(outcome.second), failure(outcome)
}

// IsRemoved tells whether the buffer was removed from its registry. Its audio stays readable; nothing is written any more.
//
// Any goroutine. Wait-free, allocates nothing.
func (b *CaptureBuffer) IsRemoved() (bool, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return false, ErrClosed
	}
	outcome := C.capbuf_go_is_removed(buffer)
	b.handle.leave(users)
	return outcome.number != 0, failure(outcome)
}

// Close ends the handle; the buffer stays with its registry. Closing again is nothing.
//
// May unmap memory.
func (b *CaptureBuffer) Close() error {
	b.handle.close()
	return nil
}
