package compat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"capbuf.dev/capbuf"
)

// readTimeout is how long after the end of a span a read waits for its audio.
const readTimeout = 5 * time.Second

// CaptureBuffer is a buffer with its writer: see [NewCaptureBuffer].
type CaptureBuffer struct {
	buffer *capbuf.CaptureBuffer
	writer *capbuf.Writer
}

// NewCaptureBuffer allocates a buffer outside of the registry: functions that take a source do not
// find it, and reports do not contain it. It returns nil if it fails; the methods of nil return an
// error.
//
// Allocates. Close, or the garbage collector, frees the memory.
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

var errNoBuffer = errors.New("compat: the buffer was not allocated")

// Write writes bytes of samples captured just now. It accepts any number of bytes and keeps an
// incomplete sample for the next call.
func (b *CaptureBuffer) Write(data []byte) error {
	if b == nil {
		return errNoBuffer
	}
	_, err := b.writer.Write(data)
	return err
}

// ReadSegment returns duration seconds from requestedStartTime: see [ReadSegmentFromCaptureBuffer].
func (b *CaptureBuffer) ReadSegment(requestedStartTime time.Time, duration int) ([]byte, error) {
	if b == nil {
		return nil, errNoBuffer
	}
	return readSegment(b.buffer, requestedStartTime, duration)
}

// Close frees the memory. Further calls do nothing.
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
	ctx, cancel := context.WithDeadline(context.Background(), later(time.Now(), to).Add(readTimeout))
	defer cancel()
	segment, err := buffer.Read(ctx, from, to)
	if err != nil {
		return nil, err
	}
	return segment.Bytes(), nil
}

func later(a, b time.Time) time.Time {
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

func refused(name string, value int, allowed string) error {
	return fmt.Errorf("compat: %s is %d; allowed: %s: %w", name, value, allowed, capbuf.ErrInvalidArgument)
}
