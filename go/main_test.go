package capbuf

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain also runs the other processes of the tests in this binary: see otherProcess.
func TestMain(m *testing.M) {
	if role := os.Getenv("CAPBUF_TEST_ROLE"); role != "" {
		os.Exit(playRole(role))
	}
	// A test that names no folder must not use the user's domains.
	folder, err := os.MkdirTemp("/dev/shm", "capbuf-go-test-")
	if err != nil {
		panic(err)
	}
	os.Setenv("CAPBUF_DIR", folder)
	os.Unsetenv("CAPBUF_DOMAIN")
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// hangTimeout fails a test that would hang. No test depends on how fast anything is.
const hangTimeout = time.Minute

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangTimeout)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a condition.
func until(t testing.TB, condition string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(hangTimeout); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting until %s", condition)
		}
	}
}

var stacks []byte

// waiters counts the goroutines that wait for audio.
func waiters() int {
	if stacks == nil {
		stacks = make([]byte, 8<<20)
	}
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("capbuf.pause("))
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func wantError(t testing.TB, err, kind error) *Error {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("want %v, got %v", kind, err)
	}
	var detail *Error
	errors.As(err, &detail)
	return detail
}

func private(t testing.TB) *Registry {
	t.Helper()
	r := must(Private())(t)
	t.Cleanup(func() { r.Close() })
	return r
}

// spec16 is a second of 8 kHz mono.
var spec16 = Spec{Duration: time.Second, SampleRateHz: 8000, Channels: 1, Format: S16}

func allocated(t testing.TB, r *Registry, source string, spec Spec) *CaptureBuffer {
	t.Helper()
	b := must(r.GetOrAllocate(source, spec))(t)
	t.Cleanup(func() { b.Close() })
	return b
}

func writerOf(t testing.TB, b *CaptureBuffer) *Writer {
	t.Helper()
	w := must(b.Writer())(t)
	t.Cleanup(func() { w.Close() })
	return w
}

// ramp is a signal whose samples identify their frame numbers.
func ramp(first uint64, count int) []int16 {
	samples := make([]int16, count)
	for i := range samples {
		samples[i] = int16((first + uint64(i)) * 40503)
	}
	return samples
}

func wantRamp(t testing.TB, samples []int16, first uint64) {
	t.Helper()
	for i, sample := range samples {
		if want := int16((first + uint64(i)) * 40503); sample != want {
			t.Fatalf("frame %d is %d, want %d", first+uint64(i), sample, want)
		}
	}
}
