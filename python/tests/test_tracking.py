"""Who allocated what from where is told, with the caller's own file and line."""

import asyncio
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from conftest import RATE, eventually, position

import capbuf

HERE = __file__
MINUTE: dict[str, Any] = {"seconds": 60, "sample_rate_hz": 48000}


def line_of(function: Any, offset: int = 1) -> int:
    """A line of a function, counted from its first."""
    return int(function.__code__.co_firstlineno) + offset


# Four ways to come up, and a stream that reconnects: each asks for the buffer that it needs.
def at_startup(registry: capbuf.Registry, source: str) -> capbuf.CaptureBuffer:
    return registry.get_or_allocate(source, seconds=60, sample_rate_hz=48000)


def on_settings_change(registry: capbuf.Registry, source: str) -> capbuf.CaptureBuffer:
    return registry.get_or_allocate(source, seconds=60, sample_rate_hz=48000)


def on_stream_start(registry: capbuf.Registry, source: str) -> capbuf.CaptureBuffer:
    return registry.get_or_allocate(source, seconds=60, sample_rate_hz=48000)


def on_demand(registry: capbuf.Registry, source: str) -> capbuf.CaptureBuffer:
    return registry.get_or_allocate(source, seconds=60, sample_rate_hz=48000)


def on_reconnect(registry: capbuf.Registry, source: str) -> capbuf.CaptureBuffer:
    return registry.get_or_allocate(source, seconds=60, sample_rate_hz=48000)


RECONNECTS = 10


def test_four_ways_to_initialise_and_a_reconnect_loop_allocate_once() -> None:
    registry = capbuf.Registry.private(track_allocations=True)
    source = "rtsp://me:sesame@cam/1"
    ways = [at_startup, on_settings_change, on_stream_start, on_demand]
    with registry.watch(every=0.01) as watch:
        barrier = threading.Barrier(len(ways))

        def come_up(way: Any) -> None:
            barrier.wait()
            way(registry, source)

        threads = [threading.Thread(target=come_up, args=(way,), name=f"way-{way.__name__[:8]}") for way in ways]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _ in range(RECONNECTS):
            with on_reconnect(registry, source).writer() as writer:
                writer.write(position(0, 480))
        # Several looks later nothing is found.
        with pytest.raises(capbuf.TimedOut):
            watch.next_event(wait=0.1)
        report = registry.allocation_report()
        assert report.to_dict()["anomalies"] == []
    assert (report.attempts, report.allocations, report.live_buffers) == (4 + RECONNECTS, 1, 1)
    assert report.live_audio_bytes == 5_760_000
    [told] = report.to_dict()["sources"]
    assert told["source"] == "rtsp://***@cam/1" and told["audio_bytes"] == 5_760_000
    sites = {(site["file"], site["line"], site["function"]): site["attempts"] for site in told["call_sites"]}
    wanted = {(HERE, line_of(way), way.__name__): 1 for way in ways}
    wanted[HERE, line_of(on_reconnect), "on_reconnect"] = RECONNECTS
    assert sites == wanted
    assert {site["language"] for site in told["call_sites"]} == {"Python"}
    text = str(report)
    assert f"attempts {4 + RECONNECTS}, allocations 1, live buffers 1 (5.76 MB of audio" in text
    assert f"test_tracking.py:{line_of(on_demand)}" in text and "sesame" not in text


def test_a_stack_is_the_callers_and_in_the_callers_thread() -> None:
    registry = capbuf.Registry.private(track_allocations=True)
    told = {}

    def listen() -> None:
        told["thread"] = threading.get_native_id()
        at_startup(registry, "mic")

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    [stack] = registry.allocation_report().to_dict()["sources"][0]["stacks"]
    assert stack["outcome"] == "allocated" and stack["thread"] == told["thread"]
    assert [frame["function"] for frame in stack["frames"][:2]] == ["at_startup", "listen"]
    assert all(frame["file"].endswith(".py") and frame["line"] > 0 for frame in stack["frames"])


