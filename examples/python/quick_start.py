import capbuf

with capbuf.open() as registry, capbuf.record("tone:440", seconds=60, registry=registry) as capture:
    buffer = capture.buffer
    clip = buffer.clip_frames("tone.wav", 0, 24_000, wait=10, overwrite=True)  # waits for the first half second
    samples = buffer.read_frames(0, 24_000).samples  # numpy array of shape (frames, channels)
    print(f"wrote {clip.frames} frames to {clip.path}, peak {abs(samples).max():.2f}")
