"""Invalid arguments raise an `Error` that derives from a built-in and names the allowed values."""

import datetime as dt
import decimal
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import START

import capbuf

Buffer = capbuf.CaptureBuffer
Call = Callable[[Any], object]


def naive() -> dt.datetime:
    return dt.datetime(2026, 11, 22, 12, 0)


class Hostile:
    """Has `__index__`, `__len__` and `__float__`, all of which raise."""

    def __index__(self) -> int:
        raise ZeroDivisionError

    __len__ = __float__ = __index__


TIMES: list[tuple[object, type[Exception]]] = [
    (naive(), ValueError),
    ("2026-11-22", TypeError),
    (None, TypeError),
    (True, TypeError),
    (math.nan, ValueError),
    (math.inf, ValueError),
    (-1e300, ValueError),
    (2**63, ValueError),
    (-(2**64), ValueError),
    (dt.datetime(9999, 1, 1, tzinfo=dt.timezone.utc), ValueError),
    (dt.date(2026, 11, 22), TypeError),
    (b"now", TypeError),
    ([START], TypeError),
    (Hostile(), ValueError),
]


@pytest.mark.parametrize(("time", "kind"), TIMES, ids=repr)
def test_invalid_time_is_refused(buffer: Buffer, time: Any, kind: type[Exception]) -> None:
    calls: list[Call] = [
        lambda time: buffer.read(time, START + 1),
        lambda time: buffer.read(START, time),
        lambda time: buffer.clip("x.wav", time, START),
        lambda time: capbuf.clip_name("mic", time),
        lambda time: buffer.writer().write(np.zeros(1, "int16"), at=time) if time is not None else buffer.read(None, 1),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(kind) as refused:
            call(time)
        assert isinstance(refused.value, capbuf.InvalidArgument | capbuf.InvalidType)


DURATIONS: list[tuple[object, type[Exception]]] = [
    (-1, ValueError),
    (-1e-9, ValueError),
    (dt.timedelta(seconds=-1), ValueError),
    (math.nan, ValueError),
    (-math.inf, ValueError),
    (1e300, ValueError),
    ("1", TypeError),
    (True, TypeError),
    ([1.0], TypeError),
    (naive(), TypeError),
    (Hostile(), ValueError),
]


@pytest.mark.parametrize(("duration", "kind"), DURATIONS, ids=repr)
def test_invalid_duration_is_refused(buffer: Buffer, registry: capbuf.Registry, duration: Any, kind: type[Exception]) -> None:
    calls: list[Call] = [
        lambda duration: buffer.last(duration),
        lambda duration: buffer.last(1, wait=duration),
        lambda duration: buffer.read(START, START + 1, wait=duration),
        lambda duration: buffer.alast(1, wait=duration),
        lambda duration: buffer.windows(duration),
        lambda duration: buffer.windows(1, duration),
        lambda duration: buffer.windows(1, join_gaps=duration),
        lambda duration: buffer.windows(1, wait=duration),
        lambda duration: registry.allocate("new", seconds=duration),
        lambda duration: registry.get_or_allocate("mic", seconds=duration),
        lambda duration: buffer.writer().gap(duration=duration),
        lambda duration: capbuf.record("tone:440", duration),
        lambda duration: capbuf.record("tone:440", open_deadline=duration),
    ]
    for call in calls:
        with pytest.raises(kind) as refused:
            call(duration)
        assert isinstance(refused.value, capbuf.InvalidArgument | capbuf.InvalidType)


@pytest.mark.parametrize("duration", [0, 0.0, math.inf, dt.timedelta(0)], ids=repr)
def test_empty_or_infinite_length_is_refused(buffer: Buffer, registry: capbuf.Registry, duration: Any) -> None:
    calls: list[Call] = [
        lambda seconds: registry.allocate("new", seconds=seconds),
        lambda seconds: buffer.windows(seconds),
        lambda seconds: buffer.windows(1, seconds),
        lambda seconds: buffer.last(seconds),
    ]
    for call in calls:
        with pytest.raises(ValueError) as refused:
            call(duration)
        assert isinstance(refused.value, capbuf.Error)


INTEGERS: list[tuple[object, type[Exception]]] = [
    (-1, ValueError),
    (2**64, ValueError),
    (1.0, TypeError),
    ("1", TypeError),
    (True, TypeError),
    (decimal.Decimal(1), TypeError),
    (Hostile(), ValueError),
]


@pytest.mark.parametrize(("number", "kind"), INTEGERS, ids=repr)
def test_invalid_integer_is_refused(buffer: Buffer, registry: capbuf.Registry, number: Any, kind: type[Exception]) -> None:
    calls: list[Call] = [
        lambda number: buffer.read_frames(number, 10),
        lambda number: buffer.read_frames(0, number),
        lambda number: buffer.clip_frames("x.wav", 0, number),
        lambda number: buffer.windows(1, start_frame=number),
        lambda number: registry.allocate("new", seconds=1, sample_rate_hz=number),
        lambda number: registry.allocate("new", seconds=1, channels=number),
        lambda number: capbuf.Registry.private(budget_bytes=number),
        lambda number: capbuf.open(max_buffer_bytes=number),
        lambda number: capbuf.record("tone:440", channels=number),
        lambda number: capbuf.record("tone:440", sample_rate_hz=number),
    ]
    for call in calls:
        with pytest.raises(kind) as refused:
            call(number)
        assert isinstance(refused.value, capbuf.InvalidArgument | capbuf.InvalidType)


def test_invalid_shape_of_buffer_is_refused(registry: capbuf.Registry) -> None:
    shapes: list[dict[str, Any]] = [
        {"sample_rate_hz": 0},
        {"sample_rate_hz": 768_001},
        {"channels": 0},
        {"channels": 65},
        {"channels": 70_000},
        {"sample_format": "S16"},
        {"sample_format": ""},
        {"lifetime": "for ever"},
        {"seconds": 1e12},
    ]
    for shape in shapes:
        with pytest.raises(ValueError) as refused:
            registry.allocate("new", **{"seconds": 1, **shape})
        assert isinstance(refused.value, capbuf.InvalidArgument)
        assert refused.value.allowed
    assert len(registry) == 0


@pytest.mark.parametrize("source", ["", "a\nb", "x" * 1025, "\0"], ids=["empty", "newline", "long", "null"])
def test_invalid_source_name_is_refused(registry: capbuf.Registry, source: str) -> None:
    for call in (lambda: registry.allocate(source, seconds=1), lambda: registry.claim_source(source)):
        with pytest.raises(ValueError) as refused:
            call()
        assert isinstance(refused.value, capbuf.InvalidSource)
    assert source not in registry
    assert registry.get(source) is None


@pytest.mark.parametrize("source", [None, 5, b"mic", ["mic"]], ids=repr)
def test_source_name_of_wrong_type_is_refused(registry: capbuf.Registry, source: Any) -> None:
    calls: list[Call] = [
        lambda source: registry.get(source),
        lambda source: source in registry,
        lambda source: registry[source],
        lambda source: registry.remove(source),
        lambda source: registry.allocate(source, seconds=1),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call(source)


def test_source_name_with_lone_surrogate_is_refused(registry: capbuf.Registry) -> None:
    with pytest.raises(ValueError):
        registry.get("\ud800")


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", "x" * 65, "a b"])
def test_invalid_domain_name_is_refused(name: str) -> None:
    for call in (capbuf.open, capbuf.remove_domain):
        with pytest.raises(ValueError) as refused:
            call(name)
        assert isinstance(refused.value, capbuf.InvalidArgument)


def test_invalid_span_is_refused(buffer: Buffer) -> None:
    calls: list[Callable[[], object]] = [
        lambda: buffer.read(START + 1, START),
        lambda: buffer.read(START, START),
        lambda: buffer.read_frames(5, 5),
        lambda: buffer.read_frames(6, 5),
        lambda: buffer.last(11),
    ]
    for call in calls:
        with pytest.raises(ValueError) as refused:
            call()
        assert isinstance(refused.value, capbuf.InvalidRange)


def test_unknown_gap_reason_is_refused(buffer: Buffer) -> None:
    with buffer.writer() as writer, pytest.raises(capbuf.InvalidArgument, match="packet loss"):
        writer.gap("bad luck")


def test_invalid_clip_path_is_refused(buffer: Buffer, tmp_path: pathlib.Path) -> None:
    for name in ("x.mp3", "x", "none/x.wav"):
        with pytest.raises(OSError) as refused:
            buffer.clip_frames(tmp_path / name, 0, 100)
        assert isinstance(refused.value, capbuf.ClipFailed)
    with pytest.raises(TypeError):
        buffer.clip_frames(5, 0, 100)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def stereo_wav() -> str:
    """Write a short stereo file and return its path."""
    buffer = capbuf.Registry.private().allocate("mic", seconds=1, channels=2)
    with buffer.writer() as writer:
        writer.write(np.zeros((100, 2), "int16"))
    path = pathlib.Path(capbuf.open().path or ".") / "x.wav"
    buffer.clip_frames(path, 0, 100, overwrite=True)
    return str(path)


def test_invalid_locator_is_refused() -> None:
    for source in ("mic:1", "", "tone:x", "rtsp://"):
        with pytest.raises(ValueError) as refused:
            capbuf.record(source)
        assert isinstance(refused.value, capbuf.InvalidLocator | capbuf.InvalidSource)
    with pytest.raises(OSError) as unreadable:
        capbuf.record("file:/nowhere/at/all.wav")
    assert isinstance(unreadable.value, capbuf.Unreadable)
    with pytest.raises(capbuf.InvalidArgument, match="domain"):
        capbuf.record("tone:440", domain="birds", registry=capbuf.Registry.private())
    with pytest.raises(capbuf.NotOffered):
        capbuf.record("file:" + stereo_wav(), channels=7)


def test_classes_without_constructor_raise_type_error() -> None:
    for kind in (capbuf.Registry, capbuf.CaptureBuffer, capbuf.Writer, capbuf.Segment, capbuf.Windows, capbuf.Capture):
        with pytest.raises(TypeError):
            kind()