def test_what_came_of_each_attempt_is_told() -> None:
    registry = capbuf.Registry.private(track_allocations=True, budget_bytes=10_000_000)
    held = registry.allocate("mic", **MINUTE)
    with pytest.raises(capbuf.AlreadyExists):
        registry.allocate("mic", **MINUTE)
    with pytest.raises(capbuf.SpecMismatch):
        registry.get_or_allocate("mic", seconds=1)
    with pytest.raises(capbuf.OverBudget):
        registry.allocate("radio", **MINUTE)
    registry.remove("mic")
    report = registry.allocation_report()
    assert (report.removed_and_held, report.live_buffers) == (1, 0)
    results = report.to_dict()["totals"]["results"]
    assert {name: count for name, count in results.items() if count} == {
        "allocated": 1, "refused": 1, "spec_mismatch": 1, "over_budget": 1, "removed": 1,
    }  # fmt: skip
    [holder] = report.to_dict()["sources"][0]["holders"]
    assert (holder["pid"], holder["language"], holder["is_removed"]) == (os.getpid(), "Python", True)
    assert holder["file"] == HERE and "REMOVED, still held" in str(report)
    held.close()
    # The helper that commits memory ahead may hold it for a moment.
    eventually(lambda: registry.allocation_report().removed_and_held == 0)


def test_a_removed_buffers_memory_is_used_again_and_shows_nothing_of_it() -> None:
    registry = capbuf.Registry.private(track_allocations=True, pool_bytes=10_000_000)

    def is_used_again() -> bool:
        with registry.allocate("mic", seconds=1, sample_rate_hz=RATE) as buffer:
            assert buffer.frames == (0, 0)
            with pytest.raises(capbuf.NotYet):
                buffer.read_frames(0, 1)
            # It knows its buffer, so it must not live longer.
            with buffer.writer() as writer:
                writer.write(position(1, RATE))
            del writer
        registry.remove("mic")
        return bool(registry.allocation_report().to_dict()["totals"]["results"]["reused"])

    # It is overwritten elsewhere before it is used again, so the next one may come too soon for it.
    eventually(is_used_again)
    # What is just being overwritten stays, and is trimmed the next time.
    def is_empty() -> bool:
        registry.trim_pool()
        return "capbuf_pool_rings 0.0" in registry.metrics_text()

    eventually(is_empty)


def test_it_is_switched_on_and_off_while_running(registry: capbuf.Registry) -> None:
    assert not registry.is_allocation_tracking
    at_startup(registry, "mic")
    registry.enable_allocation_tracking(True)
    at_startup(registry, "mic")
    registry.enable_allocation_tracking(False)
    at_startup(registry, "mic")
    report = registry.allocation_report()
    assert (report.attempts, report.live_buffers) == (1, 1)
    registry.close()
    with pytest.raises(capbuf.Closed):
        registry.enable_allocation_tracking()
    with pytest.raises(capbuf.Closed):
        registry.allocation_report()


def test_the_environment_switches_it_on() -> None:
    program = "import capbuf; print(capbuf.Registry.private().is_allocation_tracking)"
    for value, wanted in [("true", "True"), ("0", "False")]:
        environment = {**os.environ, "DEBUG_BUFFER_ALLOC": value}
        said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        assert said.stdout.strip() == wanted


def test_a_capture_is_told_where_it_was_started() -> None:
    registry = capbuf.Registry.private(track_allocations=True)
    with capbuf.record("tone:440", seconds=1, registry=registry):
        sites = registry.allocation_report().to_dict()["sources"][0]["call_sites"]
    assert [(site["file"], site["language"]) for site in sites] == [(HERE, "Python")]


def two_names(registry: capbuf.Registry) -> list[capbuf.CaptureBuffer]:
    return [registry.get_or_allocate(name, seconds=1, sample_rate_hz=RATE) for name in ("rtsp://me:sesame@cam/1", "rtsp://cam/1/")]


