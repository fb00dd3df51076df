package compat

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"capbuf.dev/capbuf"
)

// set is the buffers of one registry and their open handles in this process.
type set struct {
	registry *capbuf.Registry
	open     sync.Map // source -> *entry

	makingStation sync.Mutex
	station       *capbuf.Station
}

// entry is the open handles of one source. The first write acquires the writer, as another process
// may be the one that writes.
type entry struct {
	buffer *capbuf.CaptureBuffer
	mutex  sync.Mutex
	writer atomic.Pointer[capbuf.Writer]
}

var (
	current   atomic.Pointer[set]
	makingOne sync.Mutex
)

// UseRegistry sets the registry of all later calls, such as a domain that other processes share.
// The caller keeps it open while it is used. Buffers of the registry before are no longer found,
// and its streams stop. The original has no such function.
func UseRegistry(registry *capbuf.Registry) {
	track(registry)
	if before := current.Swap(&set{registry: registry}); before != nil {
		before.stopStation()
		before.open.Range(func(source, _ any) bool {
			before.forget(source.(string))
			return true
		})
	}
}

func buffers() (*set, error) {
	if s := current.Load(); s != nil {
		return s, nil
	}
	makingOne.Lock()
	defer makingOne.Unlock()
	if s := current.Load(); s != nil {
		return s, nil
	}
	registry, err := capbuf.Private()
	if err != nil {
		return nil, err
	}
	track(registry)
	s := &set{registry: registry}
	current.Store(s)
	return s, nil
}

// AllocateCaptureBuffer allocates the buffer of a source that has none.
//
// Errors: capbuf.ErrAlreadyExists, capbuf.ErrInvalidArgument, capbuf.ErrInvalidSource,
// capbuf.ErrOverBudget, and others of capbuf.Registry.Allocate.
func AllocateCaptureBuffer(durationSeconds, sampleRate, bytesPerSample int, source string) error {
	return allocate(durationSeconds, sampleRate, bytesPerSample, source, (*capbuf.Registry).Allocate)
}

// AllocateCaptureBufferIfNeeded allocates the buffer of a source if it has none: once, however many
// callers race.
//
// Errors: capbuf.ErrSpecMismatch if it has one of another format or length; those of
// [AllocateCaptureBuffer].
func AllocateCaptureBufferIfNeeded(durationSeconds, sampleRate, bytesPerSample int, source string) error {
	return allocate(durationSeconds, sampleRate, bytesPerSample, source, (*capbuf.Registry).GetOrAllocate)
}

type allocator func(*capbuf.Registry, string, capbuf.Spec) (*capbuf.CaptureBuffer, error)

func allocate(durationSeconds, sampleRate, bytesPerSample int, source string, from allocator) error {
	spec, err := specOf(durationSeconds, sampleRate, bytesPerSample)
	if err != nil {
		return err
	}
	s, err := buffers()
	if err != nil {
		return err
	}
	buffer, err := from(s.registry, source, spec)
	if err != nil {
		return err
	}
	if _, exists := s.open.LoadOrStore(source, &entry{buffer: buffer}); exists {
		return buffer.Close()
	}
	return nil
}

// InitCaptureBuffers allocates the buffers of several sources that have none. It continues after an
// error and returns all errors. An empty list is an error, as in the original.
func InitCaptureBuffers(durationSeconds, sampleRate, bytesPerSample int, sources []string) error {
	if len(sources) == 0 {
		return refused("the number of sources", 0, "1 and more")
	}
	var failures []error
	for _, source := range sources {
		failures = append(failures, AllocateCaptureBufferIfNeeded(durationSeconds, sampleRate, bytesPerSample, source))
	}
	return errors.Join(failures...)
}

// HasCaptureBuffer reports whether a source has a buffer. Wait-free, no allocation.
func HasCaptureBuffer(source string) bool {
	s, err := buffers()
	return err == nil && s.registry.Contains(source)
}

// RemoveCaptureBuffer removes the buffer of a source, so that it can be allocated again. Reads in
// progress complete.
//
// Errors: capbuf.ErrNotFound.
func RemoveCaptureBuffer(source string) error {
	s, err := buffers()
	if err != nil {
		return err
	}
	err = s.registry.Remove(source)
	s.forget(source)
	return err
}

// WriteToCaptureBuffer writes bytes of samples captured just now. It accepts any number of bytes
// and keeps an incomplete sample for the next call.
//
// Waits only for other writes to this source. Errors: capbuf.ErrNotFound; capbuf.ErrWriterBusy if
// another process writes.
func WriteToCaptureBuffer(source string, data []byte) error {
	return use(source, func(e *entry) error {
		writer, err := e.acquireWriter()
		if err != nil {
			return err
		}
		_, err = writer.Write(data)
		return err
	})
}

// ReadSegmentFromCaptureBuffer returns duration seconds of a source from requestedStartTime. It
// waits for audio not recorded yet, until five seconds after its due time.
//
// Errors: capbuf.ErrNotFound; capbuf.ErrEvicted if the beginning is overwritten; capbuf.ErrNotYet,
// with context.DeadlineExceeded, if the end was not recorded; capbuf.ErrInvalidArgument.
func ReadSegmentFromCaptureBuffer(source string, requestedStartTime time.Time, duration int) ([]byte, error) {
	var segment []byte
	err := use(source, func(e *entry) (err error) {
		segment, err = readSegment(e.buffer, requestedStartTime, duration)
		return err
	})
	return segment, err
}

// use calls f with the handles of a source. If the buffer was removed meanwhile, in any process, it
// retries: the source may have a new one.
func use(source string, f func(*entry) error) error {
	s, err := buffers()
	if err != nil {
		return err
	}
	for range 3 {
		var e *entry
		if e, err = s.entry(source); err != nil {
			return err
		}
		if err = e.errIfRemoved(); err == nil {
			err = f(e)
		}
		if !errors.Is(err, capbuf.ErrRemoved) && !errors.Is(err, capbuf.ErrClosed) {
			return err
		}
		s.forgetEntry(source, e)
	}
	return err
}

func (e *entry) errIfRemoved() error {
	removed, err := e.buffer.IsRemoved()
	if removed {
		return capbuf.ErrRemoved
	}
	return err
}

// entry returns the handles of a source, and opens them if needed.
func (s *set) entry(source string) (*entry, error) {
	if found, ok := s.open.Load(source); ok {
		return found.(*entry), nil
	}
	buffer, err := s.registry.Get(source)
	if err != nil {
		return nil, err
	}
	found, exists := s.open.LoadOrStore(source, &entry{buffer: buffer})
	if exists {
		buffer.Close()
	}
	return found.(*entry), nil
}

// forget closes the handles of a source.
func (s *set) forget(source string) {
	if found, ok := s.open.Load(source); ok {
		s.forgetEntry(source, found.(*entry))
	}
}

func (s *set) forgetEntry(source string, e *entry) {
	s.open.CompareAndDelete(source, e)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	// Closing the buffer first prevents acquiring a writer of it.
	e.buffer.Close()
	if writer := e.writer.Load(); writer != nil {
		writer.Close()
	}
}

func (e *entry) acquireWriter() (*capbuf.Writer, error) {
	if writer := e.writer.Load(); writer != nil {
		return writer, nil
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if writer := e.writer.Load(); writer != nil {
		return writer, nil
	}
	writer, err := e.buffer.Writer()
	if err == nil {
		e.writer.Store(writer)
	}
	return writer, err
}
