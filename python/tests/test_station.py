"""Stations record what they are told to, triggers cut what is loud or called for, and clips are cut around moments."""

import asyncio
import gc
import pathlib
import threading
import time
import wave
from collections.abc import Iterator
from datetime import datetime, timezone

import numpy as np
import pytest
from conftest import RATE, START, START_NS, eventually, position

import capbuf


def source(name: str, seconds: float = 300.0) -> capbuf.SourceConfig:
    return capbuf.SourceConfig(name, "position:", seconds=seconds, sample_rate_hz=RATE)


def reasons(buffer: capbuf.CaptureBuffer) -> list[str]:
    """Why there are gaps, but for those of a machine that stood still: they are no station's doing."""
    reasons = [gap.reason for gap in buffer.read_frames(*buffer.frames, available=True).gaps]
    return [reason for reason in reasons if reason != "overrun"]


def running(station: capbuf.Station, name: str) -> capbuf.CaptureBuffer:
    """The buffer of a source, once audio flows."""
    found: list[capbuf.CaptureBuffer] = []

    def flows() -> bool:
        buffers = [status.buffer for status in station.sources() if status.name == name and status.state.name == "running"]
        found[:] = [buffer for buffer in buffers if buffer is not None and buffer.frames[1] > 0]
        return bool(found)

    eventually(flows)
    return found[0]


def test_a_station_records_what_it_is_told_and_touches_nothing_else(registry: capbuf.Registry) -> None:
    with capbuf.Station(registry) as station:
        changes = station.reconfigure([source("a"), source("b"), "tone:440"])
        assert changes.started == ["a", "b", "tone:440"] and changes
        a = running(station, "a")
        again = station.reconfigure((wanted for wanted in [source("b"), capbuf.SourceConfig("tone:440"), source("a")]))
        assert again.unchanged == ["a", "b", "tone:440"] and not again
        changes = station.reconfigure([source("a"), capbuf.SourceConfig("b", "tone:880", seconds=300, sample_rate_hz=RATE)])
        assert (changes.unchanged, changes.restarted, changes.stopped) == (["a"], ["b"], ["tone:440"])
        assert "tone:440" not in registry and [status.name for status in station.sources()] == ["a", "b"]
        b = running(station, "b")
        eventually(lambda: bool(reasons(b)))
        assert reasons(b) == ["reconfigured"]
        end = a.frames[1]
        assert np.array_equal(a.read_frames(0, end + 800, wait=60, dtype="int16").samples[:, 0], position(0, end + 800))
        assert a == registry["a"] and reasons(a) == []
        changes = station.reconfigure([source("a", 10.0)])
        assert changes.resized == ["a"] and repr(changes).endswith("resized=1 reformatted=0 stopped=1>")
        assert registry["a"].spec["seconds"] == 10
        assert station.stop() and station.sources() == [] and not registry["a"].status().has_writer
        assert station.reconfigure([source("a", 10.0)]).started == ["a"]
    assert station.closed
    assert not registry["a"].status().has_writer
    station.close()
    with pytest.raises(capbuf.Closed):
        station.sources()


def test_a_source_tells_how_it_came_to_its_state(registry: capbuf.Registry) -> None:
    with capbuf.Station(registry) as station:
        station.reconfigure([source("a"), capbuf.SourceConfig("gone", "file:/none/at/all.wav", retry_after=3600, retry_at_most_after=3600)])
        running(station, "a")
        eventually(lambda: {status.state.name for status in station.sources()} == {"running", "backing off"})
        a, gone = station.sources()
    assert [change.state for change in a.history] == ["starting", "running"]
    assert a.history[0].utc_ns <= a.history[1].utc_ns and a.history[0].time.tzinfo is timezone.utc and a.history[1].reason is None
    assert [change.state for change in gone.history] == ["starting", "backing off"]
    assert gone.history[1].reason is not None and "none/at/all.wav" in gone.history[1].reason
    assert repr(gone.history[1]).startswith("<capbuf.Transition to \"backing off\": ")
    assert gone.state.left_seconds > 1800


@pytest.mark.parametrize("mix", ["auto", "average", 0])
def test_a_source_is_as_it_is_wanted(mix: str | int, registry: capbuf.Registry) -> None:
    with capbuf.record("tone:440", registry=registry, mix=mix, gain_db=-20) as capture:
        samples = capture.buffer.read_frames(0, 4800, wait=60).samples
    assert 0.049 < np.abs(samples).max() <= 0.0501


