package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_capture_start
// #cgo noescape capbuf_go_capture_buffer
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// CaptureOptions says what is asked of a capture beside its source. The zero value is the default.
type CaptureOptions struct {
	// Duration is how much audio the buffer keeps; 0: 60 seconds.
	Duration time.Duration
	// SampleRateHz is frames a second; 0: the source's own.
	SampleRateHz int
	// Channels is samples a frame; 0: the source's own.
	Channels int
	// Format is how a sample is stored; 0: the source's own.
	Format SampleFormat
	// Lifetime is how long the buffer stays in its domain.
	Lifetime Lifetime
	// OpenDeadline is how long an opening may take; 0: twenty seconds, or until the context's deadline if that is before.
	OpenDeadline time.Duration
	// GainDB is how many dB louder, -100 to 100; what is too loud then is held to full scale.
	GainDB float32
	// Mix is which channels of the source.
	Mix Mix
	// RetryAfter is how long to wait before a lost source is opened again: so long first, then longer and longer; 0: half a second.
	// RetryAtMostAfter is the longest of these delays; 0: thirty seconds.
	RetryAfter, RetryAtMostAfter time.Duration
	// GiveUpAfter is after how many failures in a row a source is tried less often, until it has run for ten seconds; 0: 10.
	GiveUpAfter int
	// ThenRetryEvery is how often then; 0: each minute.
	ThenRetryEvery time.Duration
	// NothingFor is after how long without a frame a source is closed and opened again; 0: fifteen seconds.
	NothingFor time.Duration
	// SilenceFor is the same for one whose samples are all zero, which those of a microphone never are; 0: silence is no fault.
	SilenceFor time.Duration
}

// Mix says which channels of a source become those of its buffer.
type Mix uint32

const (
	// MixAuto: all as they are; or, where another number is asked for and the source has no other, all of them averaged into one, or
	// the only one in each.
	MixAuto Mix = C.CAPBUF_MIX_AUTO
	// MixAverage: the average of all.
	MixAverage Mix = C.CAPBUF_MIX_AVERAGE
)

// MixChannel is one channel alone, counted from 0. A source that does not have it can't be opened.
func MixChannel(number uint16) Mix {
	return Mix(C.CAPBUF_MIX_CHANNEL) + Mix(number)
}

// CaptureState says what a capture is doing.
type CaptureState uint32

const (
	// CaptureStarting: being opened again.
	CaptureStarting CaptureState = C.CAPBUF_STATE_STARTING
	// CaptureRunning: audio flows.
	CaptureRunning CaptureState = C.CAPBUF_STATE_RUNNING
	// CaptureBackingOff: the source was lost; it will be opened again.
	CaptureBackingOff CaptureState = C.CAPBUF_STATE_BACKING_OFF
	// CaptureFinished: the source has ended, as a file does.
	CaptureFinished CaptureState = C.CAPBUF_STATE_FINISHED
	// CaptureFailed: it failed for good.
	CaptureFailed CaptureState = C.CAPBUF_STATE_FAILED
	// CaptureStopped: it was stopped.
	CaptureStopped CaptureState = C.CAPBUF_STATE_STOPPED
	// CaptureIdle: nothing was begun.
	CaptureIdle CaptureState = C.CAPBUF_STATE_IDLE
	// CaptureStalled: what comes is nothing, or not what it should be; the source is being closed, to be opened again.
	CaptureStalled CaptureState = C.CAPBUF_STATE_STALLED
	// CaptureCircuitOpen: the source has failed at once so often that it is tried now and then only.
	CaptureCircuitOpen CaptureState = C.CAPBUF_STATE_CIRCUIT_OPEN
)

// Capture is a source that is captured into its buffer, on a thread of the library's. It goes on until it is stopped, and opens a source
// again that was lost.
type Capture struct {
	handle *handle
	ended  chan struct{}
}

