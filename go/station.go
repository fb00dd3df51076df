package capbuf

// #include "calls.h"
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

// WhenGone is what happens to the buffer of a source that is no longer configured.
type WhenGone uint32

const (
	// WhenGoneRemove: it is removed from the registry.
	WhenGoneRemove WhenGone = C.CAPBUF_WHEN_GONE_REMOVE
	// WhenGoneKeep: it stays, with its audio, for its Lifetime.
	WhenGoneKeep WhenGone = C.CAPBUF_WHEN_GONE_KEEP
)

// SourceConfig configures a source of a station.
type SourceConfig struct {
	// Name is the source name of its buffer; empty: Locator.
	Name string
	// Locator is what to open: device:default, rtsp://..., file:..., tone:440. It may contain
	// credentials.
	Locator string
	// Options configures its capture.
	Options CaptureOptions
	// WhenGone is what happens to its buffer when it is no longer configured.
	WhenGone WhenGone
}

// String describes the source without credentials. %v, %+v and %#v use it.
func (c SourceConfig) String() string {
	type plain SourceConfig
	c.Name, c.Locator = Redact(c.Name), Redact(c.Locator)
	return fmt.Sprintf("%+v", plain(c))
}

// GoString returns String.
func (c SourceConfig) GoString() string {
	return c.String()
}

// Changes lists what a reconfiguration did, as sorted source names.
type Changes struct {
	// Unchanged sources continue without losing a frame.
	Unchanged []string
	// Started sources are new.
	Started []string
	// Restarted sources have another locator or other options. They keep their ring.
	Restarted []string
	// Resized sources were restarted with a ring of another length, with the old audio that fits.
	Resized []string
	// Reformatted sources were restarted with an empty ring, as their format changed.
	Reformatted []string
	// Stopped sources are no longer configured.
	Stopped []string
}

// IsEmpty reports whether nothing changed.
func (c Changes) IsEmpty() bool {
	return len(c.Started)+len(c.Restarted)+len(c.Resized)+len(c.Reformatted)+len(c.Stopped) == 0
}

// String describes the changes without credentials. %v, %+v and %#v use it.
func (c Changes) String() string {
	type plain Changes
	for _, names := range []*[]string{&c.Unchanged, &c.Started, &c.Restarted, &c.Resized, &c.Reformatted, &c.Stopped} {
		redacted := make([]string, len(*names))
		for i, name := range *names {
			redacted[i] = Redact(name)
		}
		*names = redacted
	}
	return fmt.Sprintf("%+v", plain(c))
}

// GoString returns String.
func (c Changes) GoString() string {
	return c.String()
}

// list returns the list of a kind of change.
func (c *Changes) list(change C.uint32_t) *[]string {
	switch change {
	case C.CAPBUF_CHANGE_STARTED:
		return &c.Started
	case C.CAPBUF_CHANGE_RESTARTED:
		return &c.Restarted
	case C.CAPBUF_CHANGE_RESIZED:
		return &c.Resized
	case C.CAPBUF_CHANGE_REFORMATTED:
		return &c.Reformatted
	case C.CAPBUF_CHANGE_STOPPED:
		return &c.Stopped
	}
	return &c.Unchanged
}

// SourceStatus is the state of a source of a station at one moment.
type SourceStatus struct {
	// Name is the source name of its buffer, for [Registry.Get].
	Name string
	// State is what it is doing.
	State CaptureState
	// Words describes State, with the reason.
	Words string
	// Restarts counts how often it was reopened after it had run.
	Restarts uint64
	// HasBuffer reports whether its format is known and its buffer allocated.
	HasBuffer bool
	// History lists its last changes of state, the oldest first.
	History []Transition
}

// Transition is a change of a source's state.
type Transition struct {
	// At is when it changed.
	At time.Time
	// State is the new state.
	State CaptureState
	// Reason describes the problem that caused it; empty if there was none.
	Reason string
}

// String describes the source without credentials. %v, %+v and %#v use it.
func (s SourceStatus) String() string {
	type plain SourceStatus
	s.Name = Redact(s.Name)
	return fmt.Sprintf("%+v", plain(s))
}

// GoString returns String.
func (s SourceStatus) GoString() string {
	return s.String()
}

// Station records a list of sources, on threads of the library. The list can change meanwhile.
type Station struct {
	registry *Registry
	handle   *handle
	ended    chan struct{}
}

// NewStation returns a station that records nothing yet. The registry may be closed before the
// station.
//
// Safe for concurrent use. Allocates. Errors: ErrClosed, ErrInvalidArgument for no registry.
func NewStation(registry *Registry) (*Station, error) {
	if registry == nil {
		return nil, invalid("the registry is nil; allowed: one that was opened")
	}
	pointer, users := registry.enter()
	if pointer == nil {
		return nil, ErrClosed
	}
	var station *C.capbuf_station
	var detail *C.capbuf_error
	status := C.capbuf_station_new(pointer, &station, &detail)
	registry.handle.leave(users)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	h := newHandle(unsafe.Pointer(station), func(p unsafe.Pointer) {
		C.capbuf_station_free((*C.capbuf_station)(p))
		close(ended)
	})
	s := &Station{registry, h, ended}
	// Stopping can take seconds and must not delay other cleanups.
	runtime.AddCleanup(s, func(h *handle) { go h.close() }, h)
	return s, nil
}

