package capbuf

// #include "calls.h"
import "C"

// EnableAllocationTracking enables or disables the recording of every request for a buffer: its
// result, time, process and call stack. DEBUG_BUFFER_ALLOC=true in the environment enables it from
// the beginning, and has the report of a private registry printed to stderr: by Close, and when
// SIGUSR2 arrives, in addition to what the program does then. Nothing of the library runs at
// os.Exit or when main returns: defer Close in main.
//
// While it is enabled, the profile "capbuf" of runtime/pprof has the stacks of the live rings
// (innermost frame liveRing: the call that allocated or first found the ring) and of the open
// handles that this registry returned (openHandle). net/http/pprof serves it at
// /debug/pprof/capbuf. A ring stays in it until this registry removes or replaces it, or is closed.
//
// Disabled, it costs a load per request. Enabled, some microseconds for the stack, and memory of a
// fixed size. Disabling keeps the counts. In a domain each process decides for itself, and `capbuf
// track on` switches all of them; a report covers all processes that track. Safe for concurrent
// use. Errors: ErrClosed.
func (r *Registry) EnableAllocationTracking(enable bool) error {
	registry, users := r.enter()
	if registry == nil {
		return ErrClosed
	}
	defer r.handle.leave(users)
	var enabled C.uint32_t
	if enable {
		enabled = 1
	}
	var detail *C.capbuf_error
	status := C.capbuf_registry_enable_allocation_tracking(registry, enabled, &detail)
	if err := failure(status, detail); err != nil {
		return err
	}
	r.tracks.Store(enable)
	return nil
}

// IsAllocationTracking reports whether requests are recorded; false for a closed registry.
//
// Safe for concurrent use. Wait-free.
func (r *Registry) IsAllocationTracking() bool {
	registry, users := r.enter()
	if registry == nil {
		return false
	}
	defer r.handle.leave(users)
	r.loadTracking()
	return r.tracks.Load()
}

// MetricsText returns the metrics of this registry and its buffers in Prometheus's text format. The
// module capbuf.dev/capbuf/prometheus has a collector.
//
// Requests and reads are counted for this registry; writes, frames, gaps and evictions for the
// buffers, in all processes. Sources have short labels without credentials; the first 64 have
// metrics of their own. Safe for concurrent use. Reads the last second of each of them. Errors:
// ErrClosed.
func (r *Registry) MetricsText() (string, error) {
	return r.metrics(func(registry *C.capbuf_registry, metrics **C.capbuf_text, detail **C.capbuf_error) C.capbuf_status {
		return C.capbuf_registry_metrics(registry, metrics, detail)
	})
}

// DomainMetricsText returns the metrics of the whole domain, for a process that only observes it:
// requests are those of all processes that track. It leaves out what only the processes themselves
// know: reads and their durations. See [Registry.MetricsText].
func (r *Registry) DomainMetricsText() (string, error) {
	return r.metrics(func(registry *C.capbuf_registry, metrics **C.capbuf_text, detail **C.capbuf_error) C.capbuf_status {
		return C.capbuf_registry_domain_metrics(registry, metrics, detail)
	})
}

// metrics returns the text of one of the calls for metrics.
func (r *Registry) metrics(
	call func(*C.capbuf_registry, **C.capbuf_text, **C.capbuf_error) C.capbuf_status,
) (string, error) {
	registry, users := r.enter()
	if registry == nil {
		return "", ErrClosed
	}
	defer r.handle.leave(users)
	var metrics *C.capbuf_text
	var detail *C.capbuf_error
	status := call(registry, &metrics, &detail)
	if err := failure(status, detail); err != nil {
		return "", err
	}
	return takeText(metrics), nil
}
