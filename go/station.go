package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_configuration_new
// #cgo nocallback capbuf_go_configuration_new
// #cgo noescape capbuf_go_source
// #cgo noescape capbuf_go_source_transition
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

// WhenGone says what becomes of the buffer of a source that is no longer configured.
type WhenGone uint32

const (
	// WhenGoneRemove: it is taken out of the registry; its memory goes back when the last handle ends.
	WhenGoneRemove WhenGone = C.CAPBUF_WHEN_GONE_REMOVE
	// WhenGoneKeep: it stays, with its audio, as long as its lifetime says.
	WhenGoneKeep WhenGone = C.CAPBUF_WHEN_GONE_KEEP
)

// SourceConfig is a source as it is configured.
type SourceConfig struct {
	// Name is the name of its buffer; empty: the locator.
	Name string
	// Locator is where it comes from: device:default, rtsp://..., file:..., tone:440. It may hold credentials.
	Locator string
	// Options is what is asked of it.
	Options CaptureOptions
	// WhenGone is what becomes of its buffer when it is no longer configured.
	WhenGone WhenGone
}

// String shows it without credentials, for logs; so do %v, %+v and %#v.
func (c SourceConfig) String() string {
	type plain SourceConfig
	c.Name, c.Locator = Redact(c.Name), Redact(c.Locator)
	return fmt.Sprintf("%+v", plain(c))
}

// GoString is String.
func (c SourceConfig) GoString() string {
	return c.String()
}

// Changes is what a reconfiguration did, by the names of sources, in their order.
type Changes struct {
	// Unchanged were not touched: not one frame of them is lost.
	Unchanged []string
	// Started were begun.
	Started []string
	// Restarted were begun anew, as where they come from or how they are supervised has changed. The ring stays.
	Restarted []string
	// Resized were begun anew in a ring of another length, which has what fits of the audio of the old one.
	Resized []string
	// Reformatted were begun anew in a new ring, as the format has changed: none of the old audio is in it.
	Reformatted []string
	// Stopped were stopped.
	Stopped []string
}

// IsEmpty tells whether nothing was changed.
func (c Changes) IsEmpty() bool {
	return len(c.Started)+len(c.Restarted)+len(c.Resized)+len(c.Reformatted)+len(c.Stopped) == 0
}

// String shows it without credentials, for logs; so do %v, %+v and %#v.
func (c Changes) String() string {
	type plain Changes
	for _, names := range []*[]string{&c.Unchanged, &c.Started, &c.Restarted, &c.Resized, &c.Reformatted, &c.Stopped} {
		shown := make([]string, len(*names))
		for i, name := range *names {
			shown[i] = Redact(name)
		}
		*names = shown
	}
	return fmt.Sprintf("%+v", plain(c))
}

// GoString is String.
func (c Changes) GoString() string {
	return c.String()
}

