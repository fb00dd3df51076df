package capbuf

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

// morning is when the audio of these tests was captured.
var morning = time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)

func TestASpanIsFoundByTimeByNumberAndByAge(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := written(t, b)
	if err := w.WriteInt16At(position(0, 4000), morning); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	byTime := must(b.Read(ctx, morning.Add(100*time.Millisecond), morning.Add(300*time.Millisecond)))(t)
	if byTime.FirstFrame != 800 || byTime.Frames != 1600 || !byTime.Start.Equal(morning.Add(100*time.Millisecond)) {
		t.Errorf("by time: %+v", byTime.Extracted)
	}
	wantPosition(t, byTime.Int16(), 800)
	byNumber := must(b.ReadFrames(ctx, 800, 2400))(t)
	if !slices.Equal(byNumber.Int16(), byTime.Int16()) || !byNumber.Start.Equal(byTime.Start) {
		t.Errorf("by number: %+v", byNumber.Extracted)
	}
	last := must(b.Last(200 * time.Millisecond))(t)
	if last.FirstFrame != 2400 || len(last.Int16()) != 1600 {
		t.Errorf("the last: %+v", last.Extracted)
	}
	wantPosition(t, last.Int16(), 2400)
	if oldest, newest, err := b.Frames(); oldest != 0 || newest != 4000 || err != nil {
		t.Errorf("frames %d to %d, %v", oldest, newest, err)
	}
}

