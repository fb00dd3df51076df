package capbuf

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
)

// morning is the capture time of the audio of these tests.
var morning = time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)

func TestSpanIsReadByTimeByNumberAndByAge(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	if err := w.WriteInt16At(ramp(0, 4000), morning); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	byTime := must(b.Read(ctx, morning.Add(100*time.Millisecond), morning.Add(300*time.Millisecond)))(t)
	if byTime.FirstFrame != 800 || byTime.Frames != 1600 || !byTime.Start.Equal(morning.Add(100*time.Millisecond)) {
		t.Errorf("by time: %+v", byTime.Extracted)
	}
	wantRamp(t, byTime.Int16(), 800)
	byNumber := must(b.ReadFrames(ctx, 800, 2400))(t)
	if !slices.Equal(byNumber.Int16(), byTime.Int16()) || !byNumber.Start.Equal(byTime.Start) {
		t.Errorf("by number: %+v", byNumber.Extracted)
	}
	last := must(b.Last(200 * time.Millisecond))(t)
	if last.FirstFrame != 2400 || len(last.Int16()) != 1600 {
		t.Errorf("the last: %+v", last.Extracted)
	}
	wantRamp(t, last.Int16(), 2400)
	if oldest, newest, err := b.Frames(); oldest != 0 || newest != 4000 || err != nil {
		t.Errorf("frames %d to %d, %v", oldest, newest, err)
	}
}

func TestSamplesAreConvertedToRequestedFormat(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := writerOf(t, b).WriteInt16([]int16{-32768, 0, 16384, 1}); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	own := must(b.ReadFrames(ctx, 0, 4))(t)
	if !slices.Equal(own.Int16(), []int16{-32768, 0, 16384, 1}) || own.Float32() != nil || own.Int32() != nil {
		t.Errorf("own: %v", own)
	}
	floats := must(b.ReadFrames(ctx, 0, 4, As(F32)))(t)
	if !slices.Equal(floats.Float32()[:3], []float32{-1, 0, 0.5}) || floats.Format != F32 {
		t.Errorf("floats: %v", floats.Float32())
	}
	longs := must(b.ReadFrames(ctx, 0, 4, As(S32)))(t)
	if !slices.Equal(longs.Int32(), []int32{-1 << 31, 0, 1 << 30, 1 << 16}) {
		t.Errorf("longs: %v", longs.Int32())
	}
	packed := must(b.ReadFrames(ctx, 0, 1, As(S24)))(t)
	if !slices.Equal(packed.Bytes(), []byte{0, 0, 0x80}) {
		t.Errorf("packed: %v", packed.Bytes())
	}
	if !slices.Equal(own.Bytes()[:4], []byte{0, 0x80, 0, 0}) || len(floats.Bytes()) != 16 {
		t.Errorf("bytes: %v", own.Bytes())
	}
	var into [4]float32
	info, err := ReadInto(b, SpanFrames(0, 4), into[:])
	if err != nil || info.Frames != 4 || !slices.Equal(into[:], floats.Float32()) {
		t.Errorf("into: %v %v", into, err)
	}
}

// cgo would reject the samples if C received them as void pointers: see calls.h.
func TestSamplesMayBePartOfAnObjectWithPointers(t *testing.T) {
	type chunk struct {
		next    *chunk
		samples [100]int16
	}
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	c := &chunk{next: &chunk{}}
	runtime.SetFinalizer(c, func(*chunk) {}) // It is on the heap, where cgo checks it.
	copy(c.samples[:], ramp(0, 100))
	if err := w.WriteInt16(c.samples[:]); err != nil {
		t.Fatal(err)
	}
	clear(c.samples[:])
	if _, err := ReadInto(b, SpanFrames(0, 100), c.samples[:]); err != nil {
		t.Fatal(err)
	}
	wantRamp(t, c.samples[:], 0)
}

