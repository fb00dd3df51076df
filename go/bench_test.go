package capbuf

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkEmptyCall is the cost of a call into C, which all others include.
func BenchmarkEmptyCall(b *testing.B) {
	for b.Loop() {
		emptyCall()
	}
}

func BenchmarkContains(b *testing.B) {
	r := private(b)
	allocated(b, r, "mic", spec16)
	for b.Loop() {
		if !r.Contains("mic") {
			b.Fatal("the source is missing")
		}
	}
}

func BenchmarkContainsByAll(b *testing.B) {
	r := private(b)
	allocated(b, r, "mic", spec16)
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			r.Contains("mic")
		}
	})
}

func BenchmarkGet(b *testing.B) {
	r := private(b)
	allocated(b, r, "mic", spec16)
	for b.Loop() {
		found, err := r.Get("mic")
		if err != nil {
			b.Fatal(err)
		}
		found.Close()
	}
}

// minute is 60 s of 48 kHz mono, the ring of all measurements of this project.
var minute = Spec{Duration: time.Minute, SampleRateHz: 48000, Channels: 1, Format: S16}

func BenchmarkWrite960Bytes(b *testing.B) {
	buffer := allocated(b, private(b), "mic", minute)
	w, samples, at := writerOf(b, buffer), ramp(0, 480), morning
	b.SetBytes(960)
	for b.Loop() {
		if err := w.WriteInt16At(samples, at); err != nil {
			b.Fatal(err)
		}
		at = at.Add(10 * time.Millisecond)
	}
}

func BenchmarkReadInto3Seconds(b *testing.B) {
	buffer := allocated(b, private(b), "mic", minute)
	if err := writerOf(b, buffer).WriteInt16(ramp(0, 480000)); err != nil {
		b.Fatal(err)
	}
	room := make([]int16, 144000)
	b.SetBytes(288000)
	for b.Loop() {
		if _, err := ReadInto(buffer, SpanFrames(100000, 244000), room); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCopy3Seconds is only the copy.
func BenchmarkCopy3Seconds(b *testing.B) {
	from, to := ramp(0, 144000), make([]int16, 144000)
	b.SetBytes(288000)
	for b.Loop() {
		copy(to, from)
	}
}

func BenchmarkRead3Seconds(b *testing.B) {
	buffer := allocated(b, private(b), "mic", minute)
	if err := writerOf(b, buffer).WriteInt16(ramp(0, 480000)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(288000)
	for b.Loop() {
		if _, err := buffer.ReadFrames(b.Context(), 100000, 244000); err != nil {
			b.Fatal(err)
		}
	}
}

// The copies of a ring that Go would access without C: by sync/atomic, as another goroutine or
// process may write the same memory.

func BenchmarkAtomicStore960Bytes(b *testing.B) {
	ring, from := make([]uint64, 120), make([]uint64, 120)
	b.SetBytes(960)
	for b.Loop() {
		for i, word := range from {
			atomic.StoreUint64(&ring[i], word)
		}
	}
}

func BenchmarkAtomicLoad3Seconds(b *testing.B) {
	ring, to := make([]uint64, 36000), make([]uint64, 36000)
	b.SetBytes(288000)
	for b.Loop() {
		for i := range ring {
			to[i] = atomic.LoadUint64(&ring[i])
		}
	}
}

// BenchmarkGetOrAllocate is of an existing source, without and with tracking.
func BenchmarkGetOrAllocate(b *testing.B) {
	r := private(b)
	allocated(b, r, "mic", minute)
	for _, tracks := range []bool{false, true} {
		b.Run(fmt.Sprintf("tracking=%v", tracks), func(b *testing.B) {
			r.EnableAllocationTracking(tracks)
			for b.Loop() {
				must(r.GetOrAllocate("mic", minute))(b).Close()
			}
		})
	}
}
