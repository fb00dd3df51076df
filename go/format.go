package capbuf

// #include "calls.h"
import "C"

// Sample is the type of a sample in slices. Full scale of a float32 is ±1.0.
type Sample interface {
	int16 | int32 | float32
}

// SampleFormat is the format of a sample in a buffer. The numbers are the same in every language.
type SampleFormat uint32

const (
	// S16 is 16-bit signed integers: []int16.
	S16 SampleFormat = C.CAPBUF_FORMAT_S16
	// S24 is packed 24-bit signed integers, little-endian: []byte, or converted to another format.
	S24 SampleFormat = C.CAPBUF_FORMAT_S24
	// S32 is 32-bit signed integers: []int32.
	S32 SampleFormat = C.CAPBUF_FORMAT_S32
	// F32 is 32-bit floats, full scale at ±1.0: []float32.
	F32 SampleFormat = C.CAPBUF_FORMAT_F32
)

// String returns the name of the format in all languages and on the command line: "s16".
func (f SampleFormat) String() string {
	switch f {
	case S16:
		return "s16"
	case S24:
		return "s24"
	case S32:
		return "s32"
	case F32:
		return "f32"
	}
	return "unknown"
}

// Bytes returns the size of one sample in bytes; 0 for an unknown format.
func (f SampleFormat) Bytes() int {
	switch f {
	case S16:
		return 2
	case S24:
		return 3
	case S32, F32:
		return 4
	}
	return 0
}

// formatOf returns the format of samples of type T.
func formatOf[T Sample]() SampleFormat {
	var zero T
	switch any(zero).(type) {
	case int16:
		return S16
	case int32:
		return S32
	}
	return F32
}
