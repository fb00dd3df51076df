package capbuf

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

func TestClosedHandleIsFreedOnceWhenLastUserLeaves(t *testing.T) {
	var freed atomic.Int32
	var object byte
	h := newHandle(unsafe.Pointer(&object), func(unsafe.Pointer) { freed.Add(1) })
	p, first := h.enter()
	_, second := h.enter()
	if p == nil || !h.close() || h.close() {
		t.Fatal("the handle was closed from the start, or twice")
	}
	if p, _ := h.enter(); p != nil {
		t.Error("enter succeeded after close")
	}
	h.leave(first)
	if freed.Load() != 0 {
		t.Error("the object was freed under a user")
	}
	h.leave(second)
	h.close()
	if freed.Load() != 1 {
		t.Errorf("the object was freed %d times", freed.Load())
	}
}

func TestRacingCloseNeverFreesUnderAUser(t *testing.T) {
	for range 200 {
		var inside, freed atomic.Int32
		var object byte
		h := newHandle(unsafe.Pointer(&object), func(unsafe.Pointer) {
			if inside.Load() != 0 {
				t.Error("the object was freed under a user")
			}
			freed.Add(1)
		})
		var begin, done sync.WaitGroup
		begin.Add(1)
		for range 4 {
			done.Add(1)
			go func() {
				defer done.Done()
				begin.Wait()
				for {
					p, users := h.enter()
					if p == nil {
						return
					}
					inside.Add(1)
					inside.Add(-1)
					h.leave(users)
				}
			}()
		}
		begin.Done()
		runtime.Gosched()
		h.close()
		done.Wait()
		if freed.Load() != 1 {
			t.Fatalf("the object was freed %d times", freed.Load())
		}
	}
}

func TestMethodsOfClosedHandleReturnErrClosed(t *testing.T) {
	r := must(Private())(t)
	b := must(r.GetOrAllocate("mic", spec16))(t)
	w := must(b.Writer())(t)
	c := must(StartCapture(deadline(t), r, "tone:440", CaptureOptions{Duration: time.Second}))(t)
	for range 2 {
		for _, end := range []func() error{w.Close, c.Stop, b.Close, r.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	}
	ctx := deadline(t)
	second := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"Allocate":       second(r.Allocate("mic", spec16)),
		"GetOrAllocate":  second(r.GetOrAllocate("mic", spec16)),
		"Get":            second(r.Get("mic")),
		"Remove":         r.Remove("mic"),
		"Buffers":        second(r.Buffers()),
		"Stats":          second(r.Stats()),
		"Sweep":          r.Sweep(),
		"TrimPool":       r.TrimPool(),
		"StartCapture":   second(StartCapture(ctx, r, "tone:440", CaptureOptions{})),
		"Capture.Buffer": second(c.Buffer()),
		"Writer":         second(b.Writer()),
		"IsRemoved":      second(b.IsRemoved()),
		"Status":         second(b.Status()),
		"Read":           second(b.Read(ctx, morning, morning.Add(1))),
		"ReadFrames":     second(b.ReadFrames(ctx, 0, 1)),
		"Last":           second(b.Last(1)),
		"ReadInto":       second(ReadInto(b, SpanFrames(0, 1), make([]int16, 1))),
		"WaitUntil":      b.WaitUntil(ctx, morning),
		"Clip":           second(b.Clip(ctx, "clip.wav", morning, morning.Add(1))),
		"ClipAround":     second(b.ClipAround(ctx, "clip.wav", morning, 1, 1)),
		"Write":          second(w.Write([]byte{0, 0})),
		"WriteBytesAt":   w.WriteBytesAt(nil, morning),
		"WriteInt16":     w.WriteInt16([]int16{0}),
		"WriteInt16At":   w.WriteInt16At([]int16{0}, morning),
		"WriteInt32":     w.WriteInt32([]int32{0}),
		"WriteFloat32":   w.WriteFloat32([]float32{0}),
		"Gap":            w.Gap(GapRequested),
		"GapFor":         w.GapFor(GapRequested, 1),
		"NextFrame":      second(w.NextFrame()),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: want %v, got %v", name, ErrClosed, err)
		}
	}
	if _, _, err := b.Frames(); !errors.Is(err, ErrClosed) {
		t.Error("Frames:", err)
	}
	for _, err := range b.Windows(ctx, WindowOptions{WindowFrames: 1, HopFrames: 1}) {
		wantError(t, err, ErrClosed)
	}
	if state, words := c.State(); r.Contains("mic") || state != CaptureStopped || words == "" {
		t.Error("a closed registry contains a source, or a stopped capture runs:", state, words)
	}
	if b.Source() != "mic" || b.Spec().SampleRateHz != 8000 || b.ID() == 0 {
		t.Error("a closed handle lost its source, Spec or ID")
	}
}

