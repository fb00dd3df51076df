"""Every bad input is an error that says what is allowed, of this package and in Python's idiom."""

import array
import datetime as dt
import decimal
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import RATE, START

import capbuf

Buffer = capbuf.CaptureBuffer
Call = Callable[[Any], object]


def naive() -> dt.datetime:
    return dt.datetime(2026, 11, 22, 12, 0)


class Hostile:
    """Has an index, a length and a float, and each of them fails."""

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
def test_times(buffer: Buffer, time: Any, kind: type[Exception]) -> None:
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
def test_durations(buffer: Buffer, registry: capbuf.Registry, duration: Any, kind: type[Exception]) -> None:
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
def test_durations_that_are_no_length(buffer: Buffer, registry: capbuf.Registry, duration: Any) -> None:
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


WHOLE: list[tuple[object, type[Exception]]] = [
    (-1, ValueError),
    (2**64, ValueError),
    (1.0, TypeError),
    ("1", TypeError),
    (True, TypeError),
    (decimal.Decimal(1), TypeError),
    (Hostile(), ValueError),
]


@pytest.mark.parametrize(("number", "kind"), WHOLE, ids=repr)
def test_whole_numbers(buffer: Buffer, registry: capbuf.Registry, number: Any, kind: type[Exception]) -> None:
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


def test_shapes_of_buffers(registry: capbuf.Registry) -> None:
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
        assert isinstance(refused.value, capbuf.InvalidArgument) and refused.value.allowed
    assert len(registry) == 0


@pytest.mark.parametrize("source", ["", "a\nb", "x" * 1025, "\0"], ids=["empty", "newline", "long", "null"])
def test_names_of_sources(registry: capbuf.Registry, source: str) -> None:
    for call in (lambda: registry.allocate(source, seconds=1), lambda: registry.claim_source(source)):
        with pytest.raises(ValueError) as refused:
            call()
        assert isinstance(refused.value, capbuf.InvalidSource)
    assert source not in registry and registry.get(source) is None


@pytest.mark.parametrize("source", [None, 5, b"mic", ["mic"]], ids=repr)
def test_names_that_are_no_text(registry: capbuf.Registry, source: Any) -> None:
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


def test_text_that_is_no_unicode(registry: capbuf.Registry) -> None:
    with pytest.raises(ValueError):
        registry.get("\ud800")


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", "x" * 65, "a b"])
def test_names_of_domains(name: str) -> None:
    for call in (capbuf.open, capbuf.remove_domain):
        with pytest.raises(ValueError) as refused:
            call(name)
        assert isinstance(refused.value, capbuf.InvalidArgument)


@pytest.mark.parametrize("dtype", ["float64", "int8", ">i2", "complex64", "O", "nonsense", 5, object(), [("a", "i2")]], ids=repr)
def test_types_of_samples(buffer: Buffer, dtype: Any) -> None:
    for call in (lambda: buffer.last(1, dtype=dtype), lambda: buffer.windows(1, dtype=dtype)):
        with pytest.raises(ValueError) as refused:
            call()
        assert isinstance(refused.value, capbuf.InvalidArgument) and "float32, int16, int32" in refused.value.allowed


def read_only() -> object:
    array = np.zeros((RATE, 1), "int16")
    array.flags.writeable = False
    return array


OUTS: list[tuple[str, object, type[Exception]]] = [
    ("read-only", read_only(), ValueError),
    ("a list", [0] * RATE, TypeError),
    ("bytes", bytes(RATE * 2), TypeError),
    ("a bytearray", bytearray(RATE * 2), TypeError),
    ("of doubles", np.zeros((RATE, 1)), TypeError),
    ("of the other byte order", np.zeros((RATE, 1), ">i2"), TypeError),
    ("of objects", np.zeros((RATE, 1), object), TypeError),
    ("with holes", np.zeros((RATE, 2), "int16")[:, :1], ValueError),
    ("backwards", np.zeros(RATE, "int16")[::-1], ValueError),
    ("not aligned", np.frombuffer(bytearray(RATE * 2 + 1), "u1")[1:].view("int16"), ValueError),
    ("too wide", np.zeros((RATE, 2), "int16"), ValueError),
    ("too deep", np.zeros((RATE, 1, 1), "int16"), ValueError),
    ("of no dimension", np.array(0, "int16"), ValueError),
    ("too small", np.zeros((RATE - 1, 1), "int16"), ValueError),
    ("empty", np.zeros((0, 1), "int16"), ValueError),
]


