"""Stations capture the configured sources, and touch only changed ones."""

import copy
import gc
import os
import pickle
from collections.abc import Iterator
from datetime import timedelta, timezone

import numpy as np
import pytest
from conftest import RATE, Stalls, eventually, position

import capbuf


def source(name: str, seconds: float = 300.0) -> capbuf.SourceConfig:
    return capbuf.SourceConfig(name, "position:", seconds=seconds, sample_rate_hz=RATE)


def reasons(buffer: capbuf.CaptureBuffer, stalls: Stalls) -> list[str]:
    """Return the reasons of all gaps, without one overrun for each stall that was seen."""
    reasons = [gap.reason for gap in buffer.read_frames(*buffer.frames, available=True).gaps]
    for _ in range(stalls.count):
        if "overrun" in reasons:
            reasons.remove("overrun")
    return reasons


def running(station: capbuf.Station, name: str) -> capbuf.CaptureBuffer:
    """Return the buffer of a source once it has audio."""
    found: list[capbuf.CaptureBuffer] = []

    def flows() -> bool:
        buffers = [status.buffer for status in station.sources() if status.name == name and status.state.name == "running"]
        found[:] = [buffer for buffer in buffers if buffer is not None and buffer.frames[1] > 0]
        return bool(found)

    eventually(flows)
    return found[0]


def test_reconfigure_touches_only_changed_sources(registry: capbuf.Registry, stalls: Stalls) -> None:
    with capbuf.Station(registry) as station:
        changes = station.reconfigure([source("a"), source("b"), "tone:440"])
        assert changes.started == ["a", "b", "tone:440"]
        assert changes
        a = running(station, "a")
        again = station.reconfigure((config for config in [source("b"), capbuf.SourceConfig("tone:440"), source("a")]))
        assert again.unchanged == ["a", "b", "tone:440"]
        assert not again
        changes = station.reconfigure([source("a"), capbuf.SourceConfig("b", "tone:880", seconds=300, sample_rate_hz=RATE)])
        assert (changes.unchanged, changes.restarted, changes.stopped) == (["a"], ["b"], ["tone:440"])
        assert "tone:440" not in registry
        assert [status.name for status in station.sources()] == ["a", "b"]
        b = running(station, "b")
        eventually(lambda: bool(reasons(b, stalls)))
        assert reasons(b, stalls) == ["reconfigured"]
        end = a.frames[1]
        assert np.array_equal(a.read_frames(0, end + 800, wait=60, dtype="int16").samples[:, 0], position(0, end + 800))
        assert a == registry["a"]
        assert reasons(a, stalls) == []
        changes = station.reconfigure([source("a", 10.0)])
        assert changes.resized == ["a"]
        assert repr(changes).endswith("resized=1 reformatted=0 stopped=1>")
        assert registry["a"].spec["seconds"] == 10
        assert station.stop()
        assert station.sources() == []
        assert not registry["a"].status().has_writer
        assert station.reconfigure([source("a", 10.0)]).started == ["a"]
    assert station.closed
    assert not registry["a"].status().has_writer
    station.close()
    with pytest.raises(capbuf.Closed):
        station.sources()


def test_source_status_has_history(registry: capbuf.Registry) -> None:
    with capbuf.Station(registry) as station:
        station.reconfigure([source("a"), capbuf.SourceConfig("gone", "file:/none/at/all.wav", retry_after=3600, retry_at_most_after=3600)])
        running(station, "a")
        eventually(lambda: {status.state.name for status in station.sources()} == {"running", "backing off"})
        a, gone = station.sources()
    assert [change.state for change in a.history] == ["starting", "running"]
    assert a.history[0].utc_ns <= a.history[1].utc_ns
    assert a.history[0].time.tzinfo is timezone.utc
    assert a.history[1].reason is None
    assert [change.state for change in gone.history] == ["starting", "backing off"]
    assert gone.history[1].reason is not None
    assert "none/at/all.wav" in gone.history[1].reason
    assert repr(gone.history[1]).startswith("<capbuf.Transition to \"backing off\": ")
    assert gone.state.left_seconds > 1800


@pytest.mark.parametrize("mix", ["auto", "average", 0])
def test_mix_and_gain_are_applied(mix: str | int, registry: capbuf.Registry) -> None:
    with capbuf.record("tone:440", registry=registry, mix=mix, gain_db=-20) as capture:
        samples = capture.buffer.read_frames(0, 4800, wait=60).samples
    assert 0.049 < np.abs(samples).max() <= 0.0501


def test_all_zero_source_is_reopened(registry: capbuf.Registry) -> None:
    with capbuf.record("tone:440", registry=registry, gain_db=-100, sample_format="s16", silence_for=0.001, retry_after=3600) as capture:
        eventually(lambda: capture.state.name == "backing off")
        assert "zero" in str(capture.state.reason)


