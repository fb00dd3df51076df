package compat

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"capbuf.dev/capbuf"
)

// set is the buffers of one registry, with what this process has open of them.
type set struct {
	registry *capbuf.Registry
	open     sync.Map // source -> *entry

	makingStation sync.Mutex
	station       *capbuf.Station
}

// entry is what is open of one source. The writer is taken by the first write: other processes may write, and this one only read.
type entry struct {
	buffer *capbuf.CaptureBuffer
	mutex  sync.Mutex
	writer atomic.Pointer[capbuf.Writer]
}

var (
	current   atomic.Pointer[set]
	makingOne sync.Mutex
)

// UseRegistry says where buffers are allocated from now on, such as in a domain that other processes have open too. The registry must
// stay open for as long as it is used. Buffers that were allocated elsewhere are no longer found, and streams that are recorded there end.
// It is not in the original.
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
// Errors: capbuf.ErrAlreadyExists, capbuf.ErrInvalidArgument, capbuf.ErrInvalidSource, capbuf.ErrOverBudget, and others of
// capbuf.Registry.Allocate.
func AllocateCaptureBuffer(durationSeconds, sampleRate, bytesPerSample int, source string) error {
	return allocate(durationSeconds, sampleRate, bytesPerSample, source, (*capbuf.Registry).Allocate)
}

// AllocateCaptureBufferIfNeeded allocates the buffer of a source, if it has none: exactly once, however many ask at once.
//
// Errors: capbuf.ErrSpecMismatch if it has one of another shape; otherwise as AllocateCaptureBuffer.
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
	if _, there := s.open.LoadOrStore(source, &entry{buffer: buffer}); there {
		return buffer.Close()
	}
	return nil
}

// InitCaptureBuffers allocates the buffers of several sources, if they have none. It goes on after an error, and gives all of them; no
// sources are an error, as in the original.
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

// HasCaptureBuffer tells whether a source has a buffer. Waits for nobody, allocates nothing.
func HasCaptureBuffer(source string) bool {
	s, err := buffers()
	return err == nil && s.registry.Contains(source)
}

// RemoveCaptureBuffer removes the buffer of a source, so that it can be allocated anew. A read that is under way ends well.
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

// WriteToCaptureBuffer writes samples of a source that arrive now, any number of bytes of them: what is cut off of a sample is joined
// with the next write.
//
// Waits for nobody but another write to this source. Errors: capbuf.ErrNotFound, capbuf.ErrWriterBusy if another process writes.
func WriteToCaptureBuffer(source string, data []byte) error {
	return use(source, func(e *entry) error {
		writer, err := e.takeWriter()
		if err != nil {
			return err
		}
		_, err = writer.Write(data)
		return err
	})
}

// ReadSegmentFromCaptureBuffer gives so many seconds of a source from a time on, and waits for what of it is still to come: up to five
// seconds longer than it should take.
//
// Errors: capbuf.ErrNotFound; capbuf.ErrEvicted if its beginning is no longer there; capbuf.ErrNotYet, with context.DeadlineExceeded,
// if its end did not come; capbuf.ErrInvalidArgument.
func ReadSegmentFromCaptureBuffer(source string, requestedStartTime time.Time, duration int) ([]byte, error) {
	var segment []byte
	err := use(source, func(e *entry) (err error) {
		segment, err = readSegment(e.buffer, requestedStartTime, duration)
		return err
	})
	return segment, err
}

// use does something with what is open of a source. What was removed meanwhile, here or by another process, may be there anew: then it
// is done with that.
func use(source string, do func(*entry) error) error {
	s, err := buffers()
	if err != nil {
		return err
	}
	for range 3 {
		var e *entry
		if e, err = s.entry(source); err != nil {
			return err
		}
		if removed, looked := e.buffer.IsRemoved(); removed || looked != nil {
			s.forgetEntry(source, e)
			continue
		}
		err = do(e)
		if !errors.Is(err, capbuf.ErrRemoved) && !errors.Is(err, capbuf.ErrClosed) {
			return err
		}
		s.forgetEntry(source, e)
	}
	return err
}

func (s *set) entry(source string) (*entry, error) {
	if found, ok := s.open.Load(source); ok {
		return found.(*entry), nil
	}
	buffer, err := s.registry.Get(source)
	if err != nil {
		return nil, err
	}
	found, there := s.open.LoadOrStore(source, &entry{buffer: buffer})
	if there {
		buffer.Close()
	}
	return found.(*entry), nil
}

func (s *set) forget(source string) {
	if found, ok := s.open.Load(source); ok {
		s.forgetEntry(source, found.(*entry))
	}
}

func (s *set) forgetEntry(source string, e *entry) {
	s.open.CompareAndDelete(source, e)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	// Closed first: then nobody takes a writer of it any more.
	e.buffer.Close()
	if writer := e.writer.Load(); writer != nil {
		writer.Close()
	}
}

func (e *entry) takeWriter() (*capbuf.Writer, error) {
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
