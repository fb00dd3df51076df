package compat

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"capbuf.dev/capbuf"
)

func TestSegmentIsOfRequestedTime(t *testing.T) {
	fresh(t)
	if err := AllocateCaptureBuffer(120, 1000, 2, "mic"); err != nil {
		t.Fatal(err)
	}
	samples := make([]byte, 0, 120000)
	for i := range 60000 {
		samples = append(samples, byte(i), byte(i>>8))
	}
	before := time.Now()
	if err := WriteToCaptureBuffer("mic", samples); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	// The samples are the last minute before a moment between `before` and `after`.
	segment, err := ReadSegmentFromCaptureBuffer("mic", before.Add(-2*time.Second), 1)
	if err != nil {
		t.Fatal(err)
	}
	first, earliest := int(segment[0])|int(segment[1])<<8, 57999-int(after.Sub(before).Milliseconds())
	if len(segment) != 2000 || first < earliest || first > 58000 || !bytes.Equal(segment, samples[2*first:2*first+2000]) {
		t.Errorf("%d bytes from frame %d on, not from one of %d to 58000", len(segment), first, earliest)
	}
	_, err = ReadSegmentFromCaptureBuffer("mic", before.Add(-time.Hour), 1)
	if !errors.Is(err, capbuf.ErrEvicted) {
		t.Error(err)
	}
	_, err = ReadSegmentFromCaptureBuffer("mic", before, 0)
	if !errors.Is(err, capbuf.ErrInvalidArgument) {
		t.Error(err)
	}
	_, err = ReadSegmentFromCaptureBuffer("none", before, 1)
	if !errors.Is(err, capbuf.ErrNotFound) {
		t.Error(err)
	}
}

func TestSplitSampleIsJoined(t *testing.T) {
	buffer := NewCaptureBuffer(120, 1000, 2, "mic")
	defer buffer.Close()
	whole := bytes.Repeat([]byte{1, 2}, 30000)
	before := time.Now()
	if err := errors.Join(buffer.Write(whole[:59999]), buffer.Write(whole[59999:])); err != nil {
		t.Fatal(err)
	}
	segment, err := buffer.ReadSegment(before.Add(-2*time.Second), 1)
	if err != nil || !bytes.Equal(segment, whole[:2000]) {
		t.Errorf("%v, %v", segment, err)
	}
}
