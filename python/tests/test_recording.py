"""Sources are captured into buffers, and clips are written from them."""

import gc
import pathlib
import wave

import numpy as np
import pytest
from conftest import RATE, eventually, position

import capbuf


def test_record_fills_buffer_of_domain() -> None:
    with capbuf.record("position:", seconds=60, domain="birds") as capture:
        assert capture.state.name == "running"
        assert capture.state.reason is None
        assert str(capture.state) == "running"
        segment = capture.buffer.read_frames(0, 4800, wait=60, dtype="int16")
        assert np.array_equal(segment.samples[:, 0], position(0, 4800))
        with pytest.raises(capbuf.WriterBusy):
            capbuf.record("position:", seconds=60, domain="birds")
        assert capbuf.open("birds")["position:"] == capture.buffer
        assert "position:" in repr(capture)
    assert capture.state.name == "stopped"
    assert capture.stop()
    assert capture.stop()
    assert len(capture.buffer.read_frames(0, 4800)) == 4800


def test_record_converts_to_requested_shape(registry: capbuf.Registry) -> None:
    with capbuf.record("tone:440", 60, registry=registry, sample_rate_hz=16000, channels=2, sample_format="f32") as capture:
        assert capture.buffer.spec == capbuf.Spec(seconds=60.0, sample_rate_hz=16000, channels=2, sample_format="f32")
        assert capture.buffer.last(0.1, wait=60).samples.shape == (1600, 2)


def test_garbage_collector_stops_capture(registry: capbuf.Registry) -> None:
    capture = capbuf.record("tone:440", registry=registry)
    del capture
    gc.collect()
    eventually(lambda: not registry["tone:440"].status().has_writer)


def test_capture_of_file_finishes(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "short.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(position(0, 800).tobytes())
    with capbuf.record(f"file:{path}", registry=registry) as capture:
        eventually(lambda: capture.state.name == "finished")
        assert np.array_equal(capture.buffer.read_frames(0, 800, dtype="int16").samples[:, 0], position(0, 800))


def test_clip_holds_exactly_the_requested_frames(buffer: capbuf.CaptureBuffer, tmp_path: pathlib.Path) -> None:
    clip = buffer.clip_frames(tmp_path / "bird.wav", 100, 900)
    assert (clip.path, clip.frames, clip.sample_rate_hz, clip.channels) == (tmp_path / "bird.wav", 800, RATE, 1)
    assert clip.sample_format == "s16"
    assert clip.bytes == clip.path.stat().st_size
    assert clip.start == buffer.read_frames(100, 900).start
    with wave.open(str(clip.path)) as file:
        assert file.readframes(1000) == position(100, 800).tobytes()
    flac = buffer.clip(str(tmp_path / capbuf.clip_name(buffer.source, clip.start_utc_ns, "flac")), clip.start, clip.start.timestamp() + 0.1)
    assert flac.frames == RATE // 10
    assert flac.path.read_bytes().startswith(b"fLaC")
    assert flac.path.name == "mic_20231114T221320.012Z.flac"
