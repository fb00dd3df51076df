"""A callback may close or drop anything, and refer to the object that calls it."""

import gc
import os
import pathlib
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import RATE, Background, eventually

import capbuf

Begin = Callable[[Callable[[Any], None]], "capbuf.Watch | capbuf.Trigger"]


@pytest.fixture(params=["watch", "trigger"])
def begin(request: pytest.FixtureRequest, registry: capbuf.Registry, tmp_path: pathlib.Path) -> Begin:
    """Start a watch or a trigger whose callback is called soon."""
    kept = [registry.get_or_allocate(name, seconds=1, sample_rate_hz=RATE) for name in ("rtsp://cam/1", "rtsp://cam/1/")]
    with kept[0].writer() as writer:
        writer.write(np.zeros(RATE, "int16"))

    def watch(callback: Callable[[Any], None]) -> capbuf.Watch:
        assert kept
        return registry.watch(callback, every=0.005)

    def trigger(callback: Callable[[Any], None]) -> capbuf.Trigger:
        # There is no such folder: the callback gets an error.
        new = capbuf.Trigger(registry, "rtsp://cam/1", tmp_path / "none", before=0.1, after=0, callback=callback)
        new.fire()
        with kept[0].writer() as writer:
            writer.write(np.zeros(RATE, "int16"))
        return new

    return watch if request.param == "watch" else trigger


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_callback_closes_its_own_object(begin: Begin) -> None:
    created = threading.Event()
    results: list[bool] = []

    def callback(_: object) -> None:
        assert created.wait(60)
        made.close()
        results.append(made.closed)

    made = begin(callback)
    created.set()
    eventually(lambda: bool(results))
    assert results == [True]
    made.close()


def test_callback_drops_its_own_object(begin: Begin) -> None:
    before = threads()
    created, dropped = threading.Event(), threading.Event()
    made: list[Any] = []

    def callback(_: object) -> None:
        assert created.wait(60)
        made.clear()
        dropped.set()

    made.append(begin(callback))
    reference = weakref.ref(made[0])
    created.set()
    assert dropped.wait(60)
    assert reference() is None
    eventually(lambda: threads() <= before)


def test_callbacks_close_each_other(begin: Begin) -> None:
    created, meet = threading.Event(), threading.Barrier(2, timeout=60)
    made: list[capbuf.Watch | capbuf.Trigger] = []
    closed: list[bool] = []

    def closing(other: int) -> Callable[[object], None]:
        def callback(_: object) -> None:
            assert created.wait(60)
            meet.wait()
            made[other].close()
            # Both are closed while both callbacks run.
            meet.wait()
            closed.append(made[other].closed)

        return callback

    made.append(begin(closing(1)))
    made.append(begin(closing(0)))
    created.set()
    eventually(lambda: len(closed) == 2)
    assert closed == [True, True]


def test_callback_drops_another_object(begin: Begin, registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    dropped = threading.Event()
    others: list[Any] = [capbuf.Trigger(registry, "mic", tmp_path), registry.watch(), capbuf.Station(registry)]

    def callback(_: object) -> None:
        others.clear()
        dropped.set()

    made = begin(callback)
    assert dropped.wait(60)
    made.close()


def test_closing_from_two_threads_while_a_callback_runs(begin: Begin) -> None:
    entered, release = threading.Event(), threading.Event()

    def callback(_: object) -> None:
        entered.set()
        assert release.wait(60)

    made = begin(callback)
    assert entered.wait(60)
    closing = [Background(made.close) for _ in range(2)]
    eventually(lambda: made.closed)
    release.set()
    for thread in closing:
        thread.join()


def test_callback_that_raises_is_called_again(registry: capbuf.Registry, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: raised.append(unraisable.exc_type))

    def callback(_: object) -> None:
        raise LookupError

    with capbuf.record("tone:440", registry=registry) as capture:
        capture.buffer.last(0.2, wait=60)
        with capbuf.Trigger(registry, "tone:440", tmp_path, before=0.1, after=0, callback=callback) as trigger:
            for count in (1, 2):
                trigger.fire()
                eventually(lambda count=count: len(raised) == count)  # type: ignore[misc]
    assert raised == [LookupError, LookupError]


class Array(np.ndarray[Any, Any]):
    """An array that can refer to other objects."""

    owner: object


class Owner:
    """Refers to an object of the library, which refers to it."""

    made: Any
    last: Any

    def on_event(self, _: object) -> None:
        pass


def with_watch(registry: capbuf.Registry, _: pathlib.Path) -> Owner:
    owner = Owner()
    owner.made = registry.watch(owner.on_event)
    return owner


def with_trigger(registry: capbuf.Registry, folder: pathlib.Path) -> Owner:
    owner = Owner()
    owner.made = capbuf.Trigger(registry, "mic", folder, callback=owner.on_event)
    return owner


def out_array(owner: Owner) -> Array:
    out = np.zeros((RATE // 10, 1), "float32").view(Array)
    out.owner = owner
    return out


def with_windows(registry: capbuf.Registry, _: pathlib.Path) -> Owner:
    owner = Owner()
    owner.made = registry["mic"].windows(0.1, out=out_array(owner))
    owner.last = next(owner.made)
    return owner


def with_segment(registry: capbuf.Registry, _: pathlib.Path) -> Owner:
    owner = Owner()
    owner.last = registry["mic"].last(0.1, out=out_array(owner))
    return owner


@pytest.mark.parametrize("create", [with_watch, with_trigger, with_windows, with_segment])
def test_cycle_is_collected(create: Callable[[capbuf.Registry, pathlib.Path], Owner], registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    with buffer.writer() as writer:
        writer.write(np.zeros(RATE, "int16"))
    gc.collect()
    before = threads()
    references = [weakref.ref(create(registry, tmp_path)) for _ in range(5)]
    gc.collect()
    assert [reference() for reference in references] == [None] * 5
    eventually(lambda: threads() <= before)


def test_object_in_use_is_not_collected(registry: capbuf.Registry) -> None:
    buffers = [registry.get_or_allocate(name, seconds=1) for name in ("rtsp://cam/1", "rtsp://cam/1/")]
    called = threading.Event()

    class Kept:
        def __init__(self) -> None:
            self.watch = registry.watch(self.on_event, every=0.005)

        def on_event(self, _: object) -> None:
            gc.collect()
            called.set()

    kept = Kept()
    gc.collect()
    assert called.wait(60)
    assert not kept.watch.closed
    del buffers
