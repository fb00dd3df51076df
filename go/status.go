package capbuf

// #include "calls.h"
import "C"

import "time"

// Status is the state of a buffer at one moment.
type Status struct {
	// OldestFrame is the number of the oldest readable frame.
	OldestFrame uint64
	// NewestFrame is one past the number of the newest frame; 0 before the first write.
	NewestFrame uint64
	// Oldest is the time from which spans of time have audio; zero before the first write.
	Oldest time.Time
	// Newest is the time at which the newest frame ends; zero before the first write.
	Newest time.Time
	// EpochFrame is the frame with which the newest epoch began, because a clock was set back; 0 in
	// the first epoch, or if the beginning is no longer on record.
	EpochFrame uint64
	// Epoch is the time of that frame; zero if EpochFrame is.
	Epoch time.Time
	// EpochStep is the difference of that time to the end of the frame before: negative, or 0.
	EpochStep time.Duration
	// Age is the time since the newest frame was captured; negative before the first write.
	Age time.Duration
	// Writes counts the writes since the buffer was allocated.
	Writes uint64
	// Gaps counts the gaps since the buffer was allocated.
	Gaps uint64
	// Evictions counts the reads that found frames overwritten, since the buffer was allocated.
	Evictions uint64
	// Bytes is the size of the mapped memory.
	Bytes uint64
	// TimelineAhead is the published clock minus the estimated clock of the source.
	TimelineAhead time.Duration
	// Peak is the largest magnitude in the last second, full scale being 1.0; 0 before the first
	// write.
	Peak float32
	// RMS is the root mean square of the last second.
	RMS float32
	// HasWriter reports whether a living process holds the writer.
	HasWriter bool
	// WriterPID is the process that holds the writer; 0 for none, and in a private registry.
	WriterPID int
	// Processes counts the living processes that have the buffer open; 0 in a private registry.
	Processes int
	// UnlistedProcesses counts those of Processes that the list of 128 has no room for.
	UnlistedProcesses int
	// IsRemoved reports whether the buffer was removed from its registry.
	IsRemoved bool
	// OrphanedLeft is the rest of the grace time if the recorder was killed and no other has taken
	// over: then the buffer is removed, see [WithGrace]. Otherwise negative.
	OrphanedLeft time.Duration
	// Timing is the accuracy of the time of the newest frame; zero before the first write.
	Timing Timing
}

// Status returns the state of the buffer: frames, times, levels and processes.
//
// Safe for concurrent use. Reads the last second and makes system calls. Errors: ErrClosed.
func (b *CaptureBuffer) Status() (Status, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return Status{}, ErrClosed
	}
	found := C.capbuf_buffer_status{struct_size: C.sizeof_capbuf_buffer_status}
	var detail *C.capbuf_error
	status := C.capbuf_buffer_get_status(buffer, &found, &detail)
	b.handle.leave(users)
	if err := failure(status, detail); err != nil {
		return Status{}, err
	}
	s := Status{
		OldestFrame:       uint64(found.oldest_frame),
		NewestFrame:       uint64(found.newest_frame),
		Age:               time.Duration(found.age_ns),
		Writes:            uint64(found.writes),
		Gaps:              uint64(found.gaps),
		Evictions:         uint64(found.evictions),
		Bytes:             uint64(found.bytes),
		TimelineAhead:     time.Duration(found.timeline_ahead_ns),
		Peak:              float32(found.level_peak),
		RMS:               float32(found.level_rms),
		HasWriter:         found.has_writer != 0,
		WriterPID:         int(found.writer_pid),
		Processes:         int(found.processes),
		UnlistedProcesses: int(found.unlisted_processes),
		IsRemoved:         found.is_removed != 0,
		EpochFrame:        uint64(found.epoch_frame),
		EpochStep:         time.Duration(found.epoch_step_ns),
		OrphanedLeft:      time.Duration(found.orphaned_left_ns),
		Timing:            timingFromC(found.clock, found.latency_ns, found.uncertainty_ns),
	}
	if s.EpochFrame > 0 {
		s.Epoch = fromUTC(found.epoch_utc_ns)
	}
	if s.NewestFrame > 0 {
		s.Oldest, s.Newest = fromUTC(found.oldest_utc_ns), fromUTC(found.newest_utc_ns)
	}
	return s, nil
}
