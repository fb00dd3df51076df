package capbuf

// #include "calls.h"
import "C"

import (
	"fmt"
	"math"
	"time"
)

// Lifetime says how long a buffer stays in its domain. Buffers of a private registry go with their last handle.
type Lifetime uint32

const (
	// UntilRemoved: until the buffer is removed, or its domain is. The next process finds the audio where the last one left it.
	UntilRemoved Lifetime = C.CAPBUF_LIFETIME_UNTIL_REMOVED
	// WhileOpen: while a process has the buffer open.
	WhileOpen Lifetime = C.CAPBUF_LIFETIME_WHILE_OPEN
)

// Spec is the shape of a buffer. Two buffers of one source must have equal shapes.
type Spec struct {
	// Duration is how much audio the buffer keeps, rounded to whole frames. Not looked at where LengthFrames is set.
	Duration time.Duration
	// LengthFrames is how many frames it keeps, or 0, and Duration says it.
	LengthFrames uint64
	// SampleRateHz is frames a second: 1 to 768000.
	SampleRateHz int
	// Channels is samples a frame: 1 to 64.
	Channels int
	// Format is how a sample is stored.
	Format SampleFormat
	// Lifetime is how long the buffer stays in its domain. It is no part of the shape.
	Lifetime Lifetime
}

// FrameBytes is the bytes of one frame.
func (s Spec) FrameBytes() int {
	return s.Channels * s.Format.Bytes()
}

// String shows the shape in one line.
func (s Spec) String() string {
	return fmt.Sprintf("%v (%d frames) of %d Hz %d x %v", s.Duration, s.LengthFrames, s.SampleRateHz, s.Channels, s.Format)
}

func (s Spec) toC() (C.capbuf_spec, error) {
	var spec C.capbuf_spec
	rate, err := count("the sample rate in Hz", s.SampleRateHz)
	if err != nil {
		return spec, err
	}
	channels, err := count("the number of channels", s.Channels)
	if err != nil {
		return spec, err
	}
	spec.sample_rate_hz, spec.channels = rate, channels
	spec.sample_format, spec.lifetime = C.capbuf_sample_format(s.Format), C.uint32_t(s.Lifetime)
	if s.LengthFrames > 0 {
		spec.length_frames = C.uint64_t(s.LengthFrames)
	} else {
		spec.seconds = C.double(s.Duration.Seconds())
	}
	return spec, nil
}

// count is a number as C takes it; the library says which of them are allowed.
func count(name string, n int) (C.uint32_t, error) {
	if n < 0 || n > math.MaxUint32 {
		return 0, invalid(fmt.Sprintf("%s is %d; allowed: more than 0", name, n))
	}
	return C.uint32_t(n), nil
}

func specFromC(spec *C.capbuf_spec) Spec {
	return Spec{
		Duration:     time.Duration(math.Round(float64(spec.seconds) * 1e9)),
		LengthFrames: uint64(spec.length_frames),
		SampleRateHz: int(spec.sample_rate_hz),
		Channels:     int(spec.channels),
		Format:       SampleFormat(spec.sample_format),
		Lifetime:     Lifetime(spec.lifetime),
	}
}
