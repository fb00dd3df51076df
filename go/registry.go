package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_registry_allocate
// #cgo nocallback capbuf_registry_allocate
// #cgo noescape capbuf_registry_get_or_allocate_with_info
// #cgo nocallback capbuf_registry_get_or_allocate_with_info
// #cgo noescape capbuf_registry_get_with_info
// #cgo nocallback capbuf_registry_get_with_info
// #cgo noescape capbuf_registry_contains
// #cgo nocallback capbuf_registry_contains
import "C"

import (
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Registry allocates the buffers of sources. Each source has one buffer in all processes that open
// the same domain.
type Registry struct {
	handle *handle
	domain string
	path   string
	// tracks caches whether allocation tracking is enabled: see loadTracking.
	tracks atomic.Bool
	rings  *profiledRings
}

// RegistryStats counts the rings that a registry allocated and mapped.
type RegistryStats struct {
	// RingsAllocated counts the rings that this registry allocated.
	RingsAllocated uint64
	// RingsMapped counts the rings that it mapped: its own, and those of other processes.
	RingsMapped uint64
	// RingsUnmapped counts the rings that it unmapped again.
	RingsUnmapped uint64
	// Bytes is the size of the rings that it allocated and still maps, or has reserved.
	Bytes uint64
	// BudgetBytes is the limit of Bytes.
	BudgetBytes uint64
}

// Open opens, or creates, the named domain: a set of buffers shared by all processes of this user.
//
// Safe for concurrent use. Makes system calls. Errors: ErrInvalidArgument, ErrForbidden, ErrSystem.
func Open(domain string, options ...Option) (*Registry, error) {
	name, size := text(domain)
	return open(name, size, options)
}

// OpenDefault opens, or creates, the domain that CAPBUF_DOMAIN names; without it, the domain
// "default". See [Open].
func OpenDefault(options ...Option) (*Registry, error) {
	return open(nil, 0, options)
}

func open(domain *C.char, size C.size_t, list []Option) (*Registry, error) {
	var pins runtime.Pinner
	defer pins.Unpin()
	o := newOptions(list)
	options := o.toC(&pins)
	var registry *C.capbuf_registry
	var detail *C.capbuf_error
	status := C.capbuf_registry_open(domain, size, &options, &registry, &detail)
	return newRegistry(registry, failure(status, detail))
}

// Private returns a registry whose buffers belong to this process alone.
//
// Safe for concurrent use. Allocates. Errors: ErrInvalidArgument.
func Private(options ...Option) (*Registry, error) {
	var pins runtime.Pinner
	defer pins.Unpin()
	o := newOptions(options)
	converted := o.toC(&pins)
	var registry *C.capbuf_registry
	var detail *C.capbuf_error
	status := C.capbuf_registry_private(&converted, &registry, &detail)
	r, err := newRegistry(registry, failure(status, detail))
	if err == nil && o.track == 0 && r.IsAllocationTracking() {
		printAtSignal(r)
	}
	return r, err
}

// newRegistry takes ownership of the C handle.
func newRegistry(registry *C.capbuf_registry, err error) (*Registry, error) {
	if err != nil {
		return nil, err
	}
	rings := &profiledRings{}
	h := newHandle(unsafe.Pointer(registry), func(p unsafe.Pointer) {
		rings.close()
		C.capbuf_registry_free((*C.capbuf_registry)(p))
	})
	r := &Registry{handle: h, rings: rings}
	runtime.AddCleanup(r, func(h *handle) { h.close() }, h)
	var isTracking C.bool
	var detail *C.capbuf_error
	status := C.capbuf_registry_is_allocation_tracking(registry, &isTracking, &detail)
	err = failure(status, detail)
	r.tracks.Store(bool(isTracking))
	if err == nil {
		r.domain, err = textFrom(func(out *textOut) C.capbuf_status {
			return C.capbuf_registry_domain(registry, out.bytes, out.size, &out.length, &out.detail)
		})
	}
	if err == nil {
		r.path, err = textFrom(func(out *textOut) C.capbuf_status {
			return C.capbuf_registry_path(registry, out.bytes, out.size, &out.length, &out.detail)
		})
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return r, nil
}

// Domain returns the name of the domain; empty for a private registry.
func (r *Registry) Domain() string {
	return r.domain
}

// Path returns the folder of the domain; empty for a private registry.
func (r *Registry) Path() string {
	return r.path
}

func (r *Registry) enter() (*C.capbuf_registry, *stripe) {
	pointer, users := r.handle.enter()
	return (*C.capbuf_registry)(pointer), users
}

// Allocate allocates the buffer of a source that has none.
//
// Safe for concurrent use. Allocates; waits while another caller allocates the same buffer. Errors:
// ErrAlreadyExists; those of [Registry.GetOrAllocate].
func (r *Registry) Allocate(source string, spec Spec) (*CaptureBuffer, error) {
	requested, err := spec.toC()
	if err != nil {
		return nil, err
	}
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	var buffer *C.capbuf_buffer
	if stack := r.callStack(); stack != nil {
		buffer, err = stack.allocate(registry, source, &requested)
	} else {
		name, size := text(source)
		var detail *C.capbuf_error
		status := C.capbuf_registry_allocate(registry, name, size, &requested, &buffer, &detail)
		err = failure(status, detail)
	}
	r.handle.leave(users)
	if err != nil {
		return nil, err
	}
	b, err := describe(buffer, source)
	if err != nil {
		return nil, err
	}
	return r.profiled(b), nil
}

// GetOrAllocate returns the buffer of a source, and allocates it if it has none. It is allocated
// once, however many callers race in however many processes. A buffer with another Spec stays
// unchanged. Only a recorder that holds the source's claim replaces it, if it is orphaned: its
// recorder was killed.
//
// Safe for concurrent use. A hit costs a lookup and a handle; a miss allocates the ring. Errors:
// ErrSpecMismatch, ErrInvalidSource, ErrInvalidArgument, ErrOverBudget, ErrOutOfMemory,
// ErrOutOfSpace, ErrSystem, ErrForbidden, ErrLayoutMismatch, ErrCorrupt.
func (r *Registry) GetOrAllocate(source string, spec Spec) (*CaptureBuffer, error) {
	requested, err := spec.toC()
	if err != nil {
		return nil, err
	}
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	info := C.capbuf_buffer_info{struct_size: C.sizeof_capbuf_buffer_info}
	var buffer *C.capbuf_buffer
	if stack := r.callStack(); stack != nil {
		buffer, err = stack.getOrAllocate(registry, source, &requested, &info)
	} else {
		name, size := text(source)
		var detail *C.capbuf_error
		status := C.capbuf_registry_get_or_allocate_with_info(registry, name, size, &requested, &buffer, &info, &detail)
		err = failure(status, detail)
	}
	r.handle.leave(users)
	if err != nil {
		return nil, err
	}
	return r.profiled(newBuffer(buffer, source, &info)), nil
}

// Get returns the buffer of a source, as a new handle that the caller closes.
//
// Safe for concurrent use. Costs a lookup and a handle. Errors: ErrNotFound; in a domain also those
// of a buffer that is there and can't be opened: ErrSystem, ErrForbidden, ErrLayoutMismatch,
// ErrCorrupt.
func (r *Registry) Get(source string) (*CaptureBuffer, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	info := C.capbuf_buffer_info{struct_size: C.sizeof_capbuf_buffer_info}
	var buffer *C.capbuf_buffer
	var err error
	if stack := r.callStack(); stack != nil {
		buffer, err = stack.get(registry, source, &info)
	} else {
		name, size := text(source)
		var detail *C.capbuf_error
		status := C.capbuf_registry_get_with_info(registry, name, size, &buffer, &info, &detail)
		err = failure(status, detail)
	}
	r.handle.leave(users)
	if err != nil {
		return nil, err
	}
	return r.profiled(newBuffer(buffer, source, &info)), nil
}

// Contains reports whether a source has a buffer. It returns false for an invalid source, for a
// closed registry, and for a source that can't be looked up: Get returns the reason.
//
// Safe for concurrent use. Wait-free, no allocation; the first lookup of a source also looks in the
// domain's folder.
func (r *Registry) Contains(source string) bool {
	registry, users := r.enter()
	if registry == nil {
		return false
	}
	name, size := text(source)
	var contains C.bool
	C.capbuf_registry_contains(registry, name, size, &contains, nil)
	r.handle.leave(users)
	return bool(contains)
}

// Remove removes the buffer of a source, for all processes of the domain. Open handles stay
// readable.
//
// Safe for concurrent use. Allocates. Errors: ErrNotFound, ErrSystem.
func (r *Registry) Remove(source string) error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	defer r.handle.leave(users)
	if stack := r.callStack(); stack != nil {
		err := stack.remove(registry, source)
		if err == nil {
			r.rings.remove(source)
		}
		return err
	}
	name, size := text(source)
	var detail *C.capbuf_error
	status := C.capbuf_registry_remove(registry, name, size, &detail)
	err := failure(status, detail)
	if err == nil {
		r.rings.remove(source)
	}
	return err
}

// Buffers returns a handle on every buffer, sorted by source. The caller closes them.
//
// Safe for concurrent use. Allocates, and maps every buffer of the domain.
func (r *Registry) Buffers() ([]*CaptureBuffer, error) {
	found, err := r.list()
	if err != nil {
		return nil, err
	}
	buffers := make([]*CaptureBuffer, 0, len(found))
	var failed error
	for _, buffer := range found {
		b, err := describeWithSource(buffer)
		if err == nil {
			buffers = append(buffers, r.profiled(b))
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

// list returns a C handle on every buffer.
func (r *Registry) list() ([]*C.capbuf_buffer, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	defer r.handle.leave(users)
	for room := 16; ; {
		found := make([]*C.capbuf_buffer, room)
		var count C.size_t
		var detail *C.capbuf_error
		status := C.capbuf_registry_list(registry, &found[0], C.size_t(room), &count, &detail)
		if err := failure(status, detail); err != nil {
			return nil, err
		}
		if int(count) <= room {
			return found[:count], nil
		}
		for _, buffer := range found {
			C.capbuf_buffer_free(buffer)
		}
		// More buffers may be allocated meanwhile.
		room = 2 * int(count)
	}
}

// Stats returns counts of the rings of this registry.
//
// Safe for concurrent use.
func (r *Registry) Stats() (RegistryStats, error) {
	registry, users := r.enter()
	if registry == nil {
		return RegistryStats{}, ErrClosed
	}
	stats := C.capbuf_registry_stats{struct_size: C.sizeof_capbuf_registry_stats}
	var detail *C.capbuf_error
	status := C.capbuf_registry_get_stats(registry, &stats, &detail)
	r.handle.leave(users)
	return RegistryStats{
		RingsAllocated: uint64(stats.rings_allocated),
		RingsMapped:    uint64(stats.rings_mapped),
		RingsUnmapped:  uint64(stats.rings_unmapped),
		Bytes:          uint64(stats.bytes),
		BudgetBytes:    uint64(stats.budget_bytes),
	}, failure(status, detail)
}

// Sweep removes what dead processes left in the domain.
//
// Safe for concurrent use. Checks every buffer of the domain. Errors: ErrSystem.
func (r *Registry) Sweep() error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	defer r.handle.leave(users)
	var detail *C.capbuf_error
	status := C.capbuf_registry_sweep(registry, &detail)
	return failure(status, detail)
}

// TrimPool frees the pool, see [WithPool]. Memory that is being overwritten stays.
//
// Safe for concurrent use. Makes system calls. Errors: ErrClosed.
func (r *Registry) TrimPool() error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	defer r.handle.leave(users)
	var detail *C.capbuf_error
	status := C.capbuf_registry_trim_pool(registry, &detail)
	return failure(status, detail)
}

// Close ends the handle. Buffers, writers and captures of the registry stay valid. Further calls do
// nothing.
func (r *Registry) Close() error {
	r.handle.close()
	return nil
}