@pytest.mark.parametrize(("out", "kind"), [out[1:] for out in OUTS], ids=[out[0] for out in OUTS])
def test_memory_to_read_into(buffer: Buffer, out: Any, kind: type[Exception]) -> None:
    calls = (
        lambda: buffer.last(1, out=out),
        lambda: buffer.read(START, START + 1, out=out, wait=1),
        lambda: buffer.windows(1, out=out),
    )
    for call in calls:
        with pytest.raises(kind) as refused:
            call()
        assert isinstance(refused.value, capbuf.Error)


def test_memory_that_is_not_of_the_type_that_was_asked(buffer: Buffer) -> None:
    with pytest.raises(capbuf.InvalidArgument, match="dtype"):
        buffer.last(1, out=np.zeros((RATE, 1), "int16"), dtype="float32")
    assert len(buffer.last(1, out=np.zeros((RATE, 1), "int16"), dtype="int16")) == RATE
    with pytest.raises(capbuf.InvalidArgument, match="a window"):
        buffer.windows(1, out=np.zeros((RATE + 1, 1), "int16"))


SAMPLES: list[tuple[str, object, type[Exception]]] = [
    ("floats", np.zeros(10, "float32"), TypeError),
    ("doubles", np.zeros(10), TypeError),
    ("unsigned", np.zeros(10, "uint16"), TypeError),
    ("the other byte order", np.zeros(10, ">i2"), TypeError),
    ("objects", np.zeros(10, object), TypeError),
    ("bytes", bytes(20), TypeError),
    ("a list", [0, 0], TypeError),
    ("a number", 0, TypeError),
    ("nothing", None, TypeError),
    ("text", "0000", TypeError),
    ("too wide", np.zeros((10, 2), "int16"), ValueError),
    ("too deep", np.zeros((10, 1, 1), "int16"), ValueError),
    ("no dimension", np.array(0, "int16"), ValueError),
    ("holes", np.zeros(20, "int16")[::2], ValueError),
    ("holes in a view", memoryview(array.array("h", bytes(40)))[::2], ValueError),
    ("not aligned", np.frombuffer(bytearray(21), "u1")[1:].view("int16"), ValueError),
]


@pytest.mark.parametrize(("samples", "kind"), [samples[1:] for samples in SAMPLES], ids=[samples[0] for samples in SAMPLES])
def test_samples_to_write(buffer: Buffer, samples: Any, kind: type[Exception]) -> None:
    with buffer.writer() as writer:
        with pytest.raises(kind) as refused:
            writer.write(samples)
        assert isinstance(refused.value, capbuf.Error) and writer.next_frame == 2 * RATE


def test_stereo_is_no_line(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("stereo", seconds=1, channels=2)
    with buffer.writer() as writer:
        for samples in (np.zeros(10, "int16"), np.zeros((2, 5), "int16"), np.asfortranarray(np.zeros((5, 2), "int16"))):
            with pytest.raises(capbuf.InvalidArgument, match="samples"):
                writer.write(samples)
        writer.write(np.zeros((5, 2), "int16"))
    with pytest.raises(capbuf.InvalidArgument, match="out"):
        buffer.read_frames(0, 5, out=np.zeros(10, "int16"))


@pytest.mark.parametrize("data", ["text", 5, None, [1], np.zeros(20, "u1")[::2]], ids=["text", "int", "none", "list", "holes"])
def test_bytes_to_write(buffer: Buffer, data: Any) -> None:
    with buffer.writer() as writer, pytest.raises(capbuf.InvalidType):
        writer.write_bytes(data)


def test_spans_that_are_none(buffer: Buffer) -> None:
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


def test_reasons_of_gaps(buffer: Buffer) -> None:
    with buffer.writer() as writer, pytest.raises(capbuf.InvalidArgument, match="packet loss"):
        writer.gap("bad luck")


def test_clips(buffer: Buffer, tmp_path: pathlib.Path) -> None:
    for name in ("x.mp3", "x", "none/x.wav"):
        with pytest.raises(OSError) as refused:
            buffer.clip_frames(tmp_path / name, 0, 100)
        assert isinstance(refused.value, capbuf.ClipFailed)
    with pytest.raises(TypeError):
        buffer.clip_frames(5, 0, 100)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_sources_to_record() -> None:
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
        capbuf.record("file:" + make_wav(), channels=7)


def make_wav() -> str:
    buffer = capbuf.Registry.private().allocate("mic", seconds=1, channels=2)
    with buffer.writer() as writer:
        writer.write(np.zeros((100, 2), "int16"))
    path = pathlib.Path(capbuf.open().path or ".") / "x.wav"
    buffer.clip_frames(path, 0, 100)
    return str(path)


def test_no_class_is_made_by_hand() -> None:
    for kind in (capbuf.Registry, capbuf.CaptureBuffer, capbuf.Writer, capbuf.Segment, capbuf.Windows, capbuf.Capture):
        with pytest.raises(TypeError):
            kind()