func TestSamplesComeInTheTypeThatIsAskedFor(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := written(t, b).WriteInt16([]int16{-32768, 0, 16384, 1}); err != nil {
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

func TestEveryFormatIsWrittenByItsTypeOnly(t *testing.T) {
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
		w := written(t, allocated(t, r, buffer.format.String(), spec))
		for _, given := range kinds {
			err := given.write(w)
			if given.format == buffer.format && err != nil {
				t.Errorf("%v: %v", buffer.format, err)
			}
			if given.format != buffer.format {
				wantError(t, err, ErrFormatMismatch)
			}
		}
		if next := must(w.NextFrame())(t); next != 1 {
			t.Errorf("what was refused was written: %d frames", next)
		}
	}
}

func TestBytesMayEndInTheMiddleOfASample(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := written(t, b)
	for _, piece := range [][]byte{{1}, {0, 2}, {0, 3, 0}, {}} {
		if n, err := w.Write(piece); n != len(piece) || err != nil {
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

func TestASpanThatIsNotWholeSaysWhyAndWhen(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	_, err := b.Last(time.Millisecond)
	if detail := wantError(t, err, ErrNotYet); !detail.Time.IsZero() {
		t.Errorf("expected at %v although nothing was written", detail.Time)
	}
	w := written(t, b)
	if err := w.WriteInt16At(position(0, 12000), morning); err != nil {
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
	wantPosition(t, there.Int16(), there.FirstFrame)
	if none := must(b.ReadFrames(ctx, 13000, 14000, Available))(t); none.Frames != 0 || len(none.Int16()) != 0 {
		t.Errorf("of what is still to come there is %+v", none.Extracted)
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

func TestMemoryThatIsTooSmallStaysAsItWasAndTheRoomThatIsNeededIsTold(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := written(t, b).WriteInt16(position(1, 100)); err != nil {
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

func TestGapsAreFilledInTimeAndListed(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := written(t, b)
	if err := w.WriteInt16At(position(0, 800), morning); err != nil {
		t.Fatal(err)
	}
	if err := w.GapFor(GapSourceLost, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteInt16At(position(800, 800), morning.Add(200*time.Millisecond)); err != nil {
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
	wantPosition(t, filled.Int16()[:800], 0)
	if slices.ContainsFunc(filled.Int16()[800:1600], func(s int16) bool { return s != 0 }) {
		t.Error("the silence is none")
	}
	wantPosition(t, filled.Int16()[1600:], 800)
	joined := must(b.Read(ctx, morning, morning.Add(300*time.Millisecond), LeaveOutGaps))(t)
	if joined.Frames != 1600 || len(joined.Gaps) != 1 || joined.Gaps[0].SilenceFrames != 0 {
		t.Errorf("%+v", joined.Extracted)
	}
	wantPosition(t, joined.Int16(), 0)
	if byNumber := must(b.ReadFrames(ctx, 0, 1600, FillGaps))(t); byNumber.Frames != 2400 {
		t.Errorf("%+v", byNumber.Extracted)
	}
	wantError(t, w.GapFor(GapSourceLost, -1), ErrInvalidArgument)
	wantError(t, w.Gap(GapReason(99)), ErrInvalidArgument)
}

func TestASilenceLongerThanAnyMemoryIsAnError(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := written(t, b)
	for _, at := range []time.Time{morning, morning.AddDate(50, 0, 0)} {
		if err := w.WriteInt16At(position(0, 80), at); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Read(deadline(t), morning, morning.AddDate(50, 0, 0))
	wantError(t, err, ErrOverBudget)
}

func TestAReadWaitsForWhatIsStillToCome(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := written(t, b)
	ctx := deadline(t)
	read := make(chan *Segment)
	go func() {
		segment, err := b.ReadFrames(ctx, 100, 900)
		if err != nil {
			t.Error(err)
		}
		read <- segment
	}()
	for first := uint64(0); first < 1000; first += 100 {
		time.Sleep(time.Millisecond)
		if err := w.WriteInt16(position(first, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if segment := <-read; segment != nil {
		wantPosition(t, segment.Int16(), 100)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := written(t, b).WriteInt16(position(0, 100)); err != nil {
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
			ended := make(chan error)
			go func() { ended <- wait(ctx) }()
			cancel()
			err := <-ended
			wantError(t, err, context.Canceled)
			if name == "Read" {
				wantError(t, err, ErrNotYet)
			}
			brief, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			wantError(t, wait(brief), context.DeadlineExceeded)
		})
	}
}

func TestWaitingEndsWhenTheBufferIsRemovedOrClosed(t *testing.T) {
	r := private(t)
	for _, kind := range []error{ErrRemoved, ErrClosed} {
		b := must(r.GetOrAllocate("mic", spec16))(t)
		if err := written(t, b).WriteInt16(position(0, 100)); err != nil {
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

func TestWaitUntilReturnsWhenTheAudioIsThere(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := written(t, b)
	ctx := deadline(t)
	ended := make(chan error)
	go func() { ended <- b.WaitUntil(ctx, morning.Add(100*time.Millisecond)) }()
	for i := range 10 {
		at := morning.Add(time.Duration(i) * 10 * time.Millisecond)
		if err := w.WriteInt16At(position(uint64(80*i), 80), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := b.WaitUntil(ctx, morning.AddDate(-1, 0, 0)); err != nil {
		t.Error("waited for the past:", err)
	}
	if status := must(b.Status())(t); status.Evictions != 0 || status.NewestFrame != 800 || status.Writes != 10 ||
		!status.HasWriter || !status.Oldest.Equal(morning) || status.Peak == 0 {
		t.Errorf("%+v", status)
	}
}

func TestWaitUntilIsTrueToHalfAFrameAtAnyRate(t *testing.T) {
	r := private(t)
	for _, rate := range []int{11025, 22050, 44100, 48000, 96000, 768000} {
		b := allocated(t, r, strconv.Itoa(rate), Spec{Duration: time.Second, SampleRateHz: rate, Channels: 2, Format: F32})
		if err := written(t, b).WriteFloat32At(make([]float32, 2*rate/4), morning); err != nil {
			t.Fatal(err)
		}
		if err := b.WaitUntil(deadline(t), morning.Add(time.Duration(rate/4)*time.Second/time.Duration(rate))); err != nil {
			t.Errorf("%d Hz: %v", rate, err)
		}
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.WaitUntil(over, morning.Add(251*time.Millisecond)); !errors.Is(err, ErrNotYet) {
			t.Errorf("%d Hz: what is still to come is there: %v", rate, err)
		}
	}
}