def test_events_are_iterated_over(registry: capbuf.Registry) -> None:
    buffers = two_names(registry)
    watch = registry.watch(every=0.005)
    for event in watch:
        break
    assert (event.kind, event.severity, event.count) == ("source under two names", "notice", 1)
    assert event.first == event.last and event.first_utc_ns > 0
    assert json.loads(event.to_json())["evidence"] == event.evidence and event.advice in str(event)
    assert "sesame" not in str(event) + event.to_json() + repr(event)
    # Meanwhile it may have been seen again.
    [found] = watch.found()
    assert (found.kind, found.evidence, found.first) == (event.kind, event.evidence, event.first) and watch.dropped == 0
    [reported] = registry.allocation_report().to_dict()["anomalies"]
    assert reported["evidence"] == event.evidence and reported["first_utc"] == json.loads(event.to_json())["first_utc"]
    with pytest.raises(capbuf.TimedOut):
        watch.next_event(wait=0)
    watch.close()
    with pytest.raises(capbuf.Closed):
        next(watch)
    del buffers


async def test_events_are_awaited(registry: capbuf.Registry) -> None:
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


def test_events_are_told_to_a_callable(registry: capbuf.Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[capbuf.Anomaly] = []
    raised: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))

    def tell(event: capbuf.Anomaly) -> None:
        told.append(event)
        raise LookupError("planted")

    buffers = two_names(registry)
    watch = registry.watch(tell, every=0.005)
    eventually(lambda: len(told) == 1 and len(raised) == 1)
    assert told[0].kind == "source under two names" and isinstance(raised[0], LookupError)
    # The last reference goes while its thread may be calling.
    del watch, buffers


def test_a_watch_whose_callable_is_busy_can_be_dropped(registry: capbuf.Registry) -> None:
    entered = threading.Event()

    def tell(event: capbuf.Anomaly) -> None:
        entered.set()
        time.sleep(0.05)

    buffers = two_names(registry)
    watch = registry.watch(tell, every=0.005)
    assert entered.wait(60)
    del watch, buffers


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
def test_settings_that_can_be_none_are_refused(registry: capbuf.Registry, settings: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        registry.watch(**settings)


def test_metrics_are_those_that_prometheus_reads(registry: capbuf.Registry) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from capbuf.prometheus import CapbufCollector

    registry.get_or_allocate("rtsp://me:sesame@cam/1", **MINUTE)
    registry.get_or_allocate("rtsp://me:sesame@cam/1", **MINUTE)
    metrics = CollectorRegistry()
    metrics.register(CapbufCollector(registry))
    collected = generate_latest(metrics).decode()
    for text in (registry.metrics_text(), collected):
        assert 'capbuf_allocation_attempts_total{result="already_there"} 1' in text
        assert "# TYPE capbuf_live_buffers gauge" in text and "sesame" not in text
    checked = subprocess.run(["promtool", "check", "metrics"], input=collected, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, ""), collected
    assert metrics.get_sample_value("capbuf_live_buffers") == 1
    registry.close()
    assert generate_latest(metrics) == b""


def test_a_domain_is_told_as_a_whole(folder: pathlib.Path) -> None:
    program = "import capbuf, sys; r = capbuf.open('birds'); b = r.allocate('mic', seconds=1); print('made', flush=True); sys.stdin.read()"
    environment = {**os.environ, "DEBUG_BUFFER_ALLOC": "true"}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "made\n"
        with capbuf.open("birds") as domain:
            report = domain.allocation_report()
            [process] = report.to_dict()["processes"]
            assert process["pid"] == child.pid and process["is_tracking"]
            [site] = report.to_dict()["sources"][0]["call_sites"]
            assert (site["pid"], site["language"], site["file"], site["line"]) == (child.pid, "Python", "<string>", 1)
            assert 'capbuf_allocation_attempts_total{result="allocated"} 1' in domain.domain_metrics_text()
            assert 'capbuf_allocation_attempts_total{result="allocated"} 0' in domain.metrics_text()
        assert child.stdin is not None
        child.stdin.close()
