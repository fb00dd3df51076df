"""Fixtures and helpers: a domain folder per test, a known signal, threads that report errors."""

import functools
import os
import pathlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pytest

import capbuf

START = 1_700_000_000.0
START_NS = 1_700_000_000_000_000_000
RATE = 8000

Result = TypeVar("Result")


def position(first: int, frames: int) -> npt.NDArray[np.int16]:
    """Return a signal whose samples encode their frame number."""
    return ((np.arange(first, first + frames, dtype=np.int64) * 40503) & 0xFFFF).astype(np.uint16).view(np.int16)


def fork(work: Callable[[], object]) -> int:
    """Run `work` in a forked child, which exits with 0 if it returns. Return the child's id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            print("in the child:", repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    return child


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Poll until the condition is true; the deadline only keeps a failing test from hanging."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never became true"
        time.sleep(0.002)


class Background(Generic[Result]):
    """A thread whose exception is raised by `check` and `join`, and that never keeps pytest
    alive."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error

    @property
    def is_running(self) -> bool:
        return self.thread.is_alive()

    def check(self) -> None:
        """Raise the exception of the thread, if it failed."""
        if self._error is not None:
            raise self._error

    def join(self) -> Result:
        """Wait for the thread and return its result."""
        self.thread.join(60)
        assert not self.thread.is_alive(), "the thread never ended"
        self.check()
        return self._results[0]


def at_once(*works: Callable[[], Result]) -> list[Result]:
    """Run the works in threads that start together, and return their results."""
    start = threading.Barrier(len(works), timeout=60)

    def run(work: Callable[[], Result]) -> Result:
        start.wait()
        return work()

    threads = [Background(functools.partial(run, work)) for work in works]
    return [thread.join() for thread in threads]


def until_polling(background: "Background[Any] | None" = None, process: int | None = None) -> None:
    """Wait until a thread, or the main thread of a process, has gone to sleep several times."""
    task = f"{process}/task/{process}" if background is None else f"self/task/{background.thread.native_id}"

    def sleeps() -> int:
        lines = pathlib.Path(f"/proc/{task}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))

    before = sleeps()
    eventually(lambda: sleeps() >= before + 3)


def until_blocked_in(background: "Background[Any]", function: Callable[..., object]) -> None:
    """Wait until a thread is asleep in the kernel while its innermost Python frame is
    `function`."""
    stat = pathlib.Path(f"/proc/self/task/{background.thread.native_id}/stat")
    code = function.__code__

    def is_blocked() -> bool:
        background.check()
        frame = sys._current_frames().get(background.thread.ident or 0)
        return frame is not None and frame.f_code is code and stat.read_text().rpartition(")")[2].split()[0] == "S"

    eventually(is_blocked)


class Stalls:
    """Watches for stalls of the machine: holes in the monotonic clock as a thread sees it."""

    LONG_S = 0.5

    def __init__(self) -> None:
        self.count = 0
        self._stop = threading.Event()
        self._watching = Background(self._watch)

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(0.01):
            now = time.monotonic()
            self.count += now - before > self.LONG_S
            before = now

    def stop(self) -> None:
        self._stop.set()
        self._watching.join()


@pytest.fixture
def stalls() -> Iterator[Stalls]:
    watching = Stalls()
    yield watching
    watching.stop()


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A folder for the domains of this test alone."""
    shared = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="capbuf-test-", dir=shared if shared.is_dir() else None) as name:
        path = pathlib.Path(name) / "domains"
        monkeypatch.setenv("CAPBUF_DIR", os.fspath(path))
        monkeypatch.delenv("CAPBUF_DOMAIN", raising=False)
        yield path


@pytest.fixture
def registry() -> capbuf.Registry:
    return capbuf.Registry.private()


@pytest.fixture
def buffer(registry: capbuf.Registry) -> capbuf.CaptureBuffer:
    """Ten seconds at 8 kHz, two of which are written: the position signal from `START` on."""
    made = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    with made.writer() as writer:
        writer.write(position(0, 2 * RATE), at=START)
    return made
