package capbuf

// #include "calls.h"
import "C"

import (
	"math"
	"unsafe"
)

// Segment is a span of audio, copied to Go memory. It needs no closing.
type Segment struct {
	Extracted
	// Gaps lists the gaps in the segment, filled or not.
	Gaps []Gap

	int16s   []int16
	int32s   []int32
	float32s []float32
	bytes    []byte
}

// Int16 returns the interleaved samples of an S16 segment, else nil. See [As].
func (s *Segment) Int16() []int16 {
	return s.int16s
}

// Int32 returns the interleaved samples of an S32 segment, else nil. See [As].
func (s *Segment) Int32() []int32 {
	return s.int32s
}

// Float32 returns the interleaved samples of an F32 segment, else nil. See [As].
func (s *Segment) Float32() []float32 {
	return s.float32s
}

// Bytes returns the memory of the samples, of any format, without copying.
func (s *Segment) Bytes() []byte {
	switch s.Format {
	case S16:
		return bytesOf(s.int16s)
	case S32:
		return bytesOf(s.int32s)
	case F32:
		return bytesOf(s.float32s)
	}
	return s.bytes
}

func bytesOf[T Sample](samples []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(samples))), len(samples)*int(unsafe.Sizeof(*new(T))))
}

// allocate allocates memory for a number of samples.
func (s *Segment) allocate(format SampleFormat, samples int) unsafe.Pointer {
	switch format {
	case S16:
		s.int16s = make([]int16, samples)
		return unsafe.Pointer(unsafe.SliceData(s.int16s))
	case S32:
		s.int32s = make([]int32, samples)
		return unsafe.Pointer(unsafe.SliceData(s.int32s))
	case F32:
		s.float32s = make([]float32, samples)
		return unsafe.Pointer(unsafe.SliceData(s.float32s))
	}
	s.bytes = make([]byte, samples*S24.Bytes())
	return unsafe.Pointer(unsafe.SliceData(s.bytes))
}

// truncate drops the memory behind the last sample.
func (s *Segment) truncate() {
	samples := int(s.Frames) * s.Channels
	s.int16s = s.int16s[:min(samples, len(s.int16s))]
	s.int32s = s.int32s[:min(samples, len(s.int32s))]
	s.float32s = s.float32s[:min(samples, len(s.float32s))]
	s.bytes = s.bytes[:min(samples*S24.Bytes(), len(s.bytes))]
}

// readSegment reads a C segment, which the caller frees.
func (b *CaptureBuffer) readSegment(s Span, o readOptions) (*C.capbuf_segment, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return nil, ErrClosed
	}
	defer b.handle.leave(users)
	span := C.capbuf_span{kind: s.kind, first: s.first, end: s.end}
	options := C.capbuf_read_options{
		struct_size:   C.sizeof_capbuf_read_options,
		available:     o.available,
		silence:       o.silence,
		sample_format: o.format,
	}
	var segment *C.capbuf_segment
	var detail *C.capbuf_error
	status := C.capbuf_buffer_read_segment(buffer, &span, &options, &segment, &detail)
	return segment, failure(status, detail)
}

// infoOf describes a C segment.
func infoOf(segment *C.capbuf_segment) (C.capbuf_extracted, error) {
	info := C.capbuf_extracted{struct_size: C.sizeof_capbuf_extracted}
	var detail *C.capbuf_error
	status := C.capbuf_segment_info(segment, &info, &detail)
	return info, failure(status, detail)
}

// copySegment reads a C segment, which lists its gaps, and copies it.
func (b *CaptureBuffer) copySegment(s Span, o readOptions) (*Segment, error) {
	from, err := b.readSegment(s, o)
	if err != nil {
		return nil, err
	}
	defer C.capbuf_segment_free(from)
	info, err := infoOf(from)
	if err != nil {
		return nil, err
	}
	var samples unsafe.Pointer
	var count C.size_t
	var detail *C.capbuf_error
	status := C.capbuf_segment_samples(from, &samples, &count, &detail)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	segment := &Segment{Extracted: extractedFromC(&info)}
	if count > 0 {
		size := int(count) * segment.Format.Bytes()
		memory := segment.allocate(segment.Format, int(count))
		copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(samples), size))
	}
	segment.Gaps = make([]Gap, 0, min(uint64(info.gaps), math.MaxUint16))
	for number := range C.size_t(info.gaps) {
		gap := C.capbuf_gap{struct_size: C.sizeof_capbuf_gap}
		status := C.capbuf_segment_gap(from, number, &gap, &detail)
		if err := failure(status, detail); err != nil {
			return nil, err
		}
		segment.Gaps = append(segment.Gaps, gapFromC(&gap))
	}
	return segment, nil
}
