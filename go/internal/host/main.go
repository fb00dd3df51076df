// Command host is the Go program of tests/hosts, which share one domain: host FOLDER.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"capbuf.dev/capbuf"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: host FOLDER")
	}
	registry, err := capbuf.Open("hosts", capbuf.WithFolder(os.Args[1]))
	check(err)
	host := host{registry: registry}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(host.run(lines.Text()))
	}
}

type host struct {
	registry *capbuf.Registry
	buffers  []*capbuf.CaptureBuffer
	writer   *capbuf.Writer
}

// run executes a command and returns the answer.
func (h *host) run(line string) string {
	var command string
	var first, second uint64
	fmt.Sscan(line, &command, &first, &second)
	switch command {
	case "race":
		return h.race(first)
	case "take":
		return h.take()
	case "write":
		return h.write(first)
	case "read":
		segment, err := h.buffers[0].ReadFrames(context.Background(), first, second)
		check(err)
		return fmt.Sprintf("%x", sha256.Sum256(segment.Bytes()))
	}
	log.Fatalf("unknown command %s", line)
	return ""
}

func (h *host) race(sources uint64) string {
	spec := capbuf.Spec{Duration: 10 * time.Second, SampleRateHz: 8000, Channels: 1, Format: capbuf.S16}
	for source := range sources {
		buffer, err := h.registry.GetOrAllocate(fmt.Sprintf("source %d", source), spec)
		check(err)
		h.buffers = append(h.buffers, buffer)
	}
	stats, err := h.registry.Stats()
	check(err)
	answer := []string{fmt.Sprint(stats.RingsAllocated)}
	for _, buffer := range h.buffers {
		answer = append(answer, fmt.Sprintf("%016x", buffer.ID()))
	}
	return strings.Join(answer, " ")
}

func (h *host) take() string {
	writer, err := h.buffers[0].Writer()
	var busy *capbuf.Error
	if errors.Is(err, capbuf.ErrWriterBusy) && errors.As(err, &busy) {
		return fmt.Sprintf("busy %d", busy.HolderPID)
	}
	check(err)
	h.writer = writer
	return "taken"
}

func (h *host) write(frames uint64) string {
	first, err := h.writer.NextFrame()
	check(err)
	samples := make([]int16, frames)
	for i := range samples {
		samples[i] = int16(uint16(first+uint64(i)) * 40503)
	}
	check(h.writer.WriteInt16(samples))
	next, err := h.writer.NextFrame()
	check(err)
	return fmt.Sprint(next)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
