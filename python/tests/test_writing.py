"""The one writer of a buffer, which accepts arrays and objects with the buffer protocol."""

import array
import functools
from typing import Any

import numpy as np
import pytest
from conftest import RATE, START, START_NS, at_once, position

import capbuf


def test_second_writer_is_refused(buffer: capbuf.CaptureBuffer) -> None:
    with buffer.writer() as writer:
        assert buffer.status().has_writer
        assert writer.buffer == buffer
        with pytest.raises(BlockingIOError) as busy:
            buffer.writer()
        assert isinstance(busy.value, capbuf.WriterBusy)
        assert busy.value.pid is None
    with buffer.writer() as writer:
        assert writer.next_frame == 2 * RATE


def test_write_accepts_buffer_protocol(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    samples: Any = position(0, 100)
    readonly = samples.copy()
    readonly.flags.writeable = False
    arrays: list[Any] = [samples, samples.reshape(100, 1), readonly, array.array("h", samples), memoryview(samples), np.asfortranarray(samples)]
    with buffer.writer() as writer:
        for samples_in in arrays:
            writer.write(samples_in)
        writer.write(np.empty((0, 1), "int16"))
        writer.write(np.empty(0, "int16"))
        for data in (samples.tobytes(), bytearray(samples.tobytes()), memoryview(samples), samples, b"", bytearray()):
            writer.write_bytes(data)
    assert np.array_equal(buffer.read_frames(0, 1000, dtype="int16").samples[:, 0], np.tile(samples, 10))


def test_bytes_may_split_frames(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE, channels=2, sample_format="s24")
    data = bytes(range(60))
    with buffer.writer() as writer:
        for begin in range(0, 60, 7):
            writer.write_bytes(data[begin : begin + 7])
        assert writer.next_frame == 10
    read = buffer.read_frames(0, 10, dtype="int32").samples
    assert read.shape == (10, 2)
    assert read[0, 1] == 0x05040300


def test_write_times_record_gap(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    with buffer.writer() as writer:
        writer.write(position(0, RATE), at=START)
        writer.write_bytes(position(RATE, RATE).tobytes(), at=START_NS + 3 * 10**9)
    (gap,) = buffer.read(START, START + 4).gaps
    assert gap.reason == "detected"
    assert gap.duration_ns == 2 * 10**9


def test_write_may_exceed_capacity(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    with buffer.writer() as writer:
        writer.write(position(0, 100 * RATE))
    assert np.array_equal(buffer.last(0.5, dtype="int16").samples[:, 0], position(100 * RATE - RATE // 2, RATE // 2))


def test_concurrent_writes_are_serialised(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=48_000)
    with buffer.writer() as writer:
        # Large writes detach: other threads run meanwhile.
        chunks = [np.full(40_000, number, "int16") for number in range(1, 9)]
        at_once(*[functools.partial(writer.write, chunk) for chunk in chunks])
        assert writer.next_frame == 320_000
    samples = buffer.read_frames(0, 320_000, dtype="int16").samples.reshape(8, 40_000)
    assert (samples == samples[:, :1]).all()
    assert sorted(samples[:, 0].tolist()) == list(range(1, 9))
