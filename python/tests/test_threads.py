"""Threads that use one object concurrently get audio or an exception."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from conftest import RATE, START, Background, eventually, position, until_polling

import capbuf


def test_use_after_close_in_another_thread_raises_closed(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    writer, windows, claim = buffer.writer(), buffer.windows(1), registry.claim_source("mic")
    for thing in (writer, windows, claim, buffer, registry):
        Background(thing.close).join()
        assert thing.closed
        thing.close()
    calls: list[Callable[[], object]] = [
        lambda: writer.write(np.zeros(1, "int16")),
        lambda: writer.write_bytes(b""),
        lambda: writer.gap(),
        lambda: writer.next_frame,
        lambda: writer.__enter__(),
        lambda: next(windows),
        lambda: windows.__enter__(),
        lambda: claim.__enter__(),
        lambda: buffer.read(START, START + 1),
        lambda: buffer.last(1),
        lambda: buffer.read_frames(0, 1, wait=None),
        lambda: buffer.clip("x.wav", START, START + 1),
        lambda: buffer.writer(),
        lambda: buffer.windows(1),
        lambda: buffer.status(),
        lambda: buffer.opened_by(),
        lambda: buffer.source,
        lambda: buffer.spec,
        lambda: buffer.frames,
        lambda: buffer.is_removed,
        lambda: buffer.__enter__(),
        lambda: "mic" in registry,
        lambda: registry.get("mic"),
        lambda: registry["mic"],
        lambda: len(registry),
        lambda: list(registry),
        lambda: registry.buffers(),
        lambda: registry.allocate("new", seconds=1),
        lambda: registry.get_or_allocate("mic", seconds=1),
        lambda: registry.remove("mic"),
        lambda: registry.claim_source("mic"),
        lambda: registry.stats(),
        lambda: registry.sweep(),
        lambda: registry.domain,
        lambda: registry.__enter__(),
        lambda: capbuf.record("tone:440", registry=registry),
    ]
    for call in calls:
        with pytest.raises(ValueError) as closed:
            call()
        assert isinstance(closed.value, capbuf.Closed)
    for thing in (writer, windows, claim, buffer, registry):
        assert "<capbuf." in repr(thing)


@pytest.mark.parametrize("call", ["read", "windows"])
def test_close_ends_wait_in_another_thread(registry: capbuf.Registry, call: str) -> None:
    buffer = registry.allocate("mic", seconds=1)
    windows = buffer.windows(0.5)
    wait: Callable[[], object] = (lambda: buffer.last(0.5, wait=None)) if call == "read" else (lambda: next(windows))
    waiting = Background(wait)
    until_polling(waiting)
    (buffer if call == "read" else windows).close()
    with pytest.raises(capbuf.Closed):
        waiting.join()


def test_other_threads_run_while_one_waits(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    waiting = Background(lambda: buffer.read_frames(0, 100, wait=None))
    until_polling(waiting)
    assert waiting.is_running
    with buffer.writer() as writer:
        writer.write(position(0, 100))
    assert len(waiting.join()) == 100


def repeat(work: Callable[[], object], until: Callable[[], bool]) -> "Background[None]":
    """Repeat `work` in a thread until a condition is true."""

    def run() -> None:
        while not until():
            work()

    return Background(run)


def test_other_threads_run_during_large_read(registry: capbuf.Registry) -> None:
    """The second thread that reads into one array gets `Busy`: it ran while the first one
    copied."""
    buffer = registry.allocate("mic", seconds=60, channels=2)
    with buffer.writer() as writer:
        writer.write(np.zeros((60 * 48_000, 2), "int16"))
    memory = np.empty((50 * 48_000, 2), "float32")
    refused = threading.Event()

    def read() -> None:
        try:
            assert buffer.last(50, out=memory).samples is memory
        except capbuf.Busy:
            refused.set()

    readers = [repeat(read, refused.is_set) for _ in range(2)]
    try:
        eventually(refused.is_set)
    finally:
        refused.set()
    for reader in readers:
        reader.join()


def test_large_write_lets_threads_run_and_pins_memory(registry: capbuf.Registry) -> None:
    """A `bytearray` can't be resized during a write: the thread that tries it runs meanwhile."""
    buffer = registry.allocate("mic", seconds=60)
    data = bytearray(8_000_000)
    pinned = threading.Event()

    def resize() -> None:
        try:
            data.append(0)
            data.pop()
        except BufferError:
            pinned.set()

    def write_until_pinned(write: Callable[[bytearray], object]) -> None:
        resizing = repeat(resize, pinned.is_set)

        def is_pinned() -> bool:
            resizing.check()
            try:
                write(data)
            except (capbuf.Error, TypeError):
                # The other thread has just appended a byte: the length is odd.
                pass
            return pinned.is_set()

        try:
            eventually(is_pinned)
        finally:
            pinned.set()
        resizing.join()

    with buffer.writer() as writer:
        write_until_pinned(writer.write_bytes)
        del data[8_000_000:]
        pinned.clear()
        write_until_pinned(lambda data: writer.write(memoryview(data).cast("h")))


