package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_windows
// #cgo noescape capbuf_go_next_window
// #cgo nocallback capbuf_go_next_window
import "C"

import (
	"context"
	"fmt"
	"iter"
	"time"
	"unsafe"
)

// WindowOptions says which windows: how long, how far apart, from where.
type WindowOptions struct {
	// WindowFrames is how many frames a window has.
	WindowFrames uint64
	// HopFrames is how many frames after one window the next one begins.
	HopFrames uint64
	// StartFrame is the first frame of the first window, which may be still to come; 0: the oldest there is.
	StartFrame uint64
	// JoinGaps lets windows span gaps up to this length: the frames on both sides stand side by side. 0: up to 100 ms; negative: none.
	// At longer gaps windows begin anew.
	JoinGaps time.Duration
}

// Window is a window of float32 samples, as most analyses want them.
type Window = WindowOf[float32]

// WindowOf is one window of a buffer: where it is, and its samples.
type WindowOf[T Sample] struct {
	// Samples is interleaved, and good until the next window: copy what is to stay.
	Samples []T
	// FirstFrame is the number of its first frame.
	FirstFrame uint64
	// EndFrame is one past the number of its last frame.
	EndFrame uint64
	// Start is when its first frame was captured.
	Start time.Time
	// LostFrames counts the frames since the last window that were in none: overwritten before they were asked for, or too few
	// before a gap.
	LostFrames uint64
	// JoinedGaps is how many short gaps lie in it.
	JoinedGaps uint64
	// AfterGap is the length of the gap because of which the windows began anew with this one.
	AfterGap time.Duration
	// AfterGapReason is why; 0 if there was none.
	AfterGapReason GapReason
}

// Around is the frames from so many before this window to so many after it: a clip of them is exact however late it is cut.
func (w WindowOf[T]) Around(before, after uint64) (first, end uint64) {
	return w.FirstFrame - min(before, w.FirstFrame), w.EndFrame + after
}

// Windows goes through the buffer window by window, and waits for each:
//
//	for window, err := range buffer.Windows(ctx, capbuf.WindowOptions{WindowFrames: 48_000, HopFrames: 24_000}) {
//
// It never gives a window of frames that do not belong together: overtaken by the writer it goes on with frames that are still there
// and tells how many were lost. It ends with an error: the context's when that ends, ErrRemoved when the buffer was removed and its last window was
// given, ErrClosed, ErrInvalidArgument for windows that are empty or longer than the buffer.
//
// Any goroutine; each range is a cursor of its own. Allocates at its beginning, and a timer where it waits. Holds no thread while it
// waits.
func (b *CaptureBuffer) Windows(ctx context.Context, options WindowOptions) iter.Seq2[Window, error] {
	return WindowsOf[float32](ctx, b, options)
}

// WindowsOf is Windows with samples of another type.
func WindowsOf[T Sample](ctx context.Context, b *CaptureBuffer, options WindowOptions) iter.Seq2[WindowOf[T], error] {
	return func(yield func(WindowOf[T], error) bool) {
		cursor, err := b.newCursor(options)
		if err != nil {
			yield(WindowOf[T]{}, err)
			return
		}
		defer C.capbuf_windows_free(cursor.windows)
		samples := make([]T, options.WindowFrames*uint64(b.spec.Channels))
		for {
			found, err := cursor.next(ctx, unsafe.Pointer(unsafe.SliceData(samples)), len(samples), formatOf[T]())
			if err != nil {
				yield(WindowOf[T]{}, err)
				return
			}
			raceWrite(unsafe.Pointer(unsafe.SliceData(samples)), len(samples)*int(unsafe.Sizeof(*new(T))))
			window := WindowOf[T]{
				Samples:        samples,
				FirstFrame:     uint64(found.first_frame),
				EndFrame:       uint64(found.end_frame),
				Start:          fromUTC(found.start_utc_ns),
				LostFrames:     uint64(found.lost_frames),
				JoinedGaps:     uint64(found.joined_gaps),
				AfterGap:       time.Duration(found.after_gap_ns),
				AfterGapReason: GapReason(found.after_gap_reason),
			}
			if !yield(window, nil) {
				return
			}
		}
	}
}

// cursor goes through a buffer window by window.
type cursor struct {
	buffer  *CaptureBuffer
	windows *C.capbuf_windows
	hop     uint64
	// end is where the next window ends, if no gap comes in between.
	end uint64
}

func (b *CaptureBuffer) newCursor(options WindowOptions) (*cursor, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return nil, ErrClosed
	}
	asked := C.capbuf_window_options{
		struct_size:   C.sizeof_capbuf_window_options,
		window_frames: C.uint64_t(options.WindowFrames),
		hop_frames:    C.uint64_t(options.HopFrames),
		start_frame:   C.uint64_t(options.StartFrame),
		join_gaps_ns:  C.int64_t(max(options.JoinGaps, -1)),
	}
	if options.StartFrame > 0 {
		asked.from_frame = 1
	}
	outcome := C.capbuf_go_windows(buffer, &asked)
	b.handle.leave(users)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	end := options.StartFrame + options.WindowFrames
	return &cursor{b, (*C.capbuf_windows)(outcome.handle), options.HopFrames, end}, nil
}

// next copies the next window, and waits for it.
func (c *cursor) next(ctx context.Context, samples unsafe.Pointer, room int, format SampleFormat) (C.capbuf_window, error) {
	for {
		var window C.capbuf_window
		_, newest, err := c.buffer.Frames()
		if err != nil {
			return window, err
		}
		outcome := C.capbuf_go_next_window(c.windows, (*C.char)(samples), C.size_t(room), C.uint32_t(format), &window)
		if outcome.status == C.CAPBUF_OK {
			c.end = uint64(window.end_frame) + c.hop
		}
		if outcome.status != C.CAPBUF_TIMED_OUT {
			return window, failure(outcome)
		}
		var missing time.Duration
		if c.end > newest {
			missing = time.Duration(float64(c.end-newest) / float64(c.buffer.spec.SampleRateHz) * float64(time.Second))
		}
		if ended := pause(ctx, missing); ended != nil {
			return window, fmt.Errorf("capbuf: waiting for the next window: %w", ended)
		}
	}
}
