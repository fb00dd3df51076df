//go:build race

package capbuf

import (
	"runtime"
	"unsafe"
)

// The race detector does not see C access the caller's memory. These functions report the accesses.

func raceRead(first unsafe.Pointer, bytes int) {
	if bytes > 0 {
		runtime.RaceReadRange(first, bytes)
	}
}

func raceWrite(first unsafe.Pointer, bytes int) {
	if bytes > 0 {
		runtime.RaceWriteRange(first, bytes)
	}
}
