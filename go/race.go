//go:build race

package capbuf

import (
	"runtime"
	"unsafe"
)

// What C does with a caller's memory the race detector does not see; so it is told.

// raceRead tells that so many bytes were read.
func raceRead(first unsafe.Pointer, bytes int) {
	if bytes > 0 {
		runtime.RaceReadRange(first, bytes)
	}
}

// raceWrite tells that so many bytes were written.
func raceWrite(first unsafe.Pointer, bytes int) {
	if bytes > 0 {
		runtime.RaceWriteRange(first, bytes)
	}
}
