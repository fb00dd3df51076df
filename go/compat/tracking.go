package compat

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"capbuf.dev/capbuf"
)

// mostSources is how many sources are counted one by one; further ones are counted together.
const mostSources = 1000

const furtherSources = "(further sources)"

// counts is what was seen of one source. Attempts are calls that wanted a buffer, allocations are rings: an attempt that finds a ring
// is none.
type counts struct {
	attempts, allocations, removals uint64
	// buffer is the last ring that was seen.
	buffer uint64
}

// tracker counts while it is enabled.
type tracker struct {
	enabled atomic.Bool
	mutex   sync.Mutex
	sources map[string]*counts
}

var tracking tracker

// EnableAllocationTracking begins to count attempts and allocations by source, from zero, or ends it.
func EnableAllocationTracking(enable bool) {
	tracking.mutex.Lock()
	defer tracking.mutex.Unlock()
	if enable && !tracking.enabled.Load() {
		tracking.sources = make(map[string]*counts)
	}
	tracking.enabled.Store(enable)
}

func (t *tracker) count(source string, count func(*counts)) {
	if !t.enabled.Load() {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	shown := capbuf.Redact(source)
	found, ok := t.sources[shown]
	if !ok {
		if len(t.sources) >= mostSources {
			shown = furtherSources
		}
		if found, ok = t.sources[shown]; !ok {
			found = &counts{}
			t.sources[shown] = found
		}
	}
	count(found)
}

func (t *tracker) attempt(source string) {
	t.count(source, func(c *counts) { c.attempts++ })
}

// allocated counts a ring of which it is known that it is new.
func (t *tracker) allocated(source string) {
	t.count(source, func(c *counts) { c.allocations++ })
}

// found counts a ring, if it is another one than the last.
func (t *tracker) found(source string, buffer uint64) {
	t.count(source, func(c *counts) {
		if c.buffer != buffer {
			c.buffer = buffer
			c.allocations++
		}
	})
}

func (t *tracker) removed(source string) {
	t.count(source, func(c *counts) { c.removals++ })
}

// GetAllocationReport tells, in lines of text, what is allocated now, and, if tracking is enabled, by source how often a buffer was
// wanted, made and removed. Sources are shown without credentials.
func GetAllocationReport() string {
	var report strings.Builder
	live(&report)
	if !tracking.enabled.Load() {
		report.WriteString("allocation tracking is off\n")
		return report.String()
	}
	tracking.mutex.Lock()
	defer tracking.mutex.Unlock()
	sources := make([]string, 0, len(tracking.sources))
	for source := range tracking.sources {
		sources = append(sources, source)
	}
	slices.Sort(sources)
	fmt.Fprintf(&report, "since tracking began: %d sources\n", len(sources))
	for _, source := range sources {
		c := tracking.sources[source]
		fmt.Fprintf(&report, "  %s: attempts %d, allocations %d, removals %d\n", source, c.attempts, c.allocations, c.removals)
	}
	return report.String()
}

func live(report *strings.Builder) {
	s, err := buffers()
	if err != nil {
		fmt.Fprintf(report, "live buffers: %v\n", err)
		return
	}
	found, err := s.registry.Buffers()
	if err != nil {
		fmt.Fprintf(report, "live buffers: %v\n", err)
		return
	}
	fmt.Fprintf(report, "live buffers: %d\n", len(found))
	for _, buffer := range found {
		spec := buffer.Spec()
		bytes := spec.LengthFrames * uint64(spec.FrameBytes())
		fmt.Fprintf(report, "  %s: %v, %.2f MB\n", capbuf.Redact(buffer.Source()), spec, float64(bytes)/1e6)
		buffer.Close()
	}
}
