"""Whatever threads do to one object at the same time, they get audio or an exception."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from conftest import RATE, START, eventually, position, until_it_waits

import capbuf


def test_use_after_close_in_another_thread_is_closed(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    writer, windows, feed = buffer.writer(), buffer.windows(1), registry.claim_source("mic")
    for thing in (writer, windows, feed, buffer, registry):
        closer = threading.Thread(target=thing.close)
        closer.start()
        closer.join()
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
        lambda: feed.__enter__(),
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
    for thing in (writer, windows, feed, buffer, registry):
        assert "<capbuf." in repr(thing)


@pytest.mark.parametrize("how", ["read", "windows"])
def test_closing_ends_a_wait_in_another_thread(registry: capbuf.Registry, how: str) -> None:
    buffer = registry.allocate("mic", seconds=1)
    windows = buffer.windows(0.5)
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            buffer.last(0.5, wait=None) if how == "read" else next(windows)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    until_it_waits(thread)
    (buffer if how == "read" else windows).close()
    thread.join(60)
    assert [type(error) for error in caught] == [capbuf.Closed]


def test_other_threads_run_while_one_waits(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    done = threading.Event()

    def wait() -> None:
        buffer.read_frames(0, 100, wait=None)
        done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    until_it_waits(thread)
    assert not done.is_set()
    with buffer.writer() as writer:
        writer.write(position(0, 100))
    assert done.wait(60)
    thread.join()


def repeat(work: Callable[[], object], until: Callable[[], bool]) -> threading.Thread:
    """Does something in a thread again and again; what it raises is a failure of the test."""

    def run() -> None:
        while not until():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_other_threads_run_during_a_large_read(registry: capbuf.Registry) -> None:
    """The second of two that read into one array is told so: it had the interpreter while the first one copied."""
    buffer = registry.allocate("mic", seconds=60, channels=2)
    with buffer.writer() as writer:
        writer.write(np.zeros((60 * 48_000, 2), "int16"))
    memory = np.empty((50 * 48_000, 2), "float32")
    refused: list[capbuf.Error] = []

    def read() -> None:
        try:
            assert buffer.last(50, out=memory).samples is memory
        except capbuf.Busy as error:
            refused.append(error)

    readers = [repeat(read, lambda: bool(refused)) for _ in range(2)]
    eventually(lambda: bool(refused))
    for reader in readers:
        reader.join()


def test_other_threads_run_during_a_large_write_and_can_not_take_the_memory_away(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=60)
    data, refused, pinned = bytearray(8_000_000), [False], [False]

    def resize() -> None:
        try:
            data.append(0)
            data.pop()
        except BufferError:
            pinned[0] = True

    with buffer.writer() as writer:
        for write in (writer.write_bytes, lambda data: writer.write(memoryview(data).cast("h"))):
            pinned[0] = False
            resizer = repeat(resize, lambda: pinned[0])
            deadline = time.monotonic() + 60
            while not pinned[0]:
                try:
                    write(data)
                except (capbuf.Error, TypeError):
                    # Of an odd length just now.
                    refused[0] = True
                assert time.monotonic() < deadline, "nobody else ran"
            resizer.join()
            del data[8_000_000:]


def test_an_array_that_others_change_is_written_as_some_of_both(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=48_000)
    samples, memory = np.ones(100_000, "int16"), np.ones((100_000, 1), "int16")
    rounds = [0]
    over = threading.Event()

    def change() -> None:
        samples.fill(1 + rounds[0] % 2)
        memory.fill(3)
        rounds[0] += 1

    changer = repeat(change, over.is_set)
    with buffer.writer() as writer:
        while rounds[0] < 200:
            first = writer.next_frame
            writer.write(samples)
            assert writer.next_frame == first + 100_000
            assert np.isin(buffer.read_frames(first, first + 100_000, dtype="int16").samples, (1, 2)).all()
            buffer.read_frames(first, first + 100_000, out=memory)
    over.set()
    changer.join()
    assert np.isin(memory, (1, 2, 3)).all()


def test_a_storm_of_threads_gets_audio_or_an_exception(registry: capbuf.Registry) -> None:
    """Readers, a writer, closers and removers, all at the same objects: every frame that is read is right."""
    begun = time.monotonic()
    failures: list[BaseException] = []
    current: list[capbuf.CaptureBuffer] = [registry.allocate("mic", seconds=1, sample_rate_hz=RATE)]
    read = [0]

    def is_over() -> bool:
        # Two seconds, and until something was read.
        return time.monotonic() > begun + (60 if read[0] == 0 else 2)

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            while not is_over():
                try:
                    work()
                except capbuf.Error:
                    pass
                except BaseException as error:
                    failures.append(error)
                    return

        return run

    def write() -> None:
        with current[0].writer() as writer:
            first = writer.next_frame
            for chunk in range(50):
                writer.write(position(first + chunk * 800, 800))

    def check(samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]], first: int) -> None:
        assert np.array_equal(samples[:, 0], position(first, len(samples)))
        read[0] += len(samples)

    def read_last() -> None:
        segment = current[0].last(0.5, dtype="int16", silence=False, wait=0.01)
        check(segment.samples, segment.first_frame)

    memory = np.empty((RATE, 1), "int16")

    def read_into() -> None:
        # Two threads, one array: the second is told so.
        segment = current[0].last(1, out=memory, silence=False)
        assert segment.samples is memory

    def go_through() -> None:
        with current[0].windows(0.1, dtype="int16", wait=0.01) as windows:
            for window in windows:
                check(window.samples, window.first_frame)

    def close_and_renew() -> None:
        time.sleep(0.005)
        old = current[0]
        current[0] = registry.get_or_allocate("mic", seconds=1, sample_rate_hz=RATE)
        old.close()

    def remove() -> None:
        time.sleep(0.02)
        registry.remove("mic")

    work = [write, write, read_last, read_last, read_into, read_into, go_through, close_and_renew, remove]
    threads = [threading.Thread(target=guarded(each)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not failures
    assert read[0] > 0
    current[0].close()
    registry.remove("mic") if "mic" in registry else None
    eventually(lambda: registry.stats().rings_mapped == registry.stats().rings_unmapped)
