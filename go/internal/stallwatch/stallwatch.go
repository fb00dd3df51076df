// Package stallwatch detects when the machine stops running a thread for a while. A test of a
// real-time source accepts a gap only if the machine stalled.
package stallwatch

import (
	"runtime"
	"sync/atomic"
	"time"
)

// longestPause is the longest time between two looks at the clock that is not a stall. Audio
// sources bridge longer ones.
const longestPause = 20 * time.Millisecond

// Watch looks at the monotonic clock on a thread of its own.
type Watch struct {
	stalls  atomic.Int64
	stop    chan struct{}
	stopped chan struct{}
}

// Start starts a watch, which Stop ends.
func Start() *Watch {
	w := &Watch{stop: make(chan struct{}), stopped: make(chan struct{})}
	go w.run()
	return w
}

func (w *Watch) run() {
	defer close(w.stopped)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for last := time.Now(); ; {
		select {
		case <-w.stop:
			return
		case <-time.After(time.Millisecond):
		}
		now := time.Now()
		if now.Sub(last) > longestPause {
			w.stalls.Add(1)
		}
		last = now
	}
}

// Count returns the number of stalls so far.
func (w *Watch) Count() int64 {
	return w.stalls.Load()
}

// Stop ends the watch.
func (w *Watch) Stop() {
	close(w.stop)
	<-w.stopped
}
