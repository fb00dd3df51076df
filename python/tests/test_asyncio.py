"""Reads and windows in an event loop, without threads."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from conftest import RATE, START, position

import capbuf


async def feed(buffer: capbuf.CaptureBuffer, first: int, chunks: int) -> None:
    with buffer.writer() as writer:
        for chunk in range(chunks):
            await asyncio.sleep(0.005)
            writer.write(position(first + chunk * 400, 400), at=START + (first + chunk * 400) / RATE)


async def test_awaited_reads_use_no_thread(buffer: capbuf.CaptureBuffer) -> None:
    feeding = asyncio.create_task(feed(buffer, 2 * RATE, 20))
    memory = np.empty((RATE, 1), "int16")
    threads = len(os.listdir("/proc/self/task"))
    reads = [buffer.aread_frames(2 * RATE, 2 * RATE + 400 * chunk, dtype="int16") for chunk in range(1, 21)]
    for chunk, segment in enumerate(await asyncio.gather(*reads), 1):
        assert np.array_equal(segment.samples[:, 0], position(2 * RATE, 400 * chunk))
    assert (await buffer.aread_frames(2 * RATE, 3 * RATE, out=memory)).samples is memory
    assert (await buffer.aread(START, START + 1)).end_frame == RATE
    assert len(await buffer.alast(3)) == 3 * RATE
    assert len(os.listdir("/proc/self/task")) <= threads
    await feeding


async def test_awaited_read_raises_like_blocking_read(buffer: capbuf.CaptureBuffer) -> None:
    with pytest.raises(capbuf.TimedOut):
        await buffer.aread_frames(0, 3 * RATE, wait=0.02)
    with pytest.raises(capbuf.TimedOut):
        await buffer.aread_frames(0, 3 * RATE, wait=0)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(buffer.aread_frames(0, 3 * RATE), 0.02)
    assert len(await buffer.aread_frames(0, 3 * RATE, wait=0.02, available=True)) == 2 * RATE
    with pytest.raises(capbuf.InvalidRange):
        await buffer.aread_frames(5, 5)
    with pytest.raises(capbuf.InvalidType):
        await buffer.alast("x")  # type: ignore[arg-type]


async def raises_after(
    act: Callable[[], object], read: Coroutine[Any, Any, object], kind: type[Exception]
) -> None:
    reading = asyncio.create_task(read)
    # One turn of the loop runs the task to its first sleep.
    await asyncio.sleep(0)
    act()
    with pytest.raises(kind):
        await reading


async def test_removal_and_close_end_awaited_read(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    await raises_after(lambda: registry.remove("mic"), buffer.aread_frames(0, 3 * RATE), capbuf.Removed)
    assert len(await buffer.aread_frames(0, RATE)) == RATE
    other = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    await raises_after(other.close, other.aread_frames(0, 3 * RATE), capbuf.Closed)


async def test_async_for_iterates_over_windows(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    async def feed_and_remove() -> None:
        await feed(buffer, 2 * RATE, 10)
        registry.remove("mic")

    feeding = asyncio.create_task(feed_and_remove())
    seen = [window.first_frame async for window in buffer.windows(0.5, hop=0.25)]
    assert seen == list(range(0, 2 * RATE + 1, RATE // 4))
    await feeding
    with pytest.raises(capbuf.Closed):
        with buffer.windows(0.5) as windows:
            windows.close()
            async for _ in windows:
                pass


async def test_fifty_tasks_wait_in_one_event_loop(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=5, sample_rate_hz=RATE)

    async def analyse() -> int:
        count = 0
        async for window in buffer.windows(0.1, wait=60):
            assert np.array_equal(window.samples[:, 0], position(window.first_frame, 800) / np.float32(32768))
            count += 1
            if count == 10:
                break
        return count

    feeding = asyncio.create_task(feed(buffer, 0, 25))
    assert await asyncio.gather(*[analyse() for _ in range(50)]) == [10] * 50
    await feeding
