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

// Extracted tells where a span came from and what stands in it.
type Extracted struct {
	// Frames counts the frames, silence included.
	Frames uint64
	// FirstFrame is the number of the first captured frame.
	FirstFrame uint64
	// CapturedFrames counts the captured frames.
	CapturedFrames uint64
	// SilenceFrames counts the frames of silence that fill gaps.
	SilenceFrames uint64
	// Start is the time of the first frame.
	Start time.Time
	// End is the time at which the last frame ends.
	End time.Time
	// GapCount is how many gaps lie in it, filled or not.
	GapCount uint64
	// EvictedFrames is what is missing at the beginning: overwritten, or from before the first frame.
	EvictedFrames uint64
	// NotYetFrames is what is missing at the end: not recorded yet.
	NotYetFrames uint64
	// SampleRateHz is frames a second.
	SampleRateHz int
	// Channels is samples a frame.
	Channels int
	// Format is what the samples are.
	Format SampleFormat
}

func extractedFromC(info *C.capbuf_extracted) Extracted {
	return Extracted{
		Frames:         uint64(info.frames),
		FirstFrame:     uint64(info.first_frame),
		CapturedFrames: uint64(info.captured_frames),
		SilenceFrames:  uint64(info.silence_frames),
		Start:          fromUTC(info.start_utc_ns),
		End:            fromUTC(info.end_utc_ns),
		GapCount:       uint64(info.gaps),
		EvictedFrames:  uint64(info.evicted_frames),
		NotYetFrames:   uint64(info.not_yet_frames),
		SampleRateHz:   int(info.sample_rate_hz),
		Channels:       int(info.channels),
		Format:         SampleFormat(info.sample_format),
	}
}

// Read copies what was captured from one moment to another, and waits, until the context ends, for what is still to come.
//
// Gaps are filled with silence, so that a span keeps its length, and listed. Any goroutine. Allocates the segment. Errors: ErrEvicted (with
// the oldest still there; also for what was before the recording), ErrInvalidRange, ErrRemoved, ErrOverBudget, ErrClosed; the context's, together with ErrNotYet.
func (b *CaptureBuffer) Read(ctx context.Context, from, to time.Time, options ...ReadOption) (*Segment, error) {
	return b.segment(ctx, SpanTime(from, to), mannerOf(options))
}

// ReadFrames copies the frames from first to one before end. Gaps between them are listed and not filled. Otherwise as Read.
func (b *CaptureBuffer) ReadFrames(ctx context.Context, first, end uint64, options ...ReadOption) (*Segment, error) {
	return b.segment(ctx, SpanFrames(first, end), mannerOf(options))
}

// Last copies the newest so much, at once. Otherwise as Read.
//
// Errors: also ErrNotYet while less was written than that, ErrInvalidRange for more than the buffer keeps.
func (b *CaptureBuffer) Last(d time.Duration, options ...ReadOption) (*Segment, error) {
	m := mannerOf(options)
	m.waits = false
	return b.segment(context.Background(), SpanLast(d), m)
}

// ReadInto copies a span into the caller's memory, converted to its type, and tells what it put there. The samples are interleaved
// from the beginning; what is beyond them stays as it was. After an error other than ErrTooSmall the content is unspecified.
//
// Any goroutine. At once, one copy, allocates nothing. Errors: ErrNotYet (with when it will be), ErrEvicted, ErrInvalidRange,
// ErrTooSmall (with the room that is needed), ErrClosed.
func ReadInto[T Sample](b *CaptureBuffer, span Span, samples []T, options ...ReadOption) (Extracted, error) {
	m := mannerOf(options)
	m.format = C.uint32_t(formatOf[T]())
	info, err := b.readInto(span, m, unsafe.Pointer(unsafe.SliceData(samples)), len(samples))
	if err != nil {
		return Extracted{}, err
	}
	written := int(info.frames) * b.spec.Channels * int(unsafe.Sizeof(*new(T)))
	raceWrite(unsafe.Pointer(unsafe.SliceData(samples)), written)
	return extractedFromC(&info), nil
}

func (b *CaptureBuffer) readInto(s Span, m manner, samples unsafe.Pointer, room int) (C.capbuf_extracted, error) {
	var info C.capbuf_extracted
	buffer, users := b.enter()
	if buffer == nil {
		return info, ErrClosed
	}
	outcome := C.capbuf_go_read(buffer, s.kind, s.first, s.end, m.available, m.silence, m.format, (*C.char)(samples),
		C.size_t(room), &info)
	b.handle.leave(users)
	return info, failure(outcome)
}

// measure tells how many samples a span would take now, and what would stand in it if that is none.
func (b *CaptureBuffer) measure(s Span, m manner) (samples uint64, info C.capbuf_extracted, err error) {
	buffer, users := b.enter()
	if buffer == nil {
		return 0, info, ErrClosed
	}
	outcome := C.capbuf_go_measure(buffer, s.kind, s.first, s.end, m.available, m.silence, m.format, &info)
	b.handle.leave(users)
	if outcome.status == C.CAPBUF_TOO_SMALL && outcome.number > 0 {
		return uint64(outcome.number), info, nil
	}
	return 0, info, failure(outcome)
}

// segment reads into new memory, and waits for it if that is wanted.
func (b *CaptureBuffer) segment(ctx context.Context, s Span, m manner) (*Segment, error) {
	var segment *Segment
	err := b.wait(ctx, m.waits, func() (err error) {
		segment, err = b.newSegment(s, m)
		return err
	})
	return segment, err
}

// newSegment measures the span, makes room for it and copies it there: once, from the ring into Go's memory.
func (b *CaptureBuffer) newSegment(s Span, m manner) (*Segment, error) {
	// The beginning of a partial read goes while its room is made, and a timeline may move: then it is measured again.
	for range 8 {
		samples, info, err := b.measure(s, m)
		if err != nil {
			return nil, err
		}
		if samples > b.mostSamples() {
			break
		}
		segment := &Segment{}
		if samples > 0 {
			room := segment.makeRoom(b.formatAs(m), int(samples))
			info, err = b.readInto(s, m, room, int(samples))
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
		segment.cut()
		return segment, nil
	}
	return b.copyOfSegment(s, m)
}

// mostSamples is how many samples a segment may have before C is asked first whether it may: long silences can be longer than any
// memory.
func (b *CaptureBuffer) mostSamples() uint64 {
	return 2 * b.spec.LengthFrames * uint64(b.spec.Channels)
}

// formatAs is the format of what is read.
func (b *CaptureBuffer) formatAs(m manner) SampleFormat {
	if m.format == C.CAPBUF_FORMAT_OWN {
		return b.spec.Format
	}
	return SampleFormat(m.format)
}
