package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_buffer_get_info
// #cgo nocallback capbuf_buffer_get_info
// #cgo noescape capbuf_buffer_frames
// #cgo nocallback capbuf_buffer_frames
// #cgo noescape capbuf_buffer_is_removed
// #cgo nocallback capbuf_buffer_is_removed
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// CaptureBuffer is a handle on the last N seconds of a source. The memory of a removed buffer is
// freed when its last handle is closed.
//
// It prints its source without credentials.
type CaptureBuffer struct {
	handle *handle
	source string
	spec   Spec
	id     uint64
}

// newBuffer takes ownership of the C handle.
func newBuffer(buffer *C.capbuf_buffer, source string, info *C.capbuf_buffer_info) *CaptureBuffer {
	h := newHandle(unsafe.Pointer(buffer), func(p unsafe.Pointer) { C.capbuf_buffer_free((*C.capbuf_buffer)(p)) })
	b := &CaptureBuffer{handle: h, source: source, spec: specFromC(info), id: uint64(info.id)}
	runtime.AddCleanup(b, func(h *handle) { h.close() }, h)
	return b
}

// describe takes ownership of the C handle of the source, and reads id and Spec from it.
func describe(buffer *C.capbuf_buffer, source string) (*CaptureBuffer, error) {
	info := C.capbuf_buffer_info{struct_size: C.sizeof_capbuf_buffer_info}
	var detail *C.capbuf_error
	status := C.capbuf_buffer_get_info(buffer, &info, &detail)
	if err := failure(status, detail); err != nil {
		C.capbuf_buffer_free(buffer)
		return nil, err
	}
	return newBuffer(buffer, source, &info), nil
}

// describeWithSource is describe for a buffer whose source is unknown.
func describeWithSource(buffer *C.capbuf_buffer) (*CaptureBuffer, error) {
	source, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_buffer_source(buffer, out.bytes, out.size, &out.length, &out.detail)
	})
	if err != nil {
		C.capbuf_buffer_free(buffer)
		return nil, err
	}
	return describe(buffer, source)
}

func (b *CaptureBuffer) enter() (*C.capbuf_buffer, *stripe) {
	pointer, users := b.handle.enter()
	return (*C.capbuf_buffer)(pointer), users
}

// Spec returns the Spec of the buffer, with Duration and LengthFrames both set. It works on a
// closed handle.
func (b *CaptureBuffer) Spec() Spec {
	return b.spec
}

// Source returns the source with its credentials: do not log it, see [Redact]. It works on a closed
// handle.
func (b *CaptureBuffer) Source() string {
	return b.source
}

// ID identifies the buffer in every process: handles with equal IDs are of one buffer. It works on
// a closed handle.
func (b *CaptureBuffer) ID() uint64 {
	return b.id
}

// String describes the buffer, without credentials.
func (b *CaptureBuffer) String() string {
	return fmt.Sprintf("capbuf.CaptureBuffer(%q, %v)", Redact(b.source), b.spec)
}

// GoString returns String, so that %#v prints no credentials.
func (b *CaptureBuffer) GoString() string {
	return b.String()
}

// Frames returns the range of readable frames, from oldest up to but not including newest. Both are
// 0 before the first write.
//
// Safe for concurrent use. Wait-free, no allocation. Both numbers can be too low on return.
func (b *CaptureBuffer) Frames() (oldest, newest uint64, err error) {
	buffer, users := b.enter()
	if buffer == nil {
		return 0, 0, ErrClosed
	}
	var first, end C.uint64_t
	var detail *C.capbuf_error
	status := C.capbuf_buffer_frames(buffer, &first, &end, &detail)
	b.handle.leave(users)
	return uint64(first), uint64(end), failure(status, detail)
}

// IsRemoved reports whether the buffer was removed from its registry. Its audio stays readable;
// writing is an error.
//
// Safe for concurrent use. Wait-free, no allocation.
func (b *CaptureBuffer) IsRemoved() (bool, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return false, ErrClosed
	}
	var isRemoved C.bool
	var detail *C.capbuf_error
	status := C.capbuf_buffer_is_removed(buffer, &isRemoved, &detail)
	b.handle.leave(users)
	return bool(isRemoved), failure(status, detail)
}

// Close ends the handle; the buffer stays in its registry. Further calls do nothing.
//
// It can unmap memory.
func (b *CaptureBuffer) Close() error {
	b.handle.close()
	return nil
}
