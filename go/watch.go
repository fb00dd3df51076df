package capbuf

// #include "calls.h"
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
	"unsafe"
)

// WatchSettings says from when on something is wrong. The zero value is the default, which lets a normal day with reconnects pass.
type WatchSettings struct {
	// Every is how often it is looked; 0: a second.
	Every time.Duration
	// Window is within how long things that happen again and again are counted; 0: a minute.
	Window time.Duration
	// RepeatedAllocations is how many allocations from one place may be refused within the window; 0: 3.
	RepeatedAllocations uint64
	// ChurnAllocations is how many rings may be made for one source within the window; 0: 5.
	ChurnAllocations uint64
	// RemovedHeld is how long a removed buffer may be held; 0: a minute.
	RemovedHeld time.Duration
	// Stalled is how long a living writer may write nothing; 0: 30 seconds.
	Stalled time.Duration
	// RateTolerance is by what part of its rate a writer may be off; 0: 0.05.
	RateTolerance float64
	// RateWindow is over how long the rate is measured, three times before it is told; 0: 30 seconds.
	RateWindow time.Duration
	// LappedReads is how many reads of one source may come too late within the window; 0: 10.
	LappedReads uint64
	// BudgetShare is the part of the budget that may be used; 0: 0.9.
	BudgetShare float64
}

// Anomaly is something that is wrong, with the evidence.
type Anomaly struct {
	// Kind is "repeated allocation", "churn", "removed and held", "stalled writer", "writer rate", "lapped reader", "spec conflict",
	// "budget" or "source under two names".
	Kind string `json:"kind"`
	// Severity is "notice": it wastes something; "warning": it will lose something; or "severe": it loses audio now.
	Severity string `json:"severity"`
	// Source is without credentials; empty if it is of none.
	Source string `json:"source"`
	// Evidence is what was seen, in words.
	Evidence string `json:"evidence"`
	// Advice is what to do.
	Advice string `json:"advice"`
	// Count is how often it was seen.
	Count uint64 `json:"count"`
	// First is when it was seen first.
	First time.Time `json:"first_utc"`
	// Last is when it was seen last.
	Last time.Time `json:"last_utc"`
}

// String is a line to read.
func (a Anomaly) String() string {
	of := ""
	if a.Source != "" {
		of = a.Source + ": "
	}
	return fmt.Sprintf("%s: %s: %s%s; %s", a.Severity, a.Kind, of, a.Evidence, a.Advice)
}

// Watch looks after the registry, or its domain, and gives what is wrong while it is, until the context or the loop ends; what was found
// is in reports and metrics, too. The last pair has the error that ended it: the context's, ErrClosed, ErrInvalidArgument for settings that
// can be none.
//
// Some things are known only of what is tracked, see [Registry.EnableAllocationTracking]. Any goroutine. A thread of the library's
// looks; none is held while the goroutine waits. 1024 events wait to be taken; then the oldest go.
func (r *Registry) Watch(ctx context.Context, settings WatchSettings) iter.Seq2[Anomaly, error] {
	return func(yield func(Anomaly, error) bool) {
		w, err := r.watch(settings)
		if err != nil {
			yield(Anomaly{}, err)
			return
		}
		defer w.close()
		for {
			event, err := r.nextEvent(ctx, w)
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

func (r *Registry) watch(settings WatchSettings) (*handle, error) {
	registry, users := r.enter()
	if registry == nil {
		return nil, ErrClosed
	}
	defer r.handle.leave(users)
	asked := C.capbuf_watch_settings{
		every_ns:             C.int64_t(settings.Every),
		window_ns:            C.int64_t(settings.Window),
		repeated_allocations: C.uint64_t(settings.RepeatedAllocations),
		churn_allocations:    C.uint64_t(settings.ChurnAllocations),
		removed_held_ns:      C.int64_t(settings.RemovedHeld),
		stalled_ns:           C.int64_t(settings.Stalled),
		rate_tolerance:       C.double(settings.RateTolerance),
		rate_window_ns:       C.int64_t(settings.RateWindow),
		lapped_reads:         C.uint64_t(settings.LappedReads),
		budget_share:         C.double(settings.BudgetShare),
	}
	outcome := C.capbuf_go_watch(registry, &asked)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	return newHandle(outcome.handle, func(p unsafe.Pointer) { C.capbuf_watch_free((*C.capbuf_watch)(p)) }), nil
}

func (r *Registry) nextEvent(ctx context.Context, w *handle) (Anomaly, error) {
	var event Anomaly
	for {
		if r.handle.closed.Load() {
			return event, ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return event, err
		}
		pointer, users := w.enter()
		outcome := C.capbuf_go_watch_next((*C.capbuf_watch)(pointer), 0)
		w.leave(users)
		err := failure(outcome)
		if err == nil {
			return event, json.Unmarshal([]byte(taken(outcome.number)), &event)
		}
		if !errors.Is(err, ErrTimedOut) {
			return event, err
		}
		if err := pause(ctx, longestPause); err != nil {
			return event, err
		}
	}
}
