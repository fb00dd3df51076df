package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_trigger_next
import "C"

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"time"
	"unsafe"
)

// TriggerOptions says what a trigger does when it fires.
type TriggerOptions struct {
	// Folder is where clips are written; they are named by source and time.
	Folder string
	// Before is how much audio from before it fires is in a clip; 0: three seconds; NoAudio: none.
	Before time.Duration
	// After is how much from after; 0: five seconds; NoAudio: none.
	After time.Duration
	// AtMost is how long a clip may be into which others were merged; 0: a minute. What goes on for longer is several, one where the other
	// ends.
	AtMost time.Duration
	// LouderThan is for firing by itself: while a tenth of a second has an RMS above so many dB of full scale, such as -40; 0: only when it
	// is called.
	LouderThan float32
	// LowHz and HighHz are for listening to what is between them only; 0: to everything.
	LowHz, HighHz float32
	// FLAC writes FLAC instead of WAV.
	FLAC bool
}

// NoAudio is for a clip that begins, or ends, when its trigger fires.
const NoAudio time.Duration = -1

// Trigger listens to a source on a thread of the library's, and cuts a clip when it fires.
type Trigger struct {
	handle *handle
	ended  chan struct{}
}

// BeginTrigger begins to listen to a source by the name of its buffer, which may be still to come. It follows the source through whatever
// becomes of its buffer: it hears what is written from now on. Clips that overlap are one: where it fires by itself, a clip is written when
// nothing that is still to be heard could be merged into it, so much later as there is audio from before in it.
//
// Any goroutine. Starts a thread of the library's. Errors: ErrInvalidArgument; ErrCaptureFailed for options that can't be, with the
// reason; ErrClosed.
func BeginTrigger(registry *Registry, source string, options TriggerOptions) (*Trigger, error) {
	if registry == nil {
		return nil, invalid("the registry is nil; allowed: one that was opened")
	}
	pointer, users := registry.enter()
	if pointer == nil {
		return nil, ErrClosed
	}
	defer registry.handle.leave(users)
	asked := C.capbuf_go_trigger_numbers{
		before_ns:        C.int64_t(options.Before),
		after_ns:         C.int64_t(options.After),
		at_most_ns:       C.int64_t(options.AtMost),
		louder_than_dbfs: C.float(options.LouderThan),
		low_hz:           C.float(options.LowHz),
		high_hz:          C.float(options.HighHz),
	}
	if options.FLAC {
		asked.flac = 1
	}
	name, size := text(source)
	folder, folderSize := text(options.Folder)
	outcome := C.capbuf_go_trigger(pointer, name, size, folder, folderSize, asked)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	h := newHandle(outcome.handle, func(p unsafe.Pointer) {
		C.capbuf_trigger_free((*C.capbuf_trigger)(p))
		close(ended)
	})
	t := &Trigger{h, ended}
	// Ending may take seconds, and other cleanups are not to wait for it.
	runtime.AddCleanup(t, func(h *handle) { go h.close() }, h)
	return t, nil
}

// Fire fires at a moment, past, present or to come.
//
// Any goroutine. Waits for nothing. Errors: ErrClosed; ErrInvalidArgument for a time that ns can't count, before 1678 or after 2262.
func (t *Trigger) Fire(at time.Time) error {
	ns, ok := toUTC(at)
	if !ok {
		return invalid("the time is " + at.String() + "; allowed: 1678 to 2262")
	}
	pointer, users := t.handle.enter()
	if pointer == nil {
		return ErrClosed
	}
	outcome := C.capbuf_go_fire((*C.capbuf_trigger)(pointer), ns)
	t.handle.leave(users)
	return failure(outcome)
}

// Next takes the next clip that was written, and waits for one until the context ends. Up to 1024 wait to be taken; then the oldest go, and
// their files stay.
//
// Any goroutine. Holds no thread while it waits. Errors: ErrCaptureFailed, and others of [CaptureBuffer.ClipAround], for a clip that could
// not be written, after which there may be more; ErrClosed; the context's.
func (t *Trigger) Next(ctx context.Context) (ClipInfo, error) {
	for {
		clip, err := t.next()
		if !errors.Is(err, ErrTimedOut) {
			return clip, err
		}
		if err := pause(ctx, longestPause); err != nil {
			return ClipInfo{}, err
		}
	}
}

func (t *Trigger) next() (ClipInfo, error) {
	pointer, users := t.handle.enter()
	if pointer == nil {
		return ClipInfo{}, ErrClosed
	}
	var info C.capbuf_clip_info
	outcome := C.capbuf_go_trigger_next((*C.capbuf_trigger)(pointer), &info)
	t.handle.leave(users)
	if err := failure(outcome); err != nil {
		return ClipInfo{}, err
	}
	return clipFromC(taken(outcome.number), &info), nil
}

// Clips gives the clips as they are written, and the error of one that could not be, until the context or the loop ends, or the trigger is
// closed: the last pair has the context's error, or ErrClosed. See [Trigger.Next].
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

// Close ends the trigger. A clip that was begun is written before, and waited for: that may take as long as its end is still to come, and
// ten seconds more. Closing again is nothing.
func (t *Trigger) Close() error {
	if t.ended == nil {
		return nil // The zero value: it was never begun.
	}
	t.handle.close()
	<-t.ended
	return nil
}
