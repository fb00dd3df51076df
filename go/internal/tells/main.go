// Command tells writes down everything that Go is told of sources with secrets in them, for tests/secrets: tells FOLDER CLIPS.
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

func tell(what string, told ...any) {
	fmt.Printf("## %s\n", what)
	for _, thing := range told {
		fmt.Printf("%v %+v %#v %q\n", thing, thing, thing, thing)
	}
}

// failed tells an error, and all that it wraps.
func failed(what string, err error) {
	if err == nil {
		log.Fatalf("%s: it did not fail", what)
	}
	for ; err != nil; err = errors.Unwrap(err) {
		tell(what, err, err.Error())
		var detail *capbuf.Error
		if errors.As(err, &detail) {
			tell(what, *detail)
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
		log.Fatal("usage: tells FOLDER CLIPS")
	}
	folder, clips := capbuf.WithFolder(os.Args[1]), os.Args[2]
	lines := bufio.NewReader(os.Stdin)
	camera, sources := asked(lines)
	registry := must(capbuf.Open("cameras", folder, capbuf.WithAllocationTracking(true)))
	buffers := ofAll(registry, sources)
	_, err := capbuf.Open(sources[0], folder)
	failed("invalid argument", err)
	writer, late := ofOne(registry, sources, buffers, clips)
	_, err = capbuf.StartCapture(context.Background(), registry, camera, capbuf.CaptureOptions{OpenDeadline: 10 * time.Second})
	failed("capture failed", err)
	ofAStation(camera, sources)
	ofAWatch(registry)
	report := must(registry.AllocationReport())
	tell("report", report, *report)
	tell("report as json", report.JSON(), string(must(json.Marshal(report))))
	tell("metrics", must(registry.MetricsText()))
	tell("metrics of the domain", must(registry.DomainMetricsText()))
	tell("objects", registry, buffers, writer, late, must(buffers[0].Status()))
	fmt.Println("## done")
	// Until it is looked at from outside.
	must(io.Copy(io.Discard, lines))
}

func asked(lines *bufio.Reader) (camera string, sources []string) {
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

func ofAll(registry *capbuf.Registry, sources []string) []*capbuf.CaptureBuffer {
	buffers := make([]*capbuf.CaptureBuffer, 0, len(sources))
	for _, source := range sources {
		buffers = append(buffers, must(registry.GetOrAllocate(source, spec(time.Second, 1))))
		_, err := registry.Allocate(source, spec(time.Second, 1))
		failed("already exists", err)
		_, err = registry.GetOrAllocate(source, spec(time.Second, 2))
		failed("spec mismatch", err)
		_, err = registry.GetOrAllocate(source+"\t", spec(time.Second, 1))
		failed("invalid source", err)
		tell("redacted", capbuf.Redact(source))
	}
	return buffers
}

func ofOne(registry *capbuf.Registry, sources []string, buffers []*capbuf.CaptureBuffer, clips string) (writer, late *capbuf.Writer) {
	one := buffers[0]
	writer = must(one.Writer())
	_, err := one.Writer()
	failed("writer busy", err)
	check(writer.WriteInt16(make([]int16, 12000)))
	soon, end := context.WithTimeout(context.Background(), time.Millisecond)
	defer end()
	_, err = one.ReadFrames(context.Background(), 0, 100)
	failed("evicted", err)
	_, err = one.ReadFrames(context.Background(), 12000, 12100, capbuf.NoWait)
	failed("not yet", err)
	_, err = one.ReadFrames(soon, 12000, 12100)
	failed("timed out", err)
	clip := must(one.ClipFrames(context.Background(), filepath.Join(clips, "clip.wav"), 11000, 12000))
	tell("clip", clip)
	_, err = one.ClipFrames(context.Background(), filepath.Join(clips, "nowhere", "clip.wav"), 11000, 12000)
	failed("clip", err)
	ofClips(registry, sources[0], one, writer, must(one.Last(100*time.Millisecond)).Start.Add(10*time.Millisecond), clips)
	late = must(buffers[1].Writer())
	check(registry.Remove(sources[1]))
	failed("removed", late.WriteInt16(make([]int16, 10)))
	_, err = buffers[1].ReadFrames(context.Background(), 12000, 12100)
	failed("removed", err)
	failed("not found", registry.Remove(sources[0]+"2"))
	_, err = registry.GetOrAllocate(sources[0]+"2", spec(time.Duration(1e8)*time.Second, 1))
	failed("over budget", err)
	return writer, late
}

// ofClips tells of clips around a moment, cut at once and by a trigger, into a folder that is there and into none.
func ofClips(registry *capbuf.Registry, source string, buffer *capbuf.CaptureBuffer, writer *capbuf.Writer, around time.Time, clips string) {
	little, ctx := 10*time.Millisecond, context.Background()
	tell("clip around", must(buffer.ClipAround(ctx, filepath.Join(clips, "around.flac"), around, little, little)))
	_, err := buffer.ClipAround(ctx, filepath.Join(clips, "nowhere", "around.flac"), around, little, little)
	failed("clip around", err)
	for _, folder := range []string{clips, filepath.Join(clips, "nowhere")} {
		options := capbuf.TriggerOptions{Folder: folder, Before: little, After: little}
		trigger := must(capbuf.BeginTrigger(registry, source, options))
		check(trigger.Fire(around))
		check(writer.WriteInt16(make([]int16, 800)))
		clip, err := trigger.Next(ctx)
		if folder == clips {
			check(err)
			tell("trigger", trigger, options, clip)
		} else {
			failed("trigger", err)
		}
		check(trigger.Close())
	}
}

// ofAStation tells of a camera that refuses it, under names that hold secrets, too.
func ofAStation(camera string, sources []string) {
	registry := must(capbuf.Private())
	configs := []capbuf.SourceConfig{{Name: sources[0], Locator: camera}, {Name: sources[2], Locator: "tone:440"}, {Locator: camera}}
	tell("configuration", configs[0], &configs[0], configs)
	station := must(capbuf.NewStation(registry))
	tell("station", must(station.Reconfigure(configs)))
	for known := 0; known < len(configs); {
		known = 0
		for _, source := range must(station.Sources()) {
			if source.State == capbuf.CaptureBackingOff || source.State == capbuf.CaptureRunning {
				known++
			}
		}
	}
	tell("station", station, must(station.Sources()))
	_, err := station.Reconfigure([]capbuf.SourceConfig{configs[0], configs[0]})
	failed("configuration", err)
	tell("station", must(station.Reconfigure(configs[1:2])), must(station.Reconfigure(nil)))
	check(station.Close())
	check(registry.Close())
}

func ofAWatch(registry *capbuf.Registry) {
	kinds := map[string]bool{}
	for event, err := range registry.Watch(context.Background(), capbuf.WatchSettings{Every: 5 * time.Millisecond, RemovedHeld: time.Millisecond}) {
		check(err)
		tell("events", event, string(must(json.Marshal(event))))
		kinds[event.Kind] = true
		if kinds["removed and held"] && kinds["source under two names"] {
			return
		}
	}
}
