package main

import (
	"context"
	"fmt"
	"log"

	"capbuf.dev/capbuf"
)

func main() {
	registry, err := capbuf.OpenDefault()
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	capture, err := capbuf.StartCapture(context.Background(), registry, "tone:440", capbuf.CaptureOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer capture.Stop()
	buffer, err := capture.Buffer()
	if err != nil {
		log.Fatal(err)
	}
	// Waits until the first half second is recorded.
	clip, err := buffer.ClipFrames(context.Background(), "tone.wav", 0, 24_000, capbuf.Overwrite)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("wrote", clip.Frames, "frames to tone.wav")
}
