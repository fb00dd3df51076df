package compat

import (
	"strings"
	"testing"
	"time"

	"capbuf.dev/capbuf"
)

// fresh uses a new registry for the test, with tracking enabled.
func fresh(t testing.TB) *capbuf.Registry {
	t.Helper()
	registry, err := capbuf.Private()
	if err != nil {
		t.Fatal(err)
	}
	UseRegistry(registry)
	EnableAllocationTracking(false)
	EnableAllocationTracking(true)
	t.Cleanup(func() {
		UseRegistry(registry)
		registry.Close()
		EnableAllocationTracking(false)
	})
	return registry
}

func rings(t testing.TB, registry *capbuf.Registry) (allocated, alive uint64) {
	t.Helper()
	stats, err := registry.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return stats.RingsAllocated, stats.RingsMapped - stats.RingsUnmapped
}

// wantReport waits until the report contains a text: the thread that commits memory ahead may hold
// a ring for a moment.
func wantReport(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		report := GetAllocationReport()
		if strings.Contains(report, text) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", text, report)
		}
	}
}
