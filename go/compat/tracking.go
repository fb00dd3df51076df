package compat

import (
	"sync/atomic"

	"capbuf.dev/capbuf"
)

// wantsTracking is what EnableAllocationTracking said last, for the registries that come.
var wantsTracking atomic.Bool

// EnableAllocationTracking begins to record every attempt to get a buffer, with what came of it and where it came from, or ends that.
// DEBUG_BUFFER_ALLOC=true in the environment does the same from the beginning. See capbuf.Registry.EnableAllocationTracking.
func EnableAllocationTracking(enable bool) {
	wantsTracking.Store(enable)
	if s, err := buffers(); err == nil {
		s.registry.EnableAllocationTracking(enable)
	}
}

// track has a registry record attempts, if that is wanted.
func track(registry *capbuf.Registry) {
	if wantsTracking.Load() {
		registry.EnableAllocationTracking(true)
	}
}

// GetAllocationReport tells, in lines of text, what is allocated now, and what was recorded while tracking was enabled: attempts,
// allocations and what is alive by source and call site, and who holds what. Sources are shown without credentials.
func GetAllocationReport() string {
	s, err := buffers()
	if err != nil {
		return err.Error() + "\n"
	}
	report, err := s.registry.AllocationReport()
	if err != nil {
		return err.Error() + "\n"
	}
	return report.String()
}
