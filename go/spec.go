package capbuf

// #include "calls.h"
import "C"

import (
	"fmt"
	"math"
	"time"
)

// Lifetime is how long a buffer stays in its domain. Buffers of a private registry end with their
// last handle.
type Lifetime uint32

const (
	// UntilRemoved: until the buffer or its domain is removed. It outlives its processes.
	UntilRemoved Lifetime = C.CAPBUF_LIFETIME_UNTIL_REMOVED
	// WhileOpen: while a process has the buffer open.
	WhileOpen Lifetime = C.CAPBUF_LIFETIME_WHILE_OPEN
)

// Spec is the length and the format of a buffer. All requests for one source must pass equal ones,
// apart from the Lifetime.
type Spec struct {
	// Duration is the length of the buffer, rounded to whole frames. Ignored if LengthFrames is
	// set.
	Duration time.Duration
	// LengthFrames is the length in frames; 0: see Duration.
	LengthFrames uint64
	// SampleRateHz is the number of frames per second: 1 to 768000.
	SampleRateHz int
	// Channels is the number of samples per frame: 1 to 64.
	Channels int
	// Format is the format of a sample.
	Format SampleFormat
	// Lifetime is how long the buffer stays in its domain.
	Lifetime Lifetime
}

// FrameBytes returns the size of one frame in bytes.
func (s Spec) FrameBytes() int {
	return s.Channels * s.Format.Bytes()
}

// String describes the Spec in one line.
func (s Spec) String() string {
	return fmt.Sprintf("%v (%d frames) of %d Hz %d x %v",
		s.Duration, s.LengthFrames, s.SampleRateHz, s.Channels, s.Format)
}

func (s Spec) toC() (C.capbuf_spec, error) {
	spec := C.capbuf_spec{struct_size: C.sizeof_capbuf_spec}
	rate, err := toUint32("the sample rate in Hz", s.SampleRateHz)
	if err != nil {
		return spec, err
	}
	channels, err := toUint32("the number of channels", s.Channels)
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

// toUint32 converts a number for C. The library checks its range.
func toUint32(name string, n int) (C.uint32_t, error) {
	if n < 0 || n > math.MaxUint32 {
		return 0, invalid(fmt.Sprintf("%s is %d; allowed: more than 0", name, n))
	}
	return C.uint32_t(n), nil
}

func specFromC(info *C.capbuf_buffer_info) Spec {
	return Spec{
		Duration:     time.Duration(math.Round(float64(info.seconds) * 1e9)),
		LengthFrames: uint64(info.length_frames),
		SampleRateHz: int(info.sample_rate_hz),
		Channels:     int(info.channels),
		Format:       SampleFormat(info.sample_format),
		Lifetime:     Lifetime(info.lifetime),
	}
}
