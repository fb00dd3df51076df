package compat

import (
	"bytes"
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

func TestCaptureBufferSingleAllocation(t *testing.T) {
	registry := fresh(t)
	// The initialization paths of one source.
	if err := InitCaptureBuffers(60, 48000, 2, []string{"mic"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := AllocateCaptureBufferIfNeeded(60, 48000, 2, "mic"); err != nil {
			t.Fatal(err)
		}
	}
	if err := AllocateCaptureBuffer(60, 48000, 2, "mic"); !errors.Is(err, capbuf.ErrAlreadyExists) {
		t.Errorf("second Allocate: %v", err)
	}
	if err := AllocateCaptureBufferIfNeeded(60, 44100, 2, "mic"); !errors.Is(err, capbuf.ErrSpecMismatch) {
		t.Errorf("another sample rate: %v", err)
	}
	if allocated, alive := rings(t, registry); allocated != 1 || alive != 1 {
		t.Errorf("%d rings were allocated, %d are alive", allocated, alive)
	}
	wantReport(t, "attempts 6, allocations 1, live buffers 1 (5.76 MB of audio")
	wantReport(t, "mic: attempts 6, allocations 1, live 1, 5.76 MB")
	// The call site is in this file, not in this package's own code.
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
		t.Errorf("%d rings were allocated", allocated)
	}
	// One ring has the audio of all connections.
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
		t.Error("the report contains the password")
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
				t.Errorf("%s still has a buffer", source)
			}
			if err := RemoveCaptureBuffer(source); !errors.Is(err, capbuf.ErrNotFound) {
				t.Errorf("second removal: %v", err)
			}
			if err := WriteToCaptureBuffer(source, nil); !errors.Is(err, capbuf.ErrNotFound) {
				t.Errorf("write after removal: %v", err)
			}
		}
		if allocated, _ := rings(t, registry); allocated != uint64(sources*(round+1)) {
			t.Errorf("%d rings were allocated", allocated)
		}
		// The thread that commits memory ahead may hold a ring for a moment.
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
		t.Errorf("%d rings were allocated and %d are alive for %d sources", allocated, alive, rounds)
	}
	wantReport(t, fmt.Sprintf("mic-0: attempts %d, allocations 1, live 1", racers))
}

func TestRemovalUnderWritersAndReadersReturnsExpectedErrors(t *testing.T) {
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
		// A read of a buffer without audio would wait.
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

// expected reports whether err can happen to a user of a buffer that is being removed.
func expected(err error) bool {
	for _, kind := range []error{capbuf.ErrNotFound, capbuf.ErrEvicted, capbuf.ErrRemoved, capbuf.ErrClosed} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func TestInvalidArgumentsAreRefused(t *testing.T) {
	fresh(t)
	for _, arguments := range [][3]int{{0, 8000, 2}, {-1, 8000, 2}, {1, 0, 2}, {1, -8000, 2}, {1, 8000, 1}, {1 << 62, 8000, 2}} {
		if err := AllocateCaptureBufferIfNeeded(arguments[0], arguments[1], arguments[2], "mic"); !errors.Is(err, capbuf.ErrInvalidArgument) {
			t.Errorf("%v: %v", arguments, err)
		}
	}
	if err := AllocateCaptureBuffer(1, 8000, 2, ""); !errors.Is(err, capbuf.ErrInvalidSource) {
		t.Error(err)
	}
	if err := InitCaptureBuffers(1, 8000, 2, []string{"a", "", "b"}); err == nil || !HasCaptureBuffer("b") {
		t.Error("an invalid source ended the rest: ", err)
	}
	if err := InitCaptureBuffers(1, 8000, 2, nil); !errors.Is(err, capbuf.ErrInvalidArgument) {
		t.Error("no sources: ", err)
	}
	buffer := NewCaptureBuffer(0, 8000, 2, "mic")
	if _, err := buffer.ReadSegment(time.Now(), 1); buffer != nil || err == nil || buffer.Write(nil) == nil || buffer.Close() != nil {
		t.Error("a method of nil succeeded")
	}
}

func TestRegistriesOfADomainShareBuffers(t *testing.T) {
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
		t.Error("another registry of the domain does not have the source")
	}
	if err := other.Remove("mic"); err != nil || HasCaptureBuffer("mic") {
		t.Error("a source that another registry removed still has a buffer", err)
	}
}
