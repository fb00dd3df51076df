"""A clip around a moment waits for its end and reports what is missing."""

import pathlib
import time
import wave
from collections.abc import Callable
from datetime import datetime, timezone

import numpy as np
import pytest
from conftest import RATE, START, START_NS, Background, position, until_polling

import capbuf


def test_clip_around_waits_for_its_end(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with capbuf.record("position:", seconds=300, registry=registry, sample_rate_hz=RATE) as capture:
        buffer = capture.buffer
        buffer.last(0.5, wait=60)
        now_ns = time.time_ns()
        now, span = now_ns / 1e9, (now_ns - 250_000_000, now_ns + 500_000_000)
        clip = buffer.clip_around(tmp_path / "bird.wav", now_ns, 0.25, after=0.5)
        # Scheduling jitter moves the estimated clock by some frames.
        assert abs(clip.frames - RATE * 3 // 4) <= 10
        assert not clip.missing
        assert abs(clip.start.timestamp() - (now - 0.25)) < 0.05
        with wave.open(str(clip.path)) as file:
            samples = np.frombuffer(file.readframes(clip.frames), "int16")
        assert np.array_equal(samples, buffer.read(*span, dtype="int16").samples[:, 0])
        heard = buffer.read(*span, dtype="int16", silence=False)
        assert np.array_equal(heard.samples[:, 0], position(heard.first_frame, len(heard)))
        # All representations of a time are equivalent.
        for moment in (datetime.fromtimestamp(now, timezone.utc), now):
            assert abs(buffer.clip_around(tmp_path / "again.flac", moment, 0.25, 0.5, overwrite=True).frames - clip.frames) <= 1
        assert b"position:" in (tmp_path / "again.flac").read_bytes()[:1000]


def test_existing_file_is_replaced_only_when_asked(buffer: capbuf.CaptureBuffer, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "owl.wav"
    path.write_bytes(b"mine")
    clips: list[Callable[[bool], capbuf.Clip]] = [
        lambda overwrite: buffer.clip_around(path, START_NS + 500_000_000, 0.1, 0.1, overwrite=overwrite),
        lambda overwrite: buffer.clip_frames(path, 0, 100, overwrite=overwrite),
        lambda overwrite: buffer.clip(path, START_NS, START_NS + 100_000_000, overwrite=overwrite),
    ]
    for clip in clips:
        with pytest.raises(capbuf.ClipFailed, match="owl.wav: the file exists"):
            clip(False)
        assert path.read_bytes() == b"mine"
        assert clip(True).path == path
        assert path.read_bytes()[:4] == b"RIFF"
        path.write_bytes(b"mine")
    assert [file.name for file in tmp_path.iterdir()] == ["owl.wav"]


def test_clip_around_reports_missing_frames(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    # The buffer is removed: the call does not wait for the missing frames.
    registry.remove("mic")
    clip = buffer.clip_around(tmp_path / "end.wav", START_NS + 1_500_000_000, 1, 1)
    assert (clip.frames, clip.missing.not_yet_frames, clip.missing.evicted_frames) == (RATE * 3 // 2, RATE // 2, 0)
    empty = registry.allocate("empty", seconds=1, sample_rate_hz=RATE)
    registry.remove("empty")
    with pytest.raises(capbuf.ClipFailed, match="there is no audio"):
        empty.clip_around(tmp_path / "none.wav", START, 1, 1)
    with pytest.raises(capbuf.InvalidRange):
        buffer.clip_around(tmp_path / "none.wav", START, 0, 0)
    with pytest.raises(capbuf.InvalidArgument, match="before"):
        buffer.clip_around(tmp_path / "none.wav", START, -1, 1)
    with pytest.raises(capbuf.InvalidArgument, match="around"):
        buffer.clip_around(tmp_path / "none.wav", datetime(2024, 1, 1), 1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["end.wav"]


def test_other_threads_run_while_clip_waits(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    begun = time.time()
    cutting = Background(lambda: buffer.clip_around(tmp_path / "bird.wav", begun, 0, 1))
    until_polling(cutting)
    # The clip ends only if this thread can write.
    with buffer.writer() as writer:
        writer.write(position(0, 2 * RATE), at=begun)
    assert cutting.join().path.is_file()
