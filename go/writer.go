package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_write
// #cgo nocallback capbuf_go_write
// #cgo noescape capbuf_go_write_bytes
// #cgo nocallback capbuf_go_write_bytes
// #cgo noescape capbuf_go_gap
// #cgo nocallback capbuf_go_gap
// #cgo noescape capbuf_go_next_frame
// #cgo nocallback capbuf_go_next_frame
import "C"

import (
	"io"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Writer is the one writer of a buffer, in all processes. It is given back when it is closed, or when its process dies.
//
// One goroutine at a time is let in; another one waits for the copy under way. Writing waits for nobody else, allocates nothing
// and makes no system call; samples are copied once, and not kept. Slices are interleaved: frames times channels.
type Writer struct {
	lease *lease
}

// lease is what a Writer holds: outside it, so that it can be given back when the Writer is forgotten.
type lease struct {
	mutex   sync.Mutex
	pointer *C.capbuf_writer // nil: closed
}

var _ io.WriteCloser = (*Writer)(nil)

// Writer takes the one writer of the buffer. It goes on where the last one ended, and keeps the buffer: this handle may be closed.
//
// Any goroutine. Allocates, makes system calls. Errors: ErrWriterBusy (the detail says by whom), ErrRemoved, ErrCorrupt.
func (b *CaptureBuffer) Writer() (*Writer, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return nil, ErrClosed
	}
	outcome := C.capbuf_go_writer(buffer)
	b.handle.leave(users)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	l := &lease{pointer: (*C.capbuf_writer)(outcome.handle)}
	w := &Writer{lease: l}
	runtime.AddCleanup(w, (*lease).giveBack, l)
	return w, nil
}

// number is the pointer as C takes it where audio flows.
func (l *lease) number() C.uintptr_t {
	return C.uintptr_t(uintptr(unsafe.Pointer(l.pointer)))
}

// enter lets one goroutine in, which leave ends; it is false if the writer is closed, or was never taken (the zero value of Writer), and
// then there is nothing to leave.
func (l *lease) enter() bool {
	if l == nil {
		return false
	}
	l.mutex.Lock()
	if l.pointer == nil {
		l.mutex.Unlock()
		return false
	}
	return true
}

func (l *lease) leave() {
	l.mutex.Unlock()
}

func (l *lease) giveBack() {
	if l.enter() {
		C.capbuf_writer_free(l.pointer)
		l.pointer = nil
		l.leave()
	}
}

// Write writes bytes of samples in the buffer's format that arrive now, any number of them: the beginning of a frame is kept until its
// end comes. It makes a Writer an [io.Writer]. Otherwise as WriteInt16.
func (w *Writer) Write(bytes []byte) (int, error) {
	if err := w.writeBytes(bytes, C.CAPBUF_TIME_NOW); err != nil {
		return 0, err
	}
	return len(bytes), nil
}

// WriteBytesAt is Write with the time at which the first frame was captured that begins in the bytes.
func (w *Writer) WriteBytesAt(bytes []byte, captured time.Time) error {
	at, ok := toUTC(captured)
	if !ok {
		return errTime(captured)
	}
	return w.writeBytes(bytes, at)
}

// WriteInt16 writes samples that arrive now: their last frame was captured just before. Where the capture time is known,
// [Writer.WriteInt16At] is better, as arrival jitters.
//
// Wait-free beside another write on this Writer; allocates nothing. Errors: ErrRemoved once the buffer is out of its registry,
// ErrFormatMismatch, ErrClosed. Nothing is written then.
func (w *Writer) WriteInt16(samples []int16) error {
	return writeSamples(w, samples, C.CAPBUF_TIME_NOW)
}

// WriteInt32 is WriteInt16 for buffers of S32.
func (w *Writer) WriteInt32(samples []int32) error {
	return writeSamples(w, samples, C.CAPBUF_TIME_NOW)
}

// WriteFloat32 is WriteInt16 for buffers of F32.
func (w *Writer) WriteFloat32(samples []float32) error {
	return writeSamples(w, samples, C.CAPBUF_TIME_NOW)
}

// WriteInt16At writes samples whose first frame was captured at a time. It may jitter: it is filtered. If it is more than 0.75 s later
// than the frames before let expect, a gap is recorded; shorter ones are for [Writer.Gap] to tell.
//
// Otherwise as WriteInt16. Errors also: ErrInvalidArgument for a time before 1678 or after 2262.
func (w *Writer) WriteInt16At(samples []int16, captured time.Time) error {
	return writeSamplesAt(w, samples, captured)
}

// WriteInt32At is WriteInt16At for buffers of S32.
func (w *Writer) WriteInt32At(samples []int32, captured time.Time) error {
	return writeSamplesAt(w, samples, captured)
}

// WriteFloat32At is WriteInt16At for buffers of F32.
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
	first := (*C.char)(unsafe.Pointer(unsafe.SliceData(samples)))
	raceRead(unsafe.Pointer(first), len(samples)*int(unsafe.Sizeof(*new(T))))
	outcome := C.capbuf_go_write(l.number(), first, C.size_t(len(samples)), C.uint32_t(formatOf[T]()), at)
	l.leave()
	runtime.KeepAlive(w)
	return failure(outcome)
}

func (w *Writer) writeBytes(bytes []byte, at C.int64_t) error {
	l := w.lease
	if !l.enter() {
		return ErrClosed
	}
	first := (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes)))
	raceRead(unsafe.Pointer(first), len(bytes))
	outcome := C.capbuf_go_write_bytes(l.number(), first, C.size_t(len(bytes)), at)
	l.leave()
	runtime.KeepAlive(w)
	return failure(outcome)
}

// Gap says that what is written next does not follow what was written last. The gap is as long as the times then tell. The beginning
// of a frame whose end has not come is dropped.
//
// Wait-free, allocates nothing. Errors: ErrInvalidArgument for a reason that is none, ErrClosed.
func (w *Writer) Gap(reason GapReason) error {
	return w.gap(reason, C.CAPBUF_DURATION_UNKNOWN)
}

// GapFor is Gap with how much audio is missing.
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
	outcome := C.capbuf_go_gap(l.pointer, C.uint32_t(reason), ns)
	l.leave()
	runtime.KeepAlive(w)
	return failure(outcome)
}

// NextFrame is the number that the next frame will have.
//
// Wait-free, allocates nothing. Errors: ErrClosed.
func (w *Writer) NextFrame() (uint64, error) {
	l := w.lease
	if !l.enter() {
		return 0, ErrClosed
	}
	outcome := C.capbuf_go_next_frame(l.pointer)
	l.leave()
	runtime.KeepAlive(w)
	return uint64(outcome.number), failure(outcome)
}

// Close gives the writer back: when it returns, somebody else can take it. Closing again is nothing.
//
// Waits for a write under way. May unmap memory.
func (w *Writer) Close() error {
	w.lease.giveBack()
	return nil
}

func errTime(t time.Time) error {
	return invalid("the time is " + t.UTC().Format(time.RFC3339) + "; allowed: the years 1678 to 2261")
}
