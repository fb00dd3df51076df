package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_write
// #cgo nocallback capbuf_go_write
// #cgo noescape capbuf_go_write_bytes
// #cgo nocallback capbuf_go_write_bytes
// #cgo noescape capbuf_writer_gap
// #cgo nocallback capbuf_writer_gap
// #cgo noescape capbuf_writer_next_frame
// #cgo nocallback capbuf_writer_next_frame
import "C"

import (
	"io"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Writer is the one writer of a buffer, in all processes. Close, or the end of the process,
// releases it.
//
// Concurrent calls are serialized; otherwise writing is wait-free, allocates nothing and makes no
// system call. Samples are copied once and not retained. Slices are interleaved: frames times
// channels.
type Writer struct {
	lease *lease
}

// lease owns the C writer. It is separate from Writer, so that a cleanup can release it.
type lease struct {
	mutex  sync.Mutex
	writer *C.capbuf_writer // nil: released
}

var _ io.WriteCloser = (*Writer)(nil)

// Writer acquires the one writer of the buffer. It continues where the last writer ended, and keeps
// the buffer open: this handle can be closed.
//
// Safe for concurrent use. Allocates, makes system calls. Errors: ErrWriterBusy (Error.HolderPID is
// the process that holds it), ErrRemoved, ErrCorrupt.
func (b *CaptureBuffer) Writer() (*Writer, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return nil, ErrClosed
	}
	var writer *C.capbuf_writer
	var detail *C.capbuf_error
	status := C.capbuf_buffer_writer(buffer, &writer, &detail)
	b.handle.leave(users)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	l := &lease{writer: writer}
	w := &Writer{lease: l}
	runtime.AddCleanup(w, (*lease).release, l)
	return w, nil
}

// address returns the C writer as a number: see calls.h.
func (l *lease) address() C.uintptr_t {
	return C.uintptr_t(uintptr(unsafe.Pointer(l.writer)))
}

// enter locks the writer until leave. It returns false if the writer is released or is the zero
// value; then leave must not be called.
func (l *lease) enter() bool {
	if l == nil {
		return false
	}
	l.mutex.Lock()
	if l.writer == nil {
		l.mutex.Unlock()
		return false
	}
	return true
}

func (l *lease) leave() {
	l.mutex.Unlock()
}

func (l *lease) release() {
	if l.enter() {
		C.capbuf_writer_free(l.writer)
		l.writer = nil
		l.leave()
	}
}

// Write writes bytes of samples in the buffer's format, captured just now. It accepts any number of
// bytes and keeps an incomplete frame for the next call. It implements [io.Writer]. See
// [Writer.WriteInt16].
func (w *Writer) Write(bytes []byte) (int, error) {
	if err := w.writeBytes(bytes, C.CAPBUF_TIME_NOW); err != nil {
		return 0, err
	}
	return len(bytes), nil
}

// WriteBytesAt is Write with the capture time of the first frame that begins in bytes.
func (w *Writer) WriteBytesAt(bytes []byte, captured time.Time) error {
	at, ok := toUTC(captured)
	if !ok {
		return errTime(captured)
	}
	return w.writeBytes(bytes, at)
}

// WriteInt16 writes samples whose last frame was captured just now. [Writer.WriteInt16At] is more
// accurate where the capture time is known, as arrival jitters.
//
// Wait-free apart from other calls on this Writer; no allocation. Errors: ErrRemoved once the
// buffer is removed, ErrFormatMismatch, ErrClosed. Nothing is written then.
func (w *Writer) WriteInt16(samples []int16) error {
	return writeSamples(w, samples, C.CAPBUF_TIME_NOW)
}

// WriteInt32 is WriteInt16 for S32 buffers.
func (w *Writer) WriteInt32(samples []int32) error {
	return writeSamples(w, samples, C.CAPBUF_TIME_NOW)
}

// WriteFloat32 is WriteInt16 for F32 buffers.
func (w *Writer) WriteFloat32(samples []float32) error {
	return writeSamples(w, samples, C.CAPBUF_TIME_NOW)
}

