package capbuf

// #include "calls.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"time"
)

// AllocationReport is everything that is known of the allocations of a registry, or of all processes of its domain, at one moment.
//
// Attempts, allocations and live buffers are three numbers. Live buffers, their bytes and the processes that have them open are
// always known; attempts, call sites, handles and stacks as far as they were recorded while tracking was enabled. No name is shown
// with its credentials.
type AllocationReport struct {
	// Domain is the domain; empty for a private registry.
	Domain string `json:"domain"`
	// Made is when the report was made.
	Made time.Time `json:"made_utc"`
	// IsTracking tells whether the registry that was asked tracks allocations.
	IsTracking bool `json:"is_tracking"`
	// Totals sums over everything.
	Totals AllocationTotals `json:"totals"`
	// Pool is what is kept of removed buffers' memory.
	Pool PoolStats `json:"pool"`
	// Anomalies is what watches of the registry found wrong, the oldest first.
	Anomalies []Anomaly `json:"anomalies"`
	// Processes are those that track, or did, the oldest first.
	Processes []TrackingProcess `json:"processes"`
	// Sources are by name.
	Sources []SourceReport `json:"sources"`

	text, json string
}

// AllocationTotals sums over all sources and processes.
type AllocationTotals struct {
	// Attempts to get a buffer, whatever came of them.
	Attempts uint64 `json:"attempts"`
	// Allocations counts the rings that were made.
	Allocations uint64 `json:"allocations"`
	// LiveBuffers is how many buffers there are.
	LiveBuffers uint64 `json:"live_buffers"`
	// LiveBytes is what is mapped for them.
	LiveBytes uint64 `json:"live_bytes"`
	// LiveAudioBytes is the audio that they keep.
	LiveAudioBytes uint64 `json:"live_audio_bytes"`
	// RemovedAndHeld counts the buffers that were removed and that somebody still holds.
	RemovedAndHeld uint64 `json:"removed_and_held"`
	// Results is the attempts by what came of them.
	Results AllocationResults `json:"results"`
}

// PoolStats is what is kept of removed buffers' memory, see [WithPool], and what came of it.
type PoolStats struct {
	// Rings is how many rings are in it, in a domain those of all processes.
	Rings uint64 `json:"rings"`
	// Bytes is what they take.
	Bytes uint64 `json:"bytes"`
	// LimitBytes is what they may take; 0: this registry keeps none.
	LimitBytes uint64 `json:"limit_bytes"`
	// Hits counts the rings that this registry took out of it to use them again.
	Hits uint64 `json:"hits"`
	// Misses counts the rings that this registry made because nothing in it was of their size.
	Misses uint64 `json:"misses"`
	// Kept counts the rings that this registry put into it.
	Kept uint64 `json:"kept"`
	// Trimmed counts the rings that this registry gave back from it: too old, or in the way.
	Trimmed uint64 `json:"trimmed"`
}

