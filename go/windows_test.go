package capbuf

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestWindowsOverlapByTheirHop(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	if err := w.WriteInt16At(ramp(0, 2000), morning); err != nil {
		t.Fatal(err)
	}
	count := uint64(0)
	for window, err := range WindowsOf[int16](deadline(t), b, WindowOptions{WindowFrames: 1000, HopFrames: 500}) {
		if err != nil {
			t.Fatal(err)
		}
		if window.FirstFrame != 500*count || window.EndFrame != 500*count+1000 || window.LostFrames != 0 {
			t.Errorf("window %d: %+v", count, window)
		}
		if want := morning.Add(time.Duration(window.FirstFrame) * time.Second / 8000); !window.Start.Equal(want) {
			t.Errorf("window %d begins at %v, want %v", count, window.Start, want)
		}
		wantRamp(t, window.Samples, window.FirstFrame)
		if count++; count == 3 {
			// The next window is not complete yet.
			if err := w.WriteInt16At(ramp(2000, 500), morning.Add(250*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		if count == 4 {
			break
		}
	}
}

func TestWindowsCountLostFramesAndContinue(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	if err := w.WriteInt16(ramp(0, 1000)); err != nil {
		t.Fatal(err)
	}
	var lost uint64
	for window, err := range b.Windows(deadline(t), WindowOptions{WindowFrames: 500, HopFrames: 500}) {
		if err != nil {
			t.Fatal(err)
		}
		if lost = window.LostFrames; lost > 0 {
			break
		}
		for first := uint64(1000); first < 41000; first += 4000 {
			if err := w.WriteInt16(ramp(first, 4000)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lost < 30000 {
		t.Errorf("%d frames were lost", lost)
	}
}

func TestWindowsRestartAfterALongGap(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	for i, at := range []time.Time{morning, morning.Add(2 * time.Second)} {
		if err := w.WriteInt16At(ramp(uint64(1500*i), 1500), at); err != nil {
			t.Fatal(err)
		}
	}
	var firsts []uint64
	for window, err := range b.Windows(deadline(t), WindowOptions{WindowFrames: 1000, HopFrames: 1000, JoinGaps: -1}) {
		if err != nil {
			t.Fatal(err)
		}
		if firsts = append(firsts, window.FirstFrame); len(firsts) == 2 {
			if window.AfterGapReason != GapDetected || window.AfterGap < time.Second || window.LostFrames != 500 {
				t.Errorf("%+v", window)
			}
			if first, end := window.Around(2000, 100); first != 0 || end != 2600 {
				t.Errorf("Around returned %d to %d", first, end)
			}
			break
		}
	}
	if !slices.Equal(firsts, []uint64{0, 1500}) {
		t.Errorf("windows at %v", firsts)
	}
}

func TestInvalidWindowsAreRefused(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	for _, options := range []WindowOptions{
		{}, {WindowFrames: 10}, {HopFrames: 10}, {WindowFrames: 8001, HopFrames: 1}, {WindowFrames: 1 << 63, HopFrames: 1 << 63},
	} {
		for _, err := range b.Windows(deadline(t), options) {
			if !errors.Is(err, ErrInvalidArgument) {
				t.Errorf("%+v: %v", options, err)
			}
		}
	}
}
