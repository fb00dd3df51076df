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

// WatchSettings is the thresholds of a watch. The zero value is the default, which reports nothing
// in normal operation, reconnects included.
type WatchSettings struct {
	// Every is the interval between checks; 0: a second.
	Every time.Duration
	// Window is the time over which repeated events are counted; 0: a minute.
	Window time.Duration
	// RepeatedAllocations is the threshold of refused allocations from one place within Window; 0:
	// 3.
	RepeatedAllocations uint64
	// ChurnAllocations is the threshold of rings allocated for one source within Window; 0: 5.
	ChurnAllocations uint64
	// RemovedHeld is the longest time that a removed buffer may be held; 0: a minute.
	RemovedHeld time.Duration
	// Stalled is the longest time that a living writer may write nothing; 0: 30 seconds.
	Stalled time.Duration
	// RateTolerance is the largest relative error of a writer's rate; 0: 0.05.
	RateTolerance float64
	// RateWindow is the time over which the rate is measured; it is reported after three; 0: 30
	// seconds.
	RateWindow time.Duration
	// LappedReads is the threshold of reads of one source that find frames overwritten within
	// Window; 0: 10.
	LappedReads uint64
	// BudgetShare is the part of the budget that may be used; 0: 0.9.
	BudgetShare float64
}

// Anomaly is a problem that a watch found.
type Anomaly struct {
	// Kind is "repeated allocation", "churn", "removed and held", "stalled writer", "writer rate",
	// "lapped reader", "spec conflict", "budget", "source under two names", "source down",
	// "lost buffer" or "clock set back".
	Kind string `json:"kind"`
	// Severity is "notice": it wastes resources; "warning": it will lose audio; "severe": it loses
	// audio now.
	Severity string `json:"severity"`
	// Source is the source without credentials; empty if it concerns none.
	Source string `json:"source"`
	// Evidence describes what was observed.
	Evidence string `json:"evidence"`
	// Advice describes the remedy.
	Advice string `json:"advice"`
	// Count counts the observations.
	Count uint64 `json:"count"`
	// First is the time of the first observation.
	First time.Time `json:"first_utc"`
	// Last is the time of the last observation.
	Last time.Time `json:"last_utc"`
}

// String describes the anomaly in one line.
func (a Anomaly) String() string {
	of := ""
	if a.Source != "" {
		of = a.Source + ": "
	}
	return fmt.Sprintf("%s: %s: %s%s; %s", a.Severity, a.Kind, of, a.Evidence, a.Advice)
}

// Watch monitors the registry, or its domain, and yields anomalies until the context or the loop
// ends. Reports and metrics contain them, too. The last pair has the error that ended it: the
// context's, ErrClosed, or ErrInvalidArgument for the settings.
//
// Some anomalies are found only with tracking, see [Registry.EnableAllocationTracking]. Safe for
// concurrent use. A thread of the library checks; the goroutine blocks none. Up to 1024 anomalies
// are queued; then the oldest are dropped.
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
	converted := C.capbuf_watch_settings{
		struct_size:          C.sizeof_capbuf_watch_settings,
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
	var watch *C.capbuf_watch
	var detail *C.capbuf_error
	status := C.capbuf_registry_watch(registry, &converted, &watch, &detail)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	return newHandle(unsafe.Pointer(watch), func(p unsafe.Pointer) { C.capbuf_watch_free((*C.capbuf_watch)(p)) }), nil
}

func (r *Registry) nextEvent(ctx context.Context, w *handle) (Anomaly, error) {
	for {
		if r.handle.closed.Load() {
			return Anomaly{}, ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return Anomaly{}, err
		}
		event, err := pollEvent(w)
		if !errors.Is(err, ErrTimedOut) {
			return event, err
		}
		if err := pause(ctx, longestPause); err != nil {
			return Anomaly{}, err
		}
	}
}

// pollEvent returns the next event, or ErrTimedOut.
func pollEvent(w *handle) (event Anomaly, err error) {
	watch, users := w.enter()
	if watch == nil {
		return event, ErrClosed
	}
	defer w.leave(users)
	var text *C.capbuf_text
	var detail *C.capbuf_error
	status := C.capbuf_watch_next((*C.capbuf_watch)(watch), 0, &text, &detail)
	if err := failure(status, detail); err != nil {
		return event, err
	}
	err = json.Unmarshal([]byte(takeText(text)), &event)
	return event, err
}