def test_what_is_all_zero_is_opened_again(registry: capbuf.Registry) -> None:
    with capbuf.record("tone:440", registry=registry, gain_db=-100, sample_format="s16", silence_for=0.001, retry_after=3600) as capture:
        eventually(lambda: capture.state.name == "backing off")
        assert "zero" in str(capture.state.reason)


def test_what_can_not_be_is_refused_as_a_whole(registry: capbuf.Registry) -> None:
    station = capbuf.Station(registry)
    station.reconfigure([source("a")])
    refusals: list[list[capbuf.SourceConfig | str]] = [["a", source("a")], [source("b"), "no such source"], [capbuf.SourceConfig("b", seconds=0)]]
    for bad in refusals:
        with pytest.raises(capbuf.InvalidConfig) as refused:
            station.reconfigure(bad)
        assert isinstance(refused.value, ValueError) and refused.value.source and refused.value.reason
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


def test_a_source_that_is_gone_keeps_its_buffer_if_that_was_said(registry: capbuf.Registry) -> None:
    with capbuf.Station(registry) as station:
        station.reconfigure([capbuf.SourceConfig("stays", "position:", when_gone="keep"), source("goes")])
        running(station, "stays"), running(station, "goes")
        station.reconfigure([])
        assert "stays" in registry and "goes" not in registry


def test_a_station_that_is_forgotten_stops_its_sources(registry: capbuf.Registry) -> None:
    station = capbuf.Station(registry)
    station.reconfigure([source("a")])
    buffer = running(station, "a")
    del station
    gc.collect()
    assert not buffer.status().has_writer


def test_a_password_is_in_nothing_that_a_station_shows(registry: capbuf.Registry) -> None:
    camera = "rtsp://me:sesame@127.0.0.1:9/1"
    config = capbuf.SourceConfig(camera)
    assert config.locator == camera and "sesame" not in repr(config)
    with capbuf.Station(registry) as station:
        station.reconfigure([config])
        [status] = station.sources()
        assert status.name == camera and status.restarts == 0 and "sesame" not in repr(status)
        with pytest.raises(capbuf.InvalidConfig) as refused:
            station.reconfigure([config, config])
        assert "sesame" not in f"{refused.value!r} {vars(refused.value)}" and "127.0.0.1" in refused.value.source


