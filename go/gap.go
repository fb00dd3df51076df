package capbuf

// #include "calls.h"
import "C"

import "time"

// GapReason is why audio is missing. The numbers are the same in every language.
type GapReason uint32

const (
	// GapRequested: the writer recorded it without a reason.
	GapRequested GapReason = C.CAPBUF_GAP_REQUESTED
	// GapDetected: the capture times jumped by more than jitter explains.
	GapDetected GapReason = C.CAPBUF_GAP_DETECTED
	// GapClockStep: the wall clock was set; no audio is missing.
	GapClockStep GapReason = C.CAPBUF_GAP_CLOCK_STEP
	// GapWriterChanged: another writer acquired the buffer.
	GapWriterChanged GapReason = C.CAPBUF_GAP_WRITER_CHANGED
	// GapSourceLost: the source was lost and reopened.
	GapSourceLost GapReason = C.CAPBUF_GAP_SOURCE_LOST
	// GapOverrun: the device delivered faster than it was read.
	GapOverrun GapReason = C.CAPBUF_GAP_OVERRUN
	// GapPacketLoss: packets of a network stream were lost.
	GapPacketLoss GapReason = C.CAPBUF_GAP_PACKET_LOSS
	// GapReconfigured: the source was reopened with another configuration.
	GapReconfigured GapReason = C.CAPBUF_GAP_RECONFIGURED
)

// String returns the name of the reason: "source lost".
func (r GapReason) String() string {
	switch r {
	case GapRequested:
		return "requested"
	case GapDetected:
		return "detected"
	case GapClockStep:
		return "clock step"
	case GapWriterChanged:
		return "writer changed"
	case GapSourceLost:
		return "source lost"
	case GapOverrun:
		return "overrun"
	case GapPacketLoss:
		return "packet loss"
	case GapReconfigured:
		return "reconfigured"
	}
	return "unknown"
}

// Gap is a gap in a segment.
type Gap struct {
	// Reason is why audio is missing.
	Reason GapReason
	// FirstFrame is the number of the first frame after the gap.
	FirstFrame uint64
	// Start is the time at which the audio before the gap ends.
	Start time.Time
	// Duration is the missing time.
	Duration time.Duration
	// ClockStep is negative exactly where a new epoch begins: how far times go back, for whatever
	// reason. Positive, it is how far the wall clock was set forward, and Reason is GapClockStep.
	// Otherwise it is 0, also where the wall clock was set back but times did not go back.
	ClockStep time.Duration
	// AtFrame is the index in the segment, in frames, at which the gap begins.
	AtFrame uint64
	// SilenceFrames counts the frames of silence that fill the gap in the segment.
	SilenceFrames uint64
}

func gapFromC(gap *C.capbuf_gap) Gap {
	return Gap{
		Reason:        GapReason(gap.reason),
		FirstFrame:    uint64(gap.first_frame),
		Start:         fromUTC(gap.start_utc_ns),
		Duration:      time.Duration(gap.duration_ns),
		ClockStep:     time.Duration(gap.clock_step_ns),
		AtFrame:       uint64(gap.at_frame),
		SilenceFrames: uint64(gap.silence_frames),
	}
}
