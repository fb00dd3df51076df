package capbuf

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestClipFileContainsAudioAndSource(t *testing.T) {
	b := allocated(t, private(t), "rtsp://me:sesame@nest/", spec16)
	if err := writerOf(t, b).WriteInt16At(ramp(0, 4000), morning); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clip.wav")
	ctx := deadline(t)
	info, err := b.Clip(ctx, path, morning, morning.Add(250*time.Millisecond))
	if err != nil || info.Frames != 2000 {
		t.Fatalf("%+v %v", info, err)
	}
	file := must(os.ReadFile(path))(t)
	segment := must(b.ReadFrames(ctx, 0, 2000))(t)
	if string(file[:4]) != "RIFF" || !bytes.Equal(file[44:4044], segment.Bytes()) {
		t.Errorf("%d bytes, beginning with %q", len(file), file[:4])
	}
	if metadata := file[4044:]; !bytes.Contains(metadata, []byte("rtsp://***@nest/")) || bytes.Contains(metadata, []byte("sesame")) {
		t.Errorf("%q", metadata)
	}
	_, err = b.ClipFrames(ctx, filepath.Join(t.TempDir(), "none", "clip.wav"), 0, 2000)
	wantError(t, err, ErrCaptureFailed)
	_, err = b.ClipFrames(ctx, path, 0, 1000)
	wantError(t, err, ErrCaptureFailed)
	if again := must(os.ReadFile(path))(t); !bytes.Equal(again, file) {
		t.Error("the clip was replaced")
	}
	must(b.ClipFrames(ctx, path, 0, 1000, Overwrite))(t)
	if over := must(os.ReadFile(path))(t); len(over) >= len(file) {
		t.Errorf("%d bytes after %d", len(over), len(file))
	}
}

func TestClipAroundCountsMissingFrames(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	if err := w.WriteInt16At(ramp(0, 4000), morning); err != nil {
		t.Fatal(err)
	}
	if err := w.GapFor(GapPacketLoss, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteInt16At(ramp(4000, 800), morning.Add(600*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	ctx, path := deadline(t), filepath.Join(t.TempDir(), "clip.flac")
	around := func(at, before, after time.Duration) ClipInfo {
		t.Helper()
		return must(b.ClipAround(ctx, path, morning.Add(at), before, after, Overwrite))(t)
	}
	half := 500 * time.Millisecond
	got := around(half, half/2, half/4)
	size := uint64(must(os.Stat(path))(t).Size())
	want := ClipInfo{path, 3000, morning.Add(half / 2), 0, 0, size, 8000, 1, S16, got.Timing}
	if got != want || !bytes.Contains(must(os.ReadFile(path))(t), []byte("100 ms, packet loss")) {
		t.Errorf("%+v", got)
	}
	if got := around(0, half, half); got.Frames != 4000 || got.EvictedFrames != 4000 || got.Start != morning {
		t.Errorf("%+v", got)
	}
	for _, wrong := range [][2]time.Duration{{-1, 0}, {0, -1}} {
		_, err := b.ClipAround(ctx, path, morning, wrong[0], wrong[1])
		wantError(t, err, ErrInvalidArgument)
	}
	_, err := b.ClipAround(ctx, path, time.Now().Add(time.Hour), 0, 0)
	wantError(t, err, ErrInvalidRange)
}

func TestClipAroundWaitsForItsEnd(t *testing.T) {
	c := must(StartCapture(deadline(t), private(t), "tone:440", CaptureOptions{SampleRateHz: 8000, Channels: 1}))(t)
	defer c.Stop()
	b := must(c.Buffer())(t)
	defer b.Close()
	if err := b.WaitUntil(deadline(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	tenth := 100 * time.Millisecond
	clip := must(b.ClipAround(deadline(t), filepath.Join(t.TempDir(), "clip.wav"), time.Now().Add(tenth), tenth/2, tenth))(t)
	// After a delay of the source its clock is slewed, so the length varies by 1 %.
	if clip.Frames < 1190 || clip.Frames > 1210 || clip.NotYetFrames != 0 || clip.EvictedFrames != 0 {
		t.Errorf("%+v", clip)
	}
}

func TestClipAroundEndsWithItsSource(t *testing.T) {
	for name, end := range map[string]func(r *Registry){
		"removed": func(r *Registry) {
			if err := r.Remove("mic"); err != nil {
				t.Error(err)
			}
		},
		"lost": func(*Registry) {},
	} {
		t.Run(name, func(t *testing.T) {
			before := sourceTimeout
			defer func() { sourceTimeout = before }()
			after := 2 * hangTimeout
			if name == "lost" {
				sourceTimeout, after = time.Millisecond, time.Second
			}
			r := private(t)
			b := allocated(t, r, "mic", spec16)
			begin := time.Now()
			if err := writerOf(t, b).WriteInt16At(ramp(0, 4000), begin); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "clip.wav")
			ctx := deadline(t)
			var clip ClipInfo
			ended := make(chan error, 1)
			go func() {
				var err error
				clip, err = b.ClipAround(ctx, path, begin, 0, after)
				ended <- err
			}()
			end(r)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if clip.Frames != 4000 || clip.NotYetFrames != uint64(after/time.Second)*8000-4000 {
				t.Errorf("%+v", clip)
			}
		})
	}
}
