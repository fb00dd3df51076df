"""Plain values can be copied and pickled; handles refuse."""

import copy
import pathlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import RATE, START, eventually

import capbuf


def values(path: pathlib.Path) -> dict[str, Any]:
    registry = capbuf.open("pickling", track_allocations=True)
    buffer = registry.allocate("mic", seconds=2, sample_rate_hz=RATE)
    with buffer.writer() as writer:
        writer.write(np.arange(RATE // 2, dtype="int16"), at=START)
        writer.gap("packet loss", duration=0.25)
        writer.write(np.arange(RATE // 2, dtype="int16"), at=START + 0.75)
        status = buffer.status()
    segment = buffer.read(START, START + 1)
    private = capbuf.Registry.private()
    kept = [private.get_or_allocate(name, seconds=1) for name in ("rtsp://cam/1", "rtsp://cam/1/")]
    with private.watch(every=0.01) as watch:
        anomaly = watch.next_event(wait=60)
    with capbuf.Station(private) as station:
        changes = station.reconfigure(["tone:440"])
        eventually(lambda: len(station.sources()[0].history) > 0)
        [source] = station.sources()
    assert kept
    return {
        "segment": segment,
        "gap": segment.gaps[0],
        "missing": buffer.read_frames(0, 10**6, available=True).missing,
        "window": next(buffer.windows(0.1, start_frame=RATE // 2)),
        "status": status,
        "level": status.level,
        "holder": buffer.opened_by()[0],
        "spec": buffer.spec,
        "clip": buffer.clip_frames(path / "x.wav", 0, 100),
        "stats": registry.stats(),
        "swept": registry.sweep(),
        "domain": capbuf.domains()[0],
        "report": registry.allocation_report(),
        "anomaly": anomaly,
        "changes": changes,
        "source": source,
        "state": source.state,
        "transition": source.history[0],
        "info": registry.sources()[0],
        "config": capbuf.SourceConfig("nest", "tone:880", seconds=3, gain_db=6, mix=0, sample_format="f32", when_gone="keep"),
    }


def facts(value: Any) -> Any:
    """The public attributes of a value, recursively."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, capbuf.Error):
        return type(value), str(value), vars(value)
    if isinstance(value, tuple | list):
        return [facts(item) for item in value]
    if type(value).__module__ != "capbuf":
        return value
    names = [name for name in dir(value) if not name.startswith("_") and not callable(getattr(value, name))]
    return {"repr": repr(value), "str": str(value), **{name: facts(getattr(value, name)) for name in names if name != "buffer"}}


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("duplicate", [pickled, copy.copy, copy.deepcopy])
def test_copy_of_plain_value_is_equal(duplicate: Callable[[Any], Any], tmp_path: pathlib.Path) -> None:
    for name, value in values(tmp_path).items():
        other = duplicate(value)
        assert type(other) is type(value), name
        assert facts(other) == facts(value), name
        if hasattr(value, "to_json"):
            assert other.to_json() == value.to_json()


def test_copy_of_config_is_equal(tmp_path: pathlib.Path) -> None:
    config = capbuf.SourceConfig("nest", "tone:880", seconds=3, gain_db=6, when_gone="keep")
    assert pickled(config) == copy.copy(config) == config != capbuf.SourceConfig("nest", "tone:880")


def test_deep_copy_of_segment_owns_its_samples(tmp_path: pathlib.Path) -> None:
    segment = values(tmp_path)["segment"]
    other = copy.deepcopy(segment)
    other.samples[:] = 1
    assert segment.samples[0] == 0


def test_handles_refuse_and_name_what_to_do(
    registry: capbuf.Registry, buffer: capbuf.CaptureBuffer, tmp_path: pathlib.Path
) -> None:
    with (
        buffer.writer() as writer,
        registry.watch() as watch,
        registry.claim_source("other") as claim,
        capbuf.Station(registry) as station,
        capbuf.Trigger(registry, "mic", tmp_path) as trigger,
        capbuf.record("tone:440", registry=registry) as capture,
    ):
        advice = {
            registry: "capbuf.open",
            buffer: "by its source",
            writer: "CaptureBuffer.writer",
            buffer.windows(0.1): "start_frame",
            watch: "Registry.watch",
            claim: "Registry.claim_source",
            station: "create one there",
            trigger: "begin one there",
            capture: "by the domain and the source",
        }
        for handle, words in advice.items():
            for duplicate in (pickled, copy.copy, copy.deepcopy):
                refused = f"cannot pickle or copy a capbuf.{type(handle).__name__}: .*{words}"
                with pytest.raises(TypeError, match=refused):
                    duplicate(handle)
