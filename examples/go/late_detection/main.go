// Waits for a loud window, then cuts the clip around it.
package main

import (
	"context"
	"fmt"
	"log"
	"slices"

	"capbuf.dev/capbuf"
)

func cutLoudClip(ctx context.Context) error {
	registry, err := capbuf.OpenDefault()
	if err != nil {
		return err
	}
	defer registry.Close()
	capture, err := capbuf.StartCapture(ctx, registry, "tone:440", capbuf.CaptureOptions{})
	if err != nil {
		return err
	}
	defer capture.Stop()
	buffer, err := capture.Buffer()
	if err != nil {
		return err
	}
	for window, err := range buffer.Windows(ctx, capbuf.WindowOptions{WindowFrames: 24_000, HopFrames: 12_000}) {
		if err != nil {
			return err
		}
		if slices.Max(window.Samples) > 0.1 {
			// A slow detector may spend seconds here: the clip is cut by frame number.
			first, end := window.Around(0, 24_000)
			clip, err := buffer.ClipFrames(ctx, "loud.wav", first, end, capbuf.Overwrite)
			fmt.Println("wrote", clip.Frames, "frames to loud.wav")
			return err
		}
	}
	return nil
}

func main() {
	if err := cutLoudClip(context.Background()); err != nil {
		log.Fatal(err)
	}
}