func (s *Station) enter() (*C.capbuf_station, *stripe) {
	pointer, users := s.handle.enter()
	return (*C.capbuf_station)(pointer), users
}

// Reconfigure records these sources and no others. It starts new sources, stops those that are no
// longer listed, restarts changed ones and leaves unchanged ones alone. An invalid source refuses
// the whole list, and nothing changes.
//
// Safe for concurrent use: calls are serialized, and the last one wins. Blocks a thread until
// sources are stopped, five seconds at most; new ones are opened in the background. Errors:
// ErrCaptureFailed for an invalid or repeated source, with its name; ErrInvalidArgument, ErrClosed.
func (s *Station) Reconfigure(sources []SourceConfig) (Changes, error) {
	var pins runtime.Pinner
	defer pins.Unpin()
	configs, err := configsToC(sources, &pins)
	if err != nil {
		return Changes{}, err
	}
	station, users := s.enter()
	if station == nil {
		return Changes{}, ErrClosed
	}
	defer s.handle.leave(users)
	var list *C.capbuf_change_list
	var count C.size_t
	if stack := s.registry.callStack(); stack != nil {
		list, count, err = stack.reconfigure(station, configs)
	} else {
		var detail *C.capbuf_error
		status := C.capbuf_station_reconfigure(station, unsafe.SliceData(configs), C.size_t(len(configs)), &list, &count, &detail)
		err = failure(status, detail)
	}
	if err != nil {
		return Changes{}, err
	}
	defer C.capbuf_change_list_free(list)
	return changesFromC(list, count)
}

// configsToC converts the sources. What they point to is pinned until pins is unpinned.
func configsToC(sources []SourceConfig, pins *runtime.Pinner) ([]C.capbuf_source_config, error) {
	configs := make([]C.capbuf_source_config, len(sources))
	for i, source := range sources {
		options, err := source.Options.toC(context.Background())
		if err != nil {
			return nil, err
		}
		name := source.Name
		if name == "" {
			name = source.Locator
		}
		config := &configs[i]
		config.struct_size = C.sizeof_capbuf_source_config
		config.name, config.name_len = pinnedText(name, pins)
		config.locator, config.locator_len = pinnedText(source.Locator, pins)
		config.when_gone = C.uint32_t(source.WhenGone)
		config.options = &options
		pins.Pin(config.options)
	}
	return configs, nil
}

func changesFromC(list *C.capbuf_change_list, count C.size_t) (Changes, error) {
	var changes Changes
	for number := range count {
		var change C.uint32_t
		name, err := textFrom(func(out *textOut) C.capbuf_status {
			return C.capbuf_change_list_get(list, number, &change, out.bytes, out.size, &out.length, &out.detail)
		})
		if err != nil {
			return changes, err
		}
		names := changes.list(change)
		*names = append(*names, name)
	}
	return changes, nil
}

// Sources returns the current state of the sources, sorted by name.
//
// Safe for concurrent use. Allocates. Errors: ErrClosed.
func (s *Station) Sources() ([]SourceStatus, error) {
	station, users := s.enter()
	if station == nil {
		return nil, ErrClosed
	}
	var list *C.capbuf_source_list
	var count C.size_t
	var detail *C.capbuf_error
	status := C.capbuf_station_sources(station, &list, &count, &detail)
	s.handle.leave(users)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	defer C.capbuf_source_list_free(list)
	sources := make([]SourceStatus, 0, count)
	for number := range count {
		source, err := sourceFromC(list, number)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

func sourceFromC(list *C.capbuf_source_list, number C.size_t) (SourceStatus, error) {
	status := C.capbuf_source_status{struct_size: C.sizeof_capbuf_source_status}
	name, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_source_list_get(list, number, out.bytes, out.size, &out.length, &status, &out.detail)
	})
	if err != nil {
		return SourceStatus{}, err
	}
	words, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_source_list_state(list, number, out.bytes, out.size, &out.length, &out.detail)
	})
	if err != nil {
		return SourceStatus{}, err
	}
	history, err := historyFromC(list, number, int(status.transitions))
	return SourceStatus{
		Name:      name,
		State:     CaptureState(status.state),
		Words:     words,
		Restarts:  uint64(status.restarts),
		HasBuffer: status.has_buffer != 0,
		History:   history,
	}, err
}

func historyFromC(list *C.capbuf_source_list, number C.size_t, transitions int) ([]Transition, error) {
	history := make([]Transition, transitions)
	for i := range history {
		transition := C.capbuf_transition{struct_size: C.sizeof_capbuf_transition}
		reason, err := textFrom(func(out *textOut) C.capbuf_status {
			return C.capbuf_source_list_transition(list, number, C.size_t(i), out.bytes, out.size, &out.length, &transition, &out.detail)
		})
		if err != nil {
			return nil, err
		}
		history[i] = Transition{fromUTC(transition.utc_ns), CaptureState(transition.state), reason}
	}
	return history, nil
}

// Close stops all sources at once and waits for them, five seconds at most. Their buffers stay.
// Further calls do nothing.
func (s *Station) Close() error {
	if s.ended == nil {
		return nil // The zero value.
	}
	s.handle.close()
	<-s.ended
	return nil
}
