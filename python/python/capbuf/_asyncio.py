"""Waiting in an event loop: no thread is taken, the loop sleeps until the frames should be there."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from ._capbuf import Anomaly, CaptureBuffer, Clip, Segment, Trigger, Watch, Window, Windows

Found = TypeVar("Found")


async def _until_found(look: Callable[[float, bool], Found | float], wait: float | None) -> Found:
    """Looks until it is there; `look` is told how long has been waited, and whether that is all."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        waited = loop.time() - begun
        found = look(waited, wait is not None and waited >= wait)
        if not isinstance(found, float):
            return found
        await asyncio.sleep(found if wait is None else min(found, max(wait - waited, 0.0)))


async def read(
    buffer: CaptureBuffer,
    span: tuple[Any, ...],
    wait: float | None,
    available: bool,
    silence: bool | None,
    dtype: Any,
    out: Any,
) -> Segment:
    """A read that waits: see `CaptureBuffer.aread`."""
    kind, begin, end = span if len(span) == 3 else (*span, None)

    def look(waited: float, is_over: bool) -> Segment | float:
        return buffer._look((kind, begin, end), waited, is_over, available, silence, dtype, out)

    return await _until_found(look, wait)


async def next_window(windows: Windows, wait: float | None) -> Window:
    """The next window of an ``async for`` loop."""
    window = await _until_found(windows._look, wait)
    if window is None:
        raise StopAsyncIteration
    return window


async def next_event(watch: Watch) -> Anomaly:
    """The next event of an ``async for`` loop."""
    return await _until_found(watch._look, None)


async def next_clip(trigger: Trigger) -> Clip:
    """The next clip of an ``async for`` loop."""
    clip = await _until_found(trigger._look, None)
    if clip is None:
        raise StopAsyncIteration
    return clip