func TestClosingUnderUseReturnsErrClosed(t *testing.T) {
	for range 20 {
		r := must(Private())(t)
		b := must(r.GetOrAllocate("mic", spec16))(t)
		w := must(b.Writer())(t)
		if err := w.WriteInt16(ramp(0, 100)); err != nil {
			t.Fatal(err)
		}
		samples, room := make([]int16, 100), make([]int16, 100)
		var done sync.WaitGroup
		for _, use := range []func() error{
			func() error { return w.WriteInt16(samples) },
			func() error { _, err := w.NextFrame(); return err },
			func() error { _, err := ReadInto(b, SpanLast(time.Millisecond), room); return err },
			func() error { _, err := b.Last(10*time.Millisecond, Available); return err },
			func() error { _, err := b.Status(); return err },
			func() error { _, err := r.Stats(); return err },
			func() error { got, err := r.Get("mic"); got.closeIfAny(); return err },
		} {
			done.Add(1)
			go func() {
				defer done.Done()
				for {
					if err := use(); err != nil {
						if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrEvicted) {
							t.Error(err)
						}
						if errors.Is(err, ErrClosed) {
							return
						}
					}
				}
			}()
		}
		for _, end := range []func() error{w.Close, b.Close, r.Close} {
			done.Add(1)
			go func() {
				defer done.Done()
				runtime.Gosched()
				end()
			}()
		}
		done.Wait()
	}
}

func (b *CaptureBuffer) closeIfAny() {
	if b != nil {
		b.Close()
	}
}

func TestCollectorClosesForgottenHandles(t *testing.T) {
	r := private(t)
	func() {
		b := must(r.GetOrAllocate("mic", spec16))(t)
		must(b.Writer())(t)
		if err := r.Remove("mic"); err != nil {
			t.Fatal(err)
		}
	}()
	until(t, "the memory of a forgotten buffer is unmapped", func() bool {
		runtime.GC()
		return must(r.Stats())(t).RingsUnmapped == 1
	})
	b := allocated(t, r, "mic", spec16)
	func() { must(b.Writer())(t) }()
	until(t, "a forgotten writer is released", func() bool {
		runtime.GC()
		w, err := b.Writer()
		if err == nil {
			w.Close()
		}
		return err == nil
	})
}

