"""A watch finds misuse of a registry, in a loop, in an event loop and by a callback."""

import asyncio
import json
import sys
import threading
from typing import Any

import pytest
from conftest import RATE, Background, eventually, until_blocked_in

import capbuf


def two_names(registry: capbuf.Registry) -> list[capbuf.CaptureBuffer]:
    return [registry.get_or_allocate(name, seconds=1, sample_rate_hz=RATE) for name in ("rtsp://me:sesame@cam/1", "rtsp://cam/1/")]


def test_for_iterates_over_events(registry: capbuf.Registry) -> None:
    buffers = two_names(registry)
    watch = registry.watch(every=0.005)
    for event in watch:
        break
    assert (event.kind, event.severity, event.count) == ("source under two names", "notice", 1)
    assert event.first == event.last
    assert event.first_utc_ns > 0
    assert json.loads(event.to_json())["evidence"] == event.evidence
    assert event.advice in str(event)
    assert "sesame" not in str(event) + event.to_json() + repr(event)
    # A later look may have seen it again: its count may differ.
    [found] = watch.found()
    assert (found.kind, found.evidence, found.first) == (event.kind, event.evidence, event.first)
    assert watch.dropped == 0
    [reported] = registry.allocation_report().to_dict()["anomalies"]
    assert reported["evidence"] == event.evidence
    assert reported["first_utc"] == json.loads(event.to_json())["first_utc"]
    with pytest.raises(capbuf.TimedOut):
        watch.next_event(wait=0)
    watch.close()
    with pytest.raises(capbuf.Closed):
        next(watch)
    del buffers


async def test_async_for_iterates_over_events(registry: capbuf.Registry) -> None:
    buffers = two_names(registry)
    with registry.watch(every=0.005) as watch:
        async for event in watch:
            assert event.kind == "source under two names"
            break
        waiting = asyncio.create_task(watch.__anext__())
        await asyncio.sleep(0)
        watch.close()
        with pytest.raises(capbuf.Closed):
            await waiting
    del buffers


def test_callback_gets_events(registry: capbuf.Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[capbuf.Anomaly] = []
    raised: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))

    def callback(event: capbuf.Anomaly) -> None:
        events.append(event)
        raise LookupError("planted")

    buffers = two_names(registry)
    watch = registry.watch(callback, every=0.005)
    eventually(lambda: len(events) == 1 and len(raised) == 1)
    assert events[0].kind == "source under two names"
    assert isinstance(raised[0], LookupError)
    # Dropped while its thread may be in the callback.
    del watch, buffers


def test_dropping_watch_waits_for_callback(registry: capbuf.Registry) -> None:
    entered, release = threading.Event(), threading.Event()
    events: list[str] = []

    def callback(event: capbuf.Anomaly) -> None:
        entered.set()
        release.wait(60)
        events.append("callback returned")

    buffers = two_names(registry)
    references = [registry.watch(callback, every=0.005)]
    assert entered.wait(60)

    def drop() -> None:
        references.clear()
        events.append("watch dropped")

    dropping = Background(drop)
    until_blocked_in(dropping, drop)
    release.set()
    dropping.join()
    assert events == ["callback returned", "watch dropped"]
    del buffers


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"every": 0}, capbuf.InvalidArgument),
        ({"every": -1}, capbuf.InvalidArgument),
        ({"every": "1"}, capbuf.InvalidType),
        ({"churn_allocations": 0}, capbuf.InvalidArgument),
        ({"budget_share": 1.5}, capbuf.InvalidArgument),
        ({"budget_share": float("nan")}, capbuf.InvalidArgument),
        ({"evry": 1}, capbuf.InvalidArgument),
        ({"callback": 1}, capbuf.InvalidType),
    ],
)
def test_invalid_setting_is_refused(registry: capbuf.Registry, settings: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        registry.watch(**settings)
