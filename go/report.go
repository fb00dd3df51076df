package capbuf

// #include "calls.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"time"
)

// AllocationReport is a snapshot of the allocations of a registry, or of all processes of its
// domain.
//
// It counts attempts, allocations and live buffers separately. Live buffers, their bytes and the
// processes that have them open are always complete. Attempts, call sites, handles and stacks are
// those recorded while tracking was enabled. Names have no credentials.
type AllocationReport struct {
	// Domain is the name of the domain; empty for a private registry.
	Domain string `json:"domain"`
	// Made is when the report was made.
	Made time.Time `json:"made_utc"`
	// IsTracking reports whether this registry tracks allocations.
	IsTracking bool `json:"is_tracking"`
	// Totals sums over all sources and processes.
	Totals AllocationTotals `json:"totals"`
	// AttemptsKnown reports whether attempts were recorded by any process. Otherwise Attempts,
	// Allocations and Results are unknown, here and in Totals and Sources, and are zero.
	AttemptsKnown bool `json:"-"`
	// Dropped counts what did not fit in the logs, or was overwritten.
	Dropped DroppedRecords `json:"dropped"`
	// Pool is the retained memory of removed buffers.
	Pool PoolStats `json:"pool"`
	// UnusableFiles lists the files in the domain's folder that can't be used, with the reasons.
	UnusableFiles []string `json:"unusable_files"`
	// Anomalies lists what watches of the registry or of other processes of the domain found, and
	// what the records show; the oldest first.
	Anomalies []Anomaly `json:"anomalies"`
	// EndedProcesses counts the ended processes whose logs were removed. Their counts are in the
	// totals and in those of the sources; their call sites, by PID 0, and stacks are not known.
	EndedProcesses uint64 `json:"ended_processes"`
	// Processes lists the processes that track, or did, the oldest first.
	Processes []TrackingProcess `json:"processes"`
	// Sources is sorted by name.
	Sources []SourceReport `json:"sources"`

	text, json string
}

// DroppedRecords counts what the logs had no room for.
type DroppedRecords struct {
	// Sources counts the sources that were displaced by newer ones.
	Sources uint64 `json:"sources"`
	// Attempts counts the attempts whose source or call site was displaced.
	Attempts uint64 `json:"attempts"`
	// CallSites counts the call sites of which only the number of attempts is known.
	CallSites uint64 `json:"call_sites"`
	// Holders counts the handles whose holder is not recorded.
	Holders uint64 `json:"holders"`
	// Stacks counts the attempts whose stack was displaced.
	Stacks uint64 `json:"stacks"`
}

// AllocationTotals sums over all sources and processes.
type AllocationTotals struct {
	// Attempts counts the requests for a buffer, whatever their result; see AttemptsKnown.
	Attempts uint64 `json:"attempts"`
	// Allocations counts the rings that were allocated.
	Allocations uint64 `json:"allocations"`
	// LiveBuffers counts the existing buffers.
	LiveBuffers uint64 `json:"live_buffers"`
	// LiveBytes is the size of their mapped memory.
	LiveBytes uint64 `json:"live_bytes"`
	// LiveAudioBytes is the size of their audio.
	LiveAudioBytes uint64 `json:"live_audio_bytes"`
	// RemovedAndHeld counts the removed buffers that still have an open handle.
	RemovedAndHeld uint64 `json:"removed_and_held"`
	// Results counts the attempts by result.
	Results AllocationResults `json:"results"`
}

// PoolStats describes the retained memory of removed buffers: see [WithPool].
type PoolStats struct {
	// Rings counts the rings in the pool.
	Rings uint64 `json:"rings"`
	// Bytes is their size.
	Bytes uint64 `json:"bytes"`
	// LimitBytes is the limit of Bytes; 0: this registry has no pool.
	LimitBytes uint64 `json:"limit_bytes"`
	// Hits counts the rings that this registry reused.
	Hits uint64 `json:"hits"`
	// Misses counts the rings that this registry allocated because none in the pool had their size.
	Misses uint64 `json:"misses"`
	// Kept counts the rings that this registry put into the pool.
	Kept uint64 `json:"kept"`
	// Trimmed counts the rings that this registry freed from the pool, for their age or the limit.
	Trimmed uint64 `json:"trimmed"`
}

// AllocationResults counts attempts by result.
type AllocationResults struct {
	// Allocated: a ring was allocated in new memory.
	Allocated uint64 `json:"allocated"`
	// Reused: a ring was allocated in the memory of a removed one.
	Reused uint64 `json:"reused"`
	// AlreadyThere: GetOrAllocate returned the existing ring.
	AlreadyThere uint64 `json:"already_there"`
	// Refused: Allocate failed, as the source has a ring.
	Refused uint64 `json:"refused"`
	// SpecMismatch: the source has a ring with another Spec.
	SpecMismatch uint64 `json:"spec_mismatch"`
	// OverBudget: a limit would have been exceeded.
	OverBudget uint64 `json:"over_budget"`
	// Failed: any other error.
	Failed uint64 `json:"failed"`
	// Removed counts removals, which are no attempts.
	Removed uint64 `json:"removed"`
	// LastHandleEnded counts the rings whose last handle was closed. It is no attempt.
	LastHandleEnded uint64 `json:"last_handle_ended"`
}

