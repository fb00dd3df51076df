"""Waits for a loud window, then cuts the clip around it."""

import capbuf

with capbuf.open() as registry, capbuf.record("tone:440", seconds=60, registry=registry) as capture:
    buffer = capture.buffer
    # Overlapping windows: 0.5 s long, one every 0.25 s, as float32 of shape (frames, channels).
    for window in buffer.windows(0.5, hop=0.25, wait=10):
        if abs(window.samples).max() > 0.1:
            # A slow detector may spend seconds here: the clip is cut by frame number.
            first, end = window.around(before=0, after=0.5)
            clip = buffer.clip_frames("loud.wav", first, end, wait=10, overwrite=True)
            print(f"wrote {clip.frames} frames to {clip.path}, from {clip.start:%H:%M:%S} on")
            break
