package compat

import (
	"sync/atomic"

	"capbuf.dev/capbuf"
)

// wantsTracking is the last argument of EnableAllocationTracking, for later registries.
var wantsTracking atomic.Bool

// EnableAllocationTracking enables or disables the recording of every request for a buffer, with
// its result and call site. DEBUG_BUFFER_ALLOC=true in the environment enables it from the
// beginning. See capbuf.Registry.EnableAllocationTracking.
func EnableAllocationTracking(enable bool) {
	wantsTracking.Store(enable)
	if s, err := buffers(); err == nil {
		s.registry.EnableAllocationTracking(enable)
	}
}

// track enables tracking in a registry, if it is wanted.
func track(registry *capbuf.Registry) {
	if wantsTracking.Load() {
		registry.EnableAllocationTracking(true)
	}
}

// GetAllocationReport returns a report as text: live buffers and, recorded while tracking was
// enabled, attempts and allocations by source and call site, and the holders of buffers. Sources
// have no credentials.
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
