package compat

import (
	"errors"
	"testing"
)

func BenchmarkAllocateCaptureBuffer(b *testing.B) {
	fresh(b)
	for b.Loop() {
		if err := errors.Join(AllocateCaptureBuffer(60, 48000, 2, "mic"), RemoveCaptureBuffer("mic")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllocateCaptureBufferIfNeeded(b *testing.B) {
	fresh(b)
	EnableAllocationTracking(false)
	for b.Loop() {
		if err := AllocateCaptureBufferIfNeeded(60, 48000, 2, "mic"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConcurrentCaptureBufferAccess(b *testing.B) {
	fresh(b)
	if err := AllocateCaptureBuffer(60, 48000, 2, "mic"); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(loop *testing.PB) {
		data := make([]byte, 960)
		for loop.Next() {
			if !HasCaptureBuffer("mic") {
				b.Error("the source is missing")
			}
			if err := WriteToCaptureBuffer("mic", data); err != nil {
				b.Error(err)
			}
		}
	})
}
