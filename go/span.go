package capbuf

// #include "calls.h"
import "C"

import (
	"math"
	"time"
)

// Span is the part of a buffer to read: by frame numbers, by time, or the newest audio.
type Span struct {
	kind       C.uint32_t
	first, end C.int64_t
}

// SpanFrames returns the frames from first up to but not including end, whatever their times are.
func SpanFrames(first, end uint64) Span {
	frame := func(n uint64) C.int64_t { return C.int64_t(min(n, math.MaxInt64)) }
	return Span{C.CAPBUF_SPAN_FRAMES, frame(first), frame(end)}
}

// SpanTime returns the frames from one time to another, to the nearest frame. A frame belongs to
// the time at which it begins.
func SpanTime(from, to time.Time) Span {
	return Span{C.CAPBUF_SPAN_TIME, nearestUTC(from), nearestUTC(to)}
}

// SpanLast returns the newest d: d times the nominal rate, in frames and silence.
func SpanLast(d time.Duration) Span {
	return Span{C.CAPBUF_SPAN_LAST, 0, C.int64_t(d)}
}

// nearestUTC returns ns of UTC, limited to what they can count: no audio is that old or that late.
func nearestUTC(t time.Time) C.int64_t {
	if ns, ok := toUTC(t); ok {
		return ns
	}
	if t.Unix() < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

// ReadOption changes how a span is read. The default is an error for missing frames, silence in the
// gaps of a time span, the buffer's own format, and, in calls with a context, to wait.
type ReadOption uint32

const (
	// NoWait returns ErrNotYet instead of waiting.
	NoWait ReadOption = 1 << iota
	// Available returns the frames that are there and counts the missing ones, instead of waiting
	// or failing. If none is there, the segment is empty. A buffer without any frame is still
	// ErrNotYet.
	Available
	// FillGaps fills gaps with silence. It is the default for spans of time, not for spans of
	// frames.
	FillGaps
	// LeaveOutGaps joins the audio on both sides of a gap.
	LeaveOutGaps
	// Overwrite replaces the file of a clip if it exists. Reads ignore it.
	Overwrite
)

// As converts the samples to S16, S24, S32 or F32 while copying. Full scale of F32 is ±1.0.
func As(format SampleFormat) ReadOption {
	return ReadOption(format) << formatShift
}

const formatShift = 16

// readOptions is a list of ReadOptions in the form that C takes.
type readOptions struct {
	waits     bool
	available C.uint32_t
	silence   C.uint32_t
	format    C.uint32_t
	overwrite bool
}

func newReadOptions(list []ReadOption) readOptions {
	var all ReadOption
	for _, option := range list {
		all |= option
	}
	o := readOptions{waits: all&(NoWait|Available) == 0, overwrite: all&Overwrite != 0, format: C.uint32_t(all >> formatShift)}
	if all&Available != 0 {
		o.available = 1
	}
	switch {
	case all&FillGaps != 0:
		o.silence = 1
	case all&LeaveOutGaps != 0:
		o.silence = 2
	}
	return o
}
