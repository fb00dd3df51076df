// Command secretleakprobe prints everything that this package returns for sources with secrets, for
// tests/secrets: secretleakprobe FOLDER CLIPS.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"capbuf.dev/capbuf"
)

func report(section string, values ...any) {
	fmt.Printf("## %s\n", section)
	for _, value := range values {
		fmt.Printf("%v %+v %#v %q\n", value, value, value, value)
	}
}

// reportError reports an error and all that it wraps.
func reportError(section string, err error) {
	if err == nil {
		log.Fatalf("%s: no error", section)
	}
	for ; err != nil; err = errors.Unwrap(err) {
		report(section, err, err.Error())
		var detail *capbuf.Error
		if errors.As(err, &detail) {
			report(section, *detail)
		}
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func spec(duration time.Duration, channels int) capbuf.Spec {
	return capbuf.Spec{Duration: duration, SampleRateHz: 8000, Channels: channels, Format: capbuf.S16}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: secretleakprobe FOLDER CLIPS")
	}
	folder, clips := capbuf.WithFolder(os.Args[1]), os.Args[2]
	lines := bufio.NewReader(os.Stdin)
	camera, sources := readSources(lines)
	registry := must(capbuf.Open("cameras", folder, capbuf.WithAllocationTracking(true)))
	buffers := allocateAll(registry, sources)
	_, err := capbuf.Open(sources[0], folder)
	reportError("invalid argument", err)
	writer, late := probeBuffer(registry, sources, buffers, clips)
	_, err = capbuf.StartCapture(context.Background(), registry, camera, capbuf.CaptureOptions{OpenDeadline: 10 * time.Second})
	reportError("capture failed", err)
	probeStation(camera, sources)
	probeWatch(registry)
	allocations := must(registry.AllocationReport())
	report("report", allocations, *allocations)
	report("report as json", allocations.JSON(), string(must(json.Marshal(allocations))))
	report("metrics", must(registry.MetricsText()))
	report("metrics of the domain", must(registry.DomainMetricsText()))
	report("objects", registry, buffers, writer, late, must(buffers[0].Status()))
	fmt.Println("## done")
	// Stay alive until the test has inspected the domain from outside.
	must(io.Copy(io.Discard, lines))
}

// readSources reads the source of a camera and other sources, one a line, up to an empty line.
func readSources(lines *bufio.Reader) (camera string, sources []string) {
	for {
		line := must(lines.ReadString('\n'))
		switch line = line[:len(line)-1]; {
		case line == "":
			return camera, sources
		case camera == "":
			camera = line
		default:
			sources = append(sources, line)
		}
	}
}

func allocateAll(registry *capbuf.Registry, sources []string) []*capbuf.CaptureBuffer {
	buffers := make([]*capbuf.CaptureBuffer, 0, len(sources))
	for _, source := range sources {
		buffers = append(buffers, must(registry.GetOrAllocate(source, spec(time.Second, 1))))
		_, err := registry.Allocate(source, spec(time.Second, 1))
		reportError("already exists", err)
		_, err = registry.GetOrAllocate(source, spec(time.Second, 2))
		reportError("spec mismatch", err)
		_, err = registry.GetOrAllocate(source+"\t", spec(time.Second, 1))
		reportError("invalid source", err)
		report("redacted", capbuf.Redact(source))
	}
	return buffers
}

func probeBuffer(registry *capbuf.Registry, sources []string, buffers []*capbuf.CaptureBuffer, clips string) (writer, late *capbuf.Writer) {
	one := buffers[0]
	writer = must(one.Writer())
	_, err := one.Writer()
	reportError("writer busy", err)
	check(writer.WriteInt16(make([]int16, 12000)))
	soon, end := context.WithTimeout(context.Background(), time.Millisecond)
	defer end()
	_, err = one.ReadFrames(context.Background(), 0, 100)
	reportError("evicted", err)
	_, err = one.ReadFrames(context.Background(), 12000, 12100, capbuf.NoWait)
	reportError("not yet", err)
	_, err = one.ReadFrames(soon, 12000, 12100)
	reportError("timed out", err)
	clip := must(one.ClipFrames(context.Background(), filepath.Join(clips, "clip.wav"), 11000, 12000))
	report("clip", clip)
	_, err = one.ClipFrames(context.Background(), filepath.Join(clips, "nowhere", "clip.wav"), 11000, 12000)
	reportError("clip", err)
	probeClips(registry, sources[0], one, writer, must(one.Last(100*time.Millisecond)).Start.Add(10*time.Millisecond), clips)
	late = must(buffers[1].Writer())
	check(registry.Remove(sources[1]))
	reportError("removed", late.WriteInt16(make([]int16, 10)))
	_, err = buffers[1].ReadFrames(context.Background(), 12000, 12100)
	reportError("removed", err)
	reportError("not found", registry.Remove(sources[0]+"2"))
	_, err = registry.GetOrAllocate(sources[0]+"2", spec(time.Duration(1e8)*time.Second, 1))
	reportError("over budget", err)
	return writer, late
}

// probeClips writes clips around a time, directly and by a trigger, to an existing and a missing
// folder.
func probeClips(registry *capbuf.Registry, source string, buffer *capbuf.CaptureBuffer, writer *capbuf.Writer, around time.Time, clips string) {
	little, ctx := 10*time.Millisecond, context.Background()
	report("clip around", must(buffer.ClipAround(ctx, filepath.Join(clips, "around.flac"), around, little, little)))
	_, err := buffer.ClipAround(ctx, filepath.Join(clips, "nowhere", "around.flac"), around, little, little)
	reportError("clip around", err)
	for _, folder := range []string{clips, filepath.Join(clips, "nowhere")} {
		options := capbuf.TriggerOptions{Folder: folder, Before: little, After: little}
		trigger := must(capbuf.BeginTrigger(registry, source, options))
		check(trigger.Fire(around))
		check(writer.WriteInt16(make([]int16, 800)))
		clip, err := trigger.Next(ctx)
		if folder == clips {
			check(err)
			report("trigger", trigger, options, clip)
		} else {
			reportError("trigger", err)
		}
		check(trigger.Close())
	}
}

// probeStation records a camera that refuses the connection, also under names with secrets.
func probeStation(camera string, sources []string) {
	registry := must(capbuf.Private())
	configs := []capbuf.SourceConfig{{Name: sources[0], Locator: camera}, {Name: sources[2], Locator: "tone:440"}, {Locator: camera}}
	report("configuration", configs[0], &configs[0], configs)
	station := must(capbuf.NewStation(registry))
	report("station", must(station.Reconfigure(configs)))
	for known := 0; known < len(configs); {
		known = 0
		for _, source := range must(station.Sources()) {
			if source.State == capbuf.CaptureBackingOff || source.State == capbuf.CaptureRunning {
				known++
			}
		}
	}
	report("station", station, must(station.Sources()))
	_, err := station.Reconfigure([]capbuf.SourceConfig{configs[0], configs[0]})
	reportError("configuration", err)
	report("station", must(station.Reconfigure(configs[1:2])), must(station.Reconfigure(nil)))
	check(station.Close())
	check(registry.Close())
}

func probeWatch(registry *capbuf.Registry) {
	kinds := map[string]bool{}
	for event, err := range registry.Watch(context.Background(), capbuf.WatchSettings{Every: 5 * time.Millisecond, RemovedHeld: time.Millisecond}) {
		check(err)
		report("events", event, string(must(json.Marshal(event))))
		kinds[event.Kind] = true
		if kinds["removed and held"] && kinds["source under two names"] {
			return
		}
	}
}
