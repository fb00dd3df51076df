package compat

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"capbuf.dev/capbuf"
	"capbuf.dev/capbuf/internal/stallwatch"
)

// waitUntilRecorded waits until a source has current audio.
func waitUntilRecorded(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for now := time.Now(); ; time.Sleep(time.Millisecond) {
		buffer, err := current.Load().registry.Get(url)
		if err == nil {
			err = buffer.WaitUntil(ctx, now)
			buffer.Close()
		}
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s is not recorded: %v", url, err)
		}
	}
}

// readTone reads a second that is not silent. Only a stall of the machine silences a second of a
// tone.
func readTone(t *testing.T, url string) {
	t.Helper()
	stalls := stallwatch.Start()
	defer stalls.Stop()
	for end := time.Now().Add(time.Minute); ; {
		before := stalls.Count()
		segment, err := ReadSegmentFromCaptureBuffer(url, time.Now().Add(time.Second), 1)
		// After a delay of the source its clock is slewed, so the length varies.
		if err != nil || len(segment) < 95800 || len(segment) > 96200 {
			t.Fatalf("%s: %d bytes, %v", url, len(segment), err)
		}
		if !bytes.Equal(segment, make([]byte, len(segment))) {
			return
		}
		if stalls.Count() == before || time.Now().After(end) {
			t.Fatalf("%s: a silent second without a stall", url)
		}
	}
}

func TestStreamsAreReconfiguredAndReadByURL(t *testing.T) {
	fresh(t)
	one, other := "tone:440", "tone:880"
	if err := InitCaptureBuffers(60, 48000, 2, []string{one}); err != nil {
		t.Fatal(err)
	}
	if err := WriteToCaptureBuffer(one, make([]byte, 960)); err != nil {
		t.Fatal(err)
	}
	changes, err := ReconfigureRTSPStreams(60, 48000, 2, []string{one, other})
	if err != nil || len(changes.Started) != 2 {
		t.Fatalf("%+v %v", changes, err)
	}
	for _, url := range []string{one, other} {
		waitUntilRecorded(t, url)
		readTone(t, url)
		if err := WriteToCaptureBuffer(url, []byte{0, 0}); !errors.Is(err, capbuf.ErrWriterBusy) {
			t.Error(url, err)
		}
	}
	if _, err = ReconfigureRTSPStreams(60, 48000, 2, []string{one, "nonsense:"}); !errors.Is(err, capbuf.ErrCaptureFailed) {
		t.Error(err)
	}
	changes, err = ReconfigureRTSPStreams(60, 48000, 2, []string{one})
	if err != nil || len(changes.Unchanged) != 1 || len(changes.Stopped) != 1 || HasCaptureBuffer(other) {
		t.Errorf("%+v %v", changes, err)
	}
	if _, err = ReconfigureRTSPStreams(60, 48000, 1, []string{one}); !errors.Is(err, capbuf.ErrInvalidArgument) {
		t.Error(err)
	}
	// Another registry stops the streams: the buffer stays, and another writer can acquire it.
	before := current.Load().registry
	after, err := capbuf.Private()
	if err != nil {
		t.Fatal(err)
	}
	UseRegistry(after)
	buffer, err := before.Get(one)
	if err != nil {
		t.Fatal(err)
	}
	defer buffer.Close()
	writer, err := buffer.Writer()
	if err != nil {
		t.Fatal(err)
	}
	writer.Close()
}
