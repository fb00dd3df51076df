package capbuf

import (
	"sync/atomic"
	"unsafe"
)

// stripes is the number of counters that share the users of a handle, to spread contention.
const stripes = 8

// stripe counts some of the users of a handle, on a cache line of its own.
type stripe struct {
	users atomic.Int64
	_     [56]byte
}

// handle owns a C object that many goroutines use at once. The object is freed after close, when
// the last user has left: close does not wait, and no user sees a freed object.
//
// A user is counted from before the C call until after it. So the garbage collector cannot free the
// object during a call, and runtime.KeepAlive is not needed.
type handle struct {
	pointer unsafe.Pointer
	free    func(unsafe.Pointer)
	closed  atomic.Bool
	freed   atomic.Bool
	users   [stripes]stripe
}

func newHandle(pointer unsafe.Pointer, free func(unsafe.Pointer)) *handle {
	return &handle{pointer: pointer, free: free}
}

// enter begins a use, which leave ends. It returns nil if the handle is closed or is the zero
// value; then leave must not be called.
//
// A use costs two atomic additions, rarely contended; no lock, no allocation.
func (h *handle) enter() (unsafe.Pointer, *stripe) {
	if h == nil {
		return nil, nil
	}
	// The address of the stack differs between goroutines.
	var here byte
	hash := uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9E37_79B9_7F4A_7C15
	s := &h.users[hash>>61]
	// enter counts, then loads closed. close stores closed, then loads the counts: one sees the
	// other.
	s.users.Add(1)
	if h.closed.Load() {
		h.leave(s)
		return nil, nil
	}
	return h.pointer, s
}

func (h *handle) leave(s *stripe) {
	s.users.Add(-1)
	if h.closed.Load() {
		h.freeIfUnused()
	}
}

// close refuses new users. It returns true for the first call only.
func (h *handle) close() bool {
	if h == nil || h.closed.Swap(true) {
		return false
	}
	h.freeIfUnused()
	return true
}

// freeIfUnused frees the object once. It is called after closed was set: from then on, a counter
// that is 0 counts no user that entered before.
func (h *handle) freeIfUnused() {
	for i := range h.users {
		if h.users[i].users.Load() != 0 {
			// That user calls freeIfUnused when it leaves.
			return
		}
	}
	if h.freed.CompareAndSwap(false, true) {
		h.free(h.pointer)
	}
}
