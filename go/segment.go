package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_read_segment
// #cgo noescape capbuf_go_segment_gap
import "C"

import (
	"math"
	"unsafe"
)

// Segment is a span of audio that was copied out: ordinary memory of Go's, nothing to close.
type Segment struct {
	Extracted
	// Gaps lists the gaps in it, filled or not.
	Gaps []Gap

	int16s   []int16
	int32s   []int32
	float32s []float32
	bytes    []byte
}

// Int16 is the samples of a segment of S16, interleaved; nil if it is of another format. See [As].
func (s *Segment) Int16() []int16 {
	return s.int16s
}

// Int32 is the samples of a segment of S32, interleaved; nil if it is of another format. See [As].
func (s *Segment) Int32() []int32 {
	return s.int32s
}

// Float32 is the samples of a segment of F32, interleaved; nil if it is of another format. See [As].
func (s *Segment) Float32() []float32 {
	return s.float32s
}

// Bytes is the samples of any format as they lie in memory, without a copy.
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
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(samples))), len(samples)*int(unsafe.Sizeof(one)))
}

// makeRoom makes memory for so many samples.
func (s *Segment) makeRoom(format SampleFormat, samples int) unsafe.Pointer {
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

// cut takes off what was more room than there are samples.
func (s *Segment) cut() {
	samples := int(s.Frames) * s.Channels
	s.int16s = s.int16s[:min(samples, len(s.int16s))]
	s.int32s = s.int32s[:min(samples, len(s.int32s))]
	s.float32s = s.float32s[:min(samples, len(s.float32s))]
	s.bytes = s.bytes[:min(samples*S24.Bytes(), len(s.bytes))]
}

// readSegment lets C make the segment; the caller frees it.
func (b *CaptureBuffer) readSegment(s Span, m manner, info *C.capbuf_extracted) (*C.capbuf_segment, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return nil, ErrClosed
	}
	outcome := C.capbuf_go_read_segment(buffer, s.kind, s.first, s.end, m.available, m.silence, m.format, info)
	b.handle.leave(users)
	return (*C.capbuf_segment)(outcome.handle), failure(outcome)
}

// copyOfSegment reads by way of a segment of C's, which lists its gaps, and copies that.
func (b *CaptureBuffer) copyOfSegment(s Span, m manner) (*Segment, error) {
	var info C.capbuf_extracted
	made, err := b.readSegment(s, m, &info)
	if err != nil {
		return nil, err
	}
	defer C.capbuf_segment_free(made)
	outcome := C.capbuf_go_segment_samples(made)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	segment := &Segment{Extracted: extractedFromC(&info)}
	if samples := int(outcome.number); samples > 0 {
		bytes := samples * segment.Format.Bytes()
		room := segment.makeRoom(segment.Format, samples)
		copy(unsafe.Slice((*byte)(room), bytes), unsafe.Slice((*byte)(outcome.handle), bytes))
	}
	segment.Gaps = make([]Gap, 0, min(uint64(info.gaps), math.MaxUint16))
	for number := range C.size_t(info.gaps) {
		var gap C.capbuf_gap
		if err := failure(C.capbuf_go_segment_gap(made, number, &gap)); err != nil {
			return nil, err
		}
		segment.Gaps = append(segment.Gaps, gapFromC(&gap))
	}
	return segment, nil
}