// WriteInt16At writes samples whose first frame was captured at the time captured. Jitter is
// filtered. A gap is recorded if the time is more than 0.75 s later than predicted from the frames
// before; report shorter ones with [Writer.Gap].
//
// See [Writer.WriteInt16]. Errors also: ErrInvalidArgument for a time before 1678 or after 2262.
func (w *Writer) WriteInt16At(samples []int16, captured time.Time) error {
	return writeSamplesAt(w, samples, captured)
}

// WriteInt32At is WriteInt16At for S32 buffers.
func (w *Writer) WriteInt32At(samples []int32, captured time.Time) error {
	return writeSamplesAt(w, samples, captured)
}

// WriteFloat32At is WriteInt16At for F32 buffers.
func (w *Writer) WriteFloat32At(samples []float32, captured time.Time) error {
	return writeSamplesAt(w, samples, captured)
}

func writeSamplesAt[T Sample](w *Writer, samples []T, captured time.Time) error {
	at, ok := toUTC(captured)
	if !ok {
		return errTime(captured)
	}
	return writeSamples(w, samples, at)
}

func writeSamples[T Sample](w *Writer, samples []T, at C.int64_t) error {
	l := w.lease
	if !l.enter() {
		return ErrClosed
	}
	first := unsafe.Pointer(unsafe.SliceData(samples))
	raceRead(first, len(samples)*int(unsafe.Sizeof(*new(T))))
	result := C.capbuf_go_write(l.address(), (*C.char)(first), C.size_t(len(samples)), C.uint32_t(formatOf[T]()), at)
	l.leave()
	runtime.KeepAlive(w)
	return failure(result.status, result.detail)
}

func (w *Writer) writeBytes(bytes []byte, at C.int64_t) error {
	l := w.lease
	if !l.enter() {
		return ErrClosed
	}
	first := unsafe.Pointer(unsafe.SliceData(bytes))
	raceRead(first, len(bytes))
	result := C.capbuf_go_write_bytes(l.address(), (*C.char)(first), C.size_t(len(bytes)), at)
	l.leave()
	runtime.KeepAlive(w)
	return failure(result.status, result.detail)
}

// Gap records that the next frame does not follow the last one. The length of the gap follows from
// the capture times. An incomplete frame is dropped.
//
// Wait-free, no allocation. Errors: ErrInvalidArgument for an unknown reason, ErrClosed.
func (w *Writer) Gap(reason GapReason) error {
	return w.gap(reason, C.CAPBUF_DURATION_UNKNOWN)
}

// GapFor is Gap for a known length of missing audio.
//
// Errors: also ErrInvalidArgument for a negative duration.
func (w *Writer) GapFor(reason GapReason, missing time.Duration) error {
	if missing < 0 {
		return invalid("the gap's duration is " + missing.String() + "; allowed: 0 and more")
	}
	return w.gap(reason, C.int64_t(missing))
}

func (w *Writer) gap(reason GapReason, ns C.int64_t) error {
	l := w.lease
	if !l.enter() {
		return ErrClosed
	}
	var detail *C.capbuf_error
	status := C.capbuf_writer_gap(l.writer, C.uint32_t(reason), ns, &detail)
	l.leave()
	runtime.KeepAlive(w)
	return failure(status, detail)
}

// NextFrame returns the number of the next frame to be written.
//
// Wait-free, no allocation. Errors: ErrClosed.
func (w *Writer) NextFrame() (uint64, error) {
	l := w.lease
	if !l.enter() {
		return 0, ErrClosed
	}
	var next C.uint64_t
	var detail *C.capbuf_error
	status := C.capbuf_writer_next_frame(l.writer, &next, &detail)
	l.leave()
	runtime.KeepAlive(w)
	return uint64(next), failure(status, detail)
}

// Close releases the writer: after it returns, another one can be acquired. Further calls do
// nothing.
//
// It waits for a write in progress. It can unmap memory.
func (w *Writer) Close() error {
	w.lease.release()
	return nil
}

func errTime(t time.Time) error {
	return invalid("the time is " + t.UTC().Format(time.RFC3339) + "; allowed: the years 1678 to 2261")
}
