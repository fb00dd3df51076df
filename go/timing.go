package capbuf

// #include "calls.h"
import "C"

import "time"

// ClockSource is the clock that gave frames their times. The numbers are the same in every
// language.
type ClockSource uint32

const (
	// ClockDevice: the capture times that a device, or the program that writes, passed.
	ClockDevice ClockSource = C.CAPBUF_CLOCK_DEVICE
	// ClockSender: the clock of a stream's sender, as its reports say.
	ClockSender ClockSource = C.CAPBUF_CLOCK_SENDER
	// ClockArrival: the times of arrival. A delay that all chunks share cannot be seen in them.
	ClockArrival ClockSource = C.CAPBUF_CLOCK_ARRIVAL
	// ClockFile: a file played in real time.
	ClockFile ClockSource = C.CAPBUF_CLOCK_FILE
)

// String returns the name of the clock: "arrival".
func (c ClockSource) String() string {
	switch c {
	case ClockDevice:
		return "device"
	case ClockSender:
		return "sender"
	case ClockArrival:
		return "arrival"
	case ClockFile:
		return "file"
	}
	return "unknown"
}

// Timing is the accuracy of times: of a span, the clock and latency of its first frame, and the
// largest uncertainty of all.
type Timing struct {
	// Clock is the clock that gave the times; 0 before the first write.
	Clock ClockSource
	// Latency is the constant delay that was taken off.
	Latency time.Duration
	// Uncertainty bounds the error. The delay that all arrivals share is not in it.
	Uncertainty time.Duration
}

func timingFromC(clock C.uint32_t, latency, uncertainty C.int64_t) Timing {
	return Timing{ClockSource(clock), time.Duration(latency), time.Duration(uncertainty)}
}
