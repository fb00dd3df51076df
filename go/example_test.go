package capbuf_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"capbuf.dev/capbuf"
)

// The quick start of the README.
func Example() {
	registry, err := capbuf.OpenDefault() // the domain shared by all your processes; or Private()
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	capture, err := capbuf.StartCapture(context.Background(), registry, "tone:440", capbuf.CaptureOptions{Duration: 10 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer capture.Stop()
	buffer, _ := capture.Buffer()
	buffer.WaitUntil(context.Background(), time.Now()) // recording has begun
	now := time.Now()
	segment, err := buffer.Read(context.Background(), now, now.Add(250*time.Millisecond)) // waits for its end
	fmt.Println(segment.End.Sub(segment.Start).Round(time.Millisecond), err)
	// Output: 250ms <nil>
}

// A program can write to a buffer itself.
func ExampleCaptureBuffer_Writer() {
	registry, _ := capbuf.Private()
	defer registry.Close()
	spec := capbuf.Spec{Duration: 2 * time.Second, SampleRateHz: 8000, Channels: 1, Format: capbuf.S16}
	buffer, err := registry.GetOrAllocate("my-microphone", spec)
	if err != nil {
		log.Fatal(err)
	}
	defer buffer.Close()
	writer, err := buffer.Writer()
	if err != nil {
		log.Fatal(err)
	}
	defer writer.Close()
	captured := time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)
	if err := writer.WriteInt16At(make([]int16, 8000), captured); err != nil {
		log.Fatal(err)
	}
	segment, err := buffer.Last(500 * time.Millisecond)
	fmt.Println(segment.FirstFrame, segment.Start.Format(time.RFC3339Nano), err)
	// Output: 4000 2026-11-22T06:30:00.5Z <nil>
}

// An analysis reads overlapping windows and copies the exact frames around one of them.
func ExampleCaptureBuffer_Windows() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	registry, _ := capbuf.Private()
	defer registry.Close()
	capture, err := capbuf.StartCapture(ctx, registry, "tone:440", capbuf.CaptureOptions{SampleRateHz: 48000, Channels: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer capture.Stop()
	buffer, _ := capture.Buffer()
	defer buffer.Close()
	for window, err := range buffer.Windows(ctx, capbuf.WindowOptions{WindowFrames: 4800, HopFrames: 2400}) {
		if err != nil {
			log.Fatal(err)
		}
		if window.FirstFrame < 4800 {
			continue
		}
		first, end := window.Around(2400, 4800)
		clip, err := buffer.ReadFrames(ctx, first, end)
		fmt.Println(len(window.Samples), clip.Frames, err)
		break
	}
	// Output: 4800 12000 <nil>
}

// The clip around a detection is written when its end is recorded.
func ExampleCaptureBuffer_ClipAround() {
	ctx := context.Background()
	registry, _ := capbuf.Private()
	defer registry.Close()
	capture, err := capbuf.StartCapture(ctx, registry, "tone:440", capbuf.CaptureOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer capture.Stop()
	buffer, _ := capture.Buffer()
	defer buffer.Close()
	folder, _ := os.MkdirTemp("", "clips")
	defer os.RemoveAll(folder)
	buffer.WaitUntil(ctx, time.Now()) // recording has begun
	detected := time.Now().Add(100 * time.Millisecond)
	clip, err := buffer.ClipAround(ctx, filepath.Join(folder, "around.flac"), detected, 50*time.Millisecond, 100*time.Millisecond)
	fmt.Println(clip.Frames > 0, clip.EvictedFrames, clip.NotYetFrames, err)
	// Output: true 0 0 <nil>
}

// The list of sources changes while unchanged ones continue.
func ExampleStation() {
	registry, _ := capbuf.Private()
	defer registry.Close()
	station, err := capbuf.NewStation(registry)
	if err != nil {
		log.Fatal(err)
	}
	defer station.Close()
	nest := capbuf.SourceConfig{Name: "nest", Locator: "tone:440"}
	yard := capbuf.SourceConfig{Name: "yard", Locator: "tone:880"}
	pond := capbuf.SourceConfig{Name: "pond", Locator: "tone:660"}
	if _, err := station.Reconfigure([]capbuf.SourceConfig{nest, yard}); err != nil {
		log.Fatal(err)
	}
	changes, err := station.Reconfigure([]capbuf.SourceConfig{nest, pond})
	fmt.Println(changes.Unchanged, changes.Started, changes.Stopped, err)
	// An invalid source refuses the whole list, and nothing changes.
	_, err = station.Reconfigure([]capbuf.SourceConfig{{Name: "pond", Locator: "no such source"}})
	fmt.Println(errors.Is(err, capbuf.ErrCaptureFailed))
	// Output:
	// [nest] [pond] [yard] <nil>
	// true
}

// A trigger writes a clip with the audio from before it fired. LouderThan also fires it by level.
func ExampleTrigger() {
	ctx := context.Background()
	registry, _ := capbuf.Private()
	defer registry.Close()
	capture, err := capbuf.StartCapture(ctx, registry, "tone:440", capbuf.CaptureOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer capture.Stop()
	folder, _ := os.MkdirTemp("", "clips")
	defer os.RemoveAll(folder)
	tenth := 100 * time.Millisecond
	trigger, err := capbuf.BeginTrigger(registry, "tone:440", capbuf.TriggerOptions{Folder: folder, Before: tenth, After: 2 * tenth})
	if err != nil {
		log.Fatal(err)
	}
	defer trigger.Close()
	trigger.Fire(time.Now().Add(2 * tenth))
	for clip, err := range trigger.Clips(ctx) {
		fmt.Println(filepath.Dir(clip.Path) == folder, clip.Frames > 0, clip.NotYetFrames, err)
		break
	}
	// Output: true true 0 <nil>
}

// An error has a kind, a message and numbers.
func ExampleError() {
	registry, _ := capbuf.Private()
	defer registry.Close()
	spec := capbuf.Spec{Duration: time.Second, SampleRateHz: 8000, Channels: 1, Format: capbuf.F32}
	buffer, _ := registry.GetOrAllocate("rtsp://user:password@camera/", spec)
	defer buffer.Close()
	writer, _ := buffer.Writer()
	defer writer.Close()
	if err := writer.WriteFloat32(make([]float32, 100)); err != nil {
		log.Fatal(err)
	}
	_, err := buffer.ReadFrames(context.Background(), 0, 150, capbuf.NoWait)
	var detail *capbuf.Error
	if errors.Is(err, capbuf.ErrNotYet) && errors.As(err, &detail) {
		fmt.Println(detail.Frame, detail.MissingFrames)
	}
	fmt.Println(buffer)
	// Output:
	// 100 50
	// capbuf.CaptureBuffer("rtsp://***@camera/", 1s (8000 frames) of 8000 Hz 1 x f32)
}

// ReadInto converts the newest second to float32 without allocating.
func ExampleReadInto() {
	registry, _ := capbuf.Private()
	defer registry.Close()
	spec := capbuf.Spec{Duration: 2 * time.Second, SampleRateHz: 4, Channels: 1, Format: capbuf.S16}
	buffer, _ := registry.GetOrAllocate("mic", spec)
	defer buffer.Close()
	writer, _ := buffer.Writer()
	defer writer.Close()
	if err := writer.WriteInt16([]int16{-32768, -16384, 0, 16384}); err != nil {
		log.Fatal(err)
	}
	var samples [4]float32
	info, err := capbuf.ReadInto(buffer, capbuf.SpanLast(time.Second), samples[:])
	fmt.Println(info.Frames, samples, err)
	// Output: 4 [-1 -0.5 0 0.5] <nil>
}

// The profile "capbuf" has the stacks of live rings and open handles, while tracking is enabled.
func ExampleRegistry_EnableAllocationTracking_profile() {
	registry, _ := capbuf.Private(capbuf.WithAllocationTracking(true))
	defer registry.Close()
	spec := capbuf.Spec{Duration: time.Second, SampleRateHz: 8000, Channels: 1, Format: capbuf.S16}
	buffer, err := registry.GetOrAllocate("my-microphone", spec)
	if err != nil {
		log.Fatal(err)
	}
	defer buffer.Close()
	var profile strings.Builder
	pprof.Lookup("capbuf").WriteTo(&profile, 1)
	for _, function := range []string{"liveRing", "openHandle", "GetOrAllocate", "EnableAllocationTracking_profile"} {
		fmt.Println(strings.Contains(profile.String(), function))
	}
	// Output:
	// true
	// true
	// true
	// true
}
