package capbuf

// #include "calls.h"
import "C"

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"time"
	"unsafe"
)

// TriggerOptions configures the clips of a trigger.
type TriggerOptions struct {
	// Folder is where clips are written; their names contain source and time,
	// and a number if that name is in use.
	Folder string
	// Before is the audio of a clip before the trigger fires; 0: three seconds; NoAudio: none.
	Before time.Duration
	// After is the audio of a clip after the trigger fires; 0: five seconds; NoAudio: none.
	After time.Duration
	// AtMost is the longest merged clip; 0: a minute. A longer event makes several adjacent clips.
	AtMost time.Duration
	// LouderThan fires the trigger while the RMS of a tenth of a second exceeds this level in dBFS,
	// such as -40; 0: only Fire does.
	LouderThan float32
	// LowHz and HighHz limit the band whose level is measured; 0: the whole band.
	LowHz, HighHz float32
	// FLAC writes FLAC instead of WAV.
	FLAC bool
}

// NoAudio, as Before or After of TriggerOptions, begins or ends a clip when the trigger fires.
const NoAudio time.Duration = -1

// Trigger writes a clip of a source when it fires. It runs on a thread of the library.
type Trigger struct {
	handle *handle
	ended  chan struct{}
}

// BeginTrigger returns a trigger on a source, which may have no buffer yet. It follows the source
// to new buffers, and measures the level of what is written from now on. Overlapping clips are
// merged: a clip that the level triggered is written when no later one can overlap it, which is
// TriggerOptions.Before after its end.
//
// Safe for concurrent use. Starts a thread of the library. Errors: ErrInvalidArgument;
// ErrCaptureFailed for invalid options, with the reason; ErrClosed.
func BeginTrigger(registry *Registry, source string, options TriggerOptions) (*Trigger, error) {
	if registry == nil {
		return nil, invalid("the registry is nil; allowed: one that was opened")
	}
	pointer, users := registry.enter()
	if pointer == nil {
		return nil, ErrClosed
	}
	defer registry.handle.leave(users)
	var pins runtime.Pinner
	defer pins.Unpin()
	converted := options.toC(&pins)
	name, size := text(source)
	var trigger *C.capbuf_trigger
	var detail *C.capbuf_error
	status := C.capbuf_trigger_begin(pointer, name, size, &converted, &trigger, &detail)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	h := newHandle(unsafe.Pointer(trigger), func(p unsafe.Pointer) {
		C.capbuf_trigger_free((*C.capbuf_trigger)(p))
		close(ended)
	})
	t := &Trigger{h, ended}
	// Ending can take seconds and must not delay other cleanups.
	runtime.AddCleanup(t, func(h *handle) { go h.close() }, h)
	return t, nil
}

// toC converts the options. The folder is pinned until pins is unpinned.
func (o *TriggerOptions) toC(pins *runtime.Pinner) C.capbuf_trigger_options {
	converted := C.capbuf_trigger_options{
		struct_size:      C.sizeof_capbuf_trigger_options,
		before_ns:        C.int64_t(o.Before),
		after_ns:         C.int64_t(o.After),
		at_most_ns:       C.int64_t(o.AtMost),
		louder_than_dbfs: C.float(o.LouderThan),
		low_hz:           C.float(o.LowHz),
		high_hz:          C.float(o.HighHz),
	}
	if o.FLAC {
		converted.flac = 1
	}
	converted.folder, converted.folder_len = pinnedText(o.Folder, pins)
	return converted
}

// Fire fires the trigger at a time, in the past or the future.
//
// Safe for concurrent use. Does not wait. Errors: ErrClosed; ErrInvalidArgument for a time before
// 1678 or after 2262.
func (t *Trigger) Fire(at time.Time) error {
	ns, ok := toUTC(at)
	if !ok {
		return invalid("the time is " + at.String() + "; allowed: 1678 to 2262")
	}
	trigger, users := t.handle.enter()
	if trigger == nil {
		return ErrClosed
	}
	defer t.handle.leave(users)
	var detail *C.capbuf_error
	status := C.capbuf_trigger_fire((*C.capbuf_trigger)(trigger), ns, &detail)
	return failure(status, detail)
}

// Next returns the next clip that was written, and waits for one until the context ends. Up to 1024
// clips are queued; then the oldest are dropped, and their files stay.
//
// Safe for concurrent use. Blocks no thread. Errors: ErrCaptureFailed, and others of
// [CaptureBuffer.ClipAround], for a clip that could not be written: call Next again; ErrClosed; the
// context's.
func (t *Trigger) Next(ctx context.Context) (ClipInfo, error) {
	for {
		clip, err := t.poll()
		if !errors.Is(err, ErrTimedOut) {
			return clip, err
		}
		if err := pause(ctx, longestPause); err != nil {
			return ClipInfo{}, err
		}
	}
}

// poll returns the next clip, or ErrTimedOut.
func (t *Trigger) poll() (ClipInfo, error) {
	trigger, users := t.handle.enter()
	if trigger == nil {
		return ClipInfo{}, ErrClosed
	}
	defer t.handle.leave(users)
	info := C.capbuf_clip_info{struct_size: C.sizeof_capbuf_clip_info}
	var path *C.capbuf_text
	var detail *C.capbuf_error
	status := C.capbuf_trigger_next((*C.capbuf_trigger)(trigger), 0, &path, &info, &detail)
	if err := failure(status, detail); err != nil {
		return ClipInfo{}, err
	}
	return clipFromC(takeText(path), &info), nil
}

// Clips iterates over the clips as they are written, with the error of one that could not be. It
// ends with the context, the loop or the trigger: the last pair has the context's error or
// ErrClosed. See [Trigger.Next].
func (t *Trigger) Clips(ctx context.Context) iter.Seq2[ClipInfo, error] {
	return func(yield func(ClipInfo, error) bool) {
		for {
			clip, err := t.Next(ctx)
			isLast := err != nil && (errors.Is(err, ErrClosed) || err == ctx.Err())
			if !yield(clip, err) || isLast {
				return
			}
		}
	}
}

// Close ends the trigger. It writes the pending clip with the audio that is there, without waiting
// for more, and waits for the file. Further calls do nothing.
func (t *Trigger) Close() error {
	if t.ended == nil {
		return nil // The zero value.
	}
	t.handle.close()
	<-t.ended
	return nil
}
