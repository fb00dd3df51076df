package capbuf

// #include "calls.h"
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// CaptureOptions configures a capture. The zero value is the default.
type CaptureOptions struct {
	// Duration is the length of the buffer; 0: 60 seconds.
	Duration time.Duration
	// SampleRateHz is the number of frames per second; 0: the source's own.
	SampleRateHz int
	// Channels is the number of samples per frame; 0: the source's own.
	Channels int
	// Format is the format of a sample; 0: the source's own.
	Format SampleFormat
	// Lifetime is how long the buffer stays in its domain.
	Lifetime Lifetime
	// OpenDeadline limits the time to open the source; 0: twenty seconds, or until the context's
	// deadline if that is earlier.
	OpenDeadline time.Duration
	// GainDB is the gain in dB, -100 to 100. Samples are clipped at full scale.
	GainDB float32
	// Mix selects the channels of the source.
	Mix Mix
	// RetryAfter is the first delay before a lost source is reopened; the delay grows; 0: half a
	// second.
	RetryAfter time.Duration
	// RetryAtMostAfter is the longest such delay; 0: thirty seconds.
	RetryAtMostAfter time.Duration
	// GiveUpAfter is the number of consecutive failures after which a source is retried at the
	// interval ThenRetryEvery, until it has run for ten seconds; 0: 10.
	GiveUpAfter int
	// ThenRetryEvery is that interval; 0: a minute.
	ThenRetryEvery time.Duration
	// NothingFor is the time without a frame after which a source is reopened; 0: fifteen seconds.
	NothingFor time.Duration
	// SilenceFor is the time with zero samples only after which a source is reopened: a microphone
	// never delivers that; 0: never.
	SilenceFor time.Duration
	// WrongRate is what becomes of a source whose frames come faster or slower than it says.
	WrongRate WrongRate
	// Latency is the constant delay of the source, which is taken off all its times: that of a
	// codec, a server or a converter. At most 60 seconds; negative if times are early.
	Latency time.Duration
}

// WrongRate is what becomes of a source whose frames come faster or slower than it says.
type WrongRate uint32

const (
	// WrongRateRefuse: it is closed, and reopened after the delays of a source that fails.
	WrongRateRefuse WrongRate = C.CAPBUF_WRONG_RATE_REFUSE
	// WrongRateCorrect: it is reopened, and its frames are taken to come at the measured rate from
	// then on.
	WrongRateCorrect WrongRate = C.CAPBUF_WRONG_RATE_CORRECT
)

// Mix selects which channels of a source are recorded.
type Mix uint32

const (
	// MixAuto: all channels. If another number is requested and the source cannot deliver it, their
	// average, or the only one duplicated.
	MixAuto Mix = C.CAPBUF_MIX_AUTO
	// MixAverage: the average of all channels.
	MixAverage Mix = C.CAPBUF_MIX_AVERAGE
)

// MixChannel selects one channel, counted from 0. Opening a source that does not have it fails.
func MixChannel(number uint16) Mix {
	return Mix(C.CAPBUF_MIX_CHANNEL) + Mix(number)
}

// CaptureState is what a capture is doing.
type CaptureState uint32

const (
	// CaptureStarting: the source is being opened.
	CaptureStarting CaptureState = C.CAPBUF_STATE_STARTING
	// CaptureRunning: the source delivers audio.
	CaptureRunning CaptureState = C.CAPBUF_STATE_RUNNING
	// CaptureBackingOff: the source was lost and will be reopened.
	CaptureBackingOff CaptureState = C.CAPBUF_STATE_BACKING_OFF
	// CaptureFinished: the source ended, as a file does.
	CaptureFinished CaptureState = C.CAPBUF_STATE_FINISHED
	// CaptureFailed: the source failed and will not be reopened.
	CaptureFailed CaptureState = C.CAPBUF_STATE_FAILED
	// CaptureStopped: the capture was stopped.
	CaptureStopped CaptureState = C.CAPBUF_STATE_STOPPED
	// CaptureIdle: the capture was not started.
	CaptureIdle CaptureState = C.CAPBUF_STATE_IDLE
	// CaptureStalled: the source delivers nothing, or invalid audio, and is being closed to reopen
	// it.
	CaptureStalled CaptureState = C.CAPBUF_STATE_STALLED
	// CaptureCircuitOpen: the source failed so often that it is retried at long intervals only.
	CaptureCircuitOpen CaptureState = C.CAPBUF_STATE_CIRCUIT_OPEN
)

// Capture records a source into its buffer, on a thread of the library, until it is stopped. It
// reopens a lost source.
type Capture struct {
	handle *handle
	ended  chan struct{}
}