def test_concurrently_changed_array_is_written_as_a_mix(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=48_000)
    samples, memory = np.ones(100_000, "int16"), np.ones((100_000, 1), "int16")
    rounds = [0]
    stop = threading.Event()

    def change() -> None:
        samples.fill(1 + rounds[0] % 2)
        memory.fill(3)
        rounds[0] += 1

    changing = repeat(change, stop.is_set)
    try:
        with buffer.writer() as writer:
            while rounds[0] < 200:
                changing.check()
                first = writer.next_frame
                writer.write(samples)
                assert writer.next_frame == first + 100_000
                written = buffer.read_frames(first, first + 100_000, dtype="int16").samples
                assert np.isin(written, (1, 2)).all()
                buffer.read_frames(first, first + 100_000, out=memory)
    finally:
        stop.set()
    changing.join()
    assert np.isin(memory, (1, 2, 3)).all()


def test_storm_of_threads_gets_audio_or_an_exception(registry: capbuf.Registry) -> None:
    """Readers, writers, closers and removers of one source: every frame that is read is right."""
    stop = threading.Event()
    current: list[capbuf.CaptureBuffer] = [registry.allocate("mic", seconds=1, sample_rate_hz=RATE)]
    read_frames, renewals, removals = [0], [0], [0]

    def ignoring_errors(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except capbuf.Error:
                pass

        return run

    def write() -> None:
        with current[0].writer() as writer:
            first = writer.next_frame
            for chunk in range(50):
                writer.write(position(first + chunk * 800, 800))

    def check(samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]], first: int) -> None:
        assert np.array_equal(samples[:, 0], position(first, len(samples)))
        read_frames[0] += len(samples)

    def read_last() -> None:
        segment = current[0].last(0.5, dtype="int16", silence=False, wait=0.01)
        check(segment.samples, segment.first_frame)

    memory = np.empty((RATE, 1), "int16")

    def read_into() -> None:
        # Two threads share the array: the second one gets `Busy`.
        segment = current[0].last(1, out=memory, silence=False)
        assert segment.samples is memory

    def iterate() -> None:
        with current[0].windows(0.1, dtype="int16", wait=0.01) as windows:
            for window in windows:
                check(window.samples, window.first_frame)

    def renew_and_close() -> None:
        time.sleep(0.005)
        old = current[0]
        current[0] = registry.get_or_allocate("mic", seconds=1, sample_rate_hz=RATE)
        old.close()
        renewals[0] += 1

    def remove() -> None:
        time.sleep(0.02)
        registry.remove("mic")
        removals[0] += 1

    works = [write, write, read_last, read_last, read_into, read_into, iterate, renew_and_close, remove]
    threads = [repeat(ignoring_errors(work), stop.is_set) for work in works]

    def has_raged() -> bool:
        for thread in threads:
            thread.check()
        return read_frames[0] > 100 * RATE and renewals[0] > 100 and removals[0] > 20

    try:
        eventually(has_raged)
    finally:
        stop.set()
    for thread in threads:
        thread.join()
    current[0].close()
    if "mic" in registry:
        registry.remove("mic")
    eventually(lambda: registry.stats().rings_mapped == registry.stats().rings_unmapped)
