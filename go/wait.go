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

// How long to sleep between two looks, whatever is expected: a source may come back early, a buffer be removed or closed.
const (
	shortestPause = 2 * time.Millisecond
	longestPause  = 50 * time.Millisecond
)

// wait looks until look gives something else than ErrNotYet; if it waits at all.
func (b *CaptureBuffer) wait(ctx context.Context, waits bool, look func() error) error {
	for {
		err := look()
		var detail *Error
		if err == nil || !waits || !errors.As(err, &detail) || detail.Code != Code(C.CAPBUF_NOT_YET) {
			return err
		}
		removed, removedErr := b.IsRemoved()
		if removedErr != nil {
			return removedErr
		}
		if removed {
			// What was written between that look and the removal still counts.
			if err = look(); errors.Is(err, ErrNotYet) {
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

// pause sleeps about so long, or until the context ends, and then gives its error.
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

// WaitUntil waits until the audio up to a moment is there, or the context ends. A moment whose audio is there, or was, is not waited for.
//
// Any goroutine. Holds no thread while it waits. Errors: ErrRemoved if it will not come any more, ErrClosed; the context's, together
// with ErrNotYet.
func (b *CaptureBuffer) WaitUntil(ctx context.Context, t time.Time) error {
	if b.spec.SampleRateHz == 0 {
		return ErrClosed // The zero value: it was never opened.
	}
	// One frame, to hear when it ends: at most 64 channels of 4 bytes.
	frame := make([]byte, 64*4)
	span := SpanLast(time.Second / time.Duration(b.spec.SampleRateHz))
	// The time of a frame is true to half of it.
	t = t.Add(-time.Second / time.Duration(2*b.spec.SampleRateHz))
	return b.wait(ctx, true, func() error {
		info, err := b.readInto(span, manner{}, unsafe.Pointer(unsafe.SliceData(frame)), b.spec.Channels)
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
