package capbuf

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRacingGoroutinesAllocateOnce(t *testing.T) {
	r := private(t)
	const rounds, racers = 20, 16
	for round := range rounds {
		source := fmt.Sprintf("mic-%d", round)
		var begin, done sync.WaitGroup
		begin.Add(1)
		ids := make([]uint64, racers)
		for i := range racers {
			done.Add(1)
			go func() {
				defer done.Done()
				begin.Wait()
				b, err := r.GetOrAllocate(source, spec16)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = b.ID()
				b.Close()
			}()
		}
		begin.Done()
		done.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("%s has several buffers: %v", source, ids)
			}
		}
	}
	if stats := must(r.Stats())(t); stats.RingsAllocated != rounds {
		t.Fatalf("%d rings were allocated for %d sources", stats.RingsAllocated, rounds)
	}
}

func TestSpecMismatchLeavesBufferUnchanged(t *testing.T) {
	r := private(t)
	b := allocated(t, r, "mic", spec16)
	other := spec16
	other.SampleRateHz = 44100
	_, err := r.GetOrAllocate("mic", other)
	detail := wantError(t, err, ErrSpecMismatch)
	for _, rate := range []string{"8000", "44100"} {
		if !strings.Contains(detail.Message, rate) {
			t.Errorf("the message does not contain %s: %s", rate, detail.Message)
		}
	}
	if again := must(r.Get("mic"))(t); again.ID() != b.ID() || again.Spec().SampleRateHz != 8000 {
		t.Error("the buffer changed")
	}
}

func TestSpecOfBufferEqualsRequestedSpec(t *testing.T) {
	r := private(t)
	for _, format := range []SampleFormat{S16, S24, S32, F32} {
		requested := Spec{Duration: 1500 * time.Millisecond, SampleRateHz: 44100, Channels: 3, Format: format, Lifetime: WhileOpen}
		b := allocated(t, r, format.String(), requested)
		spec := b.Spec()
		if spec.LengthFrames != 66150 || spec.Duration != requested.Duration || spec.Format != format || spec.Channels != 3 {
			t.Errorf("%+v became %+v", requested, spec)
		}
		if again := allocated(t, r, format.String(), spec); again.ID() != b.ID() {
			t.Errorf("%v does not equal itself", spec)
		}
	}
}

func TestAllocateRefusesExistingSource(t *testing.T) {
	r := private(t)
	b := must(r.Allocate("mic", spec16))(t)
	defer b.Close()
	_, err := r.Allocate("mic", spec16)
	wantError(t, err, ErrAlreadyExists)
}

func TestLookupFindsAllocatedSourcesOnly(t *testing.T) {
	r := private(t)
	if r.Contains("mic") {
		t.Error("contains a source before it was allocated")
	}
	_, err := r.Get("mic")
	wantError(t, err, ErrNotFound)
	allocated(t, r, "mic", spec16)
	if !r.Contains("mic") {
		t.Error("does not contain an allocated source")
	}
	if err := r.Remove("mic"); err != nil {
		t.Fatal(err)
	}
	if r.Contains("mic") {
		t.Error("contains a removed source")
	}
	wantError(t, r.Remove("mic"), ErrNotFound)
}

func TestBuffersAreSortedBySource(t *testing.T) {
	r := private(t)
	const many = 40 // More than the first call has room for.
	for i := range many {
		allocated(t, r, fmt.Sprintf("mic-%02d", i), spec16)
	}
	buffers := must(r.Buffers())(t)
	if len(buffers) != many {
		t.Fatalf("%d buffers are listed", len(buffers))
	}
	for i, b := range buffers {
		if b.Source() != fmt.Sprintf("mic-%02d", i) || b.Spec().LengthFrames != 8000 {
			t.Errorf("number %d is %v", i, b)
		}
		b.Close()
	}
}

func TestOverBudgetReportsItsNumbers(t *testing.T) {
	r := must(Private(WithBudget(1 << 20)))(t)
	defer r.Close()
	big := spec16
	big.Duration = time.Hour
	_, err := r.GetOrAllocate("mic", big)
	detail := wantError(t, err, ErrOverBudget)
	if detail.RequestedBytes < 3600*16000 || detail.LimitBytes != 1<<20 {
		t.Errorf("%+v", detail)
	}
}

func TestRemovedBufferIsUnmappedWithLastHandle(t *testing.T) {
	r := private(t)
	b := must(r.GetOrAllocate("mic", spec16))(t)
	w := must(b.Writer())(t)
	if err := w.WriteInt16(ramp(0, 800)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := r.Remove("mic"); err != nil {
		t.Fatal(err)
	}
	segment := must(b.ReadFrames(deadline(t), 0, 800))(t)
	wantRamp(t, segment.Int16(), 0)
	if removed := must(b.IsRemoved())(t); !removed {
		t.Error("IsRemoved is false")
	}
	if stats := must(r.Stats())(t); stats.RingsUnmapped != 0 {
		t.Error("unmapped while a handle is open")
	}
	b.Close()
	until(t, "the buffer is unmapped", func() bool { return must(r.Stats())(t).RingsUnmapped == 1 })
}

func TestCredentialsAreNeverPrinted(t *testing.T) {
	r := private(t)
	const camera = "rtsp://admin:hunter2@10.0.0.7/stream"
	b := allocated(t, r, camera, spec16)
	other := spec16
	other.Channels = 2
	_, mismatch := r.GetOrAllocate(camera, other)
	_, exists := r.Allocate(camera, spec16)
	for _, printed := range []string{
		fmt.Sprint(b), fmt.Sprintf("%+v", b), fmt.Sprintf("%#v", b), Redact(camera), mismatch.Error(), exists.Error(),
	} {
		if strings.Contains(printed, "hunter2") || !strings.Contains(printed, "10.0.0.7") {
			t.Errorf("printed: %s", printed)
		}
	}
	if b.Source() != camera {
		t.Error("Source() differs from the passed source")
	}
	if redacted := Redact("a\xffb"); strings.Contains(redacted, "b") {
		t.Errorf("Redact returned invalid UTF-8 bytes: %q", redacted)
	}
}
