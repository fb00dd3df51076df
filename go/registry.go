package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_contains
// #cgo nocallback capbuf_go_contains
// #cgo noescape capbuf_go_get
// #cgo nocallback capbuf_go_get
// #cgo noescape capbuf_go_allocate
// #cgo nocallback capbuf_go_allocate
// #cgo noescape capbuf_go_get_or_allocate
// #cgo nocallback capbuf_go_get_or_allocate
// #cgo noescape capbuf_go_list
// #cgo noescape capbuf_go_described
// #cgo noescape capbuf_go_registry_stats
import "C"

import (
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Registry is the allocator: from a source to the one buffer it has, in all processes that open its domain.
type Registry struct {
	handle *handle
	domain string
	path   string
	// tracks is whether attempts are recorded: only this handle switches that.
	tracks atomic.Bool
}

// RegistryStats tells what a registry has allocated so far and what of it is alive.
type RegistryStats struct {
	// RingsAllocated counts the rings that this registry made, ever.
	RingsAllocated uint64
	// RingsMapped counts the rings that were mapped, ever: its own, and those that it found in its domain.
	RingsMapped uint64
	// RingsUnmapped counts those that were unmapped again.
	RingsUnmapped uint64
	// Bytes is what the rings take that this registry made and has mapped, or has reserved.
	Bytes uint64
	// BudgetBytes is what they may take.
	BudgetBytes uint64
}

// Open opens a domain by its name, and makes it if there is none.
//
// Any goroutine. Makes system calls. Errors: ErrInvalidArgument, ErrForbidden, ErrSystem.
func Open(domain string, options ...Option) (*Registry, error) {
	o := gather(options)
	name, size := text(domain)
	folder, folderSize := o.folderText()
	return newRegistry(C.capbuf_go_open(name, size, o.limits(), folder, folderSize))
}

// OpenDefault opens the domain that CAPBUF_DOMAIN names, or the one called default. Otherwise as [Open].
func OpenDefault(options ...Option) (*Registry, error) {
	o := gather(options)
	folder, folderSize := o.folderText()
	return newRegistry(C.capbuf_go_open(nil, 0, o.limits(), folder, folderSize))
}

// Private makes a registry that belongs to this process alone.
//
// Any goroutine. Allocates. Errors: ErrInvalidArgument.
func Private(options ...Option) (*Registry, error) {
	o := gather(options)
	return newRegistry(C.capbuf_go_private(o.limits()))
}

func newRegistry(outcome C.capbuf_go_outcome) (*Registry, error) {
	if err := failure(outcome); err != nil {
		return nil, err
	}
	pointer := (*C.capbuf_registry)(outcome.handle)
	h := newHandle(outcome.handle, func(p unsafe.Pointer) { C.capbuf_registry_free((*C.capbuf_registry)(p)) })
	r := &Registry{handle: h}
	runtime.AddCleanup(r, func(h *handle) { h.close() }, h)
	tracks := C.capbuf_go_is_tracking(pointer)
	r.tracks.Store(tracks.number != 0)
	err := failure(tracks)
	if err == nil {
		r.domain, err = told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
			return C.capbuf_go_registry_domain(pointer, out, size)
		})
	}
	if err == nil {
		r.path, err = told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
			return C.capbuf_go_registry_path(pointer, out, size)
		})
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return r, nil
}

// Domain is the name of the registry's domain; empty for a private registry.
func (r *Registry) Domain() string {
	return r.domain
}

// Path is the folder of the registry's domain; empty for a private registry.
func (r *Registry) Path() string {
	return r.path
}

func (r *Registry) enter() (*C.capbuf_registry, *stripe) {
	pointer, users := r.handle.enter()
	return (*C.capbuf_registry)(pointer), users
}

// Allocate makes the buffer of a source that has none.
//
// Any goroutine. Allocates; waits while somebody else is just making this source's buffer. Errors: ErrAlreadyExists; those of
// GetOrAllocate.
func (r *Registry) Allocate(source string, spec Spec) (*CaptureBuffer, error) {
	asked, err := spec.toC()
	if err != nil {
		return nil, err
	}
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	var outcome C.capbuf_go_outcome
	if callers := r.callers(); callers != nil {
		outcome = callers.ask(C.CAPBUF_GO_ALLOCATE, registry, source, unsafe.Pointer(&asked))
	} else {
		name, size := text(source)
		outcome = C.capbuf_go_allocate(registry, name, size, &asked)
	}
	r.handle.leave(users)
	return newBuffer(outcome, source, &asked)
}

// GetOrAllocate finds the buffer of a source, or makes it if there is none, exactly once however many ask, in however many
// processes.
//
// Any goroutine. A hit costs a lookup and the handle; a miss allocates the ring. Errors: ErrSpecMismatch, ErrInvalidSource,
// ErrInvalidArgument, ErrOverBudget, ErrOutOfMemory, ErrOutOfSpace, ErrSystem, ErrForbidden, ErrLayoutMismatch, ErrCorrupt,
// ErrTooManyProcesses.
func (r *Registry) GetOrAllocate(source string, spec Spec) (*CaptureBuffer, error) {
	asked, err := spec.toC()
	if err != nil {
		return nil, err
	}
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	var outcome C.capbuf_go_outcome
	if callers := r.callers(); callers != nil {
		outcome = callers.ask(C.CAPBUF_GO_GET_OR_ALLOCATE, registry, source, unsafe.Pointer(&asked))
	} else {
		name, size := text(source)
		outcome = C.capbuf_go_get_or_allocate(registry, name, size, &asked)
	}
	r.handle.leave(users)
	return newBuffer(outcome, source, &asked)
}

