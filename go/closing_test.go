package capbuf

import (
	"errors"
	"testing"
	"time"
)

// closed checks that a loop whose object was closed in it got that error as its last pair.
func closed(t *testing.T, name string, passes int, err error) {
	t.Helper()
	if passes == 0 || !errors.Is(err, ErrClosed) {
		t.Errorf("%s: %d passes, then %v", name, passes, err)
	}
}

// Every object is closed twice: by the loop, and by another goroutine at the same time.
func closeTwice(t *testing.T, object interface{ Close() error }) {
	t.Helper()
	done := make(chan error)
	go func() { done <- object.Close() }()
	if err := errors.Join(object.Close(), <-done); err != nil {
		t.Error(err)
	}
}

func TestCloseInALoopOverTheObjectEndsTheLoop(t *testing.T) {
	r := private(t)
	b := allocated(t, r, "mic", spec16)
	w := writerOf(t, b)
	if err := w.WriteInt16At(ramp(0, 4000), morning); err != nil {
		t.Fatal(err)
	}
	passes, last := 0, error(nil)

	trig := trigger(t, r, "mic", TriggerOptions{Folder: t.TempDir(), Before: 10 * time.Millisecond, After: 10 * time.Millisecond})
	if err := trig.Fire(morning.Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for _, err := range trig.Clips(deadline(t)) {
		if last = err; err == nil {
			passes++
			closeTwice(t, trig)
		}
	}
	closed(t, "clips", passes, last)

	passes = 0
	for window, err := range WindowsOf[int16](deadline(t), b, WindowOptions{WindowFrames: 1000, HopFrames: 1000}) {
		if last = err; err == nil {
			passes++
			closeTwice(t, b)
			// The samples of this window stay.
			wantRamp(t, window.Samples, window.FirstFrame)
		}
	}
	closed(t, "windows", passes, last)

	passes = 0
	// One source under two names.
	allocated(t, r, "rtsp://me@cam/1", spec16)
	allocated(t, r, "rtsp://cam/1/", spec16)
	for _, err := range r.Watch(deadline(t), WatchSettings{Every: 5 * time.Millisecond}) {
		if last = err; err == nil {
			passes++
			closeTwice(t, r)
		}
	}
	closed(t, "anomalies", passes, last)
}