def test_a_clip_around_a_moment_waits_for_what_is_to_come(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with capbuf.record("position:", seconds=300, registry=registry, sample_rate_hz=RATE) as capture:
        buffer = capture.buffer
        buffer.last(0.5, wait=60)
        now_ns = time.time_ns()
        now, span = now_ns / 1e9, (now_ns - 250_000_000, now_ns + 500_000_000)
        clip = buffer.clip_around(tmp_path / "bird.wav", now_ns, 0.25, after=0.5)
        # A machine that stands still bends the times for a while, or leaves a gap.
        assert abs(clip.frames - RATE * 3 // 4) <= 10 and not clip.missing and abs(clip.start.timestamp() - (now - 0.25)) < 0.05
        with wave.open(str(clip.path)) as file:
            samples = np.frombuffer(file.readframes(clip.frames), "int16")
        assert np.array_equal(samples, buffer.read(*span, dtype="int16").samples[:, 0])
        heard = buffer.read(*span, dtype="int16", silence=False)
        assert np.array_equal(heard.samples[:, 0], position(heard.first_frame, len(heard)))
        # The same in all ways to say when.
        for moment in (datetime.fromtimestamp(now, timezone.utc), now):
            assert abs(buffer.clip_around(tmp_path / "again.flac", moment, 0.25, 0.5).frames - clip.frames) <= 1
        assert b"position:" in (tmp_path / "again.flac").read_bytes()[:1000]


def test_a_clip_around_a_moment_tells_what_is_missing(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    # Two seconds were written, long ago: it is not waited for more of them than ten seconds.
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


def test_others_run_while_a_clip_is_waited_for(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    begun = time.time()
    cutting = threading.Thread(target=lambda: buffer.clip_around(tmp_path / "bird.wav", begun, 0, 1))
    cutting.start()
    # It can only end when this thread, which holds no lock of its, writes.
    with buffer.writer() as writer:
        writer.write(position(0, 2 * RATE), at=begun)
    cutting.join(60)
    assert not cutting.is_alive() and (tmp_path / "bird.wav").is_file()


def test_a_trigger_cuts_when_it_is_called(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with (
        capbuf.record("position:", registry=registry, sample_rate_hz=RATE) as capture,
        capbuf.Trigger(registry, "position:", tmp_path, before=0.2, after=0.3, extension="flac") as trigger,
    ):
        capture.buffer.last(0.5, wait=60)
        trigger.fire(time.time())
        clip = trigger.next_clip(wait=60)
        assert abs(clip.frames - RATE // 2) <= 10 and clip.path.parent == tmp_path and clip.path.suffix == ".flac"
        assert trigger.writing is None and trigger.dropped == 0
        with pytest.raises(capbuf.TimedOut):
            trigger.next_clip(wait=0)
        trigger.fire()
        assert abs(next(trigger).frames - RATE // 2) <= 10
    assert trigger.closed
    with pytest.raises(capbuf.Closed):
        trigger.fire()


def test_a_loop_over_clips_ends_with_the_last_one_when_it_is_closed(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE):
        trigger = capbuf.Trigger(registry, "tone:440", tmp_path, louder_than_dbfs=-20, between_hz=(300, 600), before=0.1, after=0.1, at_most=0.3)
        seen: list[capbuf.Clip] = []

        def take() -> None:
            seen.extend(trigger)

        taking = threading.Thread(target=take)
        taking.start()
        eventually(lambda: len(seen) >= 2)
        trigger.close()
        taking.join(60)
        assert not taking.is_alive()
    # What goes on is cut into clips that follow each other, of which none is lost.
    assert {clip.path for clip in seen} == set(tmp_path.iterdir())
    with pytest.raises(capbuf.Closed):
        trigger.next_clip()
    assert list(trigger) == []


async def test_clips_can_be_awaited(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE):
        trigger = capbuf.Trigger(registry, "tone:440", tmp_path, louder_than_dbfs=-20, before=0.1, after=0.1, at_most=0.2)
        count = 0
        async for clip in trigger:
            assert clip.frames > 0
            count += 1
            if count == 2:
                await asyncio.to_thread(trigger.close)
        assert count >= 2 and count == len(list(tmp_path.iterdir()))


def test_a_callable_is_told_of_each_clip_and_of_each_that_can_not_be(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    told: list[capbuf.Clip | capbuf.Error] = []
    folder = tmp_path / "clips"
    with (
        capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE) as capture,
        capbuf.Trigger(registry, "tone:440", folder, before=0.1, after=0.1, callback=told.append) as trigger,
    ):
        capture.buffer.last(0.5, wait=60)
        trigger.fire()
        eventually(lambda: len(told) == 1, 60)
        assert isinstance(told[0], capbuf.ClipFailed) and told[0].path.startswith(str(folder))
        with pytest.raises(capbuf.ClipFailed):
            next(trigger)
        folder.mkdir()
        trigger.fire()
        eventually(lambda: len(told) == 2, 60)
        assert isinstance(told[1], capbuf.Clip) and told[1].path == next(trigger).path


def test_what_a_trigger_can_not_be_is_refused(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with pytest.raises(capbuf.InvalidConfig, match="-200 to 0"):
        capbuf.Trigger(registry, "mic", tmp_path, louder_than_dbfs=3)
    with pytest.raises(capbuf.InvalidConfig, match="no length"):
        capbuf.Trigger(registry, "mic", tmp_path, before=0, after=0)
    with pytest.raises(capbuf.InvalidArgument, match="between_hz"):
        capbuf.Trigger(registry, "mic", tmp_path, between_hz=(1, 2))
    with pytest.raises(capbuf.InvalidArgument, match="extension"):
        capbuf.Trigger(registry, "mic", tmp_path, extension="mp3")
    with pytest.raises(capbuf.InvalidType, match="callable"):
        capbuf.Trigger(registry, "mic", tmp_path, callback=7)  # type: ignore[arg-type]
    with pytest.raises(capbuf.InvalidArgument, match="before"):
        capbuf.Trigger(registry, "mic", tmp_path, before=-1)


def test_a_trigger_whose_callable_is_busy_can_be_dropped(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    calling, go_on = threading.Event(), threading.Event()

    def tell(_: object) -> None:
        calling.set()
        go_on.wait(60)

    with capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE) as capture:
        trigger = capbuf.Trigger(registry, "tone:440", tmp_path, before=0.1, after=0.1, callback=tell)
        capture.buffer.last(0.5, wait=60)
        trigger.fire()
        assert calling.wait(60)
        threading.Timer(0.2, go_on.set).start()
        del trigger
        gc.collect()
    assert go_on.is_set(), "it waited for who was told"
