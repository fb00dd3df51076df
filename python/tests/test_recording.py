"""Sources are captured into buffers, and clips are cut from them."""

import gc
import pathlib
import wave

import numpy as np
import pytest
from conftest import RATE, eventually, position

import capbuf


def test_a_source_is_captured_into_its_buffer_of_a_domain() -> None:
    with capbuf.record("position:", seconds=60, domain="birds") as capture:
        assert capture.state.name == "running" and capture.state.reason is None and str(capture.state) == "running"
        segment = capture.buffer.read_frames(0, 4800, wait=60, dtype="int16")
        assert np.array_equal(segment.samples[:, 0], position(0, 4800))
        with pytest.raises(capbuf.WriterBusy):
            capbuf.record("position:", seconds=60, domain="birds")
        assert capbuf.open("birds")["position:"] == capture.buffer
        assert "position:" in repr(capture)
    assert capture.state.name == "stopped"
    assert capture.stop() and capture.stop()
    assert len(capture.buffer.read_frames(0, 4800)) == 4800


def test_a_source_is_captured_as_asked(registry: capbuf.Registry) -> None:
    with capbuf.record("tone:440", 60, registry=registry, sample_rate_hz=16000, channels=2, sample_format="f32") as capture:
        assert capture.buffer.spec == capbuf.Spec(seconds=60.0, sample_rate_hz=16000, channels=2, sample_format="f32")
        assert capture.buffer.last(0.1, wait=60).samples.shape == (1600, 2)


def test_a_capture_that_is_forgotten_stops(registry: capbuf.Registry) -> None:
    capture = capbuf.record("tone:440", registry=registry)
    del capture
    gc.collect()
    eventually(lambda: not registry["tone:440"].status().has_writer)


def test_a_file_ends(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "short.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(position(0, 800).tobytes())
    with capbuf.record(f"file:{path}", registry=registry) as capture:
        eventually(lambda: capture.state.name == "finished")
        assert np.array_equal(capture.buffer.read_frames(0, 800, dtype="int16").samples[:, 0], position(0, 800))


def test_clips_hold_exactly_the_frames(buffer: capbuf.CaptureBuffer, tmp_path: pathlib.Path) -> None:
    clip = buffer.clip_frames(tmp_path / "bird.wav", 100, 900)
    assert (clip.path, clip.frames, clip.sample_rate_hz, clip.channels) == (tmp_path / "bird.wav", 800, RATE, 1)
    assert clip.sample_format == "s16" and clip.bytes == clip.path.stat().st_size
    assert clip.start == buffer.read_frames(100, 900).start
    with wave.open(str(clip.path)) as file:
        assert file.readframes(1000) == position(100, 800).tobytes()
    flac = buffer.clip(str(tmp_path / capbuf.clip_name(buffer.source, clip.start_utc_ns, "flac")), clip.start, clip.start.timestamp() + 0.1)
    assert flac.frames == RATE // 10 and flac.path.read_bytes().startswith(b"fLaC")
    assert flac.path.name == "mic_20231114T221320.012Z.flac"
