package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_write_clip
import "C"

import (
	"context"
	"errors"
	"time"
)

// ClipInfo tells of a clip that was written.
type ClipInfo struct {
	// Path is where it is.
	Path string
	// Frames counts the frames in it, silence included.
	Frames uint64
	// Start is when its first frame was captured.
	Start time.Time
	// EvictedFrames is what is missing at the beginning of what was asked for: overwritten, or from before the first frame.
	EvictedFrames uint64
	// NotYetFrames is what is missing at the end: it did not come.
	NotYetFrames uint64
	// Bytes is the size of the file.
	Bytes uint64
	// SampleRateHz is frames a second.
	SampleRateHz int
	// Channels is samples a frame.
	Channels int
	// Format is what the samples in the file are.
	Format SampleFormat
}

func clipFromC(path string, info *C.capbuf_clip_info) ClipInfo {
	return ClipInfo{
		Path:          path,
		Frames:        uint64(info.frames),
		Start:         fromUTC(info.start_utc_ns),
		EvictedFrames: uint64(info.evicted_frames),
		NotYetFrames:  uint64(info.not_yet_frames),
		Bytes:         uint64(info.bytes),
		SampleRateHz:  int(info.sample_rate_hz),
		Channels:      int(info.channels),
		Format:        SampleFormat(info.sample_format),
	}
}

// Clip writes what was captured from one moment to another into a file, .wav or .flac by the path's extension: whole under its name, or
// not at all, with source (without credentials), time and gaps inside. It waits, until the context ends, for what is still to come.
//
// Any goroutine. Allocates the segment, blocks for as long as the disk needs. Errors: those of Read; ErrCaptureFailed, with the path
// and the reason.
func (b *CaptureBuffer) Clip(ctx context.Context, path string, from, to time.Time, options ...ReadOption) (Extracted, error) {
	return b.clip(ctx, path, SpanTime(from, to), mannerOf(options))
}

// ClipFrames is Clip for the frames from first to one before end.
func (b *CaptureBuffer) ClipFrames(ctx context.Context, path string, first, end uint64, options ...ReadOption) (Extracted, error) {
	return b.clip(ctx, path, SpanFrames(first, end), mannerOf(options))
}

func (b *CaptureBuffer) clip(ctx context.Context, path string, s Span, m manner) (Extracted, error) {
	var info C.capbuf_extracted
	var made *C.capbuf_segment
	err := b.wait(ctx, m.waits, func() (err error) {
		made, err = b.readSegment(s, m, &info)
		return err
	})
	if err != nil {
		return Extracted{}, err
	}
	_, err = writeClip(made, path)
	return extractedFromC(&info), err
}

// late is how much later than it should a source's audio may come before it is taken for lost: what the library takes, too.
var late = 10 * time.Second

// ClipAround cuts the clip around a moment, from so much before it to so much after it, waits for what is still to come, and writes it as
// Clip does.
//
// A clip that ends in the future is written when it is complete, or as far as the source lived: ten seconds past its end at most. What is
// missing is told by the ClipInfo; gaps are filled with silence, so that the clip keeps its length. When the context ends before, nothing
// is written.
//
// Any goroutine. Holds no thread while it waits; allocates the segment, blocks for as long as the disk needs. Errors: ErrCaptureFailed,
// with the path and the reason, also where there is no audio of that time; ErrNotYet where there is none at all; ErrInvalidRange for a clip
// of no length; ErrInvalidArgument, ErrOverBudget, ErrClosed; the context's, together with ErrNotYet.
func (b *CaptureBuffer) ClipAround(ctx context.Context, path string, around time.Time, before, after time.Duration) (ClipInfo, error) {
	if before < 0 || after < 0 {
		return ClipInfo{}, invalid("before and after are " + before.String() + " and " + after.String() + "; allowed: 0 and more")
	}
	end := around.Add(after)
	s, m := SpanTime(around.Add(-before), end), mannerOf([]ReadOption{Available})
	// What can't be is told at once.
	if _, _, err := b.measure(s, m); err != nil && !errors.Is(err, ErrNotYet) {
		return ClipInfo{}, err
	}
	lost, cancel := context.WithDeadline(ctx, laterOf(end, time.Now()).Add(late))
	defer cancel()
	err := b.WaitUntil(lost, end)
	isLost := errors.Is(err, ErrRemoved) || (errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil)
	if err != nil && !isLost {
		return ClipInfo{}, err
	}
	var info C.capbuf_extracted
	made, err := b.readSegment(s, m, &info)
	if err != nil {
		return ClipInfo{}, err
	}
	return writeClip(made, path)
}

func laterOf(one, other time.Time) time.Time {
	if one.After(other) {
		return one
	}
	return other
}

// writeClip writes a segment of C's, which ends by this.
func writeClip(made *C.capbuf_segment, path string) (ClipInfo, error) {
	defer C.capbuf_segment_free(made)
	var info C.capbuf_clip_info
	name, size := text(path)
	if err := failure(C.capbuf_go_write_clip(made, name, size, &info)); err != nil {
		return ClipInfo{}, err
	}
	return clipFromC(path, &info), nil
}
