package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_buffer_status
import "C"

import "time"

// Status is everything there is to see of a buffer at one moment.
type Status struct {
	// OldestFrame is the oldest frame that can be read.
	OldestFrame uint64
	// NewestFrame is one past the newest frame; 0 before the first write.
	NewestFrame uint64
	// Oldest is when the oldest frame begins; zero before the first write.
	Oldest time.Time
	// Newest is when the newest frame ends; zero before the first write.
	Newest time.Time
	// Age is how long ago the newest frame was captured; negative before the first write.
	Age time.Duration
	// Writes counts the writes, ever.
	Writes uint64
	// Gaps counts the gaps recorded, ever.
	Gaps uint64
	// Evictions counts the reads that came too late for some of their frames, ever.
	Evictions uint64
	// Bytes is what is mapped for it.
	Bytes uint64
	// TimelineAhead is how far the times told are ahead of what the writer believes.
	TimelineAhead time.Duration
	// Peak is the largest magnitude of the last second, full scale being 1.0; 0 before the first write.
	Peak float32
	// RMS is the root of the mean square of the last second.
	RMS float32
	// HasWriter tells whether somebody who lives holds the writer.
	HasWriter bool
	// WriterPID is the process that holds the writer; 0 if nobody does, or in a private registry.
	WriterPID int
	// Processes is how many living processes have it open; 0 in a private registry.
	Processes int
	// IsRemoved tells whether it was removed from its registry.
	IsRemoved bool
}

// Status looks at everything at once: how full, how old, how loud, whose.
//
// Any goroutine. Reads the last second and makes system calls. Errors: ErrClosed.
func (b *CaptureBuffer) Status() (Status, error) {
	buffer, users := b.enter()
	if buffer == nil {
		return Status{}, ErrClosed
	}
	var status C.capbuf_buffer_status
	outcome := C.capbuf_go_buffer_status(buffer, &status)
	b.handle.leave(users)
	if err := failure(outcome); err != nil {
		return Status{}, err
	}
	s := Status{
		OldestFrame:   uint64(status.oldest_frame),
		NewestFrame:   uint64(status.newest_frame),
		Age:           time.Duration(status.age_ns),
		Writes:        uint64(status.writes),
		Gaps:          uint64(status.gaps),
		Evictions:     uint64(status.evictions),
		Bytes:         uint64(status.bytes),
		TimelineAhead: time.Duration(status.timeline_ahead_ns),
		Peak:          float32(status.level_peak),
		RMS:           float32(status.level_rms),
		HasWriter:     status.has_writer != 0,
		WriterPID:     int(status.writer_pid),
		Processes:     int(status.processes),
		IsRemoved:     status.is_removed != 0,
	}
	if s.NewestFrame > 0 {
		s.Oldest, s.Newest = fromUTC(status.oldest_utc_ns), fromUTC(status.newest_utc_ns)
	}
	return s, nil
}
