package capbuf

// #include "calls.h"
import "C"

import "time"

// GapReason says why audio is missing. The numbers are the same in every language.
type GapReason uint32

const (
	// GapRequested: the writer said so without giving a reason.
	GapRequested GapReason = C.CAPBUF_GAP_REQUESTED
	// GapDetected: the capture times jumped by more than jitter explains.
	GapDetected GapReason = C.CAPBUF_GAP_DETECTED
	// GapClockStep: the machine's wall clock was set; no audio is missing.
	GapClockStep GapReason = C.CAPBUF_GAP_CLOCK_STEP
	// GapWriterChanged: another writer took the buffer over.
	GapWriterChanged GapReason = C.CAPBUF_GAP_WRITER_CHANGED
	// GapSourceLost: the source was lost and came back.
	GapSourceLost GapReason = C.CAPBUF_GAP_SOURCE_LOST
	// GapOverrun: the device delivered faster than it was read.
	GapOverrun GapReason = C.CAPBUF_GAP_OVERRUN
	// GapPacketLoss: packets of a network stream did not arrive.
	GapPacketLoss GapReason = C.CAPBUF_GAP_PACKET_LOSS
	// GapReconfigured: what is recorded was configured anew; its source was closed, and opened again.
	GapReconfigured GapReason = C.CAPBUF_GAP_RECONFIGURED
)

// String names the reason: "source lost".
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

// Gap is a gap inside a segment.
type Gap struct {
	// Reason is why there is one.
	Reason GapReason
	// FirstFrame is the number of the first frame after it.
	FirstFrame uint64
	// Start is where the audio before it ends.
	Start time.Time
	// Duration is how much time is missing.
	Duration time.Duration
	// ClockStep is how far the wall clock was set; 0 for all reasons but GapClockStep.
	ClockStep time.Duration
	// AtFrame is the frame of the segment at which it begins.
	AtFrame uint64
	// SilenceFrames is how many frames of silence stand for it in the segment.
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
