package compat

import (
	"testing"

	"capbuf.dev/capbuf"
)

func TestTrackingContinuesInAnotherRegistry(t *testing.T) {
	fresh(t)
	EnableAllocationTracking(false)
	if err := AllocateCaptureBufferIfNeeded(1, 8000, 2, "mic"); err != nil {
		t.Fatal(err)
	}
	wantReport(t, "attempts unknown, allocations unknown, live buffers 1")
	EnableAllocationTracking(true)
	other, err := capbuf.Private()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	UseRegistry(other)
	if err := AllocateCaptureBufferIfNeeded(1, 8000, 2, "mic"); err != nil {
		t.Fatal(err)
	}
	wantReport(t, "attempts 1, allocations 1, live buffers 1")
}