// StartCapture opens a source (device:default, rtsp://..., file:..., tone:440), allocates its buffer or takes the one it has, and begins to
// capture. It returns when the source delivers, or fails to.
//
// When the context ends before, it returns at once, and what was being opened is stopped. After that the context has no meaning for the
// capture. Any goroutine. Errors: ErrCaptureFailed with the reason; ErrWriterBusy; those of [Registry.GetOrAllocate]; the context's.
func StartCapture(ctx context.Context, registry *Registry, source string, options CaptureOptions) (*Capture, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if registry == nil {
		return nil, invalid("the registry is nil; allowed: one that was opened")
	}
	asked, err := options.toC(ctx)
	if err != nil {
		return nil, err
	}
	pointer, users := registry.enter()
	if pointer == nil {
		return nil, ErrClosed
	}
	type started struct {
		capture *Capture
		err     error
	}
	done := make(chan started)
	callers := registry.callers()
	go func() {
		var outcome C.capbuf_go_outcome
		if callers != nil {
			outcome = callers.ask(C.CAPBUF_GO_CAPTURE, pointer, source, unsafe.Pointer(&asked))
		} else {
			name, size := text(source)
			outcome = C.capbuf_go_capture_start(pointer, name, size, &asked)
		}
		registry.handle.leave(users)
		capture, err := newCapture(outcome)
		select {
		case done <- started{capture, err}:
		case <-ctx.Done():
			if capture != nil {
				capture.Stop()
			}
		}
	}()
	select {
	case s := <-done:
		return s.capture, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (o CaptureOptions) toC(ctx context.Context) (C.capbuf_capture_options, error) {
	asked := C.capbuf_capture_options{
		struct_size:   C.sizeof_capbuf_capture_options,
		seconds:       C.double(o.Duration.Seconds()),
		sample_format: C.capbuf_sample_format(o.Format),
		lifetime:      C.uint32_t(o.Lifetime),
		gain_db:       C.float(o.GainDB),
		mix:           C.uint32_t(min(o.Mix, C.CAPBUF_MIX_CHANNEL)),

		then_retry_every_ns:    C.int64_t(o.ThenRetryEvery),
		retry_after_ns:         C.int64_t(o.RetryAfter),
		retry_at_most_after_ns: C.int64_t(o.RetryAtMostAfter),
		nothing_for_ns:         C.int64_t(o.NothingFor),
		silence_for_ns:         C.int64_t(o.SilenceFor),
	}
	if o.Mix >= C.CAPBUF_MIX_CHANNEL {
		asked.mix_channel = C.uint32_t(o.Mix - C.CAPBUF_MIX_CHANNEL)
	}
	var err error
	if asked.give_up_after, err = count("the number of failures to give up after", o.GiveUpAfter); err != nil {
		return asked, err
	}
	if asked.sample_rate_hz, err = count("the sample rate in Hz", o.SampleRateHz); err != nil {
		return asked, err
	}
	if asked.channels, err = count("the number of channels", o.Channels); err != nil {
		return asked, err
	}
	deadline := o.OpenDeadline
	if at, ok := ctx.Deadline(); ok && deadline == 0 {
		deadline = min(max(time.Until(at), time.Millisecond), 20*time.Second)
	}
	asked.open_deadline_ns = C.int64_t(deadline)
	return asked, nil
}

func newCapture(outcome C.capbuf_go_outcome) (*Capture, error) {
	if err := failure(outcome); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	h := newHandle(outcome.handle, func(p unsafe.Pointer) {
		C.capbuf_capture_free((*C.capbuf_capture)(p))
		close(ended)
	})
	c := &Capture{h, ended}
	// Stopping may take seconds, and other cleanups are not to wait for it.
	runtime.AddCleanup(c, func(h *handle) { go h.close() }, h)
	return c, nil
}

func (c *Capture) enter() (*C.capbuf_capture, *stripe) {
	pointer, users := c.handle.enter()
	return (*C.capbuf_capture)(pointer), users
}

// Buffer gives a handle on the buffer that is fed. Each call gives one of its own, to close.
//
// Any goroutine. Allocates. Errors: ErrClosed after it was stopped.
func (c *Capture) Buffer() (*CaptureBuffer, error) {
	capture, users := c.enter()
	if capture == nil {
		return nil, ErrClosed
	}
	var spec C.capbuf_spec
	outcome := C.capbuf_go_capture_buffer(capture, &spec)
	c.handle.leave(users)
	b, err := newBuffer(outcome, "", &spec)
	if err == nil {
		b.source, err = b.told()
	}
	return b, err
}

// State tells what the capture is doing, and in words with the reason.
//
// Any goroutine. Stale at once.
func (c *Capture) State() (CaptureState, string) {
	capture, users := c.enter()
	if capture == nil {
		return CaptureStopped, "stopped"
	}
	defer c.handle.leave(users)
	var state CaptureState
	words, err := told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
		outcome := C.capbuf_go_capture_state(capture, out, size)
		state = CaptureState(outcome.second)
		return outcome
	})
	if err != nil {
		words = err.Error()
	}
	return state, words
}

// Stop stops the capture and waits for it, five seconds at most. The buffer stays. Stopping again is nothing.
func (c *Capture) Stop() error {
	if c.ended == nil {
		return nil // The zero value: it was never started.
	}
	c.handle.close()
	<-c.ended
	return nil
}
