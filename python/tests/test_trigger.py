"""Triggers write a clip when a source is loud, or on request."""

import asyncio
import pathlib
import threading
import time

import pytest
from conftest import RATE, Background, eventually, until_blocked_in

import capbuf


def test_fire_writes_a_clip(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with (
        capbuf.record("position:", registry=registry, sample_rate_hz=RATE) as capture,
        capbuf.Trigger(registry, "position:", tmp_path, before=0.2, after=0.3, extension="flac") as trigger,
    ):
        capture.buffer.last(0.5, wait=60)
        trigger.fire(time.time())
        clip = trigger.next_clip(wait=60)
        assert abs(clip.frames - RATE // 2) <= 10
        assert clip.path.parent == tmp_path
        assert clip.path.suffix == ".flac"
        assert trigger.writing is None
        assert trigger.dropped == 0
        with pytest.raises(capbuf.TimedOut):
            trigger.next_clip(wait=0)
        trigger.fire()
        assert abs(next(trigger).frames - RATE // 2) <= 10
    assert trigger.closed
    with pytest.raises(capbuf.Closed):
        trigger.fire()


def test_loop_over_closed_trigger_ends_after_last_clip(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE):
        trigger = capbuf.Trigger(registry, "tone:440", tmp_path, louder_than_dbfs=-20, between_hz=(300, 600), before=0.1, after=0.1, at_most=0.3)
        seen: list[capbuf.Clip] = []
        taking = Background(lambda: seen.extend(trigger))
        eventually(lambda: len(seen) >= 2)
        trigger.close()
        taking.join()
    # A long event becomes adjacent clips, none of which is lost.
    assert {clip.path for clip in seen} == set(tmp_path.iterdir())
    with pytest.raises(capbuf.Closed):
        trigger.next_clip()
    assert list(trigger) == []


async def test_async_for_iterates_over_clips(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    with capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE):
        trigger = capbuf.Trigger(registry, "tone:440", tmp_path, louder_than_dbfs=-20, before=0.1, after=0.1, at_most=0.2)
        count = 0
        async for clip in trigger:
            assert clip.frames > 0
            count += 1
            if count == 2:
                await asyncio.to_thread(trigger.close)
        assert count >= 2
        assert count == len(list(tmp_path.iterdir()))


def test_callback_gets_clips_and_errors(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    outcomes: list[capbuf.Clip | capbuf.Error] = []
    folder = tmp_path / "clips"
    with (
        capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE) as capture,
        capbuf.Trigger(registry, "tone:440", folder, before=0.1, after=0.1, callback=outcomes.append) as trigger,
    ):
        capture.buffer.last(0.5, wait=60)
        trigger.fire()
        eventually(lambda: len(outcomes) == 1, 60)
        assert isinstance(outcomes[0], capbuf.ClipFailed)
        assert outcomes[0].path.startswith(str(folder))
        with pytest.raises(capbuf.ClipFailed):
            next(trigger)
        folder.mkdir()
        trigger.fire()
        eventually(lambda: len(outcomes) == 2, 60)
        assert isinstance(outcomes[1], capbuf.Clip)
        assert outcomes[1].path == next(trigger).path


def test_invalid_trigger_is_refused(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
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


def test_dropping_trigger_waits_for_callback(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    entered, release = threading.Event(), threading.Event()
    events: list[str] = []

    def callback(_: object) -> None:
        entered.set()
        release.wait(60)
        events.append("callback returned")

    with capbuf.record("tone:440", registry=registry, sample_rate_hz=RATE) as capture:
        references = [capbuf.Trigger(registry, "tone:440", tmp_path, before=0.1, after=0.1, callback=callback)]
        capture.buffer.last(0.5, wait=60)
        references[0].fire()
        assert entered.wait(60)

        def drop() -> None:
            references.clear()
            events.append("trigger dropped")

        dropping = Background(drop)
        until_blocked_in(dropping, drop)
        release.set()
        dropping.join()
    assert events == ["callback returned", "trigger dropped"]
