package capbuf

// #include "calls.h"
import "C"

import (
	"fmt"
	"time"
)

// SourceInfo is a source that has a buffer, or that a recorder is opening, is waiting for, or could
// not open.
type SourceInfo struct {
	// Source is its name, for [Registry.Get].
	Source string
	// State is what it is doing, as its recorder published it last; 0 if it never did.
	State CaptureState
	// Reason describes the problem, without credentials; empty if there is none.
	Reason string
	// Since is when the state began; zero without a state.
	Since time.Time
	// Restarts counts how often it was reopened after it had run.
	Restarts uint64
	// HasBuffer reports whether it has a buffer.
	HasBuffer bool
	// RecorderPID is the living process that published the state; 0 for none, and in a private
	// registry.
	RecorderPID int
	// RecorderProgram is the name of that process's program.
	RecorderProgram string
}

// String describes the source without credentials. %v, %+v and %#v use it.
func (s SourceInfo) String() string {
	type plain SourceInfo
	s.Source = Redact(s.Source)
	return fmt.Sprintf("%+v", plain(s))
}

// GoString returns String.
func (s SourceInfo) GoString() string {
	return s.String()
}

// Sources returns the sources of the registry, sorted by name: those with a buffer, and those that
// a recorder is opening, is waiting for, or could not open. A source is listed from the moment its
// recorder claims it.
//
// Safe for concurrent use. Maps all buffers of a domain, and allocates. Errors: ErrClosed,
// ErrSystem.
func (r *Registry) Sources() ([]SourceInfo, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	var list *C.capbuf_source_info_list
	var count C.size_t
	var detail *C.capbuf_error
	status := C.capbuf_registry_sources(registry, &list, &count, &detail)
	r.handle.leave(users)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	defer C.capbuf_source_info_list_free(list)
	sources := make([]SourceInfo, 0, count)
	for number := range count {
		source, err := sourceInfoFromC(list, number)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

func sourceInfoFromC(list *C.capbuf_source_info_list, number C.size_t) (SourceInfo, error) {
	info := C.capbuf_source_info{struct_size: C.sizeof_capbuf_source_info}
	name, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_source_info_list_get(list, number, out.bytes, out.size, &out.length, &info, &out.detail)
	})
	if err != nil {
		return SourceInfo{}, err
	}
	reason, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_source_info_list_reason(list, number, out.bytes, out.size, &out.length, &out.detail)
	})
	if err != nil {
		return SourceInfo{}, err
	}
	program, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_source_info_list_program(list, number, out.bytes, out.size, &out.length, &out.detail)
	})
	source := SourceInfo{
		Source:          name,
		State:           CaptureState(info.state),
		Reason:          reason,
		Restarts:        uint64(info.restarts),
		HasBuffer:       info.has_buffer != 0,
		RecorderPID:     int(info.recorder_pid),
		RecorderProgram: program,
	}
	if info.state != 0 {
		source.Since = fromUTC(info.since_utc_ns)
	}
	return source, err
}
