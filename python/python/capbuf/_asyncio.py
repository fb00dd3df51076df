"""Coroutines that wait in an event loop.

No thread is used: the loop sleeps until the frames should exist, then polls.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from ._capbuf import Anomaly, CaptureBuffer, Clip, Segment, Trigger, Watch, Window, Windows

Result = TypeVar("Result")


async def _until_ready(poll: Callable[[float, bool], Result | float], wait: float | None) -> Result:
    """Call `poll` until it returns a result; a float is the number of seconds to sleep.

    `poll` is called with the seconds waited, and whether `wait` is over.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        waited = loop.time() - begun
        polled = poll(waited, wait is not None and waited >= wait)
        if not isinstance(polled, float):
            return polled
        await asyncio.sleep(polled if wait is None else min(polled, max(wait - waited, 0.0)))


async def read(
    buffer: CaptureBuffer,
    span: tuple[Any, ...],
    wait: float | None,
    available: bool,
    silence: bool | None,
    dtype: Any,
    out: Any,
) -> Segment:
    """Read a span: see `CaptureBuffer.aread`."""
    kind, begin, end = span if len(span) == 3 else (*span, None)

    def poll(waited: float, is_over: bool) -> Segment | float:
        return buffer._poll((kind, begin, end), waited, is_over, available, silence, dtype, out)

    return await _until_ready(poll, wait)


async def next_window(windows: Windows, wait: float | None) -> Window:
    """Wait for the next window of an ``async for`` loop."""
    window = await _until_ready(windows._poll, wait)
    if window is None:
        raise StopAsyncIteration
    return window


async def next_event(watch: Watch) -> Anomaly:
    """Wait for the next event of an ``async for`` loop."""
    return await _until_ready(watch._poll, None)


async def next_clip(trigger: Trigger) -> Clip:
    """Wait for the next clip of an ``async for`` loop."""
    clip = await _until_ready(trigger._poll, None)
    if clip is None:
        raise StopAsyncIteration
    return clip
