"""Allocation reports: attempts, outcomes, and the file and line of each call site."""

import functools
import os
import pathlib
import subprocess
import sys
import threading
from typing import Any

import pytest
from conftest import RATE, Background, at_once, eventually, position

import capbuf

HERE = __file__
MINUTE: dict[str, Any] = {"seconds": 60, "sample_rate_hz": 48000}


def line_of(function: Any, offset: int = 1) -> int:
    """Return the number of a line of a function, counted from its first."""
    return int(function.__code__.co_firstlineno) + offset


# Four initialisation paths and a stream that reconnects: each gets or allocates the same buffer.
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


def test_racing_initialisers_and_reconnects_allocate_once() -> None:
    registry = capbuf.Registry.private(track_allocations=True)
    source = "rtsp://me:sesame@cam/1"
    ways = [at_startup, on_settings_change, on_stream_start, on_demand]
    with registry.watch(every=0.01) as watch:
        at_once(*[functools.partial(way, registry, source) for way in ways])
        for _ in range(RECONNECTS):
            with on_reconnect(registry, source).writer() as writer:
                writer.write(position(0, 480))
        report = registry.allocation_report()
        # One camera under two names is found by the next look, which finds nothing else.
        other = registry.get_or_allocate("rtsp://cam/1/", seconds=60, sample_rate_hz=48000)
        assert watch.next_event(wait=60).kind == "source under two names"
        assert [found.kind for found in watch.found()] == ["source under two names"]
        other.close()
    assert report.to_dict()["anomalies"] == []
    assert (report.attempts, report.allocations, report.live_buffers) == (4 + RECONNECTS, 1, 1)
    assert report.live_audio_bytes == 5_760_000
    [tracked] = report.to_dict()["sources"]
    assert tracked["source"] == "rtsp://***@cam/1"
    assert tracked["audio_bytes"] == 5_760_000
    sites = {(site["file"], site["line"], site["function"]): site["attempts"] for site in tracked["call_sites"]}
    expected = {(HERE, line_of(way), way.__name__): 1 for way in ways}
    expected[HERE, line_of(on_reconnect), "on_reconnect"] = RECONNECTS
    assert sites == expected
    assert {site["language"] for site in tracked["call_sites"]} == {"Python"}
    text = str(report)
    assert f"attempts {4 + RECONNECTS}, allocations 1, live buffers 1 (5.76 MB of audio" in text
    assert f"test_tracking.py:{line_of(on_demand)}" in text
    assert "sesame" not in text


def test_stack_is_that_of_the_calling_thread() -> None:
    registry = capbuf.Registry.private(track_allocations=True)

    def listen() -> int:
        at_startup(registry, "mic")
        return threading.get_native_id()

    thread = Background(listen).join()
    [stack] = registry.allocation_report().to_dict()["sources"][0]["stacks"]
    assert stack["outcome"] == "allocated"
    assert stack["thread"] == thread
    assert [frame["function"] for frame in stack["frames"][:2]] == ["at_startup", "listen"]
    assert all(frame["file"].endswith(".py") and frame["line"] > 0 for frame in stack["frames"])


def test_report_counts_outcomes_of_attempts() -> None:
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
    assert holder["file"] == HERE
    assert "REMOVED, still held" in str(report)
    held.close()
    # The thread that commits the memory of a new ring may hold it for a moment.
    eventually(lambda: registry.allocation_report().removed_and_held == 0)


def test_pooled_memory_is_reused_and_cleared() -> None:
    registry = capbuf.Registry.private(track_allocations=True, pool_bytes=10_000_000)

    def is_reused() -> bool:
        with registry.allocate("mic", seconds=1, sample_rate_hz=RATE) as buffer:
            assert buffer.frames == (0, 0)
            with pytest.raises(capbuf.NotYet):
                buffer.read_frames(0, 1)
            with buffer.writer() as writer:
                writer.write(position(1, RATE))
            # The writer refers to the buffer, whose memory goes to the pool with the last handle.
            del writer
        registry.remove("mic")
        return bool(registry.allocation_report().to_dict()["totals"]["results"]["reused"])

    # A helper thread clears the memory first, so the next allocation may come too early to reuse
    # it.
    eventually(is_reused)

    # Memory that is being cleared is not trimmed: try again.
    def is_empty() -> bool:
        registry.trim_pool()
        return "capbuf_pool_rings 0.0" in registry.metrics_text()

    eventually(is_empty)


def test_tracking_can_be_switched_at_run_time(registry: capbuf.Registry) -> None:
    assert not registry.is_allocation_tracking
    at_startup(registry, "mic")
    report = registry.allocation_report()
    assert (report.attempts, report.allocations, report.live_buffers) == (None, None, 1)
    assert report.to_dict()["totals"]["results"] is None
    assert "unknown attempts" in repr(report)
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


def test_environment_enables_tracking() -> None:
    program = "import capbuf; print(capbuf.Registry.private().is_allocation_tracking)"
    for value, expected in [("true", "True"), ("0", "False")]:
        environment = {**os.environ, "DEBUG_BUFFER_ALLOC": value}
        child = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        assert child.stdout.strip() == expected


def test_capture_is_recorded_with_call_site_of_record() -> None:
    registry = capbuf.Registry.private(track_allocations=True)
    with capbuf.record("tone:440", seconds=1, registry=registry):
        sites = registry.allocation_report().to_dict()["sources"][0]["call_sites"]
    assert [(site["file"], site["language"]) for site in sites] == [(HERE, "Python")]


def test_report_covers_all_processes_of_domain(folder: pathlib.Path) -> None:
    program = "import capbuf, sys; r = capbuf.open('birds'); b = r.allocate('mic', seconds=1); print('made', flush=True); sys.stdin.read()"
    environment = {**os.environ, "DEBUG_BUFFER_ALLOC": "true"}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "made\n"
        with capbuf.open("birds") as domain:
            report = domain.allocation_report()
            [process] = report.to_dict()["processes"]
            assert process["pid"] == child.pid
            assert process["is_tracking"]
            [site] = report.to_dict()["sources"][0]["call_sites"]
            assert (site["pid"], site["language"], site["file"], site["line"]) == (child.pid, "Python", "<string>", 1)
            assert 'capbuf_allocation_attempts_total{result="allocated"} 1' in domain.domain_metrics_text()
            assert 'capbuf_allocation_attempts_total{result="allocated"} 0' in domain.metrics_text()
        assert child.stdin is not None
        child.stdin.close()
