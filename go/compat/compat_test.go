package compat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"capbuf.dev/capbuf"
)

// fresh gives each test buffers of its own, and counts from zero.
func fresh(t testing.TB) *capbuf.Registry {
	t.Helper()
	registry, err := capbuf.Private()
	if err != nil {
		t.Fatal(err)
	}
	UseRegistry(registry)
	EnableAllocationTracking(false)
	EnableAllocationTracking(true)
	t.Cleanup(func() {
		UseRegistry(registry)
		registry.Close()
		EnableAllocationTracking(false)
	})
	return registry
}

func rings(t testing.TB, registry *capbuf.Registry) (allocated, alive uint64) {
	t.Helper()
	stats, err := registry.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return stats.RingsAllocated, stats.RingsMapped - stats.RingsUnmapped
}

// wantReport waits for words in the report: the helper that commits memory ahead may hold a ring for a moment.
func wantReport(t testing.TB, words string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		report := GetAllocationReport()
		if strings.Contains(report, words) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", words, report)
		}
	}
}

func TestCaptureBufferSingleAllocation(t *testing.T) {
	registry := fresh(t)
	// The paths by which one source is initialised.
	if err := InitCaptureBuffers(60, 48000, 2, []string{"mic"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := AllocateCaptureBufferIfNeeded(60, 48000, 2, "mic"); err != nil {
			t.Fatal(err)
		}
	}
	if err := AllocateCaptureBuffer(60, 48000, 2, "mic"); !errors.Is(err, capbuf.ErrAlreadyExists) {
		t.Errorf("allocated twice: %v", err)
	}
	if err := AllocateCaptureBufferIfNeeded(60, 44100, 2, "mic"); !errors.Is(err, capbuf.ErrSpecMismatch) {
		t.Errorf("another shape: %v", err)
	}
	if allocated, alive := rings(t, registry); allocated != 1 || alive != 1 {
		t.Errorf("%d rings were made, %d are alive", allocated, alive)
	}
	wantReport(t, "attempts 6, allocations 1, live buffers 1 (5.76 MB of audio")
	wantReport(t, "mic: attempts 6, allocations 1, live 1, 5.76 MB")
	// Where it was asked for is where this was called, not where this package calls.
	if report := GetAllocationReport(); !strings.Contains(report, "compat_test.go:") || strings.Contains(report, "buffers.go:") {
		t.Error(report)
	}
}

func TestCaptureBufferReconnection(t *testing.T) {
	registry := fresh(t)
	const camera = "rtsp://admin:hunter2@10.0.0.7/stream"
	for connection := range 5 {
		if err := AllocateCaptureBufferIfNeeded(10, 8000, 2, camera); err != nil {
			t.Fatal(err)
		}
		if err := WriteToCaptureBuffer(camera, bytes.Repeat([]byte{byte(connection), 0}, 8000)); err != nil {
			t.Fatal(err)
		}
	}
	if allocated, _ := rings(t, registry); allocated != 1 {
		t.Errorf("%d rings were made", allocated)
	}
	// The audio of all connections is in one ring.
	buffer, err := registry.Get(camera)
	if err != nil {
		t.Fatal(err)
	}
	defer buffer.Close()
	if _, newest, err := buffer.Frames(); newest != 5*8000 || err != nil {
		t.Errorf("%d frames, %v", newest, err)
	}
	wantReport(t, "rtsp://***@10.0.0.7/stream: attempts 5, allocations 1, live 1")
	if strings.Contains(GetAllocationReport(), "hunter2") {
		t.Error("the report shows the password")
	}
}

func TestCaptureBufferCleanup(t *testing.T) {
	registry := fresh(t)
	const sources = 4
	for round := range 3 {
		for i := range sources {
			source := fmt.Sprintf("mic-%d", i)
			if err := AllocateCaptureBuffer(10, 8000, 2, source); err != nil {
				t.Fatal(err)
			}
			if err := WriteToCaptureBuffer(source, make([]byte, 1600)); err != nil {
				t.Fatal(err)
			}
			if err := RemoveCaptureBuffer(source); err != nil {
				t.Fatal(err)
			}
			if HasCaptureBuffer(source) {
				t.Errorf("%s is still there", source)
			}
			if err := RemoveCaptureBuffer(source); !errors.Is(err, capbuf.ErrNotFound) {
				t.Errorf("removed twice: %v", err)
			}
			if err := WriteToCaptureBuffer(source, nil); !errors.Is(err, capbuf.ErrNotFound) {
				t.Errorf("written after it was removed: %v", err)
			}
		}
		if allocated, _ := rings(t, registry); allocated != uint64(sources*(round+1)) {
			t.Errorf("%d rings were made", allocated)
		}
		// The helper that commits memory ahead may hold one for a moment.
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			_, alive := rings(t, registry)
			if alive == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%d rings are still alive", alive)
			}
		}
	}
	wantReport(t, "mic-0: attempts 3, allocations 3, live 0")
	wantReport(t, "removed 12, last handle ended 12")
	wantReport(t, "live buffers 0")
}

