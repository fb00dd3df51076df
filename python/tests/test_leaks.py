"""Repeated calls leak no references, no objects and no memory."""

import asyncio
import gc
import pathlib
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import RATE, START, eventually

import capbuf


def resident_bytes() -> int:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def test_repeated_calls_leak_nothing(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    memory, source = np.zeros((RATE, 1), "int16"), "mi" + "c"
    samples: Any = np.zeros((10, 1), "int16")
    loop = asyncio.new_event_loop()
    writer = buffer.writer()

    def refused() -> None:
        with pytest.raises(capbuf.NotYet):
            buffer.read_frames(10**9, 10**9 + 1)
        with pytest.raises(capbuf.InvalidArgument):
            buffer.last(-1)
        with pytest.raises(capbuf.FormatMismatch):
            writer.write(memory.astype("float32"))

    def allocate_and_remove() -> None:
        registry.allocate("another", seconds=1, sample_rate_hz=RATE)
        registry.remove("another")

    calls: dict[str, tuple[int, Callable[[], object]]] = {
        "contains": (20_000, lambda: source in registry),
        "get": (5000, lambda: registry.get(source)),
        "read": (2000, lambda: buffer.last(1)),
        "read into": (2000, lambda: buffer.last(1, out=memory)),
        "read by time": (2000, lambda: buffer.read(START, START + 1, available=True).start),
        "await": (500, lambda: loop.run_until_complete(buffer.alast(1))),
        "window": (2000, lambda: next(buffer.windows(0.1)).samples),
        "write": (2000, lambda: writer.write(samples)),
        "write bytes": (2000, lambda: writer.write_bytes(memoryview(samples))),
        "status": (500, lambda: buffer.status().level),
        "errors": (300, refused),
        "allocate": (200, allocate_and_remove),
        "clip": (200, lambda: buffer.clip_frames(tmp_path / "x.wav", 0, 10**6, available=True, overwrite=True)),
    }
    for name, (times, call) in calls.items():
        for _ in range(50):
            call()
        gc.collect()
        counts = [sys.getrefcount(thing) for thing in (buffer, registry, memory, samples, writer, source, None)]
        objects = len(gc.get_objects())
        resident = resident_bytes()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            call()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        after = [sys.getrefcount(thing) for thing in (buffer, registry, memory, samples, writer, source)]
        assert after == counts[:-1], f"{name}: references"
        assert len(gc.get_objects()) - objects < 50, f"{name}: objects"
        assert grown < times * 8 + 20_000, f"{name}: {grown} bytes of Python's memory"
        # A leak of one array or one ring a call exceeds this by far.
        assert resident_bytes() - resident < 8_000_000, f"{name}: resident memory"
    loop.close()
    writer.close()
    eventually(lambda: registry.stats().rings_mapped - registry.stats().rings_unmapped == 1)


def test_array_outlives_buffer_and_registry(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    with buffer.writer() as writer:
        writer.write(np.full(100, 7, "int16"))
    samples = buffer.read_frames(0, 100, dtype="int16").samples
    registry.remove("mic")
    buffer.close()
    del buffer, writer
    gc.collect()
    eventually(lambda: registry.stats().rings_unmapped == 1)
    assert (samples == 7).all()


def test_garbage_collector_closes_handles(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1)
    writer = buffer.writer()
    del writer
    gc.collect()
    buffer.writer().close()
    claim = registry.claim_source("mic")
    del claim
    gc.collect()
    registry.claim_source("mic").close()