func TestConcurrentWritesAreSerialized(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := writerOf(t, b)
	var done sync.WaitGroup
	for range 4 {
		done.Add(1)
		go func() {
			defer done.Done()
			for range 500 {
				if err := w.WriteInt16(ramp(0, 7)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	done.Wait()
	if next := must(w.NextFrame())(t); next != 4*500*7 {
		t.Errorf("%d frames were written, want 14000", next)
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	w := must(b.Writer())(t)
	_, err := b.Writer()
	wantError(t, err, ErrWriterBusy)
	w.Close()
	must(b.Writer())(t).Close()
}

func TestAudioPathsDoNotAllocate(t *testing.T) {
	r := private(t)
	b := allocated(t, r, "mic", spec16)
	w := writerOf(t, b)
	samples, bytes, room := ramp(0, 480), make([]byte, 960), make([]float32, 480)
	now := time.Now()
	if err := w.WriteInt16(samples); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(){
		"Contains":     func() { r.Contains("mic") },
		"WriteInt16":   func() { w.WriteInt16(samples) },
		"WriteInt16At": func() { w.WriteInt16At(samples, now) },
		"Write":        func() { w.Write(bytes) },
		"NextFrame":    func() { w.NextFrame() },
		"Frames":       func() { b.Frames() },
		"IsRemoved":    func() { b.IsRemoved() },
		"ReadInto":     func() { ReadInto(b, SpanLast(60*time.Millisecond), room) },
		"ReadInto with options": func() {
			ReadInto(b, SpanLast(60*time.Millisecond), room, Available, FillGaps)
		},
	} {
		if allocations := testing.AllocsPerRun(200, call); allocations != 0 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

func TestNextWindowDoesNotAllocate(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := writerOf(t, b).WriteInt16(ramp(0, 4000)); err != nil {
		t.Fatal(err)
	}
	through := func(windows int) func() {
		return func() {
			left := windows
			for _, err := range b.Windows(context.Background(), WindowOptions{WindowFrames: 100, HopFrames: 10}) {
				if left--; err != nil || left == 0 {
					break
				}
			}
		}
	}
	if one, many := testing.AllocsPerRun(20, through(1)), testing.AllocsPerRun(20, through(300)); one != many {
		t.Errorf("one window: %v allocations, 300 windows: %v", one, many)
	}
}

func TestWaitingGoroutinesBlockNoThreads(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if err := writerOf(t, b).WriteInt16(ramp(0, 100)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangTimeout)
	defer cancel()
	future := time.Now().Add(time.Hour)
	waits := []func() error{
		func() error { _, err := b.Read(ctx, future, future.Add(time.Second)); return err },
		func() error { _, err := b.ReadFrames(ctx, 1000, 2000); return err },
		func() error { return b.WaitUntil(ctx, future) },
		func() error { _, err := b.ClipFrames(ctx, "none.wav", 1000, 2000); return err },
		func() error {
			for _, err := range b.Windows(ctx, WindowOptions{WindowFrames: 1000, HopFrames: 1000}) {
				return err
			}
			return nil
		},
	}
	const many = 1000
	ended := make(chan error, many)
	for i := range many {
		go func() { ended <- waits[i%len(waits)]() }()
	}
	until(t, "most goroutines wait", func() bool { return waiters() > many/2 })
	if threads := len(must(os.ReadDir("/proc/self/task"))(t)); threads > many/4 {
		t.Errorf("%d waiting goroutines use %d threads", many, threads)
	}
	cancel()
	for range many {
		wantError(t, <-ended, context.Canceled)
	}
}

func TestZeroValueIsAClosedHandle(t *testing.T) {
	ctx := deadline(t)
	var (
		r Registry
		b CaptureBuffer
		w Writer
		c Capture
	)
	second := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"GetOrAllocate":  second(r.GetOrAllocate("mic", spec16)),
		"Buffers":        second(r.Buffers()),
		"Writer":         second(b.Writer()),
		"Last":           second(b.Last(1)),
		"WaitUntil":      b.WaitUntil(ctx, morning),
		"ReadInto":       second(ReadInto(&b, SpanFrames(0, 1), make([]int16, 1))),
		"WriteInt16":     w.WriteInt16(nil),
		"Write":          second(w.Write(nil)),
		"Gap":            w.Gap(GapRequested),
		"NextFrame":      second(w.NextFrame()),
		"Capture.Buffer": second(c.Buffer()),
		"StartCapture":   second(StartCapture(ctx, &r, "tone:440", CaptureOptions{})),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: want %v, got %v", name, ErrClosed, err)
		}
	}
	for _, err := range b.Windows(ctx, WindowOptions{WindowFrames: 1, HopFrames: 1}) {
		wantError(t, err, ErrClosed)
	}
	_, err := StartCapture(ctx, nil, "tone:440", CaptureOptions{})
	wantError(t, err, ErrInvalidArgument)
	if state, _ := c.State(); r.Contains("mic") || state != CaptureStopped {
		t.Error("a zero registry contains a source, or a zero capture runs")
	}
	if err := errors.Join(w.Close(), b.Close(), c.Stop(), r.Close()); err != nil {
		t.Error(err)
	}
}