func TestConcurrentBufferAllocation(t *testing.T) {
	registry := fresh(t)
	const rounds, racers = 50, 10
	for round := range rounds {
		source := fmt.Sprintf("mic-%d", round)
		var begin, done sync.WaitGroup
		begin.Add(1)
		for range racers {
			done.Add(1)
			go func() {
				defer done.Done()
				begin.Wait()
				if err := AllocateCaptureBufferIfNeeded(1, 8000, 2, source); err != nil {
					t.Error(err)
				}
				if err := WriteToCaptureBuffer(source, []byte{1, 0}); err != nil {
					t.Error(err)
				}
			}()
		}
		begin.Done()
		done.Wait()
	}
	if allocated, alive := rings(t, registry); allocated != rounds || alive != rounds {
		t.Errorf("%d rings were made and %d are alive for %d sources", allocated, alive, rounds)
	}
	wantReport(t, fmt.Sprintf("mic-0: attempts %d, allocations 1, live 1", racers))
}

func TestRemovingUnderWritersAndReadersEndsNobodyWrongly(t *testing.T) {
	fresh(t)
	var done sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		done.Add(2)
		go func() {
			defer done.Done()
			for !ended(stop) {
				if err := WriteToCaptureBuffer("mic", make([]byte, 160)); err != nil && !expected(err) {
					t.Error(err)
				}
			}
		}()
		go func() {
			defer done.Done()
			for !ended(stop) {
				_, err := ReadSegmentFromCaptureBuffer("mic", time.Now().Add(-time.Hour), 1)
				if err != nil && !expected(err) {
					t.Error(err)
				}
			}
		}()
	}
	for range 100 {
		if err := AllocateCaptureBufferIfNeeded(2, 8000, 2, "mic"); err != nil {
			t.Error(err)
		}
		// A read of a buffer without audio waits; this one has some.
		if err := WriteToCaptureBuffer("mic", make([]byte, 160)); err != nil {
			t.Error(err)
		}
		runtime.Gosched()
		if err := RemoveCaptureBuffer("mic"); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	done.Wait()
}