// StartCapture opens a source (device:default, rtsp://..., file:..., tone:440), allocates its
// buffer or uses the existing one, and starts recording. It returns when the source delivers audio
// or has failed. Options of a stream follow a # in its URL, as in rtsp://camera/x#audio=1&transport=udp;
// also tls=insecure and ca=PATH.
//
// If the context ends before, StartCapture returns at once and the capture is stopped. Later, the
// context has no effect on the capture. Safe for concurrent use. Errors: ErrCaptureFailed with the
// reason; ErrWriterBusy; those of [Registry.GetOrAllocate]; the context's.
func StartCapture(ctx context.Context, registry *Registry, source string, options CaptureOptions) (*Capture, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if registry == nil {
		return nil, invalid("the registry is nil; allowed: one that was opened")
	}
	requested, err := options.toC(ctx)
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
	stack := registry.callStack()
	go func() {
		capture, err := startCapture(pointer, source, requested, stack)
		registry.handle.leave(users)
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

// startCapture blocks until the source delivers audio or has failed.
func startCapture(registry *C.capbuf_registry, source string, options C.capbuf_capture_options, stack *callStack) (*Capture, error) {
	var capture *C.capbuf_capture
	var err error
	if stack != nil {
		capture, err = stack.startCapture(registry, source, &options)
	} else {
		name, size := text(source)
		var detail *C.capbuf_error
		status := C.capbuf_capture_start(registry, name, size, &options, &capture, &detail)
		err = failure(status, detail)
	}
	if err != nil {
		return nil, err
	}
	return newCapture(capture), nil
}

func (o CaptureOptions) toC(ctx context.Context) (C.capbuf_capture_options, error) {
	converted := C.capbuf_capture_options{
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
		wrong_rate:             C.uint32_t(o.WrongRate),
		latency_ns:             C.int64_t(o.Latency),
	}
	if o.Mix >= C.CAPBUF_MIX_CHANNEL {
		converted.mix_channel = C.uint32_t(o.Mix - C.CAPBUF_MIX_CHANNEL)
	}
	var err error
	if converted.give_up_after, err = toUint32("the number of failures to give up after", o.GiveUpAfter); err != nil {
		return converted, err
	}
	if converted.sample_rate_hz, err = toUint32("the sample rate in Hz", o.SampleRateHz); err != nil {
		return converted, err
	}
	if converted.channels, err = toUint32("the number of channels", o.Channels); err != nil {
		return converted, err
	}
	deadline := o.OpenDeadline
	if at, ok := ctx.Deadline(); ok && deadline == 0 {
		deadline = min(max(time.Until(at), time.Millisecond), 20*time.Second)
	}
	converted.open_deadline_ns = C.int64_t(deadline)
	return converted, nil
}

// newCapture takes ownership of the C handle.
func newCapture(capture *C.capbuf_capture) *Capture {
	ended := make(chan struct{})
	h := newHandle(unsafe.Pointer(capture), func(p unsafe.Pointer) {
		C.capbuf_capture_free((*C.capbuf_capture)(p))
		close(ended)
	})
	c := &Capture{h, ended}
	// Stopping can take seconds and must not delay other cleanups.
	runtime.AddCleanup(c, func(h *handle) { go h.close() }, h)
	return c
}

func (c *Capture) enter() (*C.capbuf_capture, *stripe) {
	pointer, users := c.handle.enter()
	return (*C.capbuf_capture)(pointer), users
}

// Buffer returns a new handle on the recorded buffer, which the caller closes.
//
// Safe for concurrent use. Allocates. Errors: ErrClosed after the capture was stopped.
func (c *Capture) Buffer() (*CaptureBuffer, error) {
	capture, users := c.enter()
	if capture == nil {
		return nil, ErrClosed
	}
	var buffer *C.capbuf_buffer
	var detail *C.capbuf_error
	status := C.capbuf_capture_buffer(capture, &buffer, &detail)
	c.handle.leave(users)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	return describeWithSource(buffer)
}

// State returns the current state of the capture, and describes it with the reason.
//
// Safe for concurrent use.
func (c *Capture) State() (CaptureState, string) {
	capture, users := c.enter()
	if capture == nil {
		return CaptureStopped, "stopped"
	}
	defer c.handle.leave(users)
	var state C.uint32_t
	words, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_capture_state(capture, &state, out.bytes, out.size, &out.length, &out.detail)
	})
	if err != nil {
		words = err.Error()
	}
	return CaptureState(state), words
}

// Stop stops the capture and waits for it, five seconds at most. The buffer stays. Further calls do
// nothing.
func (c *Capture) Stop() error {
	if c.ended == nil {
		return nil // The zero value.
	}
	c.handle.close()
	<-c.ended
	return nil
}
