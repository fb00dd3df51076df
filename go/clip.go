package capbuf

// #include "calls.h"
import "C"

import (
	"context"
	"errors"
	"time"
)

// ClipInfo describes a clip that was written.
type ClipInfo struct {
	// Path is the path of the file.
	Path string
	// Frames counts the frames of the clip, silence included.
	Frames uint64
	// Start is when its first frame was captured.
	Start time.Time
	// EvictedFrames counts the frames missing at the beginning: overwritten, or before the first
	// frame.
	EvictedFrames uint64
	// NotYetFrames counts the frames missing at the end: never recorded.
	NotYetFrames uint64
	// Bytes is the size of the file.
	Bytes uint64
	// SampleRateHz is the number of frames per second.
	SampleRateHz int
	// Channels is the number of samples per frame.
	Channels int
	// Format is the format of the samples in the file.
	Format SampleFormat
	// Timing is the accuracy of its times.
	Timing Timing
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
		Timing:        timingFromC(info.clock, info.latency_ns, info.uncertainty_ns),
	}
}

// Clip writes the audio captured from one time to another to a new file, .wav or .flac by the
// extension of path. The file is written completely or not at all, and contains the source (without
// credentials), the time and the gaps. With [Overwrite] it replaces a file that exists. It waits
// for frames that are not recorded yet, until the context ends.
//
// Safe for concurrent use. Allocates the segment, blocks on the disk. Errors: those of
// [CaptureBuffer.Read]; ErrCaptureFailed with the path and the reason, also if the file exists.
func (b *CaptureBuffer) Clip(ctx context.Context, path string, from, to time.Time, options ...ReadOption) (Extracted, error) {
	return b.clip(ctx, path, SpanTime(from, to), newReadOptions(options))
}

// ClipFrames is Clip for the frames from first up to but not including end.
func (b *CaptureBuffer) ClipFrames(ctx context.Context, path string, first, end uint64, options ...ReadOption) (Extracted, error) {
	return b.clip(ctx, path, SpanFrames(first, end), newReadOptions(options))
}

func (b *CaptureBuffer) clip(ctx context.Context, path string, s Span, o readOptions) (Extracted, error) {
	var segment *C.capbuf_segment
	err := b.wait(ctx, o.waits, func() (err error) {
		segment, err = b.readSegment(s, o)
		return err
	})
	if err != nil {
		return Extracted{}, err
	}
	defer C.capbuf_segment_free(segment)
	info, err := infoOf(segment)
	if err != nil {
		return Extracted{}, err
	}
	_, err = writeClip(segment, path, o.overwrite)
	return extractedFromC(&info), err
}

// sourceTimeout is how long after its due time audio is considered lost. The library uses the same.
var sourceTimeout = 10 * time.Second

// ClipAround writes the audio from before the time around until after it to a new file, as Clip
// does. The only option is Overwrite.
//
// It waits for the end of the clip, ten seconds past its due time at most, and then writes what the
// source delivered. ClipInfo counts missing frames; gaps are filled with silence. Nothing is
// written if the context ends before.
//
// Safe for concurrent use. Blocks no thread while waiting; allocates the segment, blocks on the
// disk. Errors: ErrCaptureFailed with the path and the reason, also if no audio of that time
// exists; ErrNotYet for a buffer without any frame; ErrInvalidRange for an empty clip;
// ErrInvalidArgument, ErrOverBudget, ErrClosed; the context's, wrapped together with ErrNotYet.
func (b *CaptureBuffer) ClipAround(ctx context.Context, path string, around time.Time, before, after time.Duration, options ...ReadOption) (ClipInfo, error) {
	if before < 0 || after < 0 {
		return ClipInfo{}, invalid("before and after are " + before.String() + " and " + after.String() + "; allowed: 0 and more")
	}
	end := around.Add(after)
	s, o := SpanTime(around.Add(-before), end), newReadOptions(append([]ReadOption{Available}, options...))
	// Report an impossible span before waiting for it.
	if _, _, err := b.measure(s, o); err != nil && !errors.Is(err, ErrNotYet) {
		return ClipInfo{}, err
	}
	lost, cancel := context.WithDeadline(ctx, later(end, time.Now()).Add(sourceTimeout))
	defer cancel()
	err := b.WaitUntil(lost, end)
	isLost := errors.Is(err, ErrRemoved) || (errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil)
	if err != nil && !isLost {
		return ClipInfo{}, err
	}
	segment, err := b.readSegment(s, o)
	if err != nil {
		return ClipInfo{}, err
	}
	defer C.capbuf_segment_free(segment)
	return writeClip(segment, path, o.overwrite)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func writeClip(segment *C.capbuf_segment, path string, overwrite bool) (ClipInfo, error) {
	info := C.capbuf_clip_info{struct_size: C.sizeof_capbuf_clip_info}
	name, size := text(path)
	var detail *C.capbuf_error
	var status C.capbuf_status
	if overwrite {
		status = C.capbuf_segment_overwrite_clip(segment, name, size, &info, &detail)
	} else {
		status = C.capbuf_segment_write_clip(segment, name, size, &info, &detail)
	}
	if err := failure(status, detail); err != nil {
		return ClipInfo{}, err
	}
	return clipFromC(path, &info), nil
}