func TestWriterRefusesSamplesOfAnotherFormat(t *testing.T) {
	r := private(t)
	kinds := []struct {
		format SampleFormat
		write  func(*Writer) error
	}{
		{S16, func(w *Writer) error { return w.WriteInt16At([]int16{1}, morning) }},
		{S32, func(w *Writer) error { return w.WriteInt32At([]int32{1}, morning) }},
		{F32, func(w *Writer) error { return w.WriteFloat32At([]float32{1}, morning) }},
	}
	for _, buffer := range kinds {
		spec := spec16
		spec.Format = buffer.format
		w := writerOf(t, allocated(t, r, buffer.format.String(), spec))
		for _, samples := range kinds {
			err := samples.write(w)
			if samples.format == buffer.format && err != nil {
				t.Errorf("%v: %v", buffer.format, err)
			}
			if samples.format != buffer.format {
				wantError(t, err, ErrFormatMismatch)
			}
		}
		if next := must(w.NextFrame())(t); next != 1 {
			t.Errorf("refused samples were written: %d frames", next)
		}
	}
}

func TestWriteJoinsBytesOfASplitSample(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	for _, part := range [][]byte{{1}, {0, 2}, {0, 3, 0}, {}} {
		if n, err := w.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := w.WriteBytesAt([]byte{4, 0}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := must(b.ReadFrames(deadline(t), 0, 4))(t).Int16(); !slices.Equal(got, []int16{1, 2, 3, 4}) {
		t.Errorf("%v", got)
	}
}

func TestIncompleteSpanReportsReasonAndTime(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	_, err := b.Last(time.Millisecond)
	if detail := wantError(t, err, ErrNotYet); !detail.Time.IsZero() {
		t.Errorf("expected at %v, although nothing was written", detail.Time)
	}
	w := writerOf(t, b)
	if err := w.WriteInt16At(ramp(0, 12000), morning); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	_, err = b.ReadFrames(ctx, 11000, 12800, NoWait)
	detail := wantError(t, err, ErrNotYet)
	if detail.Frame != 12000 || detail.MissingFrames != 800 || !detail.Time.Equal(morning.Add(1600*time.Millisecond)) {
		t.Errorf("not yet: %+v", detail)
	}
	_, err = b.Read(ctx, morning, morning.Add(time.Second))
	detail = wantError(t, err, ErrEvicted)
	if detail.Frame < 4000 || !detail.Time.Equal(morning.Add(time.Duration(detail.Frame)*time.Second/8000)) {
		t.Errorf("evicted: %+v", detail)
	}
	there := must(b.ReadFrames(ctx, 0, 20000, Available))(t)
	if there.EvictedFrames+there.Frames+there.NotYetFrames != 20000 || there.NotYetFrames != 8000 {
		t.Errorf("available: %+v", there.Extracted)
	}
	wantRamp(t, there.Int16(), there.FirstFrame)
	if none := must(b.ReadFrames(ctx, 13000, 14000, Available))(t); none.Frames != 0 || len(none.Int16()) != 0 {
		t.Errorf("a span in the future has %+v", none.Extracted)
	}
	_, err = b.ReadFrames(ctx, 7, 7)
	wantError(t, err, ErrInvalidRange)
	_, err = b.Last(time.Minute)
	wantError(t, err, ErrInvalidRange)
	_, err = b.Read(ctx, time.Time{}, morning)
	wantError(t, err, ErrEvicted)
	_, err = b.Read(ctx, morning, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), NoWait)
	if !errors.Is(err, ErrNotYet) && !errors.Is(err, ErrEvicted) {
		t.Error(err)
	}
}

func TestTooSmallSliceStaysUnchangedAndReportsNeededSamples(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := writerOf(t, b).WriteInt16(ramp(1, 100)); err != nil {
		t.Fatal(err)
	}
	room := []int16{7, 7}
	_, err := ReadInto(b, SpanFrames(0, 100), room)
	if detail := wantError(t, err, ErrTooSmall); detail.NeededSamples != 100 || !slices.Equal(room, []int16{7, 7}) {
		t.Errorf("%+v %v", detail, room)
	}
	_, err = ReadInto[int16](b, SpanFrames(0, 100), nil)
	wantError(t, err, ErrTooSmall)
	_, err = ReadInto(b, SpanLast(-1), room)
	wantError(t, err, ErrInvalidArgument)
}

func TestGapsAreFilledAndListed(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	if err := w.WriteInt16At(ramp(0, 800), morning); err != nil {
		t.Fatal(err)
	}
	if err := w.GapFor(GapSourceLost, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteInt16At(ramp(800, 800), morning.Add(200*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	filled := must(b.Read(ctx, morning, morning.Add(300*time.Millisecond)))(t)
	if filled.Frames != 2400 || filled.SilenceFrames != 800 || filled.CapturedFrames != 1600 || len(filled.Gaps) != 1 {
		t.Fatalf("%+v", filled)
	}
	gap := filled.Gaps[0]
	if gap.Reason != GapSourceLost || gap.AtFrame != 800 || gap.SilenceFrames != 800 || gap.FirstFrame != 800 ||
		gap.Duration != 100*time.Millisecond || !gap.Start.Equal(morning.Add(100*time.Millisecond)) {
		t.Errorf("%+v", gap)
	}
	wantRamp(t, filled.Int16()[:800], 0)
	if slices.ContainsFunc(filled.Int16()[800:1600], func(s int16) bool { return s != 0 }) {
		t.Error("the gap is not silent")
	}
	wantRamp(t, filled.Int16()[1600:], 800)
	joined := must(b.Read(ctx, morning, morning.Add(300*time.Millisecond), LeaveOutGaps))(t)
	if joined.Frames != 1600 || len(joined.Gaps) != 1 || joined.Gaps[0].SilenceFrames != 0 {
		t.Errorf("%+v", joined.Extracted)
	}
	wantRamp(t, joined.Int16(), 0)
	if byNumber := must(b.ReadFrames(ctx, 0, 1600, FillGaps))(t); byNumber.Frames != 2400 {
		t.Errorf("%+v", byNumber.Extracted)
	}
	wantError(t, w.GapFor(GapSourceLost, -1), ErrInvalidArgument)
	wantError(t, w.Gap(GapReason(99)), ErrInvalidArgument)
}

func TestHugeGapIsOverBudget(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	for _, at := range []time.Time{morning, morning.AddDate(50, 0, 0)} {
		if err := w.WriteInt16At(ramp(0, 80), at); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Read(deadline(t), morning, morning.AddDate(50, 0, 0))
	wantError(t, err, ErrOverBudget)
}

func TestReadWaitsForFutureFrames(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	ctx := deadline(t)
	var segment *Segment
	ended := make(chan error, 1)
	go func() {
		var err error
		segment, err = b.ReadFrames(ctx, 100, 900)
		ended <- err
	}()
	until(t, "the read waits", func() bool { return waiters() == 1 })
	for first := uint64(0); first < 1000; first += 100 {
		if err := w.WriteInt16(ramp(first, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	wantRamp(t, segment.Int16(), 100)
}

func TestWaitingEndsWithContext(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := writerOf(t, b).WriteInt16(ramp(0, 100)); err != nil {
		t.Fatal(err)
	}
	waits := map[string]func(context.Context) error{
		"Read": func(ctx context.Context) error {
			_, err := b.Read(ctx, time.Now().Add(time.Hour), time.Now().Add(2*time.Hour))
			return err
		},
		"ReadFrames": func(ctx context.Context) error {
			_, err := b.ReadFrames(ctx, 1000, 2000)
			return err
		},
		"WaitUntil": func(ctx context.Context) error { return b.WaitUntil(ctx, time.Now().Add(time.Hour)) },
		"Clip": func(ctx context.Context) error {
			_, err := b.Clip(ctx, "/nonexistent/clip.wav", time.Now().Add(time.Hour), time.Now().Add(2*time.Hour))
			return err
		},
		"ClipAround": func(ctx context.Context) error {
			_, err := b.ClipAround(ctx, "/nonexistent/clip.wav", time.Now().Add(time.Hour), time.Second, time.Second)
			return err
		},
		"Windows": func(ctx context.Context) error {
			for _, err := range b.Windows(ctx, WindowOptions{WindowFrames: 1000, HopFrames: 1000}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- wait(ctx) }()
			until(t, "the call waits", func() bool { return waiters() == 1 })
			cancel()
			err := <-ended
			wantError(t, err, context.Canceled)
			if name == "Read" {
				wantError(t, err, ErrNotYet)
			}
			brief, cancelBrief := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancelBrief()
			wantError(t, wait(brief), context.DeadlineExceeded)
		})
	}
}

func TestWaitingEndsWhenBufferIsRemovedOrClosed(t *testing.T) {
	r := private(t)
	for _, kind := range []error{ErrRemoved, ErrClosed} {
		b := must(r.GetOrAllocate("mic", spec16))(t)
		if err := writerOf(t, b).WriteInt16(ramp(0, 100)); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 3)
		ctx := deadline(t)
		go func() {
			_, err := b.ReadFrames(ctx, 0, 8000)
			ended <- err
		}()
		go func() { ended <- b.WaitUntil(ctx, time.Now().Add(time.Hour)) }()
		go func() {
			for _, err := range b.Windows(ctx, WindowOptions{WindowFrames: 500, HopFrames: 500}) {
				ended <- err
			}
		}()
		until(t, "all calls wait", func() bool { return waiters() == cap(ended) })
		if kind == ErrClosed {
			b.Close()
		} else if err := r.Remove("mic"); err != nil {
			t.Fatal(err)
		}
		for range cap(ended) {
			wantError(t, <-ended, kind)
		}
	}
}

func TestWaitUntilReturnsWhenAudioIsRecorded(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	ctx := deadline(t)
	ended := make(chan error, 1)
	go func() { ended <- b.WaitUntil(ctx, morning.Add(100*time.Millisecond)) }()
	until(t, "the call waits", func() bool { return waiters() == 1 })
	for i := range 10 {
		at := morning.Add(time.Duration(i) * 10 * time.Millisecond)
		if err := w.WriteInt16At(ramp(uint64(80*i), 80), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := b.WaitUntil(ctx, morning.AddDate(-1, 0, 0)); err != nil {
		t.Error("waiting for the past:", err)
	}
	if status := must(b.Status())(t); status.Evictions != 0 || status.NewestFrame != 800 || status.Writes != 10 ||
		!status.HasWriter || !status.Oldest.Equal(morning) || status.Peak == 0 {
		t.Errorf("%+v", status)
	}
}

func TestWaitUntilIsAccurateToHalfAFrameAtAnyRate(t *testing.T) {
	r := private(t)
	for _, rate := range []int{11025, 22050, 44100, 48000, 96000, 768000} {
		b := allocated(t, r, strconv.Itoa(rate), Spec{Duration: time.Second, SampleRateHz: rate, Channels: 2, Format: F32})
		if err := writerOf(t, b).WriteFloat32At(make([]float32, 2*rate/4), morning); err != nil {
			t.Fatal(err)
		}
		if err := b.WaitUntil(deadline(t), morning.Add(time.Duration(rate/4)*time.Second/time.Duration(rate))); err != nil {
			t.Errorf("%d Hz: %v", rate, err)
		}
		canceled, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.WaitUntil(canceled, morning.Add(251*time.Millisecond)); !errors.Is(err, ErrNotYet) {
			t.Errorf("%d Hz: did not wait for the future: %v", rate, err)
		}
	}
}
