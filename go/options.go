package capbuf

// #include "calls.h"
import "C"

// Option says how a registry is to be, or where domains lie.
type Option func(*options)

type options struct {
	budgetBytes    uint64
	maxBufferBytes uint64
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
