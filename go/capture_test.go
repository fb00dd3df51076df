package capbuf

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCaptureWritesToItsBuffer(t *testing.T) {
	r := private(t)
	options := CaptureOptions{Duration: 2 * hangTimeout, SampleRateHz: 16000, Channels: 2, Format: F32}
	c := must(StartCapture(deadline(t), r, "tone:440", options))(t)
	defer c.Stop()
	b := must(c.Buffer())(t)
	defer b.Close()
	if spec := b.Spec(); b.Source() != "tone:440" || spec.SampleRateHz != 16000 || spec.Channels != 2 || spec.Format != F32 {
		t.Errorf("%v", b)
	}
	segment := must(b.ReadFrames(deadline(t), 0, 1600))(t)
	if len(segment.Float32()) != 3200 {
		t.Errorf("%+v", segment.Extracted)
	}
	if state, words := c.State(); state != CaptureRunning || words == "" {
		t.Errorf("state %d: %s", state, words)
	}
	_, err := b.Writer()
	wantError(t, err, ErrWriterBusy)
	c.Stop()
	must(b.Writer())(t).Close()
}

func TestFailedOpeningReportsTheReason(t *testing.T) {
	r := private(t)
	missing := filepath.Join(t.TempDir(), "none.wav")
	_, err := StartCapture(deadline(t), r, "file:"+missing, CaptureOptions{})
	if detail := wantError(t, err, ErrCaptureFailed); !strings.Contains(detail.Message, "none.wav") {
		t.Error(detail)
	}
	for _, options := range []CaptureOptions{
		{Channels: -1}, {SampleRateHz: -1}, {Duration: -1}, {OpenDeadline: -1}, {Format: 9}, {Lifetime: 9},
	} {
		_, err = StartCapture(deadline(t), r, "tone:440", options)
		wantError(t, err, ErrInvalidArgument)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = StartCapture(ended, r, "tone:440", CaptureOptions{})
	wantError(t, err, context.Canceled)
	if r.Contains("tone:440") {
		t.Error("a buffer was allocated")
	}
}

func TestBlockedOpeningEndsWithContext(t *testing.T) {
	r := private(t)
	server := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := StartCapture(ctx, r, "rtsp://"+server.Addr().String()+"/", CaptureOptions{})
		ended <- err
	}()
	// The server accepts the connection and does not answer.
	connection := must(server.Accept())(t)
	cancel()
	wantError(t, <-ended, context.Canceled)
	connection.Close()
	if r.Contains("rtsp://" + server.Addr().String() + "/") {
		t.Error("a buffer was allocated")
	}
}

func TestCaptureAppliesItsOptions(t *testing.T) {
	loudest := func(options CaptureOptions) (loudest int16) {
		r := private(t)
		c := must(StartCapture(deadline(t), r, "tone:440", options))(t)
		defer c.Stop()
		b := must(c.Buffer())(t)
		defer b.Close()
		for _, sample := range must(b.ReadFrames(deadline(t), 0, 4800))(t).Int16() {
			loudest = max(loudest, sample)
		}
		return loudest
	}
	if peak := loudest(CaptureOptions{}); peak <= 16000 || peak > 16384 {
		t.Error(peak)
	}
	for _, mix := range []Mix{MixAuto, MixAverage, MixChannel(0)} {
		if peak := loudest(CaptureOptions{GainDB: -20, Mix: mix}); peak <= 1600 || peak > 1639 {
			t.Error(mix, peak)
		}
	}
	_, err := StartCapture(deadline(t), private(t), "tone:440", CaptureOptions{Mix: MixChannel(1)})
	wantError(t, err, ErrCaptureFailed)
	// A gain of -100 dB makes all samples zero, which closes the source after SilenceFor.
	silent := CaptureOptions{GainDB: -100, SilenceFor: time.Millisecond, RetryAfter: time.Hour}
	c := must(StartCapture(deadline(t), private(t), "tone:440", silent))(t)
	defer c.Stop()
	until(t, "silence is detected", func() bool {
		state, words := c.State()
		return state == CaptureBackingOff && strings.Contains(words, "zero")
	})
}
