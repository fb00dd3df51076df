package capbuf

// #include "calls.h"
//
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

// WindowOptions is the length, the distance and the first frame of windows.
type WindowOptions struct {
	// WindowFrames is the length of a window.
	WindowFrames uint64
	// HopFrames is the distance from the first frame of one window to that of the next.
	HopFrames uint64
	// StartFrame is the first frame of the first window, also one not recorded yet; 0: the oldest.
	StartFrame uint64
	// JoinGaps is the longest gap that a window may span, its two sides joined. 0: 100 ms;
	// negative: none. Windows restart behind a longer gap.
	JoinGaps time.Duration
}

// Window is a window of float32 samples.
type Window = WindowOf[float32]

// WindowOf is one window of a buffer.
type WindowOf[T Sample] struct {
	// Samples is interleaved. The next window overwrites it: copy what is needed longer.
	Samples []T
	// FirstFrame is the number of its first frame.
	FirstFrame uint64
	// EndFrame is one past the number of its last frame.
	EndFrame uint64
	// Start is when its first frame was captured.
	Start time.Time
	// LostFrames counts the frames since the last window that were in no window: overwritten before
	// they were read, or too few before a gap.
	LostFrames uint64
	// JoinedGaps counts the short gaps in the window.
	JoinedGaps uint64
	// AfterGap is the length of the gap behind which the windows restarted with this one; 0: none.
	AfterGap time.Duration
	// AfterGapReason is the reason of that gap; 0: none.
	AfterGapReason GapReason
	// Timing is the accuracy of its times.
	Timing Timing
}

// Around returns the frames from before frames before the window to after frames after it, for an
// exact clip.
func (w WindowOf[T]) Around(before, after uint64) (first, end uint64) {
	return w.FirstFrame - min(before, w.FirstFrame), w.EndFrame + after
}

// Windows iterates over the buffer window by window, and waits for each:
//
//	options := capbuf.WindowOptions{WindowFrames: 48_000, HopFrames: 24_000}
//	for window, err := range buffer.Windows(ctx, options) {
//
// The frames of a window are contiguous. If the writer overwrites frames before they are read, the
// iteration continues with frames that are still there and counts the lost ones. It ends with an
// error: the context's; ErrRemoved after the last window of a removed buffer; ErrClosed;
// ErrInvalidArgument for windows that are empty or longer than the buffer.
//
// Safe for concurrent use; each range has its own position. Allocates at the beginning, and a timer
// while it waits. Blocks no thread.
func (b *CaptureBuffer) Windows(ctx context.Context, options WindowOptions) iter.Seq2[Window, error] {
	return WindowsOf[float32](ctx, b, options)
}

// WindowsOf is Windows with samples of type T.
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
				Timing:         timingFromC(found.clock, found.latency_ns, found.uncertainty_ns),
			}
			if !yield(window, nil) {
				return
			}
		}
	}
}

// cursor is a position in a buffer that advances window by window.
type cursor struct {
	buffer  *CaptureBuffer
	windows *C.capbuf_windows
	hop     uint64
	// end is where the next window ends if no gap precedes it.
	end uint64
}

func (b *CaptureBuffer) newCursor(options WindowOptions) (*cursor, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return nil, ErrClosed
	}
	converted := C.capbuf_window_options{
		struct_size:   C.sizeof_capbuf_window_options,
		window_frames: C.uint64_t(options.WindowFrames),
		hop_frames:    C.uint64_t(options.HopFrames),
		start_frame:   C.uint64_t(options.StartFrame),
		join_gaps_ns:  C.int64_t(max(options.JoinGaps, -1)),
	}
	if options.StartFrame > 0 {
		converted.from_frame = 1
	}
	var windows *C.capbuf_windows
	var detail *C.capbuf_error
	status := C.capbuf_buffer_windows(buffer, &converted, &windows, &detail)
	b.handle.leave(users)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	return &cursor{b, windows, options.HopFrames, options.StartFrame + options.WindowFrames}, nil
}

// next waits for the next window and copies it.
func (c *cursor) next(ctx context.Context, samples unsafe.Pointer, room int, format SampleFormat) (C.capbuf_window, error) {
	for {
		window := C.capbuf_window{struct_size: C.sizeof_capbuf_window}
		_, newest, err := c.buffer.Frames()
		if err != nil {
			return window, err
		}
		result := C.capbuf_go_next_window(c.windows, (*C.char)(samples), C.size_t(room), C.uint32_t(format), &window)
		if result.status == C.CAPBUF_OK {
			c.end = uint64(window.end_frame) + c.hop
		}
		if result.status != C.CAPBUF_TIMED_OUT {
			return window, failure(result.status, result.detail)
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