func (c *Changes) list(change C.uint64_t) *[]string {
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

// SourceStatus is a source of a station at one moment.
type SourceStatus struct {
	// Name is the name of its buffer: [Registry.Get] has it, once it has told its shape.
	Name string
	// State is what it is doing, Words the same in words with the reason.
	State CaptureState
	Words string
	// Restarts is how often it was opened again after it had run.
	Restarts uint64
	// HasBuffer tells whether it has told its shape, and so has a buffer.
	HasBuffer bool
	// History is its last changes of state, the oldest first.
	History []Transition
}

// Transition is a change of a source's state.
type Transition struct {
	// At is when.
	At time.Time
	// State is what began.
	State CaptureState
	// Reason is why, where something is wrong.
	Reason string
}

// String shows it without credentials, for logs; so do %v, %+v and %#v.
func (s SourceStatus) String() string {
	type plain SourceStatus
	s.Name = Redact(s.Name)
	return fmt.Sprintf("%+v", plain(s))
}

// GoString is String.
func (s SourceStatus) GoString() string {
	return s.String()
}

// Station records what it is told to, on threads of the library's, and changes what it records while it does.
type Station struct {
	registry *Registry
	handle   *handle
	ended    chan struct{}
}

// NewStation makes a station that records nothing yet. The registry may be closed before it.
//
// Any goroutine. Allocates. Errors: ErrClosed, ErrInvalidArgument for no registry.
func NewStation(registry *Registry) (*Station, error) {
	if registry == nil {
		return nil, invalid("the registry is nil; allowed: one that was opened")
	}
	pointer, users := registry.enter()
	if pointer == nil {
		return nil, ErrClosed
	}
	outcome := C.capbuf_go_station(pointer)
	registry.handle.leave(users)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	h := newHandle(outcome.handle, func(p unsafe.Pointer) {
		C.capbuf_station_free((*C.capbuf_station)(p))
		close(ended)
	})
	s := &Station{registry, h, ended}
	// Stopping may take seconds, and other cleanups are not to wait for it.
	runtime.AddCleanup(s, func(h *handle) { go h.close() }, h)
	return s, nil
}

func (s *Station) enter() (*C.capbuf_station, *stripe) {
	pointer, users := s.handle.enter()
	return (*C.capbuf_station)(pointer), users
}

// Reconfigure records these sources, and no others: it compares with what runs, and does not touch what is unchanged. What is new begins; what
// is gone ends, and its buffer becomes what was configured. All or nothing: what can't be is refused before anything is changed. Told the
// same again it does nothing.
//
// Any goroutine; those that call at the same time take turns, and what the last one said holds. Blocks, and holds a thread, while sources
// are stopped, five seconds at most; new ones are opened in the background. Errors: ErrCaptureFailed for a source that can't be, with its
// name, or one that is given twice; ErrInvalidArgument, ErrClosed. Nothing was changed then.
func (s *Station) Reconfigure(sources []SourceConfig) (Changes, error) {
	var texts []byte
	var numbers []C.uint32_t
	var options []C.capbuf_capture_options
	for _, source := range sources {
		asked, err := source.Options.toC(context.Background())
		if err != nil {
			return Changes{}, err
		}
		name := source.Name
		if name == "" {
			name = source.Locator
		}
		texts = append(append(texts, name...), source.Locator...)
		numbers = append(numbers, C.uint32_t(len(name)), C.uint32_t(len(source.Locator)), C.uint32_t(source.WhenGone))
		options = append(options, asked)
	}
	station, users := s.enter()
	if station == nil {
		return Changes{}, ErrClosed
	}
	defer s.handle.leave(users)
	configuration := C.capbuf_go_configuration_new(station, (*C.char)(unsafe.Pointer(unsafe.SliceData(texts))), C.size_t(len(texts)),
		unsafe.SliceData(numbers), unsafe.SliceData(options), C.size_t(len(sources)))
	if configuration == nil {
		return Changes{}, ErrOutOfMemory
	}
	defer C.free(configuration)
	var outcome C.capbuf_go_outcome
	if callers := s.registry.callers(); callers != nil {
		outcome = callers.ask(C.CAPBUF_GO_RECONFIGURE, nil, "", configuration)
	} else {
		outcome = C.capbuf_go_reconfigure(configuration)
	}
	if err := failure(outcome); err != nil {
		return Changes{}, err
	}
	made := (*C.capbuf_change_list)(outcome.handle)
	defer C.capbuf_change_list_free(made)
	var changes Changes
	for number := range C.size_t(outcome.number) {
		var change C.uint64_t
		name, err := told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
			outcome := C.capbuf_go_change(made, number, out, size)
			change = outcome.second
			return outcome
		})
		if err != nil {
			return changes, err
		}
		list := changes.list(change)
		*list = append(*list, name)
	}
	return changes, nil
}

// Sources tells the sources as they are now, by name.
//
// Any goroutine. Allocates. Errors: ErrClosed.
func (s *Station) Sources() ([]SourceStatus, error) {
	station, users := s.enter()
	if station == nil {
		return nil, ErrClosed
	}
	outcome := C.capbuf_go_sources(station)
	s.handle.leave(users)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	made := (*C.capbuf_source_list)(outcome.handle)
	defer C.capbuf_source_list_free(made)
	sources := make([]SourceStatus, 0, outcome.number)
	for number := range C.size_t(outcome.number) {
		var status C.capbuf_source_status
		name, err := told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
			return C.capbuf_go_source(made, number, out, size, &status)
		})
		if err != nil {
			return nil, err
		}
		words, err := told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
			return C.capbuf_go_source_state(made, number, out, size)
		})
		if err != nil {
			return nil, err
		}
		history, err := history(made, number, int(status.transitions))
		if err != nil {
			return nil, err
		}
		sources = append(sources, SourceStatus{
			Name:      name,
			State:     CaptureState(status.state),
			Words:     words,
			Restarts:  uint64(status.restarts),
			HasBuffer: status.has_buffer != 0,
			History:   history,
		})
	}
	return sources, nil
}

func history(made *C.capbuf_source_list, number C.size_t, transitions int) ([]Transition, error) {
	history := make([]Transition, transitions)
	for i := range history {
		var transition C.capbuf_transition
		reason, err := told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
			return C.capbuf_go_source_transition(made, number, C.size_t(i), out, size, &transition)
		})
		if err != nil {
			return nil, err
		}
		history[i] = Transition{fromUTC(transition.utc_ns), CaptureState(transition.state), reason}
	}
	return history, nil
}

// Close stops all sources, all at once, and waits for them, five seconds at most. The buffers stay. Closing again is nothing.
func (s *Station) Close() error {
	if s.ended == nil {
		return nil // The zero value: it was never made.
	}
	s.handle.close()
	<-s.ended
	return nil
}
