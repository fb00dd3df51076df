package capbuf

// #include "calls.h"
import "C"

import "time"

// Option says how a registry is to be, or where domains lie.
type Option func(*options)

type options struct {
	budgetBytes    uint64
	maxBufferBytes uint64
	poolBytes      uint64
	poolAge        time.Duration
	track          uint32
	folder         string
	hasFolder      bool
}

// WithFolder says in which folder domains lie, instead of CAPBUF_DIR or a folder of the user's in shared memory. It is made if it
// isn't there; each domain in it is a folder that must be this user's alone (mode 0700).
func WithFolder(folder string) Option {
	return func(o *options) { o.folder, o.hasFolder = folder, true }
}

// WithBudget says how many bytes all buffers of the registry may take, instead of half of the machine's memory.
func WithBudget(bytes uint64) Option {
	return func(o *options) { o.budgetBytes = bytes }
}

// WithMaxBuffer says how many bytes one buffer, or one segment, may take, instead of 2 GiB.
func WithMaxBuffer(bytes uint64) Option {
	return func(o *options) { o.maxBufferBytes = bytes }
}

// WithPool says how many bytes of removed buffers' memory are kept for the next buffers of the same size, and for how long (0: ten
// minutes). Without it none are. They are never used while anybody has a handle on the removed buffer, and show nothing of it.
func WithPool(bytes uint64, age time.Duration) Option {
	return func(o *options) { o.poolBytes, o.poolAge = bytes, age }
}

// WithAllocationTracking says whether attempts to get a buffer are recorded from the beginning, instead of what DEBUG_BUFFER_ALLOC says:
// see [Registry.EnableAllocationTracking].
func WithAllocationTracking(track bool) Option {
	return func(o *options) {
		o.track = 2
		if track {
			o.track = 1
		}
	}
}

// limits is what numbers say, as C takes it.
func (o *options) limits() C.capbuf_go_limits {
	return C.capbuf_go_limits{
		budget_bytes:      C.uint64_t(o.budgetBytes),
		max_buffer_bytes:  C.uint64_t(o.maxBufferBytes),
		pool_bytes:        C.uint64_t(o.poolBytes),
		pool_age_ns:       C.int64_t(o.poolAge),
		track_allocations: C.uint32_t(o.track),
	}
}

func gather(given []Option) options {
	var o options
	for _, option := range given {
		option(&o)
	}
	return o
}

// folderText is the folder as C takes it: null if none was given.
func (o *options) folderText() (*C.char, C.size_t) {
	if !o.hasFolder {
		return nil, 0
	}
	return text(o.folder)
}