// Get finds the buffer of a source. Each call gives a handle of its own, to close.
//
// Any goroutine. A lookup and the handle. Errors: ErrNotFound.
func (r *Registry) Get(source string) (*CaptureBuffer, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	var spec C.capbuf_spec
	var outcome C.capbuf_go_outcome
	if callers := r.callers(); callers != nil {
		outcome = callers.ask(C.CAPBUF_GO_GET, registry, source, unsafe.Pointer(&spec))
	} else {
		name, size := text(source)
		outcome = C.capbuf_go_get(registry, name, size, &spec)
	}
	r.handle.leave(users)
	return newBuffer(outcome, source, &spec)
}

// Contains tells whether a source has a buffer; false for what can be no source, and when the registry is closed.
//
// Any goroutine. Waits for nobody, allocates nothing; a source that this registry has not met is looked for in its domain's folder.
func (r *Registry) Contains(source string) bool {
	registry, users := r.handle.enter()
	if registry == nil {
		return false
	}
	name, size := text(source)
	contains := C.capbuf_go_contains(C.uintptr_t(uintptr(registry)), name, size)
	r.handle.leave(users)
	return contains != 0
}

// Remove takes the buffer of a source out of the registry, for all processes of its domain. Handles stay valid and go on reading.
//
// Any goroutine. Allocates. Errors: ErrNotFound, ErrSystem.
func (r *Registry) Remove(source string) error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	var outcome C.capbuf_go_outcome
	if callers := r.callers(); callers != nil {
		outcome = callers.ask(C.CAPBUF_GO_REMOVE, registry, source, nil)
	} else {
		name, size := text(source)
		outcome = C.capbuf_go_remove(registry, name, size)
	}
	r.handle.leave(users)
	return failure(outcome)
}

// Buffers gives a handle on every buffer, by the order of their sources' names. Each is to be closed.
//
// Any goroutine. Allocates; in a domain all are mapped by this.
func (r *Registry) Buffers() ([]*CaptureBuffer, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	defer r.handle.leave(users)
	var found []C.uintptr_t
	for room := 16; ; {
		found = make([]C.uintptr_t, room)
		outcome := C.capbuf_go_list(registry, unsafe.SliceData(found), C.size_t(room))
		if err := failure(outcome); err != nil {
			return nil, err
		}
		if count := int(outcome.number); count <= room {
			found = found[:count]
			break
		} else {
			// Not all had room. What came is let go of, and there may be more by now.
			for _, buffer := range found {
				C.capbuf_buffer_free((*C.capbuf_buffer)(pointerOf(buffer)))
			}
			room = 2 * count
		}
	}
	buffers := make([]*CaptureBuffer, 0, len(found))
	var failed error
	for _, buffer := range found {
		var spec C.capbuf_spec
		b, err := newBuffer(C.capbuf_go_described(buffer, &spec), "", &spec)
		if err == nil {
			b.source, err = b.told()
			buffers = append(buffers, b)
		}
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		for _, b := range buffers {
			b.Close()
		}
		return nil, failed
	}
	return buffers, nil
}

// pointerOf makes a pointer of an address that C gave as a number. It is C's memory, which does not move.
func pointerOf(address C.uintptr_t) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// Stats tells what the registry has allocated so far and what of it is alive.
//
// Any goroutine.
func (r *Registry) Stats() (RegistryStats, error) {
	registry, users := r.enter()
	if registry == nil {
		return RegistryStats{}, ErrClosed
	}
	var stats C.capbuf_registry_stats
	outcome := C.capbuf_go_registry_stats(registry, &stats)
	r.handle.leave(users)
	return RegistryStats{
		RingsAllocated: uint64(stats.rings_allocated),
		RingsMapped:    uint64(stats.rings_mapped),
		RingsUnmapped:  uint64(stats.rings_unmapped),
		Bytes:          uint64(stats.bytes),
		BudgetBytes:    uint64(stats.budget_bytes),
	}, failure(outcome)
}

// Sweep takes away what processes of the domain left that died.
//
// Any goroutine. Looks at every buffer of the domain. Errors: ErrSystem.
func (r *Registry) Sweep() error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	outcome := C.capbuf_go_sweep(registry)
	r.handle.leave(users)
	return failure(outcome)
}

// TrimPool gives back what is kept of removed buffers' memory, see [WithPool]; in a domain, whoever kept it. What is just being overwritten
// stays.
//
// Any goroutine. Makes system calls. Errors: ErrSystem, ErrClosed.
func (r *Registry) TrimPool() error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	outcome := C.capbuf_go_trim_pool(registry)
	r.handle.leave(users)
	return failure(outcome)
}

// Close ends the handle. Buffers, writers and captures that came from it stay valid. Closing again is nothing.
func (r *Registry) Close() error {
	r.handle.close()
	return nil
}
