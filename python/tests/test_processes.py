"""Processes share a domain, however they start and end."""

import multiprocessing
import multiprocessing.synchronize
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import numpy as np
import pytest
from conftest import RATE, START, Background, eventually, fork, position

import capbuf

Result = TypeVar("Result")

# These tests fork processes that have threads, which newer versions of Python warn about.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def read_and_write(folder: str, ready: "multiprocessing.synchronize.Event") -> None:
    with capbuf.open("birds", folder=folder) as domain:
        buffer = domain["mic"]
        assert np.array_equal(buffer.read_frames(0, RATE, dtype="int16").samples[:, 0], position(0, RATE))
        with buffer.writer() as writer:
            assert writer.next_frame == RATE
            writer.write(position(RATE, RATE))
            ready.wait(60)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_child_processes_share_a_domain(folder: pathlib.Path, method: str) -> None:
    context = multiprocessing.get_context(method)
    with capbuf.open("birds") as domain:
        buffer = domain.allocate("mic", seconds=10, sample_rate_hz=RATE)
        with buffer.writer() as writer:
            writer.write(position(0, RATE), at=START)
        ready = context.Event()
        child = context.Process(target=read_and_write, args=(os.fspath(folder), ready))  # type: ignore[attr-defined]
        child.start()
        segment = buffer.read_frames(RATE, 2 * RATE, wait=60, dtype="int16")
        assert np.array_equal(segment.samples[:, 0], position(RATE, RATE))
        with pytest.raises(capbuf.WriterBusy) as busy:
            buffer.writer()
        assert busy.value.pid == child.pid
        assert busy.value.program
        holder = buffer.status().writer
        assert holder is not None
        assert holder.pid == child.pid
        assert {holder.pid for holder in buffer.opened_by()} >= {os.getpid(), child.pid}
        ready.set()
        child.join(60)
        assert child.exitcode == 0
        with buffer.writer() as writer:
            assert writer.next_frame == 2 * RATE


RECORDER = """
import sys
import numpy as np
import capbuf
with capbuf.open("birds", grace=float(sys.argv[1])) as domain:
    buffer = domain.allocate("mic", seconds=1, sample_rate_hz=8000, lifetime="while open")
    with buffer.writer() as writer:
        writer.write(np.zeros(100, "int16"))
        print(buffer.id, flush=True)
        sys.stdin.read()
"""


def test_buffer_of_a_killed_recorder_stays_for_its_grace_time() -> None:
    with subprocess.Popen([sys.executable, "-c", RECORDER, "600"], stdin=-1, stdout=-1, text=True) as recorder:
        assert recorder.stdout is not None
        number = int(recorder.stdout.readline())
        recorder.kill()
    with capbuf.open("birds") as domain:
        domain.sweep()
        status = domain["mic"].status()
        assert status.orphaned_left_seconds is not None
        assert 300 < status.orphaned_left_seconds <= 600
        assert (status.newest_frame, status.unlisted_processes) == (100, 0)
        again = domain.get_or_allocate("mic", seconds=1, sample_rate_hz=8000)
        assert again.id == number
        with again.writer() as writer:
            assert writer.next_frame == 100
            assert again.status().orphaned_left_seconds is None


def test_grace_time_beyond_its_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(capbuf.InvalidArgument, match="allowed: 0 to 604800 seconds"):
        capbuf.open("birds", grace=604801)
    with pytest.raises(capbuf.InvalidArgument):
        capbuf.Registry.open("birds", grace=-1)
    monkeypatch.setenv("CAPBUF_GRACE", "soon")
    with pytest.raises(capbuf.InvalidArgument, match="CAPBUF_GRACE"):
        capbuf.open("birds")
    capbuf.open("birds", grace=timedelta(minutes=1)).close()


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked child and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(work), 0)[1])


@pytest.mark.parametrize("where", ["private", "domain"])
def test_forked_child_reads_and_cannot_write(where: str) -> None:
    registry = capbuf.Registry.private() if where == "private" else capbuf.open("birds")
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    writer = buffer.writer()
    writer.write(position(0, RATE), at=START)

    def child() -> None:
        assert np.array_equal(buffer.read_frames(0, RATE, dtype="int16").samples[:, 0], position(0, RATE))
        with pytest.raises(capbuf.Forked):
            writer.write(position(RATE, 10))
        with pytest.raises(RuntimeError) as refused:
            writer.write_bytes(bytes(20))
        assert "the writer of source mic" in str(refused.value)
        writer.close()
        buffer.close()
        registry.close()

    assert in_child(child) == 0
    writer.write(position(RATE, RATE), at=START + 1)
    assert np.array_equal(buffer.last(2, dtype="int16").samples[:, 0], position(0, 2 * RATE))
    assert buffer.status().has_writer


def unless_overtaken(read: Callable[[], Result]) -> Result:
    """Repeat a read while the parent, which writes at full speed, overtakes it."""
    while True:
        try:
            return read()
        except capbuf.Evicted:
            pass


def test_child_forked_from_busy_process_inherits_no_lock() -> None:
    registry = capbuf.open("birds")
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            # Large writes and reads detach: the fork happens in the middle of them.
            with buffer.writer() as writer:
                writer.write(position(0, 5 * RATE))
            buffer.last(4.5)
            assert "mic" in registry
            next(buffer.windows(0.1))
            time.sleep(0.001)

    working = Background(work)

    def child() -> None:
        assert "mic" in registry
        assert len(unless_overtaken(lambda: buffer.last(1))) == RATE
        unless_overtaken(lambda: next(buffer.windows(0.1, start_frame=buffer.frames[1])))
        with capbuf.open("birds") as own:
            own.allocate("child", seconds=1).close()
            own.remove("child")

    try:
        eventually(lambda: buffer.frames[1] > 10 * RATE)
        for _ in range(10):
            assert in_child(child) == 0
    finally:
        stop.set()
    working.join()


def test_ring_survives_killed_writer() -> None:
    program = """
import time, capbuf, numpy
buffer = capbuf.open("birds").get_or_allocate("mic", seconds=10, sample_rate_hz=8000)
writer = buffer.writer()
writer.write(numpy.arange(8000, dtype="int16"), at=1_700_000_000.0)
print("written", flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        buffer = capbuf.open("birds")["mic"]
        with pytest.raises(capbuf.WriterBusy):
            buffer.writer()
        child.send_signal(signal.SIGKILL)
    assert np.array_equal(buffer.last(1, dtype="int16").samples[:, 0], np.arange(8000))
    with buffer.writer() as writer:
        assert writer.next_frame == 8000
        writer.write(np.zeros(8000, "int16"), at=START + 1.5)
    # The times of the two writers are 0.5 s apart, below the threshold of a detected gap.
    assert [gap.reason for gap in buffer.read_frames(0, 16_000).gaps] == ["writer changed"]
    assert capbuf.open("birds").sweep().processes <= 1


def test_errors_can_be_pickled() -> None:
    registry = capbuf.Registry.private()
    registry.allocate("mic", seconds=1)
    for call in (
        lambda: registry.allocate("mic", seconds=1),
        lambda: registry["radio"],
        lambda: registry["mic"].last(1),
        lambda: registry["mic"].last(1, wait=0.01),
        lambda: registry["mic"].read_frames(1, 1),
    ):
        with pytest.raises(capbuf.Error) as caught:
            call()
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is type(caught.value)
        assert str(again) == str(caught.value)
        assert vars(again) == vars(caught.value)
        assert again.code == caught.value.code
