package capbuf

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capbuf.dev/capbuf/internal/stallwatch"
)

// recorded returns a registry whose source has half a second of audio.
func recorded(t *testing.T, source string) *Registry {
	t.Helper()
	r := private(t)
	b := allocated(t, r, source, spec16)
	if err := writerOf(t, b).WriteInt16At(ramp(0, 4000), morning); err != nil {
		t.Fatal(err)
	}
	return r
}

func trigger(t *testing.T, r *Registry, source string, options TriggerOptions) *Trigger {
	t.Helper()
	trigger := must(BeginTrigger(r, source, options))(t)
	t.Cleanup(func() { trigger.Close() })
	return trigger
}

func TestFireWritesAClip(t *testing.T) {
	folder := t.TempDir()
	tenth := 100 * time.Millisecond
	r := recorded(t, "rtsp://me:sesame@nest/")
	trig := trigger(t, r, "rtsp://me:sesame@nest/", TriggerOptions{Folder: folder, Before: tenth, After: tenth, FLAC: true})
	if err := trig.Fire(morning.Add(2 * tenth)); err != nil {
		t.Fatal(err)
	}
	clip := must(trig.Next(deadline(t)))(t)
	if file := filepath.Base(clip.Path); filepath.Dir(clip.Path) != folder || !strings.HasPrefix(file, "rtsp-nest_") {
		t.Error(clip.Path)
	}
	size := uint64(must(os.Stat(clip.Path))(t).Size())
	if want := (ClipInfo{clip.Path, 1600, morning.Add(tenth), 0, 0, size, 8000, 1, S16, clip.Timing}); clip != want {
		t.Errorf("%+v", clip)
	}
	none := trigger(t, r, "rtsp://me:sesame@nest/", TriggerOptions{Folder: folder, Before: NoAudio, After: tenth})
	if err := none.Fire(morning); err != nil {
		t.Fatal(err)
	}
	if clip := must(none.Next(deadline(t)))(t); clip.Frames != 800 || clip.EvictedFrames != 0 || !strings.HasSuffix(clip.Path, ".wav") {
		t.Errorf("%+v", clip)
	}
}

func TestLevelInTheBandFiresTheTrigger(t *testing.T) {
	stalls := stallwatch.Start()
	defer stalls.Stop()
	r := private(t)
	c := must(StartCapture(deadline(t), r, "tone:440", CaptureOptions{SampleRateHz: 8000, Channels: 1}))(t)
	defer c.Stop()
	tenth := 100 * time.Millisecond
	options := TriggerOptions{Folder: t.TempDir(), Before: tenth, After: 2 * tenth, AtMost: 5 * tenth, LouderThan: -20}
	options.LowHz, options.HighHz = 200, 2000
	elsewhere := options
	elsewhere.LowHz, elsewhere.HighHz = 2000, 3000
	// Close both before the source stops: they would wait for the rest of the last clip.
	outOfBand := trigger(t, r, "tone:440", elsewhere)
	defer outOfBand.Close()
	inBand, complete := trigger(t, r, "tone:440", options), 0
	defer inBand.Close()
	for clip, err := range inBand.Clips(deadline(t)) {
		length := clip.EvictedFrames + clip.Frames
		if err != nil || length > 4010 {
			t.Fatal(clip, err)
		}
		// The tone is continuous: only a stall of the machine makes a clip shorter than AtMost.
		if length < 3990 && stalls.Count() == 0 {
			t.Fatalf("%d frames: %+v", length, clip)
		}
		if length >= 3990 {
			complete++
		}
		if complete == 3 {
			break
		}
	}
	if clip, err := outOfBand.poll(); err == nil {
		t.Errorf("%+v", clip)
	}
}

func TestClipsContinueAfterAFailedOne(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	r := recorded(t, "mic")
	trig := trigger(t, r, "mic", TriggerOptions{Folder: folder, Before: NoAudio, After: time.Millisecond})
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	if err := trig.Fire(morning); err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for clip, err := range trig.Clips(ctx) {
		switch pairs++; pairs {
		case 1:
			wantError(t, err, ErrCaptureFailed)
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := trig.Fire(morning); err != nil {
				t.Fatal(err)
			}
		case 2:
			if err != nil || clip.Frames != 8 {
				t.Fatal(clip, err)
			}
			cancel()
		default:
			wantError(t, err, context.Canceled)
		}
	}
	if pairs != 3 {
		t.Errorf("%d pairs", pairs)
	}
	trig.Close()
	for _, err := range trig.Clips(deadline(t)) {
		wantError(t, err, ErrClosed)
	}
}

func TestInvalidTriggerIsRefused(t *testing.T) {
	r := private(t)
	for _, wrong := range []struct {
		options TriggerOptions
		kind    error
	}{
		{TriggerOptions{Before: NoAudio, After: NoAudio}, ErrCaptureFailed},
		{TriggerOptions{AtMost: time.Second}, ErrCaptureFailed},
		{TriggerOptions{LouderThan: 1}, ErrCaptureFailed},
		{TriggerOptions{LouderThan: -20, LowHz: 2, HighHz: 1}, ErrCaptureFailed},
		{TriggerOptions{LowHz: 1, HighHz: 2}, ErrInvalidArgument},
		{TriggerOptions{Before: -2}, ErrInvalidArgument},
		{TriggerOptions{AtMost: -1}, ErrInvalidArgument},
	} {
		_, err := BeginTrigger(r, "mic", wrong.options)
		wantError(t, err, wrong.kind)
	}
	_, err := BeginTrigger(nil, "mic", TriggerOptions{})
	wantError(t, err, ErrInvalidArgument)
	trig := trigger(t, r, "mic", TriggerOptions{})
	wantError(t, trig.Fire(time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC)), ErrInvalidArgument)
	r.Close()
	_, err = BeginTrigger(r, "mic", TriggerOptions{})
	wantError(t, err, ErrClosed)
	trig.Close()
	for _, trig := range []*Trigger{trig, {}} {
		wantError(t, trig.Fire(morning), ErrClosed)
		_, err = trig.Next(deadline(t))
		wantError(t, err, ErrClosed)
		if err := trig.Close(); err != nil {
			t.Error(err)
		}
	}
}
