package capbuf

// #include "calls.h"
import "C"

import (
	"math"
	"time"
)

// Span is a span of a buffer to read: by frame numbers, by time, or the newest.
type Span struct {
	kind       C.uint32_t
	first, end C.int64_t
}

// SpanFrames is the frames from first to one before end: exactly these, whatever the clocks did.
func SpanFrames(first, end uint64) Span {
	frame := func(n uint64) C.int64_t { return C.int64_t(min(n, math.MaxInt64)) }
	return Span{C.CAPBUF_SPAN_FRAMES, frame(first), frame(end)}
}

// SpanTime is from one moment to another; a frame belongs to the moment at which it begins, to the nearest frame.
func SpanTime(from, to time.Time) Span {
	return Span{C.CAPBUF_SPAN_TIME, nearestUTC(from), nearestUTC(to)}
}

// SpanLast is the newest so much: its duration times the nominal rate, exactly, in frames and silence.
func SpanLast(d time.Duration) Span {
	return Span{C.CAPBUF_SPAN_LAST, 0, C.int64_t(d)}
}

// nearestUTC is ns of UTC, or the first or the last that can be counted: no audio is as old, or as far off.
func nearestUTC(t time.Time) C.int64_t {
	if ns, ok := toUTC(t); ok {
		return ns
	}
	if t.Unix() < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

// ReadOption says how to read. Without one: nothing missing, gaps of time filled, in the buffer's own format; and what takes a
// context waits for what is still to come.
type ReadOption uint32

const (
	// NoWait gives ErrNotYet instead of waiting for what is still to come.
	NoWait ReadOption = 1 << iota
	// Available gives what is there now and tells what is missing, instead of waiting or failing; if nothing of the span is
	// there, an empty segment. Only a buffer that was never written to has no time to tell, and remains ErrNotYet.
	Available
	// FillGaps fills gaps with silence. Spans of time are so by default, frames named by number are just those frames.
	FillGaps
	// LeaveOutGaps leaves gaps out.
	LeaveOutGaps
)

// As converts the samples while they are copied, to S16, S32 or F32. Full scale of F32 is ±1.0.
func As(format SampleFormat) ReadOption {
	return ReadOption(format) << formatShift
}

const formatShift = 16

// manner is read options as C takes them.
type manner struct {
	waits     bool
	available C.uint32_t
	silence   C.uint32_t
	format    C.uint32_t
}

func mannerOf(options []ReadOption) manner {
	var all ReadOption
	for _, option := range options {
		all |= option
	}
	m := manner{waits: all&(NoWait|Available) == 0, format: C.uint32_t(all >> formatShift)}
	if all&Available != 0 {
		m.available = 1
	}
	switch {
	case all&FillGaps != 0:
		m.silence = 1
	case all&LeaveOutGaps != 0:
		m.silence = 2
	}
	return m
}
