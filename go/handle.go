package capbuf

import (
	"sync/atomic"
	"unsafe"
)

// stripes is how many counters share the users of a handle, so that two goroutines on two processors seldom meet at one.
const stripes = 8

// stripe counts some of the users of a handle, on a cache line of its own.
type stripe struct {
	users atomic.Int64
	_     [56]byte
}

// handle owns something of the C library's that may be used by many goroutines at once. It ends when it is closed and the last of them
// has left: Close never waits, and nothing is used after its end.
//
// Because a user is counted from before the C call until after it, the collector can't end a handle during a call, whatever becomes
// of the Go object around it; that is what runtime.KeepAlive is for elsewhere.
type handle struct {
	pointer unsafe.Pointer
	free    func(unsafe.Pointer)
	closed  atomic.Bool
	ended   atomic.Bool
	users   [stripes]stripe
}

func newHandle(pointer unsafe.Pointer, free func(unsafe.Pointer)) *handle {
	return &handle{pointer: pointer, free: free}
}

// enter begins a use, which leave ends; the pointer is nil if the handle is closed, or was never opened (the zero value of what holds
// it), and then there is nothing to leave.
//
// Two atomic operations a use, seldom contended. No lock, no allocation.
func (h *handle) enter() (unsafe.Pointer, *stripe) {
	if h == nil {
		return nil, nil
	}
	// Goroutines have stacks of their own: where this one's is tells it from others.
	var here byte
	spread := uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9E37_79B9_7F4A_7C15
	s := &h.users[spread>>61]
	// Counted first, then looked: close does the reverse, so one of the two sees the other.
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
		h.endIfUnused()
	}
}

// close lets nobody in any more. It is true for the first call only.
func (h *handle) close() bool {
	if h == nil || h.closed.Swap(true) {
		return false
	}
	h.endIfUnused()
	return true
}

// endIfUnused frees what the handle owns, once. Called after closed was set: a counter that is 0 then has nobody in it who was let in.
func (h *handle) endIfUnused() {
	for i := range h.users {
		if h.users[i].users.Load() != 0 {
			// Whoever it is looks again when leaving.
			return
		}
	}
	if h.ended.CompareAndSwap(false, true) {
		h.free(h.pointer)
	}
}