def test_invalid_configuration_changes_nothing(registry: capbuf.Registry) -> None:
    station = capbuf.Station(registry)
    station.reconfigure([source("a")])
    refusals: list[list[capbuf.SourceConfig | str]] = [["a", source("a")], [source("b"), "no such source"], [capbuf.SourceConfig("b", seconds=0)]]
    for bad in refusals:
        with pytest.raises(capbuf.InvalidConfig) as refused:
            station.reconfigure(bad)
        assert isinstance(refused.value, ValueError)
        assert refused.value.source
        assert refused.value.reason
        with pytest.raises(capbuf.InvalidConfig):
            station.check(bad)
    assert [status.name for status in station.sources()] == ["a"]
    for wrong in ("tone:440", 7, [7], None):
        with pytest.raises(capbuf.InvalidType):
            station.reconfigure(wrong)  # type: ignore[arg-type]
    for name in ("open_deadline", "retry_after", "retry_at_most_after", "give_up_after", "then_retry_every", "nothing_for", "silence_for", "mix"):
        with pytest.raises(capbuf.InvalidArgument, match=name):
            capbuf.SourceConfig("a", **{name: -1})  # type: ignore[arg-type]
        with pytest.raises(capbuf.InvalidType, match=name):
            capbuf.SourceConfig("a", **{name: b"1"})  # type: ignore[arg-type]
    with pytest.raises(capbuf.InvalidArgument, match="wrong_rate.*ignore.*refuse, correct"):
        capbuf.SourceConfig("a", wrong_rate="ignore")
    with pytest.raises(capbuf.InvalidType, match="wrong_rate"):
        capbuf.SourceConfig("a", wrong_rate=1)  # type: ignore[arg-type]
    for latency in (60.001, -61, float("nan"), float("inf"), timedelta(seconds=61)):
        with pytest.raises(capbuf.InvalidArgument, match="latency.*-60 to 60 s"):
            capbuf.SourceConfig("a", latency=latency)
    with pytest.raises(capbuf.InvalidType, match="latency"):
        capbuf.SourceConfig("a", latency="44ms")  # type: ignore[arg-type]
    assert capbuf.SourceConfig("a", "tone:1", latency=timedelta(milliseconds=-44)) == capbuf.SourceConfig("a", "tone:1", latency=-0.044)
    assert capbuf.SourceConfig("a", "tone:1", latency=0.044) != capbuf.SourceConfig("a", "tone:1")
    assert capbuf.SourceConfig("a", "tone:1", wrong_rate="correct") != capbuf.SourceConfig("a", "tone:1")
    assert capbuf.SourceConfig("a", "tone:1", wrong_rate="refuse") == capbuf.SourceConfig("a", "tone:1")
    with pytest.raises(capbuf.InvalidArgument, match="mix.*loudest.*\"auto\", \"average\", the number of a channel"):
        capbuf.SourceConfig("a", mix="loudest")
    with pytest.raises(capbuf.InvalidArgument, match="gain"):
        capbuf.record("tone:440", registry=registry, gain_db=101)
    with pytest.raises(capbuf.InvalidArgument, match="when_gone.*\"remove\", \"keep\""):
        capbuf.SourceConfig("a", when_gone="burn")
    with pytest.raises(capbuf.InvalidArgument, match="sample_rate_hz"):
        capbuf.SourceConfig("a", sample_rate_hz=-1)

    def broken() -> Iterator[str]:
        yield "tone:440"
        raise RuntimeError("my own")

    with pytest.raises(RuntimeError, match="my own"):
        station.reconfigure(broken())
    station.close()


def test_when_gone_keep_leaves_buffer(registry: capbuf.Registry) -> None:
    with capbuf.Station(registry) as station:
        station.reconfigure([capbuf.SourceConfig("stays", "position:", when_gone="keep"), source("goes")])
        running(station, "stays"), running(station, "goes")
        station.reconfigure([])
        assert "stays" in registry
        assert "goes" not in registry


def test_garbage_collector_stops_station(registry: capbuf.Registry) -> None:
    station = capbuf.Station(registry)
    station.reconfigure([source("a")])
    buffer = running(station, "a")
    del station
    gc.collect()
    assert not buffer.status().has_writer


def test_station_redacts_passwords(registry: capbuf.Registry) -> None:
    camera = "rtsp://me:sesame@127.0.0.1:9/1"
    config = capbuf.SourceConfig(camera)
    assert config.locator == camera
    assert "sesame" not in repr(config)
    with capbuf.Station(registry) as station:
        station.reconfigure([config])
        [status] = station.sources()
        assert status.name == camera
        assert status.restarts == 0
        assert "sesame" not in repr(status)
        with pytest.raises(capbuf.InvalidConfig) as refused:
            station.reconfigure([config, config])
        assert "sesame" not in f"{refused.value!r} {vars(refused.value)}"
        assert "127.0.0.1" in refused.value.source


def test_sources_of_a_registry_include_those_without_a_buffer() -> None:
    registry = capbuf.open("sources")
    with capbuf.Station(registry) as station:
        absent = capbuf.SourceConfig("rtsp://me:sesame@nest/1", "file:/no/such/file.wav")
        station.reconfigure([absent, capbuf.SourceConfig("yard", "tone:440", seconds=2, sample_rate_hz=RATE)])
        buffer = running(station, "yard")
        eventually(lambda: [bool(info.reason) for info in registry.sources()] == [True, False])
        nest, yard = registry.sources()
        assert (nest.source, nest.buffer) == ("rtsp://me:sesame@nest/1", None)
        assert nest.state != "running"
        assert "file.wav" in nest.reason
        assert nest.recorder is not None
        assert nest.recorder.pid == os.getpid()
        assert nest.since is not None
        assert nest.since.timestamp() * 1e9 == pytest.approx(nest.since_utc_ns, rel=1e-9)
        assert "sesame" not in repr(nest)
        assert (yard.source, yard.buffer, yard.state, yard.reason) == ("yard", buffer, "running", "")
        copied = pickle.loads(pickle.dumps(nest))
        assert (copied.source, copied.state, copied.reason, copied.recorder) == (nest.source, nest.state, nest.reason, nest.recorder)
        assert copy.copy(yard) is yard
