package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_read
// #cgo nocallback capbuf_go_read
// #cgo noescape capbuf_go_measure
// #cgo nocallback capbuf_go_measure
import "C"

import (
	"context"
	"errors"
	"time"
	"unsafe"
)

// Extracted describes a span that was read.
type Extracted struct {
	// Frames counts the frames, silence included.
	Frames uint64
	// FirstFrame is the number of the first captured frame.
	FirstFrame uint64
	// CapturedFrames counts the captured frames.
	CapturedFrames uint64
	// EndFrame is one past the number of the last captured frame.
	EndFrame uint64
	// SilenceFrames counts the frames of silence that fill gaps.
	SilenceFrames uint64
	// Start is the time of the first frame.
	Start time.Time
	// End is the time at which the last frame ends.
	End time.Time
	// GapCount counts the gaps in the span, filled or not.
	GapCount uint64
	// EvictedFrames counts the frames missing at the beginning: overwritten, or before the first
	// frame.
	EvictedFrames uint64
	// NotYetFrames counts the frames missing at the end: not recorded yet.
	NotYetFrames uint64
	// SampleRateHz is the number of frames per second.
	SampleRateHz int
	// Channels is the number of samples per frame.
	Channels int
	// Format is the format of the samples.
	Format SampleFormat
	// Timing is the accuracy of its times.
	Timing Timing
}

func extractedFromC(info *C.capbuf_extracted) Extracted {
	return Extracted{
		Frames:         uint64(info.frames),
		FirstFrame:     uint64(info.first_frame),
		CapturedFrames: uint64(info.captured_frames),
		EndFrame:       uint64(info.end_frame),
		SilenceFrames:  uint64(info.silence_frames),
		Start:          fromUTC(info.start_utc_ns),
		End:            fromUTC(info.end_utc_ns),
		GapCount:       uint64(info.gaps),
		EvictedFrames:  uint64(info.evicted_frames),
		NotYetFrames:   uint64(info.not_yet_frames),
		SampleRateHz:   int(info.sample_rate_hz),
		Channels:       int(info.channels),
		Format:         SampleFormat(info.sample_format),
		Timing:         timingFromC(info.clock, info.latency_ns, info.uncertainty_ns),
	}
}

// Read copies the audio captured from one time to another. It waits for frames that are not
// recorded yet, until the context ends.
//
// Gaps are listed, and filled with silence so that the span keeps its length. Safe for concurrent
// use. Allocates the segment. Errors: ErrEvicted (with the oldest frame; also for a time before the
// recording), ErrInvalidRange, ErrRemoved, ErrOverBudget, ErrClosed; the context's, wrapped
// together with ErrNotYet.
func (b *CaptureBuffer) Read(ctx context.Context, from, to time.Time, options ...ReadOption) (*Segment, error) {
	return b.segment(ctx, SpanTime(from, to), newReadOptions(options))
}

// ReadFrames copies the frames from first up to but not including end. Gaps are listed, not filled.
// See [CaptureBuffer.Read].
func (b *CaptureBuffer) ReadFrames(ctx context.Context, first, end uint64, options ...ReadOption) (*Segment, error) {
	return b.segment(ctx, SpanFrames(first, end), newReadOptions(options))
}

// Last copies the newest audio of duration d, without waiting. See [CaptureBuffer.Read].
//
// Errors: also ErrNotYet while less was written, ErrInvalidRange if d is longer than the buffer.
func (b *CaptureBuffer) Last(d time.Duration, options ...ReadOption) (*Segment, error) {
	o := newReadOptions(options)
	o.waits = false
	return b.segment(context.Background(), SpanLast(d), o)
}

// ReadInto copies a span to the beginning of samples, converted to its type and interleaved. The
// rest of samples is unchanged. After an error other than ErrTooSmall its content is unspecified.
//
// Safe for concurrent use. Does not wait. Copies once, no allocation. Errors: ErrNotYet (with the
// expected time), ErrEvicted, ErrInvalidRange, ErrTooSmall (with the required length), ErrClosed.
func ReadInto[T Sample](b *CaptureBuffer, span Span, samples []T, options ...ReadOption) (Extracted, error) {
	o := newReadOptions(options)
	o.format = C.uint32_t(formatOf[T]())
	info, err := b.readInto(span, o, unsafe.Pointer(unsafe.SliceData(samples)), len(samples))
	if err != nil {
		return Extracted{}, err
	}
	written := int(info.frames) * b.spec.Channels * int(unsafe.Sizeof(*new(T)))
	raceWrite(unsafe.Pointer(unsafe.SliceData(samples)), written)
	return extractedFromC(&info), nil
}

func (b *CaptureBuffer) readInto(s Span, o readOptions, samples unsafe.Pointer, room int) (C.capbuf_extracted, error) {
	info := C.capbuf_extracted{struct_size: C.sizeof_capbuf_extracted}
	buffer, users := b.handle.enter()
	if buffer == nil {
		return info, ErrClosed
	}
	result := C.capbuf_go_read(C.uintptr_t(uintptr(buffer)), s.kind, s.first, s.end, o.available, o.silence, o.format,
		(*C.char)(samples), C.size_t(room), &info)
	b.handle.leave(users)
	return info, failure(result.status, result.detail)
}

// measure returns the number of samples that a read of the span needs; for none, also its
// description.
func (b *CaptureBuffer) measure(s Span, o readOptions) (samples uint64, info C.capbuf_extracted, err error) {
	info.struct_size = C.sizeof_capbuf_extracted
	buffer, users := b.handle.enter()
	if buffer == nil {
		return 0, info, ErrClosed
	}
	var needed C.uint64_t
	result := C.capbuf_go_measure(C.uintptr_t(uintptr(buffer)), s.kind, s.first, s.end, o.available, o.silence, o.format,
		&needed, &info)
	b.handle.leave(users)
	return uint64(needed), info, failure(result.status, result.detail)
}

// segment reads into new memory, waiting if the options say so.
func (b *CaptureBuffer) segment(ctx context.Context, s Span, o readOptions) (*Segment, error) {
	var segment *Segment
	err := b.wait(ctx, o.waits, func() (err error) {
		segment, err = b.newSegment(s, o)
		return err
	})
	return segment, err
}

// newSegment measures the span, allocates its memory and copies once, from the ring to Go's memory.
func (b *CaptureBuffer) newSegment(s Span, o readOptions) (*Segment, error) {
	// Between measuring and reading, frames can be evicted and the timeline can move: then it
	// retries.
	for range 8 {
		samples, info, err := b.measure(s, o)
		if err != nil {
			return nil, err
		}
		if samples > b.maxUncheckedSamples() {
			break
		}
		segment := &Segment{}
		if samples > 0 {
			memory := segment.allocate(b.formatAs(o), int(samples))
			info, err = b.readInto(s, o, memory, int(samples))
			if errors.Is(err, ErrTooSmall) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		if info.gaps > 0 {
			break
		}
		segment.Extracted = extractedFromC(&info)
		segment.truncate()
		return segment, nil
	}
	return b.copySegment(s, o)
}

// maxUncheckedSamples is the longest segment that is allocated without asking C, which limits its
// size: filled gaps can exceed any memory.
func (b *CaptureBuffer) maxUncheckedSamples() uint64 {
	return 2 * b.spec.LengthFrames * uint64(b.spec.Channels)
}

// formatAs returns the format that a read converts to.
func (b *CaptureBuffer) formatAs(o readOptions) SampleFormat {
	if o.format == C.CAPBUF_FORMAT_OWN {
		return b.spec.Format
	}
	return SampleFormat(o.format)
}