func ended(stop chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// expected is what may happen to who uses a buffer that is removed: it is not there, or goes meanwhile.
func expected(err error) bool {
	for _, kind := range []error{capbuf.ErrNotFound, capbuf.ErrEvicted, capbuf.ErrRemoved, capbuf.ErrClosed} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func TestASegmentIsOfTheTimeThatWasAskedFor(t *testing.T) {
	fresh(t)
	if err := AllocateCaptureBuffer(120, 1000, 2, "mic"); err != nil {
		t.Fatal(err)
	}
	samples := make([]byte, 0, 120000)
	for i := range 60000 {
		samples = append(samples, byte(i), byte(i>>8))
	}
	before := time.Now()
	if err := WriteToCaptureBuffer("mic", samples); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	// They arrived between the two: they are the last minute.
	segment, err := ReadSegmentFromCaptureBuffer("mic", before.Add(-2*time.Second), 1)
	if err != nil {
		t.Fatal(err)
	}
	first, earliest := int(segment[0])|int(segment[1])<<8, 57999-int(after.Sub(before).Milliseconds())
	if len(segment) != 2000 || first < earliest || first > 58000 || !bytes.Equal(segment, samples[2*first:2*first+2000]) {
		t.Errorf("%d bytes from frame %d on, not from one of %d to 58000", len(segment), first, earliest)
	}
	_, err = ReadSegmentFromCaptureBuffer("mic", before.Add(-time.Hour), 1)
	if !errors.Is(err, capbuf.ErrEvicted) {
		t.Error(err)
	}
	_, err = ReadSegmentFromCaptureBuffer("mic", before, 0)
	if !errors.Is(err, capbuf.ErrInvalidArgument) {
		t.Error(err)
	}
	_, err = ReadSegmentFromCaptureBuffer("none", before, 1)
	if !errors.Is(err, capbuf.ErrNotFound) {
		t.Error(err)
	}
}

func TestAWriteThatEndsInTheMiddleOfASampleShiftsNothing(t *testing.T) {
	buffer := NewCaptureBuffer(120, 1000, 2, "mic")
	defer buffer.Close()
	whole := bytes.Repeat([]byte{1, 2}, 30000)
	before := time.Now()
	if err := errors.Join(buffer.Write(whole[:59999]), buffer.Write(whole[59999:])); err != nil {
		t.Fatal(err)
	}
	segment, err := buffer.ReadSegment(before.Add(-2*time.Second), 1)
	if err != nil || !bytes.Equal(segment, whole[:2000]) {
		t.Errorf("%v, %v", segment, err)
	}
}

func TestWhatCanNotBeMadeIsRefused(t *testing.T) {
	fresh(t)
	for _, given := range [][3]int{{0, 8000, 2}, {-1, 8000, 2}, {1, 0, 2}, {1, -8000, 2}, {1, 8000, 1}, {1 << 62, 8000, 2}} {
		if err := AllocateCaptureBufferIfNeeded(given[0], given[1], given[2], "mic"); !errors.Is(err, capbuf.ErrInvalidArgument) {
			t.Errorf("%v: %v", given, err)
		}
	}
	if err := AllocateCaptureBuffer(1, 8000, 2, ""); !errors.Is(err, capbuf.ErrInvalidSource) {
		t.Error(err)
	}
	if err := InitCaptureBuffers(1, 8000, 2, []string{"a", "", "b"}); err == nil || !HasCaptureBuffer("b") {
		t.Error("one error ended the rest: ", err)
	}
	if err := InitCaptureBuffers(1, 8000, 2, nil); !errors.Is(err, capbuf.ErrInvalidArgument) {
		t.Error("no sources: ", err)
	}
	buffer := NewCaptureBuffer(0, 8000, 2, "mic")
	if _, err := buffer.ReadSegment(time.Now(), 1); buffer != nil || err == nil || buffer.Write(nil) == nil || buffer.Close() != nil {
		t.Error("what is nil does something")
	}
}

// begun waits until a source is recorded.
func begun(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for now := time.Now(); ; time.Sleep(time.Millisecond) {
		buffer, err := current.Load().registry.Get(url)
		if err == nil {
			err = buffer.WaitUntil(ctx, now)
			buffer.Close()
		}
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s is not recorded: %v", url, err)
		}
	}
}

func TestStreamsAreReconfiguredAndReadByTheirURLs(t *testing.T) {
	fresh(t)
	one, other := "tone:440", "tone:880"
	if err := InitCaptureBuffers(60, 48000, 2, []string{one}); err != nil {
		t.Fatal(err)
	}
	if err := WriteToCaptureBuffer(one, make([]byte, 960)); err != nil {
		t.Fatal(err)
	}
	changes, err := ReconfigureRTSPStreams(60, 48000, 2, []string{one, other})
	if err != nil || len(changes.Started) != 2 {
		t.Fatalf("%+v %v", changes, err)
	}
	for _, url := range []string{one, other} {
		begun(t, url)
		// Where the machine stood still, there is silence, and times are bent for a while after it.
		for isSilent, end := true, time.Now().Add(time.Minute); isSilent; {
			segment, err := ReadSegmentFromCaptureBuffer(url, time.Now().Add(time.Second), 1)
			if err != nil || len(segment) < 95800 || len(segment) > 96200 || time.Now().After(end) {
				t.Fatalf("%s: %d bytes, %v", url, len(segment), err)
			}
			isSilent = bytes.Equal(segment, make([]byte, len(segment)))
		}
		if err := WriteToCaptureBuffer(url, []byte{0, 0}); !errors.Is(err, capbuf.ErrWriterBusy) {
			t.Error(url, err)
		}
	}
	if _, err = ReconfigureRTSPStreams(60, 48000, 2, []string{one, "nonsense:"}); !errors.Is(err, capbuf.ErrCaptureFailed) {
		t.Error(err)
	}
	changes, err = ReconfigureRTSPStreams(60, 48000, 2, []string{one})
	if err != nil || len(changes.Unchanged) != 1 || len(changes.Stopped) != 1 || HasCaptureBuffer(other) {
		t.Errorf("%+v %v", changes, err)
	}
	if _, err = ReconfigureRTSPStreams(60, 48000, 1, []string{one}); !errors.Is(err, capbuf.ErrInvalidArgument) {
		t.Error(err)
	}
	// Elsewhere they end: the buffer is there, and somebody else may write.
	before := current.Load().registry
	elsewhere, err := capbuf.Private()
	if err != nil {
		t.Fatal(err)
	}
	UseRegistry(elsewhere)
	buffer, err := before.Get(one)
	if err != nil {
		t.Fatal(err)
	}
	defer buffer.Close()
	writer, err := buffer.Writer()
	if err != nil {
		t.Fatal(err)
	}
	writer.Close()
}

func TestTrackingIsSwitchedOffAndOnAndGoesOnInAnotherRegistry(t *testing.T) {
	fresh(t)
	EnableAllocationTracking(false)
	if err := AllocateCaptureBufferIfNeeded(1, 8000, 2, "mic"); err != nil {
		t.Fatal(err)
	}
	wantReport(t, "attempts 0, allocations 0, live buffers 1")
	EnableAllocationTracking(true)
	other, err := capbuf.Private()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	UseRegistry(other)
	if err := AllocateCaptureBufferIfNeeded(1, 8000, 2, "mic"); err != nil {
		t.Fatal(err)
	}
	wantReport(t, "attempts 1, allocations 1, live buffers 1")
}

func TestBuffersOfADomainAreSeenByOthers(t *testing.T) {
	folder, err := os.MkdirTemp("/dev/shm", "capbuf-go-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	fresh(t)
	domain, err := capbuf.Open("birds", capbuf.WithFolder(folder))
	if err != nil {
		t.Fatal(err)
	}
	defer domain.Close()
	UseRegistry(domain)
	if err := AllocateCaptureBuffer(1, 8000, 2, "mic"); err != nil {
		t.Fatal(err)
	}
	other, err := capbuf.Open("birds", capbuf.WithFolder(folder))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if !other.Contains("mic") {
		t.Error("another registry of the domain does not see it")
	}
	if err := other.Remove("mic"); err != nil || HasCaptureBuffer("mic") {
		t.Error("what another registry removed is still there", err)
	}
}

func BenchmarkAllocateCaptureBuffer(b *testing.B) {
	fresh(b)
	for b.Loop() {
		if err := errors.Join(AllocateCaptureBuffer(60, 48000, 2, "mic"), RemoveCaptureBuffer("mic")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllocateCaptureBufferIfNeeded(b *testing.B) {
	fresh(b)
	EnableAllocationTracking(false)
	for b.Loop() {
		if err := AllocateCaptureBufferIfNeeded(60, 48000, 2, "mic"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConcurrentCaptureBufferAccess(b *testing.B) {
	fresh(b)
	if err := AllocateCaptureBuffer(60, 48000, 2, "mic"); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(loop *testing.PB) {
		data := make([]byte, 960)
		for loop.Next() {
			if !HasCaptureBuffer("mic") {
				b.Error("it is not there")
			}
			if err := WriteToCaptureBuffer("mic", data); err != nil {
				b.Error(err)
			}
		}
	})
}
