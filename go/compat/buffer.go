package compat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"capbuf.dev/capbuf"
)

// patience is how much longer than the end of a span a read waits for audio that should be there by then.
const patience = 5 * time.Second

// CaptureBuffer is a buffer with its writer. It is made by [NewCaptureBuffer].
type CaptureBuffer struct {
	buffer *capbuf.CaptureBuffer
	writer *capbuf.Writer
}

// NewCaptureBuffer makes a buffer that stands by itself: it is no other one's, also if that has the same source, and no function here
// that takes a source finds it, nor does a report. It is nil if it can't be made; its methods then give an error.
//
// Allocates. The memory goes back when the collector finds that it is no longer used, or with Close.
func NewCaptureBuffer(durationSeconds, sampleRate, bytesPerSample int, source string) *CaptureBuffer {
	spec, err := specOf(durationSeconds, sampleRate, bytesPerSample)
	if err != nil {
		return nil
	}
	own, err := capbuf.Private()
	if err != nil {
		return nil
	}
	defer own.Close()
	buffer, err := own.Allocate(source, spec)
	if err != nil {
		return nil
	}
	writer, err := buffer.Writer()
	if err != nil {
		buffer.Close()
		return nil
	}
	return &CaptureBuffer{buffer, writer}
}

var errNoBuffer = errors.New("compat: the buffer could not be made")

// Write writes samples that arrive now, any number of bytes of them: what is cut off of a sample is joined with the next write.
func (b *CaptureBuffer) Write(data []byte) error {
	if b == nil {
		return errNoBuffer
	}
	_, err := b.writer.Write(data)
	return err
}

// ReadSegment gives so many seconds from a time on; as [ReadSegmentFromCaptureBuffer].
func (b *CaptureBuffer) ReadSegment(requestedStartTime time.Time, duration int) ([]byte, error) {
	if b == nil {
		return nil, errNoBuffer
	}
	return readSegment(b.buffer, requestedStartTime, duration)
}

// Close gives the memory back. Closing again is nothing.
func (b *CaptureBuffer) Close() error {
	if b == nil {
		return nil
	}
	b.writer.Close()
	return b.buffer.Close()
}

func readSegment(buffer *capbuf.CaptureBuffer, from time.Time, seconds int) ([]byte, error) {
	length, err := duration(seconds)
	if err != nil {
		return nil, err
	}
	to := from.Add(length)
	ctx, cancel := context.WithDeadline(context.Background(), latest(time.Now(), to).Add(patience))
	defer cancel()
	segment, err := buffer.Read(ctx, from, to)
	if err != nil {
		return nil, err
	}
	return segment.Bytes(), nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func duration(seconds int) (time.Duration, error) {
	if seconds <= 0 || seconds > int(math.MaxInt64/int64(time.Second)) {
		return 0, refused("duration", seconds, "a number of seconds above 0")
	}
	return time.Duration(seconds) * time.Second, nil
}

func specOf(durationSeconds, sampleRate, bytesPerSample int) (capbuf.Spec, error) {
	length, err := duration(durationSeconds)
	if err != nil {
		return capbuf.Spec{}, err
	}
	spec := capbuf.Spec{Duration: length, SampleRateHz: sampleRate, Channels: 1}
	switch bytesPerSample {
	case 2:
		spec.Format = capbuf.S16
	case 3:
		spec.Format = capbuf.S24
	case 4:
		spec.Format = capbuf.S32
	default:
		return spec, refused("bytesPerSample", bytesPerSample, "2, 3, 4")
	}
	return spec, nil
}

func refused(name string, given int, allowed string) error {
	return fmt.Errorf("compat: %s is %d; allowed: %s: %w", name, given, allowed, capbuf.ErrInvalidArgument)
}