// AllocationResults is how often what came of it.
type AllocationResults struct {
	// Allocated: a ring was made in new memory.
	Allocated uint64 `json:"allocated"`
	// Reused: a ring was made in the memory of one that was removed.
	Reused uint64 `json:"reused"`
	// AlreadyThere: GetOrAllocate found the ring that the source has.
	AlreadyThere uint64 `json:"already_there"`
	// Refused: Allocate was refused, as the source has a ring.
	Refused uint64 `json:"refused"`
	// SpecMismatch: the source has a ring of another shape.
	SpecMismatch uint64 `json:"spec_mismatch"`
	// OverBudget: a limit would have been passed.
	OverBudget uint64 `json:"over_budget"`
	// Failed: anything else went wrong.
	Failed uint64 `json:"failed"`
	// Removed is no attempt: the source's ring was taken out.
	Removed uint64 `json:"removed"`
	// LastHandleEnded is no attempt: the last handle of a ring in a registry ended.
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

// SourceReport is what is known of one source.
type SourceReport struct {
	// Source is its name, without credentials. Sources that differ in nothing else have reports of their own, and Key tells them apart.
	Source string `json:"source"`
	Key    string `json:"key"`
	// Attempts to get its buffer, whatever came of them.
	Attempts uint64 `json:"attempts"`
	// Allocations counts the rings that were made for it.
	Allocations uint64 `json:"allocations"`
	// Live is whether it has a buffer now: 1, or 0.
	Live uint64 `json:"live"`
	// Bytes is what is mapped for its buffer, AudioBytes the audio that it keeps; 0 without one.
	Bytes      uint64 `json:"bytes"`
	AudioBytes uint64 `json:"audio_bytes"`
	// Results is the attempts by what came of them.
	Results AllocationResults `json:"results"`
	// CallSites is the attempts by where they came from, most first.
	CallSites []CallSite `json:"call_sites"`
	// Holders are who holds its buffers, also those that were removed; the longest first.
	Holders []BufferHolder `json:"holders"`
	// Stacks are the newest attempts with their stacks, the newest first.
	Stacks []AttemptStack `json:"stacks"`
}

// CallSite is attempts that came from one place in one process.
type CallSite struct {
	// Language is Rust, C, Go or Python; empty where nobody called.
	Language string            `json:"language"`
	File     string            `json:"file"`
	Line     int               `json:"line"`
	Function string            `json:"function"`
	PID      int               `json:"pid"`
	Program  string            `json:"program"`
	Attempts uint64            `json:"attempts"`
	Results  AllocationResults `json:"results"`
	First    time.Time         `json:"first_utc"`
	Last     time.Time         `json:"last_utc"`
}

// BufferHolder is a process that holds a buffer, and where it took it, if that is known.
type BufferHolder struct {
	PID     int       `json:"pid"`
	Program string    `json:"program"`
	Since   time.Time `json:"since_utc"`
	// Buffer is its number, hexadecimal.
	Buffer string `json:"buffer"`
	// IsRemoved tells whether that buffer was removed.
	IsRemoved bool `json:"is_removed"`
	// Handles is how many were taken there; 0 if the process doesn't track.
	Handles  uint64 `json:"handles"`
	Language string `json:"language"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function"`
}

// AttemptStack is one attempt, with its stack.
type AttemptStack struct {
	When time.Time `json:"utc"`
	// Outcome is what came of it, in words.
	Outcome    string       `json:"outcome"`
	DurationNS uint64       `json:"duration_ns"`
	PID        int          `json:"pid"`
	Thread     int          `json:"thread"`
	ThreadName string       `json:"thread_name"`
	Frames     []StackFrame `json:"frames"`
}

// StackFrame is a frame of a stack.
type StackFrame struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

// String is the report as text to read.
func (a *AllocationReport) String() string {
	return a.text
}

// JSON is the same report as JSON, by the schema docs/schema/report.json: the same as of `capbuf report --json`.
func (a *AllocationReport) JSON() string {
	return a.json
}

// Source finds what is known of a source, by its name without credentials; nil if there is nothing.
func (a *AllocationReport) Source(shown string) *SourceReport {
	for i := range a.Sources {
		if a.Sources[i].Source == shown {
			return &a.Sources[i]
		}
	}
	return nil
}

// AllocationReport tells everything that is known of allocations: in a domain, those of all its processes.
//
// Any goroutine. Reads files, resolves stacks, allocates. Errors: ErrClosed.
func (r *Registry) AllocationReport() (*AllocationReport, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	outcome := C.capbuf_go_report(registry)
	r.handle.leave(users)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	made := (*C.capbuf_report)(outcome.handle)
	defer C.capbuf_report_free(made)
	report := &AllocationReport{text: copied(C.capbuf_go_report_told(made, 0)), json: copied(C.capbuf_go_report_told(made, 1))}
	if err := json.Unmarshal([]byte(report.json), report); err != nil {
		return nil, fmt.Errorf("capbuf: the library's report is not as this package reads it: %w", err)
	}
	return report, nil
}
