package capbuf

// #include "calls.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"
)

// Bounds of the pause between two attempts, whatever time is expected: a source can resume early,
// and a buffer can be removed or closed meanwhile.
const (
	shortestPause = 2 * time.Millisecond
	longestPause  = 50 * time.Millisecond
)

// wait repeats attempt while it returns ErrNotYet, if waits is set.
func (b *CaptureBuffer) wait(ctx context.Context, waits bool, attempt func() error) error {
	for {
		err := attempt()
		var detail *Error
		if err == nil || !waits || !errors.As(err, &detail) || detail.Code != Code(C.CAPBUF_NOT_YET) {
			return err
		}
		removed, removedErr := b.IsRemoved()
		if removedErr != nil {
			return removedErr
		}
		if removed {
			// Frames may have been written between that attempt and the removal.
			if err = attempt(); errors.Is(err, ErrNotYet) {
				return b.errRemoved()
			}
			return err
		}
		if ended := pause(ctx, time.Until(detail.Time)); ended != nil {
			return fmt.Errorf("capbuf: %w: %w", ended, err)
		}
	}
}

func (b *CaptureBuffer) errRemoved() error {
	message := fmt.Sprintf("the buffer of %q was removed: no more frames will come", Redact(b.source))
	return &Error{Code: Code(C.CAPBUF_REMOVED), Message: message}
}

// pause sleeps for d, within the bounds of a pause. It returns the error of the context if that
// ends.
func pause(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(min(max(d, shortestPause), longestPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WaitUntil waits until the audio up to the time t is recorded, or the context ends. It returns at
// once if it was recorded before, even if it is overwritten by now.
//
// Safe for concurrent use. Blocks no thread. Errors: ErrRemoved if the buffer is removed before,
// ErrClosed; the context's, wrapped together with ErrNotYet.
func (b *CaptureBuffer) WaitUntil(ctx context.Context, t time.Time) error {
	if b.spec.SampleRateHz == 0 {
		return ErrClosed // The zero value.
	}
	// Reading the newest frame returns its time. It has at most 64 channels of 4 bytes.
	frame := make([]byte, 64*4)
	span := SpanLast(time.Second / time.Duration(b.spec.SampleRateHz))
	// Times are accurate to half a frame period.
	t = t.Add(-time.Second / time.Duration(2*b.spec.SampleRateHz))
	return b.wait(ctx, true, func() error {
		info, err := b.readInto(span, readOptions{}, unsafe.Pointer(unsafe.SliceData(frame)), b.spec.Channels)
		if err != nil {
			return err
		}
		if newest := fromUTC(info.end_utc_ns); newest.Before(t) {
			message := fmt.Sprintf("the newest audio ends %v before that", t.Sub(newest))
			return &Error{Code: Code(C.CAPBUF_NOT_YET), Message: message, Time: t,
				Frame: uint64(info.first_frame + info.frames)}
		}
		return nil
	})
}
