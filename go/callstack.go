package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_call_as
// #cgo nocallback capbuf_go_call_as
import "C"

import (
	"math/rand/v2"
	"path"
	"runtime"
	"strings"
	"unsafe"
)

// callStack returns the stack of the caller of this package, or nil while tracking is disabled.
func (r *Registry) callStack() *callStack {
	// Another process may switch tracking in a domain. A call of C costs as much as a lookup, so
	// that is looked at by one request in eight.
	if r.domain != "" && rand.Uint32()%8 == 0 {
		r.loadTracking()
	}
	if !r.tracks.Load() {
		return nil
	}
	return newCallStack()
}

// loadTracking asks the library whether allocation tracking is enabled. The caller has entered.
func (r *Registry) loadTracking() {
	var isTracking C.bool
	if C.capbuf_registry_is_allocation_tracking((*C.capbuf_registry)(r.handle.pointer), &isTracking, nil) == 0 {
		r.tracks.Store(bool(isTracking))
	}
}

// callStack is a Go stack in the form that capbuf_call_as takes. It serves for one call.
type callStack struct {
	places []C.capbuf_code_place
	pins   runtime.Pinner
}

// packageFolder is the folder of this package's source.
var packageFolder = func() string {
	_, file, _, _ := runtime.Caller(0)
	return path.Dir(file)
}()

// isOwn reports whether a file belongs to this package or to compat, which wraps it.
func isOwn(file string) bool {
	folder := path.Dir(file)
	return (folder == packageFolder || folder == packageFolder+"/compat") && !strings.HasSuffix(file, "_test.go")
}

func newCallStack() *callStack {
	const maxPlaces = 16
	var addresses [64]uintptr
	frames := runtime.CallersFrames(addresses[:runtime.Callers(3, addresses[:])])
	s := &callStack{}
	for more, isInside := true, true; more && len(s.places) < maxPlaces; {
		var frame runtime.Frame
		frame, more = frames.Next()
		isInside = isInside && isOwn(frame.File)
		if isInside || frame.PC == 0 {
			continue
		}
		place := C.capbuf_code_place{line: C.uint32_t(frame.Line)}
		place.file, place.file_len = pinnedText(frame.File, &s.pins)
		place.function, place.function_len = pinnedText(frame.Function, &s.pins)
		s.places = append(s.places, place)
	}
	return s
}

// call runs one C function under capbuf_call_as. It ends the callStack.
func (s *callStack) call(function C.capbuf_go_function, target unsafe.Pointer, source string, options unsafe.Pointer,
	count int, info *C.capbuf_buffer_info) C.capbuf_go_result {
	defer s.pins.Unpin()
	var places *C.capbuf_code_place
	if len(s.places) > 0 {
		places = unsafe.SliceData(s.places)
	}
	name, size := text(source)
	return C.capbuf_go_call_as(places, C.size_t(len(s.places)), function, target, name, size, options, C.size_t(count), info)
}

func (s *callStack) allocate(registry *C.capbuf_registry, source string, spec *C.capbuf_spec) (*C.capbuf_buffer, error) {
	result := s.call(C.CAPBUF_GO_ALLOCATE, unsafe.Pointer(registry), source, unsafe.Pointer(spec), 0, nil)
	return (*C.capbuf_buffer)(result.handle), failure(result.status, result.detail)
}

func (s *callStack) getOrAllocate(registry *C.capbuf_registry, source string, spec *C.capbuf_spec,
	info *C.capbuf_buffer_info) (*C.capbuf_buffer, error) {
	result := s.call(C.CAPBUF_GO_GET_OR_ALLOCATE, unsafe.Pointer(registry), source, unsafe.Pointer(spec), 0, info)
	return (*C.capbuf_buffer)(result.handle), failure(result.status, result.detail)
}

func (s *callStack) get(registry *C.capbuf_registry, source string, info *C.capbuf_buffer_info) (*C.capbuf_buffer, error) {
	result := s.call(C.CAPBUF_GO_GET, unsafe.Pointer(registry), source, nil, 0, info)
	return (*C.capbuf_buffer)(result.handle), failure(result.status, result.detail)
}

func (s *callStack) remove(registry *C.capbuf_registry, source string) error {
	result := s.call(C.CAPBUF_GO_REMOVE, unsafe.Pointer(registry), source, nil, 0, nil)
	return failure(result.status, result.detail)
}

func (s *callStack) startCapture(registry *C.capbuf_registry, source string,
	options *C.capbuf_capture_options) (*C.capbuf_capture, error) {
	result := s.call(C.CAPBUF_GO_START_CAPTURE, unsafe.Pointer(registry), source, unsafe.Pointer(options), 0, nil)
	return (*C.capbuf_capture)(result.handle), failure(result.status, result.detail)
}

func (s *callStack) reconfigure(station *C.capbuf_station,
	sources []C.capbuf_source_config) (*C.capbuf_change_list, C.size_t, error) {
	result := s.call(C.CAPBUF_GO_RECONFIGURE, unsafe.Pointer(station), "", unsafe.Pointer(unsafe.SliceData(sources)),
		len(sources), nil)
	return (*C.capbuf_change_list)(result.handle), result.count, failure(result.status, result.detail)
}
