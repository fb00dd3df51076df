package capbuf

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recorded is a registry with a buffer of a source that has half a second of audio.
func recorded(t *testing.T, source string) *Registry {
	t.Helper()
	r := private(t)
	b := allocated(t, r, source, spec16)
	if err := written(t, b).WriteInt16At(position(0, 4000), morning); err != nil {
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

func TestATriggerCutsAClipWhenItIsCalled(t *testing.T) {
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
	if want := (ClipInfo{clip.Path, 1600, morning.Add(tenth), 0, 0, size, 8000, 1, S16}); clip != want {
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

func TestATriggerHearsWhatIsLoudInItsBand(t *testing.T) {
	r := private(t)
	c := must(StartCapture(deadline(t), r, "tone:440", CaptureOptions{SampleRateHz: 8000, Channels: 1}))(t)
	defer c.Stop()
	tenth := 100 * time.Millisecond
	options := TriggerOptions{Folder: t.TempDir(), Before: tenth, After: 2 * tenth, AtMost: 5 * tenth, LouderThan: -20}
	options.LowHz, options.HighHz = 200, 2000
	elsewhere := options
	elsewhere.LowHz, elsewhere.HighHz = 2000, 3000
	// Both end before the source does: they would wait for the rest of the last clip.
	deaf := trigger(t, r, "tone:440", elsewhere)
	defer deaf.Close()
	ears, heard := trigger(t, r, "tone:440", options), 0
	defer ears.Close()
	for clip, err := range ears.Clips(deadline(t)) {
		length := clip.EvictedFrames + clip.Frames
		if err != nil || length > 4010 {
			t.Fatal(clip, err)
		}
		// As long as may be, for the tone goes on and on, but where the machine stood still.
		if length > 3990 {
			heard++
		}
		if heard == 3 {
			break
		}
	}
	if clip, err := deaf.next(); err == nil {
		t.Errorf("%+v", clip)
	}
}

func TestClipsGoOnAfterOneThatCouldNotBeWritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	r := recorded(t, "mic")
	trig := trigger(t, r, "mic", TriggerOptions{Folder: folder, Before: NoAudio, After: time.Millisecond})
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	if err := trig.Fire(morning); err != nil {
		t.Fatal(err)
	}
	number := 0
	for clip, err := range trig.Clips(ctx) {
		switch number++; number {
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
	if number != 3 {
		t.Errorf("%d pairs", number)
	}
	trig.Close()
	for _, err := range trig.Clips(deadline(t)) {
		wantError(t, err, ErrClosed)
	}
}

func TestATriggerThatCanNotBeIsRefused(t *testing.T) {
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