// TrackingProcess is a process that tracks, or did.
type TrackingProcess struct {
	PID        int       `json:"pid"`
	Program    string    `json:"program"`
	IsAlive    bool      `json:"is_alive"`
	IsTracking bool      `json:"is_tracking"`
	Since      time.Time `json:"since_utc"`
}

// SourceReport is the part of a report about one source.
type SourceReport struct {
	// Source is its name without credentials.
	Source string `json:"source"`
	// Key distinguishes sources that differ in their credentials only.
	Key string `json:"key"`
	// Attempts counts the requests for its buffer, whatever their result.
	Attempts uint64 `json:"attempts"`
	// Allocations counts the rings allocated for it.
	Allocations uint64 `json:"allocations"`
	// Live is 1 if it has a buffer now, else 0.
	Live uint64 `json:"live"`
	// Bytes is the size of the mapped memory of its buffer; 0 without one.
	Bytes uint64 `json:"bytes"`
	// AudioBytes is the size of the audio in its buffer; 0 without one.
	AudioBytes uint64 `json:"audio_bytes"`
	// Results counts the attempts by result.
	Results AllocationResults `json:"results"`
	// CallSites lists the places that attempts came from, most attempts first.
	CallSites []CallSite `json:"call_sites"`
	// Holders lists the processes that hold its buffers, removed ones included; the longest first.
	Holders []BufferHolder `json:"holders"`
	// Stacks lists different stacks of attempts, the newest first, without frames of this package,
	// of the library and of runtimes.
	Stacks []AttemptStack `json:"stacks"`
}

// CallSite counts the attempts from one place in one process.
type CallSite struct {
	// Language is Rust, C, Go or Python; empty for the library itself.
	Language string `json:"language"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function"`
	// Via lists the frames that tell it apart from others with the same file, line and function,
	// innermost first: the paths behind a function that all of them call.
	Via      []StackFrame      `json:"via"`
	PID      int               `json:"pid"`
	Program  string            `json:"program"`
	Attempts uint64            `json:"attempts"`
	Results  AllocationResults `json:"results"`
	First    time.Time         `json:"first_utc"`
	Last     time.Time         `json:"last_utc"`
}

// BufferHolder is a process that holds a buffer, and the call site, if known.
type BufferHolder struct {
	PID     int       `json:"pid"`
	Program string    `json:"program"`
	Since   time.Time `json:"since_utc"`
	// Buffer is the ID of the buffer, hexadecimal.
	Buffer string `json:"buffer"`
	// IsRemoved reports whether that buffer was removed.
	IsRemoved bool `json:"is_removed"`
	// Handles counts the handles from that call site; 0 if the process does not track.
	Handles  uint64 `json:"handles"`
	Language string `json:"language"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function"`
}

// AttemptStack is a number of attempts with the same result and stack. The time, the duration and
// the thread are those of the newest.
type AttemptStack struct {
	When time.Time `json:"utc"`
	// Outcome describes the result.
	Outcome string `json:"outcome"`
	// Count counts these attempts.
	Count      uint64       `json:"count"`
	DurationNS uint64       `json:"duration_ns"`
	PID        int          `json:"pid"`
	Thread     int          `json:"thread"`
	ThreadName string       `json:"thread_name"`
	Frames     []StackFrame `json:"frames"`
}

// StackFrame is a frame of a call stack.
type StackFrame struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

// String returns the report as text.
func (a *AllocationReport) String() string {
	return a.text
}

// JSON returns the report as JSON, by the schema docs/schema/report.json, like `capbuf report
// --json`.
func (a *AllocationReport) JSON() string {
	return a.json
}

// Source returns the report on a source, by its name without credentials; nil if it has none.
func (a *AllocationReport) Source(redacted string) *SourceReport {
	for i := range a.Sources {
		if a.Sources[i].Source == redacted {
			return &a.Sources[i]
		}
	}
	return nil
}

// AllocationReport returns a snapshot of the allocations: in a domain, of all its processes.
//
// Safe for concurrent use. Reads files, resolves stacks, allocates. Errors: ErrClosed.
func (r *Registry) AllocationReport() (*AllocationReport, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	defer r.handle.leave(users)
	var made *C.capbuf_report
	var detail *C.capbuf_error
	status := C.capbuf_registry_allocation_report(registry, &made, &detail)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	defer C.capbuf_report_free(made)
	var textSize, jsonSize C.size_t
	textBytes, jsonBytes := C.capbuf_report_text(made, &textSize), C.capbuf_report_json(made, &jsonSize)
	report := &AllocationReport{
		text: C.GoStringN(textBytes, C.int(textSize)),
		json: C.GoStringN(jsonBytes, C.int(jsonSize)),
	}
	if err := json.Unmarshal([]byte(report.json), report); err != nil {
		return nil, fmt.Errorf("capbuf: the library's report does not match this package: %w", err)
	}
	var known struct {
		Totals struct {
			Attempts *uint64 `json:"attempts"`
		} `json:"totals"`
	}
	if err := json.Unmarshal([]byte(report.json), &known); err != nil {
		return nil, fmt.Errorf("capbuf: the library's report does not match this package: %w", err)
	}
	report.AttemptsKnown = known.Totals.Attempts != nil
	return report, nil
}
