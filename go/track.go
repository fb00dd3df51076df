package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_as
// #cgo nocallback capbuf_go_as
// #cgo noescape capbuf_go_text
// #cgo nocallback capbuf_go_text
import "C"

import (
	"path"
	"runtime"
	"strings"
	"unsafe"
)

// EnableAllocationTracking records every attempt to get a buffer from here on, with what came of it, when, by whom and from where; or
// ends that.
//
// Off, it costs a load an attempt. On, some microseconds for the stack, and memory of a fixed size. Counts go on from what they were.
// In a domain every process decides for itself, and the report of any tells of all that track. DEBUG_BUFFER_ALLOC=true in the
// environment does the same from the beginning. Any goroutine. Errors: ErrClosed.
func (r *Registry) EnableAllocationTracking(enable bool) error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	defer r.handle.leave(users)
	var on C.int
	if enable {
		on = 1
	}
	err := failure(C.capbuf_go_track(registry, on))
	if err == nil {
		r.tracks.Store(enable)
	}
	return err
}

// IsAllocationTracking tells whether attempts are recorded; false when the registry is closed.
//
// Any goroutine. A load.
func (r *Registry) IsAllocationTracking() bool {
	return r.tracks.Load() && !r.handle.closed.Load()
}

// MetricsText gives the metrics of this registry and its buffers, in Prometheus's text format. The module capbuf.dev/capbuf/prometheus
// has a collector.
//
// Attempts and reads are this registry's own; writes, frames, gaps and evictions those of the buffers, whoever wrote and read
// them. Sources are named shortly and without credentials; the first 64 of them have metrics of their own. Any goroutine. Reads the last
// second of each. Errors: ErrClosed.
func (r *Registry) MetricsText() (string, error) {
	return r.metrics(0)
}

// DomainMetricsText gives the metrics of a whole domain, for who looks at it from outside: attempts are those of all processes that
// track; what only each process knows, its reads and their durations, is left out. Otherwise as [Registry.MetricsText].
func (r *Registry) DomainMetricsText() (string, error) {
	return r.metrics(1)
}

func (r *Registry) metrics(wholeDomain C.int) (string, error) {
	registry, users := r.enter()
	if registry == nil {
		return "", ErrClosed
	}
	outcome := C.capbuf_go_metrics(registry, wholeDomain)
	r.handle.leave(users)
	if err := failure(outcome); err != nil {
		return "", err
	}
	return taken(outcome.number), nil
}

// taken copies a text of C's, which ends by this.
func taken(text C.uint64_t) string {
	defer C.capbuf_go_text_free(text)
	return copied(C.capbuf_go_text(text))
}

// copied copies bytes of C's, which stay C's.
func copied(outcome C.capbuf_go_outcome) string {
	return C.GoStringN((*C.char)(pointerOf(C.uintptr_t(outcome.number))), C.int(outcome.second))
}

// callers is a stack as C takes it: the texts one behind the other, and three numbers a place.
type callers struct {
	texts   []byte
	numbers []C.uint32_t
}

// callers looks who calls, if the registry wants to know.
func (r *Registry) callers() *callers {
	if !r.tracks.Load() {
		return nil
	}
	return callersNow()
}

// folder is where the code of this package lies.
var folder = func() string {
	_, file, _, _ := runtime.Caller(0)
	return path.Dir(file)
}()

// isOwn tells whether code is of this package, or of what wraps it, and no caller.
func isOwn(file string) bool {
	of := path.Dir(file)
	return (of == folder || of == folder+"/compat") && !strings.HasSuffix(file, "_test.go")
}

func callersNow() *callers {
	var addresses [64]uintptr
	frames := runtime.CallersFrames(addresses[:runtime.Callers(3, addresses[:])])
	c := &callers{}
	for more, isInside := true, true; more && len(c.numbers) < 3*C.CAPBUF_GO_PLACES; {
		var frame runtime.Frame
		frame, more = frames.Next()
		isInside = isInside && isOwn(frame.File)
		if isInside || frame.PC == 0 {
			continue
		}
		c.texts = append(append(c.texts, frame.File...), frame.Function...)
		c.numbers = append(c.numbers, C.uint32_t(len(frame.File)), C.uint32_t(len(frame.Function)), C.uint32_t(frame.Line))
	}
	return c
}

// ask makes a call in the name of the callers.
func (c *callers) ask(call C.capbuf_go_call, registry *C.capbuf_registry, source string, shape unsafe.Pointer) C.capbuf_go_outcome {
	name, size := text(source)
	texts := (*C.char)(unsafe.Pointer(unsafe.SliceData(c.texts)))
	return C.capbuf_go_as(texts, unsafe.SliceData(c.numbers), C.size_t(len(c.numbers)/3), call, registry, name, size, shape)
}
