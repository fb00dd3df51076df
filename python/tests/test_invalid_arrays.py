"""Invalid dtypes, arrays and bytes raise an `Error` that derives from a built-in."""

import array
import ctypes
from typing import Any

import numpy as np
import pytest
from conftest import RATE, START

import capbuf

Buffer = capbuf.CaptureBuffer


@pytest.mark.parametrize("dtype", ["float64", "int8", ">i2", "complex64", "O", "nonsense", 5, object(), [("a", "i2")]], ids=repr)
def test_invalid_dtype_is_refused(buffer: Buffer, dtype: Any) -> None:
    for call in (lambda: buffer.last(1, dtype=dtype), lambda: buffer.windows(1, dtype=dtype)):
        with pytest.raises(ValueError) as refused:
            call()
        assert isinstance(refused.value, capbuf.InvalidArgument)
        assert "float32, int16, int32" in refused.value.allowed


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
def test_invalid_out_is_refused(buffer: Buffer, out: Any, kind: type[Exception]) -> None:
    calls = (
        lambda: buffer.last(1, out=out),
        lambda: buffer.read(START, START + 1, out=out, wait=1),
        lambda: buffer.windows(1, out=out),
    )
    for call in calls:
        with pytest.raises(kind) as refused:
            call()
        assert isinstance(refused.value, capbuf.Error)


def test_out_that_contradicts_other_arguments_is_refused(buffer: Buffer) -> None:
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
def test_invalid_samples_are_refused(buffer: Buffer, samples: Any, kind: type[Exception]) -> None:
    with buffer.writer() as writer:
        with pytest.raises(kind) as refused:
            writer.write(samples)
        assert isinstance(refused.value, capbuf.Error)
        assert writer.next_frame == 2 * RATE


def test_one_dimensional_array_is_refused_for_stereo(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("stereo", seconds=1, channels=2)
    with buffer.writer() as writer:
        for samples in (np.zeros(10, "int16"), np.zeros((2, 5), "int16"), np.asfortranarray(np.zeros((5, 2), "int16"))):
            with pytest.raises(capbuf.InvalidArgument, match="samples"):
                writer.write(samples)
        writer.write(np.zeros((5, 2), "int16"))
    with pytest.raises(capbuf.InvalidArgument, match="out"):
        buffer.read_frames(0, 5, out=np.zeros(10, "int16"))


@pytest.mark.parametrize("data", ["text", 5, None, [1], np.zeros(20, "u1")[::2]], ids=["text", "int", "none", "list", "holes"])
def test_invalid_bytes_are_refused(buffer: Buffer, data: Any) -> None:
    with buffer.writer() as writer, pytest.raises(capbuf.InvalidType):
        writer.write_bytes(data)


class Pair(ctypes.Structure):
    _fields_ = (("left", ctypes.c_short), ("right", ctypes.c_short))


OBJECTS: Any = np.zeros(4, object)

NOT_PLAIN: list[tuple[str, object]] = [
    ("objects", np.array([None, "text"], object)),
    ("a view of objects", memoryview(OBJECTS)),
    ("pointers", (ctypes.c_void_p * 4)()),
    ("references", (ctypes.py_object * 4)()),
    ("structures", (Pair * 4)()),
    ("records", np.zeros(4, [("left", "i2"), ("right", "O")])),
    ("characters", np.zeros(4, "U2")),
    ("dates", np.zeros(4, "M8[ns]")),
    ("truth values", np.zeros(4, bool)),
    ("complex numbers", np.zeros(4, "complex64")),
    ("the other byte order", np.zeros(4, ">i2")),
]


@pytest.mark.parametrize("data", [data[1] for data in NOT_PLAIN], ids=[data[0] for data in NOT_PLAIN])
def test_memory_that_is_no_plain_numbers_is_refused(buffer: Buffer, data: Any) -> None:
    with buffer.writer() as writer:
        for write in (writer.write_bytes, writer.write):
            with pytest.raises(TypeError) as refused:
                write(data)
            assert isinstance(refused.value, capbuf.FormatMismatch | capbuf.InvalidType)
        assert writer.next_frame == 2 * RATE


def test_memory_of_plain_numbers_is_written(buffer: Buffer) -> None:
    plain: list[Any] = [bytes(8), bytearray(8), memoryview(bytes(8)), array.array("h", bytes(8)), np.zeros(4, "<i2"), (ctypes.c_short * 4)(), np.zeros(8, "u1"), np.zeros((2, 4), "i1")]
    with buffer.writer() as writer:
        for data in plain:
            writer.write_bytes(data)
        assert writer.next_frame == 2 * RATE + 4 * len(plain)
