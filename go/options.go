package capbuf

// #include "calls.h"
import "C"

import (
	"math"
	"runtime"
	"time"
)

// Option configures a registry, or names the folder of the domains.
type Option func(*options)

type options struct {
	budgetBytes    uint64
	maxBufferBytes uint64
	poolBytes      uint64
	poolAge        time.Duration
	track          uint32
	folder         string
	hasFolder      bool
	grace          time.Duration
	hasGrace       bool
}

// WithFolder sets the folder of the domains, instead of CAPBUF_DIR or a folder of the user's in
// shared memory. It is created if it is missing. The folder of a domain must belong to this user
// alone (mode 0700).
func WithFolder(folder string) Option {
	return func(o *options) { o.folder, o.hasFolder = folder, true }
}

// WithBudget limits the bytes of all buffers of the registry. The default is half of the machine's
// memory.
func WithBudget(bytes uint64) Option {
	return func(o *options) { o.budgetBytes = bytes }
}

// WithMaxBuffer limits the bytes of one buffer and of one segment. The default is 2 GiB.
func WithMaxBuffer(bytes uint64) Option {
	return func(o *options) { o.maxBufferBytes = bytes }
}

// WithPool retains up to bytes of removed buffers' memory for new buffers of the same size, for the
// duration age (0: ten minutes). The default is to retain none. Memory is not reused while a handle
// on the removed buffer is open, and is overwritten before it is reused. Without effect in a
// domain, which frees a removed buffer's memory with its last handle.
func WithPool(bytes uint64, age time.Duration) Option {
	return func(o *options) { o.poolBytes, o.poolAge = bytes, age }
}

// WithGrace sets how long a buffer of the lifetime [WhileOpen] stays if this process is killed
// while it records it: at most seven days; 0: until the next sweep. The default is CAPBUF_GRACE in
// seconds, or ten minutes. The next recorder of the source goes on in the buffer.
func WithGrace(grace time.Duration) Option {
	return func(o *options) { o.grace, o.hasGrace = grace, true }
}

// WithAllocationTracking enables or disables tracking from the beginning, whatever
// DEBUG_BUFFER_ALLOC is set to: see [Registry.EnableAllocationTracking].
func WithAllocationTracking(track bool) Option {
	return func(o *options) {
		o.track = 2
		if track {
			o.track = 1
		}
	}
}

func newOptions(list []Option) options {
	var o options
	for _, option := range list {
		option(&o)
	}
	return o
}

// toC converts the options. The folder is pinned until pins is unpinned.
func (o *options) toC(pins *runtime.Pinner) C.capbuf_registry_options {
	converted := C.capbuf_registry_options{
		struct_size:       C.sizeof_capbuf_registry_options,
		budget_bytes:      C.uint64_t(o.budgetBytes),
		max_buffer_bytes:  C.uint64_t(o.maxBufferBytes),
		pool_bytes:        C.uint64_t(o.poolBytes),
		pool_age_ns:       C.int64_t(o.poolAge),
		track_allocations: C.uint32_t(o.track),
	}
	switch {
	case o.hasGrace && o.grace == 0:
		converted.grace_ns = -1
	case o.hasGrace && o.grace < 0:
		// Refused: -1 is taken already.
		converted.grace_ns = math.MinInt64
	case o.hasGrace:
		converted.grace_ns = C.int64_t(o.grace)
	}
	if o.hasFolder {
		converted.domains_folder, converted.domains_folder_len = pinnedText(o.folder, pins)
	}
	return converted
}

// folderText converts the folder for one C call: null for the default one.
func (o *options) folderText() (*C.char, C.size_t) {
	if !o.hasFolder {
		return nil, 0
	}
	return text(o.folder)
}

// pinnedText converts a string for a C call that receives it inside a structure.
func pinnedText(s string, pins *runtime.Pinner) (*C.char, C.size_t) {
	bytes, size := text(s)
	pins.Pin(bytes)
	return bytes, size
}
